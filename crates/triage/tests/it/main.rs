//! Integration tests of triage that need no cluster.

#![cfg(test)]

mod wording;
