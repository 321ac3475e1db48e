//! The HTTP service: webhooks in, investigations and their reports out, and how people read a report. It enqueues
//! into the store and reads from it; it must not know who investigates, nor the cluster.

mod auth;
mod config;
mod error;
mod extract;
pub mod report;
mod router;
mod routes;
mod start;
mod state;
mod subject;
mod telemetry;

pub use config::{DEFAULT_BODY_LIMIT_BYTES, InvalidTokenHash, ServerConfig, TokenHash};
pub use start::{Running, ServerError, start};
pub use state::{AppState, Readiness};
pub use subject::{KnownKinds, SubjectCheck, SubjectRefused};
pub use telemetry::{describe_metrics, install_prometheus};
