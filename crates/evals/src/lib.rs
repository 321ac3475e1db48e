//! Evals: golden scenarios, how an answer to one is scored, and what keeps the scenarios honest.
//!
//! It must not know how an answer is come by beyond the arm that it runs, nor anything of the command line.

pub mod capture;
pub mod coverage;
pub mod degrade;
pub mod lint;
pub mod mutate;
pub mod run;
pub mod scenario;
pub mod score;
pub mod statistics;
pub mod trial;

pub use scenario::{LoadError, Scenario, load};
