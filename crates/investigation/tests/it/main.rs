//! Integration tests: whole investigations against a playground.
#![cfg(test)]

mod agents_runs;
mod app_cases;
mod bench;
mod canaries;
mod config_cases;
mod gate_causes;
mod replay;
mod resume;
mod script;
mod storage_cases;
mod tools;
mod triage_cascades;
mod triage_cases;
mod weather;
mod world;
