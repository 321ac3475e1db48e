//! Integration tests of the evals: the golden scenarios themselves.

#![cfg(test)]

mod capture;
mod degradations;
mod describe;
mod golden;
