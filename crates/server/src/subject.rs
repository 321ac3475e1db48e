//! Workloads that people name become references to objects. It must not know the cluster: who does implements
//! [`SubjectCheck`].

use domain::ObjectRef;
use futures::future::BoxFuture;
use intake::WorkloadName;

/// Kinds that a person may name, with their short names in `kubectl`.
const KINDS: &[(&str, &str)] = &[
    ("Deployment", "deploy"),
    ("StatefulSet", "sts"),
    ("DaemonSet", "ds"),
    ("ReplicaSet", "rs"),
    ("Job", "job"),
    ("CronJob", "cj"),
    ("Pod", "po"),
    ("Service", "svc"),
    ("Ingress", "ing"),
    ("PersistentVolumeClaim", "pvc"),
    ("HorizontalPodAutoscaler", "hpa"),
];

/// Bytes that the name of an object may have.
const MAX_NAME: usize = 253;
/// Bytes that a DNS label, such as the name of a namespace, may have.
const MAX_LABEL: usize = 63;

/// A workload that cannot be investigated; the text is for the person who named it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SubjectRefused(pub String);

/// Turns the name of a workload into a reference with a canonical kind.
pub trait SubjectCheck: Send + Sync {
    /// The object that is meant.
    ///
    /// # Errors
    /// The kind is not known, or the name is ambiguous. An object that cannot be found or looked for is no error
    /// here: the investigation says so.
    fn workload<'a>(&'a self, name: &'a WorkloadName) -> BoxFuture<'a, Result<ObjectRef, SubjectRefused>>;
}

/// Knows the usual kinds and looks at nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKinds;

impl SubjectCheck for KnownKinds {
    fn workload<'a>(&'a self, name: &'a WorkloadName) -> BoxFuture<'a, Result<ObjectRef, SubjectRefused>> {
        Box::pin(std::future::ready(known(name)))
    }
}

fn known(name: &WorkloadName) -> Result<ObjectRef, SubjectRefused> {
    let WorkloadName {
        namespace,
        kind,
        name,
    } = name;
    if !is_label(namespace) {
        return Err(SubjectRefused("the namespace is no valid name".to_owned()));
    }
    if !is_object_name(name) {
        return Err(SubjectRefused(
            "the name is no valid name of an object".to_owned(),
        ));
    }
    let Some((kind, _)) = KINDS.iter().find(|(known, short)| means(kind, known, short)) else {
        let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let kinds = kinds.join(", ");
        return Err(SubjectRefused(format!("the kind is not one of {kinds}")));
    };
    Ok(ObjectRef::of(kind, namespace, name))
}

/// Singular, plural or short name, in any case.
fn means(text: &str, kind: &str, short: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let kind = kind.to_ascii_lowercase();
    text == kind || text == short || text == format!("{kind}s") || text == format!("{kind}es")
}

/// A DNS label, as the names of namespaces are.
pub(crate) fn is_label(text: &str) -> bool {
    let fits = (1..=MAX_LABEL).contains(&text.len());
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    fits && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// A DNS subdomain, as the names of nearly all objects are.
fn is_object_name(text: &str) -> bool {
    text.len() <= MAX_NAME && text.split('.').all(is_label)
}
