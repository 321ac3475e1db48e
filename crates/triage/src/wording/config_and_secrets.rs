//! Wordings of the mechanisms of `config-and-secrets`, one file per kind of trouble.

pub(super) mod access;
pub(super) mod admission;
pub(super) mod documents;
pub(super) mod references;
