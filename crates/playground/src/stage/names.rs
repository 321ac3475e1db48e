//! The names that a stimulus may speak of: where a fault shows. Must not know what the fault is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::faults::Symptom;
use crate::shop::{Shop, network};

/// Names around a symptom, and when it began.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Texts by name.
    pub names: BTreeMap<&'static str, String>,
    /// When the symptom began.
    pub onset: Timestamp,
    /// The frozen clock.
    pub now: Timestamp,
}

impl Place {
    /// The names around a symptom in a shop.
    pub fn of(symptom: &Symptom, shop: &Shop) -> Self {
        let front = symptom.front.as_ref().unwrap_or(&symptom.workload);
        let workload = &symptom.workload;
        let mut names: BTreeMap<&'static str, String> = [
            ("namespace", workload.namespace.clone()),
            ("workload", workload.name.clone()),
            ("kind", workload.kind.clone()),
            ("controller", workload.kind.to_lowercase()),
            (
                "pod",
                symptom.pod.clone().unwrap_or_else(|| workload.name.clone()),
            ),
            ("front", front.name.clone()),
            ("front_namespace", front.namespace.clone()),
            ("ingress", network::ingress_name(shop)),
            ("cluster", shop.names.cluster.clone()),
        ]
        .into();
        names.extend(symptom.labels.iter().map(|(name, text)| (*name, text.clone())));
        Self {
            names,
            onset: symptom.onset,
            now: shop.now(),
        }
    }

    /// Replaces `{name}` by the texts; an unknown name becomes empty.
    pub fn fill(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            match after.split_once('}') {
                Some((name, behind))
                    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') =>
                {
                    out.push_str(self.names.get(name).map_or("", String::as_str));
                    rest = behind;
                }
                _ => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}
