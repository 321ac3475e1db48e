//! The tools, one family per file.

pub(crate) mod certificates;
pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod helm;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod network;
pub(crate) mod nodes;
pub(crate) mod objects;
pub(crate) mod placement;
pub(crate) mod promql;
pub(crate) mod quota;
pub(crate) mod rbac;
pub(crate) mod scaling;
pub(crate) mod storage;
pub(crate) mod webhooks;
pub(crate) mod workload;
