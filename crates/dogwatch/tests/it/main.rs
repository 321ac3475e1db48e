//! The program from the outside: arguments and environment in, stdout, stderr and exit code out.

#![cfg(test)]

mod cases;
mod demo;
mod mistakes;
mod program;
mod weather;
mod worlds;
