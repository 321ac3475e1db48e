//! The program from the outside: arguments and environment in, stdout, stderr and exit code out.

mod cases;
mod demo;
mod mistakes;
mod program;
mod weather;
mod worlds;
