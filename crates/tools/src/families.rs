//! The tools, one family per file.

pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod helm;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod network;
pub(crate) mod nodes;
pub(crate) mod objects;
pub(crate) mod storage;
pub(crate) mod workload;
