//! The program from the outside: arguments and environment in, stdout, stderr and exit code out.

#![cfg(test)]

mod alertmanager;
mod cases;
mod demo;
mod kill9;
mod kubeconfig;
mod kubectl;
mod mistakes;
mod program;
mod weather;
mod worlds;
