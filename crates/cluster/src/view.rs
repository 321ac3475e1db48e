//! A snapshot of the part of a cluster that was read. Detectors are pure functions over it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Existence, Gap, Lookup, LookupOutcome, ObjectRef, Scope};
use jiff::Timestamp;

use crate::api::helm::Release;
use crate::api::kinds;
use crate::api::logs::{LogLine, LogSource};
use crate::api::look::Look;
use crate::api::metrics::Series;
use crate::api::secrets::SecretFacts;
use crate::object::Object;

/// What was read of a cluster, and what could not be.
#[derive(Debug, Clone)]
pub struct ClusterView {
    /// Name of the cluster.
    pub cluster: String,
    /// The time at which it was read, by the injected clock.
    pub now: Timestamp,
    /// Namespaces that were read whole.
    pub namespaces: BTreeSet<String>,
    objects: BTreeMap<(String, String, String), Object>,
    listed: BTreeMap<(String, String), LookupOutcome>,
    /// Helm releases of the namespaces that were read.
    pub releases: Vec<Release>,
    /// Logs that were read.
    pub logs: BTreeMap<LogSource, Look<Vec<LogLine>>>,
    /// Working-set memory per `(namespace, pod, container)`, where metrics were read.
    pub memory: BTreeMap<(String, String, String), Series>,
    /// Answers of the metrics source by the name of the query.
    pub metrics: BTreeMap<&'static str, Look<Vec<Series>>>,
    /// What may be told of the Secrets that were looked into; their values are never kept.
    pub secrets: BTreeMap<ObjectRef, Look<SecretFacts>>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl ClusterView {
    /// A view of nothing yet.
    pub fn new(cluster: &str, now: Timestamp) -> Self {
        Self {
            cluster: cluster.to_owned(),
            now,
            namespaces: BTreeSet::new(),
            objects: BTreeMap::new(),
            listed: BTreeMap::new(),
            releases: Vec::new(),
            logs: BTreeMap::new(),
            memory: BTreeMap::new(),
            metrics: BTreeMap::new(),
            secrets: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    /// Adds an object.
    pub fn insert(&mut self, object: Object) {
        let key = (
            object.kind().to_owned(),
            object.namespace().to_owned(),
            object.name().to_owned(),
        );
        self.objects.insert(key, object);
    }

    /// Notes how a list of a kind ended (`namespace` empty: of all namespaces or cluster-scoped).
    pub fn note_list(&mut self, kind: &str, namespace: &str, outcome: LookupOutcome) {
        self.listed
            .insert((kind.to_owned(), namespace.to_owned()), outcome);
    }

    /// The object of that name, if it was read and is there.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.objects
            .get(&(kind.to_owned(), namespace.to_owned(), name.to_owned()))
    }

    /// The object that a reference names.
    pub fn get_ref(&self, reference: &ObjectRef) -> Option<&Object> {
        self.get(&reference.kind, &reference.namespace, &reference.name)
    }

    /// All objects of a kind, by namespace and name.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> + 'a {
        let start = (kind.to_owned(), String::new(), String::new());
        self.objects
            .range(start..)
            .take_while(move |((found, _, _), _)| found == kind)
            .map(|(_, object)| object)
    }

    /// All objects of a kind in a namespace.
    pub fn in_namespace<'a>(
        &'a self,
        kind: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Object> + 'a {
        let start = (kind.to_owned(), namespace.to_owned(), String::new());
        self.objects
            .range(start..)
            .take_while(move |((found, at, _), _)| found == kind && at == namespace)
            .map(|(_, object)| object)
    }

    /// How a look for exactly this object ended.
    pub fn lookup(&self, reference: &ObjectRef) -> Lookup {
        let outcome = if self.get_ref(reference).is_some() {
            LookupOutcome::Found
        } else {
            let complete = |namespace: &str| {
                matches!(
                    self.listed.get(&(reference.kind.clone(), namespace.to_owned())),
                    Some(LookupOutcome::Found | LookupOutcome::Empty)
                )
            };
            if complete(&reference.namespace) || complete("") {
                LookupOutcome::Empty
            } else {
                LookupOutcome::CouldNotLook
            }
        };
        Lookup {
            scope: Scope::object(reference),
            outcome,
        }
    }

    /// Whether the object is there, as far as was looked.
    pub fn existence(&self, reference: &ObjectRef) -> Existence {
        if reference.kind == "Release" {
            return match self.release(&reference.namespace, &reference.name) {
                Some(_) => Existence::Exists,
                None => Existence::Unknown,
            };
        }
        match self.lookup(reference).outcome {
            LookupOutcome::Found => Existence::Exists,
            LookupOutcome::Empty => Existence::Absent,
            LookupOutcome::CouldNotLook => Existence::Unknown,
        }
    }

    /// Whether a complete list of the kind in the namespace was read.
    pub fn has_list(&self, kind: &str, namespace: &str) -> bool {
        [namespace, ""].iter().any(|at| {
            matches!(
                self.listed.get(&(kind.to_owned(), (*at).to_owned())),
                Some(LookupOutcome::Found | LookupOutcome::Empty)
            )
        })
    }

    /// A Helm release by name.
    pub fn release(&self, namespace: &str, name: &str) -> Option<&Release> {
        self.releases
            .iter()
            .find(|release| release.reference.namespace == namespace && release.reference.name == name)
    }

    /// The Helm release that made an object, by Helm's annotations.
    pub fn release_of(&self, object: &Object) -> Option<&Release> {
        let name = object.str("metadata.annotations[meta.helm.sh/release-name]");
        let namespace = object.str("metadata.annotations[meta.helm.sh/release-namespace]");
        self.release(
            if namespace.is_empty() {
                object.namespace()
            } else {
                namespace
            },
            name,
        )
    }

    /// The workload that an object belongs to: up its controllers, a Pod's Deployment above all.
    pub fn workload_of(&self, object: &Object) -> ObjectRef {
        let mut at = object.reference().clone();
        let mut owner = object.controller();
        for _ in 0..4 {
            let Some(reference) = owner else { break };
            if kinds::find(&reference.kind).is_none() {
                break;
            }
            owner = match self.get_ref(&reference) {
                Some(found) => found.controller(),
                None => self.deployment_by_hash(object, &reference),
            };
            at = reference;
        }
        at
    }

    /// The Deployment of a ReplicaSet that could not be read: its name is the set's without the hash that the pod carries
    /// (`pkg/controller/deployment/sync.go`, `getNewReplicaSet`).
    fn deployment_by_hash(&self, pod: &Object, set: &ObjectRef) -> Option<ObjectRef> {
        let hash = pod.str("metadata.labels[pod-template-hash]");
        let name = set.name.strip_suffix(hash)?.strip_suffix('-')?;
        let found = self.get("Deployment", &set.namespace, name)?;
        (set.kind == "ReplicaSet" && !hash.is_empty()).then(|| found.reference().clone())
    }

    /// The pods that belong to a workload.
    pub fn pods_of<'a>(&'a self, workload: &'a ObjectRef) -> impl Iterator<Item = &'a Object> + 'a {
        self.in_namespace("Pod", &workload.namespace)
            .filter(move |pod| pod.reference() == workload || &self.workload_of(pod) == workload)
    }

    /// Events about an object, by kind and name, oldest first.
    pub fn events_of<'a>(&'a self, object: &'a ObjectRef) -> Vec<&'a Object> {
        let place = if object.namespace.is_empty() {
            "default"
        } else {
            &object.namespace
        };
        let mut events: Vec<_> = self
            .in_namespace("Event", place)
            .filter(|event| {
                event.str("involvedObject.kind") == object.kind
                    && event.str("involvedObject.name") == object.name
            })
            .collect();
        events.sort_by_key(|event| event_time(event));
        events
    }

    /// The series that a query of the metrics source found.
    pub fn series(&self, query: &str) -> &[Series] {
        match self.metrics.get(query) {
            Some(Look::Found(series)) => series,
            _ => &[],
        }
    }

    /// What may be told of a Secret, where it was looked into.
    pub fn secret_facts(&self, secret: &ObjectRef) -> Option<&SecretFacts> {
        match self.secrets.get(secret)? {
            Look::Found(facts) => Some(facts),
            Look::Empty | Look::CouldNotLook(_) => None,
        }
    }

    /// Notes a gap once.
    pub fn note_gap(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}

/// When an event was last seen: `lastTimestamp`, the series' last, `eventTime`, or its creation.
pub fn event_time(event: &Object) -> Option<Timestamp> {
    [
        "series.lastObservedTime",
        "lastTimestamp",
        "eventTime",
        "firstTimestamp",
        "metadata.creationTimestamp",
    ]
    .iter()
    .find_map(|path| event.time(path))
}

/// When an event was first seen.
pub fn event_start(event: &Object) -> Option<Timestamp> {
    ["firstTimestamp", "eventTime", "metadata.creationTimestamp"]
        .iter()
        .find_map(|path| event.time(path))
}
