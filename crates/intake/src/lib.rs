//! Payloads to alerts: what senders and people hand in becomes redacted vocabulary, or an error that names the
//! field. It must not know HTTP, the store or the cluster.

mod alert;
mod alert_file;
mod alertmanager;
mod error;
mod field;
mod grouping;

pub use alert_file::{FileStimulus, ParseWorkloadNameError, WorkloadName, parse_file};
pub use alertmanager::{MAX_ALERTS, Notification, parse_webhook};
pub use error::{PayloadError, Problem};
pub use grouping::{Grouped, dedupe_key, group};
