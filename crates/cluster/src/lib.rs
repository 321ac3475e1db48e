//! The Kubernetes API, read-only: typed look-ups, projections, changes, topology, object resolution.

pub mod calls;
pub mod changes;
pub mod client;
pub mod connect;
pub mod diff;
pub mod helm;
pub mod kinds;
pub mod logs;
pub mod look;
pub mod metrics;
pub mod object;
pub mod path;
mod project;
pub mod read;
pub mod resolve;
pub mod selector;
pub mod topology;
pub mod view;

pub use client::{ClusterReader, Limits, Selectors};
pub use connect::{ConnectError, Target};
pub use helm::{Release, Revision};
pub use logs::{LogLine, LogSource};
pub use look::{Blind, Look};
pub use metrics::{MetricsReader, Series};
pub use object::{Manager, Object};
pub use view::ClusterView;
