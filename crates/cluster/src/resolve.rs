//! Names to objects: exact, or by similar name with the reason said. Nobody guesses silently.

use domain::{Existence, ObjectRef, Redacted, ResolvedObject};

use crate::api::kinds;
use crate::view::ClusterView;

/// Kinds that a bare name may mean, in order of preference.
const NAMED: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Job",
    "Service",
    "Ingress",
    "PersistentVolumeClaim",
    "Pod",
];

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It names this object.
    One(ResolvedObject),
    /// It could mean several.
    Ambiguous(Vec<ObjectRef>),
    /// Nothing of that name was found; the closest names are given.
    None {
        /// Objects with similar names, closest first.
        similar: Vec<ObjectRef>,
        /// Whether it is provably absent, or could not be looked for.
        existence: Existence,
    },
}

/// Resolves an object by kind and name.
pub fn by_kind(view: &ClusterView, reference: &ObjectRef) -> Resolution {
    match view.existence(reference) {
        Existence::Exists => Resolution::One(ResolvedObject {
            object: reference.clone(),
            existence: Existence::Exists,
            how: Redacted::trusted("exact name"),
        }),
        existence => Resolution::None {
            similar: similar(view, &[&reference.kind], &reference.namespace, &reference.name),
            existence,
        },
    }
}

/// Resolves a bare name in a namespace, over the kinds that people mean by a name.
pub fn by_name(view: &ClusterView, namespace: &str, name: &str) -> Resolution {
    let named: Vec<ObjectRef> = NAMED
        .iter()
        .filter_map(|kind| view.get(kind, namespace, name))
        .map(|object| object.reference().clone())
        .collect();
    let runs_pods = |reference: &&ObjectRef| {
        matches!(
            reference.kind.as_str(),
            "Deployment" | "StatefulSet" | "DaemonSet"
        )
    };
    let workloads: Vec<ObjectRef> = named.iter().filter(runs_pods).cloned().collect();
    match (workloads.as_slice(), named.as_slice()) {
        ([one], _) | ([], [one]) => Resolution::One(ResolvedObject {
            object: one.clone(),
            existence: Existence::Exists,
            how: Redacted::trusted("exact name"),
        }),
        ([], []) => {
            let existence = if view.has_list("Deployment", namespace) {
                Existence::Absent
            } else {
                Existence::Unknown
            };
            Resolution::None {
                similar: similar(view, NAMED, namespace, name),
                existence,
            }
        }
        ([], [first, ..]) => Resolution::One(ResolvedObject {
            object: first.clone(),
            existence: Existence::Exists,
            how: Redacted::trusted("exact name; the first of several kinds of that name"),
        }),
        _ => Resolution::Ambiguous(workloads),
    }
}

/// Objects whose names are close to `name`: equal but for the namespace, contained, or few letters off.
pub fn similar(view: &ClusterView, kinds: &[&str], namespace: &str, name: &str) -> Vec<ObjectRef> {
    let mut scored: Vec<(usize, ObjectRef)> = Vec::new();
    for kind in kinds {
        for object in view.of_kind(kind) {
            let distance = distance(object.name(), name);
            let contained =
                !name.is_empty() && (object.name().contains(name) || name.contains(object.name()));
            let elsewhere = usize::from(object.namespace() != namespace);
            if contained || distance <= name.len() / 4 {
                scored.push((
                    if contained { distance.min(2) } else { distance } + elsewhere,
                    object.reference().clone(),
                ));
            }
        }
    }
    scored.sort();
    scored
        .into_iter()
        .map(|(_, reference)| reference)
        .take(5)
        .collect()
}

/// Parses `namespace/kind/name` or `namespace/name`; the error says what is expected.
pub fn parse_workload(text: &str) -> Result<(String, Option<&'static kinds::Kind>, String), String> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, kind, name] if !name.is_empty() => {
            let known = kinds::find(kind)
                .ok_or_else(|| format!("`{kind}` in `{text}` is not a kind that dogwatch reads"))?;
            let namespace = if known.namespaced { *namespace } else { "" };
            Ok((namespace.to_owned(), Some(known), (*name).to_owned()))
        }
        [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
            Ok(((*namespace).to_owned(), None, (*name).to_owned()))
        }
        _ => Err(format!(
            "`{text}` is not a workload; write namespace/kind/name, e.g. shop/deployment/cart"
        )),
    }
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let cost = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
