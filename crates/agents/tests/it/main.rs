//! Integration tests of definitions and prompts.
#![cfg(test)]

mod prompts;
