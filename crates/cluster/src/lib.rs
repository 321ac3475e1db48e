//! The Kubernetes API, read-only: typed look-ups, projections, changes, topology, object resolution.

mod api;
pub mod calls;
pub mod changes;
pub mod diff;
pub mod object;
pub mod path;
pub mod read;
pub mod resolve;
pub mod selector;
pub mod topology;
pub mod view;

pub use api::client::{ClusterReader, Limits, SecretPurposes, Selectors};
pub use api::connect::{ConnectError, Target};
pub use api::helm::{self, Release, Revision};
pub use api::kinds::{self, Kind};
pub use api::logs::{LogLine, LogSource};
pub use api::look::{Blind, Look};
pub use api::metrics::{MetricsReader, Series};
pub use api::recorder::{Ask, MetricAnswer, Recorder, Recording, Refusal};
pub use api::secrets::{CertificateFact, KeyFact, Oddity, SecretFacts};
pub use object::{Manager, Object};
pub use view::ClusterView;
