//! How objects, events, logs and metrics are made, one at a time. Must not know the shop nor any fault.

pub mod controller;
pub mod event;
pub mod helm;
pub(crate) mod json;
pub mod log;
pub mod metrics;
pub mod object;
pub mod pod;
pub mod service;
pub mod template;
pub mod time;
pub mod workload;
