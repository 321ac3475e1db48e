//! Integration tests of the evals: the golden scenarios themselves.

mod degradations;
mod golden;
