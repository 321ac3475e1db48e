//! The store: investigations as leased work items and as logs of events, on SQLite or PostgreSQL. It knows
//! nothing of clusters, models or HTTP.

mod append;
mod claim;
mod db;
mod enqueue;
mod error;
mod events;
mod lease;
mod open;
mod records;
mod status;
mod store;

pub use claim::MAX_ATTEMPTS;
pub use enqueue::{DEDUPE_WINDOW, Enqueued, NewInvestigation};
pub use error::StoreError;
pub use lease::Lease;
pub use records::{InvestigationFilter, InvestigationRow};
pub use status::{Status, UnknownStatus};
pub use store::{Store, TimeSource};
