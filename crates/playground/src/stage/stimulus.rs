//! What is said of a world: an alert, a question, a message, a workload's name. Symptoms only.

use serde_json::{Value, json};

use super::alerts;
use super::names::Place;

/// What is said, with names in braces as in [`Place::fill`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stimulus {
    /// The alert rule of that name fires; `Kube{kind}ReplicasMismatch` is that of the workload's kind.
    Alert(String),
    /// Someone asks about a namespace.
    Question {
        /// The text.
        text: String,
        /// The namespace, `""` for none.
        namespace: String,
    },
    /// A workload, `namespace/kind/name`.
    Workload(String),
}

impl Stimulus {
    /// The content of `stimulus.json`.
    ///
    /// # Errors
    /// The name of an alert rule that is not known.
    pub fn at(&self, place: &Place) -> Result<Value, String> {
        match self {
            Self::Alert(rule) => {
                let rule = place.fill(rule);
                let fired = alerts::fire(&rule, place).ok_or(rule)?;
                let cluster = place.names.get("cluster").map_or("", String::as_str);
                Ok(json!({ "alertmanager": alerts::payload(&fired, cluster) }))
            }
            Self::Question { text, namespace } => {
                let mut said = json!({ "question": place.fill(text) });
                let namespace = place.fill(namespace);
                if !namespace.is_empty() {
                    said["namespace"] = json!(namespace);
                }
                Ok(said)
            }
            Self::Workload(text) => Ok(json!({ "workload": place.fill(text) })),
        }
    }
}
