//! Integration tests of triage that need no cluster.

mod wording;
