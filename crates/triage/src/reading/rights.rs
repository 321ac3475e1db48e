//! Roles and bindings, read only where a log says that a request was denied. Must not know which role is to blame.

use std::collections::BTreeSet;

use cluster::{ClusterReader, ClusterView, Look, read};

use crate::wording::{Place, Words, captures};

/// Most namespaces whose roles are read.
const NAMESPACE_LIMIT: usize = 4;

/// Reads the roles and bindings of the namespaces that denials name.
pub(crate) async fn read_denied(reader: &ClusterReader, view: &mut ClusterView) {
    let mut places: BTreeSet<String> = BTreeSet::new();
    let mut denied = false;
    for lines in view.logs.values() {
        let Look::Found(lines) = lines else { continue };
        for line in lines.iter().rev().take(60) {
            let words = Words {
                place: Place::Log,
                reason: "",
                message: line.text.as_str(),
            };
            if let Some(hit) = captures(words, crate::detectors::DENIED) {
                denied = true;
                places.extend(hit.name("namespace").map(|found| found.as_str().to_owned()));
            }
        }
    }
    if !denied {
        return;
    }
    let local = places
        .iter()
        .take(NAMESPACE_LIMIT)
        .flat_map(|place| [("Role", place.as_str()), ("RoleBinding", place.as_str())]);
    let lists: Vec<(&str, &str)> = local
        .chain([("ClusterRole", ""), ("ClusterRoleBinding", "")])
        .collect();
    read::lists(reader, view, &lists).await;
}
