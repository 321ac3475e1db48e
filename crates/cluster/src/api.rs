//! Requests to the API server and to the metrics source: what may be asked, how hard, and the boundary at which
//! answers become redacted objects. Knows nothing of what they mean.

pub(crate) mod client;
pub(crate) mod connect;
mod flight;
pub mod helm;
pub mod kinds;
pub(crate) mod logs;
pub(crate) mod look;
pub(crate) mod metrics;
mod pace;
mod project;
pub(crate) mod recorder;
pub(crate) mod secrets;
