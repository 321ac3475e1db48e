//! A world: a cluster at a moment. Owns the objects, logs and metrics that the API server serves and that
//! faults alter. Knows nothing of HTTP.

pub mod captured;
pub mod dir;
pub mod schema;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::captured::Captured;

/// Identifies an object the way the API server does: API group (empty for core), kind, namespace (empty for
/// cluster-scoped kinds) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// API group without version, `""` for the core group.
    pub group: String,
    /// Kind in CamelCase, as in the object's `kind` field.
    pub kind: String,
    /// Namespace, `""` for cluster-scoped objects.
    pub namespace: String,
    /// Name within the namespace.
    pub name: String,
}

impl ObjectKey {
    /// Reads the key from an object's `apiVersion`, `kind` and `metadata`; `None` when one is missing.
    pub fn of(object: &Value) -> Option<Self> {
        let api_version = object.get("apiVersion")?.as_str()?;
        let metadata = object.get("metadata")?;
        Some(Self {
            group: api_version
                .rsplit_once('/')
                .map_or("", |(group, _)| group)
                .to_owned(),
            kind: object.get("kind")?.as_str()?.to_owned(),
            namespace: metadata
                .get("namespace")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            name: metadata.get("name")?.as_str()?.to_owned(),
        })
    }
}

/// Names one container's log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container (init containers included).
    pub container: String,
}

/// What `pods/log` answers for one container. Each line may start with the kubelet's own timestamp
/// (RFC 3339 with exactly nine fractional digits and a space, as `kubectl logs --timestamps` prints); the
/// server strips it unless `timestamps=true` and uses it for `sinceSeconds`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerLog {
    /// Log of the running (or last) container instance.
    pub current: Option<String>,
    /// Log of the instance before it (`previous=true`).
    pub previous: Option<String>,
    /// Message that the API server answers instead of the current log.
    pub error: Option<String>,
    /// Message that the API server answers instead of the previous log.
    pub previous_error: Option<String>,
}

impl ContainerLog {
    /// Whether it says anything of the current or the previous instance.
    pub fn holds(&self, previous: bool) -> bool {
        if previous {
            self.previous.is_some() || self.previous_error.is_some()
        } else {
            self.current.is_some() || self.error.is_some()
        }
    }
}

/// A cluster at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The frozen clock.
    pub now: Timestamp,
    /// Name of the world, for people.
    pub name: String,
    /// Name of the cluster that it shows.
    pub cluster: String,
    objects: BTreeMap<ObjectKey, Value>,
    /// Groups in which a kind has lived, for look-ups by kind and name alone.
    groups: BTreeMap<String, BTreeSet<String>>,
    /// Logs per container.
    pub logs: BTreeMap<LogKey, ContainerLog>,
    /// Metric samples as OpenMetrics text with timestamps (without the closing `# EOF`).
    pub metrics: String,
    /// The alert or question that goes with the world, as written to `stimulus.json`.
    pub stimulus: Option<Value>,
    /// Resources (plurals) that the world says nothing about, as a dump does of kinds that it leaves out. They are
    /// forbidden rather than empty, so that nobody takes silence for absence.
    pub unseen: BTreeSet<String>,
    /// How a captured world was read; `None` for worlds that were made.
    pub captured: Option<Captured>,
}

impl World {
    /// An empty cluster.
    pub fn new(name: &str, cluster: &str, now: Timestamp) -> Self {
        Self {
            now,
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            objects: BTreeMap::new(),
            groups: BTreeMap::new(),
            logs: BTreeMap::new(),
            metrics: String::new(),
            stimulus: None,
            unseen: BTreeSet::new(),
            captured: None,
        }
    }

    /// Whether anything is known of metrics.
    pub fn has_metrics(&self) -> bool {
        let answered = |captured: &Captured| !captured.metrics.is_empty();
        !self.metrics.is_empty() || self.captured.as_ref().is_some_and(answered)
    }

    /// Adds or replaces an object; one without `apiVersion`, `kind` or `metadata.name` is ignored and `false`
    /// is returned.
    pub fn insert(&mut self, object: Value) -> bool {
        match ObjectKey::of(&object) {
            Some(key) => {
                if !self
                    .groups
                    .get(&key.kind)
                    .is_some_and(|groups| groups.contains(&key.group))
                {
                    self.groups
                        .entry(key.kind.clone())
                        .or_default()
                        .insert(key.group.clone());
                }
                self.objects.insert(key, object);
                true
            }
            None => false,
        }
    }

    /// The object of that kind and name, whatever its group; `namespace` is `""` for cluster-scoped kinds.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        let key = self.key(kind, namespace, name)?;
        self.objects.get(&key)
    }

    /// As [`World::get`], to alter it.
    pub fn get_mut(&mut self, kind: &str, namespace: &str, name: &str) -> Option<&mut Value> {
        let key = self.key(kind, namespace, name)?;
        self.objects.get_mut(&key)
    }

    /// Removes and returns the object.
    pub fn remove(&mut self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = self.key(kind, namespace, name)?;
        self.objects.remove(&key)
    }

    /// The key of the object of that kind and name, in whichever group of that kind it lives.
    fn key(&self, kind: &str, namespace: &str, name: &str) -> Option<ObjectKey> {
        self.groups.get(kind)?.iter().find_map(|group| {
            let key = ObjectKey {
                group: group.clone(),
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            self.objects.contains_key(&key).then_some(key)
        })
    }

    /// The object with exactly that key.
    pub fn object(&self, key: &ObjectKey) -> Option<&Value> {
        self.objects.get(key)
    }

    /// Removes and returns the object with exactly that key.
    pub fn remove_object(&mut self, key: &ObjectKey) -> Option<Value> {
        self.objects.remove(key)
    }

    /// The objects of a kind in key order: those of one namespace, or all for `None`.
    pub fn objects_of<'a>(
        &'a self,
        group: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a ObjectKey, &'a Value)> + 'a {
        let start = ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: String::new(),
        };
        self.objects.range(start..).take_while(move |(key, _)| {
            key.group == group
                && key.kind == kind
                && namespace.is_none_or(|namespace| key.namespace == namespace)
        })
    }

    /// All objects in key order.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.objects.iter()
    }

    /// All objects, to alter them (keys must stay as they are).
    pub fn objects_mut(&mut self) -> impl Iterator<Item = (&ObjectKey, &mut Value)> {
        self.objects.iter_mut()
    }

    /// All objects of a kind in key order.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
        self.groups
            .get(kind)
            .into_iter()
            .flatten()
            .flat_map(move |group| self.objects_of(group, kind, None))
            .map(|(_, object)| object)
    }

    /// The log of a container, created empty when absent.
    pub fn log_mut(&mut self, namespace: &str, pod: &str, container: &str) -> &mut ContainerLog {
        self.logs
            .entry(LogKey {
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
                container: container.to_owned(),
            })
            .or_default()
    }
}
