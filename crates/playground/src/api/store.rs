//! The versioned store over a world: resource versions, the journal that watches and continued lists read.
//! Knows no HTTP and no validation.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::resource::Registry;
use crate::build::json::{map_at, text};
use crate::simulate::reconcile::{Changed, Objects};
use crate::world::{ContainerLog, LogKey, ObjectKey, World};

/// Changes remembered; a watch from before the oldest one is told that its version is too old.
const JOURNAL_CAPACITY: usize = 4096;

/// First resource version of a world whose objects carry none.
const FIRST_VERSION: u64 = 1000;

/// One change of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: ObjectKey,
    /// The object before, `None` when it was created.
    pub(crate) before: Option<Value>,
    /// The object after, `None` when it was deleted.
    pub(crate) after: Option<Value>,
}

/// A world with versions.
#[derive(Debug)]
pub(crate) struct Store {
    world: World,
    pub(crate) registry: Registry,
    version: u64,
    /// The version from which on the journal is complete.
    oldest: u64,
    journal: VecDeque<Arc<Change>>,
}

impl Store {
    /// Takes over a world: gives uids and resource versions to objects that have none, and turns
    /// `events.k8s.io` Events into core ones, which is how they are stored.
    pub(crate) fn new(mut world: World) -> Self {
        normalize_events(&mut world);
        let versions = world.objects().filter_map(|(_, object)| version_of(object));
        let version = versions.max().unwrap_or(0).max(FIRST_VERSION);
        for (key, object) in world.objects_mut() {
            let uid = derived_uid(key);
            if let Some(metadata) = map_at(object, "metadata") {
                metadata.entry("uid").or_insert_with(|| json!(uid));
                metadata
                    .entry("resourceVersion")
                    .or_insert_with(|| json!(version.to_string()));
            }
        }
        Self {
            registry: Registry::of(&world),
            world,
            version,
            oldest: version,
            journal: VecDeque::new(),
        }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The current resource version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The oldest version from which changes can be told.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Value> {
        self.world.object(key)
    }

    /// Stores an object under the next version and returns it as stored.
    pub(crate) fn put(&mut self, key: &ObjectKey, mut object: Value) -> Value {
        self.version += 1;
        if let Some(metadata) = map_at(&mut object, "metadata") {
            metadata.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        }
        let before = self.world.object(key).cloned();
        self.world.insert(object.clone());
        self.record(key, before, Some(object.clone()));
        object
    }

    /// Removes an object; the version under which it went is in the returned object.
    pub(crate) fn remove(&mut self, key: &ObjectKey) -> Option<Value> {
        let mut gone = self.world.remove_object(key)?;
        self.version += 1;
        if let Some(metadata) = map_at(&mut gone, "metadata") {
            metadata.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        }
        self.record(key, Some(gone.clone()), None);
        Some(gone)
    }

    fn record(&mut self, key: &ObjectKey, before: Option<Value>, after: Option<Value>) {
        self.journal.push_back(Arc::new(Change {
            version: self.version,
            key: key.clone(),
            before,
            after,
        }));
        if self.journal.len() > JOURNAL_CAPACITY
            && let Some(dropped) = self.journal.pop_front()
        {
            self.oldest = dropped.version;
        }
        if key.kind == "CustomResourceDefinition" {
            self.registry = Registry::of(&self.world);
        }
    }

    /// The changes of a kind after a version, oldest first; `None` when the journal no longer holds them all.
    pub(crate) fn changes_after(&self, version: u64, group: &str, kind: &str) -> Option<Vec<Arc<Change>>> {
        if version < self.oldest {
            return None;
        }
        let from = self.journal.partition_point(|change| change.version <= version);
        let wanted = |change: &&Arc<Change>| change.key.group == group && change.key.kind == kind;
        Some(self.journal.range(from..).filter(wanted).cloned().collect())
    }

    /// The objects of a kind as they were at a version; `None` when that is too long ago.
    pub(crate) fn list_at<'a>(
        &'a self,
        version: u64,
        (group, kind): (&'a str, &'a str),
        namespace: Option<&'a str>,
        undone: &'a [Arc<Change>],
    ) -> BTreeMap<&'a ObjectKey, &'a Value> {
        let mut objects: BTreeMap<_, _> = self.world.objects_of(group, kind, namespace).collect();
        let later = undone.iter().rev().filter(|change| change.version > version);
        for change in later.filter(|change| namespace.is_none_or(|wanted| change.key.namespace == wanted)) {
            match &change.before {
                Some(before) => objects.insert(&change.key, before),
                None => objects.remove(&change.key),
            };
        }
        objects
    }
}

impl Objects for Store {
    fn world(&self) -> &World {
        &self.world
    }

    fn store(&mut self, object: Value) {
        if let Some(key) = ObjectKey::of(&object) {
            self.put(&key, object);
        }
    }

    fn erase(&mut self, key: &ObjectKey) {
        self.remove(key);
    }

    fn log(&mut self, key: LogKey) -> &mut ContainerLog {
        self.world.logs.entry(key).or_default()
    }

    fn changes_since(&self, version: u64) -> (u64, Vec<Changed>) {
        let from = self.journal.partition_point(|change| change.version <= version);
        let told = self
            .journal
            .range(from..)
            .filter(|change| change.key.kind != "Event")
            .map(|change| (change.before.clone(), change.after.clone()))
            .collect();
        (self.version, told)
    }
}

fn version_of(object: &Value) -> Option<u64> {
    text(object, "/metadata/resourceVersion").parse().ok()
}

/// A uid that the same object always gets, in the form of a UUID.
pub(crate) fn derived_uid(key: &ObjectKey) -> String {
    let mut digest = Sha256::new();
    for part in [&key.group, &key.kind, &key.namespace, &key.name] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    uuid_from(&digest.finalize())
}

/// Formats the first bytes of a digest as a version 4 UUID.
pub(crate) fn uuid_from(digest: &[u8]) -> String {
    let hexed = hex::encode(digest.get(..16).unwrap_or_default());
    let part = |from: usize, to: usize| hexed.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// Stores Events of the `events.k8s.io` group under the core group, fields renamed.
fn normalize_events(world: &mut World) {
    let foreign: Vec<ObjectKey> = world
        .objects_of("events.k8s.io", "Event", None)
        .map(|(key, _)| key.clone())
        .collect();
    for key in foreign {
        if let Some(event) = world.remove_object(&key) {
            world.insert(crate::api::read::event::to_core(event));
        }
    }
}
