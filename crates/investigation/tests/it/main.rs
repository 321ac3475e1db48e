//! Integration tests: whole investigations against a playground.
#![cfg(test)]

mod triage_cases;
mod world;
