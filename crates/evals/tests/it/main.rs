//! Integration tests of the evals: the golden scenarios themselves.

#![cfg(test)]

mod degradations;
mod golden;
