//! What a reconciler sees of the cluster: reads, versioned writes and Events at a moment. Must not know any kind.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::build::event::event_name;
use crate::build::json::{number, set, text};
use crate::build::object::{Author, CONTROLLER, Stamp};
use crate::build::time;
use crate::shop::Shop;
use crate::world::{ContainerLog, LogKey, ObjectKey, World};

/// A change: the object before and after.
pub(crate) type Changed = (Option<Value>, Option<Value>);

/// Where objects are kept: a store with versions and watches.
pub(crate) trait Objects {
    /// The world as it is.
    fn world(&self) -> &World;
    /// Stores an object under the next version.
    fn store(&mut self, object: Value);
    /// Removes an object.
    fn erase(&mut self, key: &ObjectKey);
    /// The log of a container.
    fn log(&mut self, key: LogKey) -> &mut ContainerLog;
    /// Changes since a version: before and after, oldest first, with the present version.
    fn changes_since(&self, version: u64) -> (u64, Vec<Changed>);
}

/// What a component says about an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note<'a> {
    /// The object.
    pub(crate) object: &'a Value,
    /// `Normal` or `Warning`.
    pub(crate) kind: &'a str,
    /// CamelCase reason.
    pub(crate) reason: &'a str,
    /// Text.
    pub(crate) message: &'a str,
    /// Component that reports.
    pub(crate) component: &'a str,
    /// `spec.containers{name}`, `""` for none.
    pub(crate) field: &'a str,
}

/// The cluster at a moment.
pub(crate) struct Cluster<'a> {
    objects: &'a mut dyn Objects,
    /// Uids and hashes, on the present clock.
    pub(crate) stamp: Stamp,
    /// The shop of a staged world.
    pub(crate) shop: Option<&'a Shop>,
}

impl<'a> Cluster<'a> {
    pub(crate) fn new(objects: &'a mut dyn Objects, stamp: Stamp, shop: Option<&'a Shop>) -> Self {
        Self { objects, stamp, shop }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.stamp.now
    }

    /// Seconds since a moment.
    pub(crate) fn age_s(&self, since: Timestamp) -> i64 {
        self.now().duration_since(since).as_secs()
    }

    pub(crate) fn world(&self) -> &World {
        self.objects.world()
    }

    pub(crate) fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        self.world().get(kind, namespace, name).cloned()
    }

    /// The objects of a kind in a namespace; `""` for all.
    pub(crate) fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        self.world()
            .of_kind(kind)
            .filter(|object| namespace.is_empty() || text(object, "/metadata/namespace") == namespace)
            .cloned()
            .collect()
    }

    /// Objects of a kind that `parent` controls.
    pub(crate) fn owned(&self, kind: &str, parent: &Value) -> Vec<Value> {
        let uid = text(parent, "/metadata/uid");
        let namespace = text(parent, "/metadata/namespace");
        self.world()
            .of_kind(kind)
            .filter(|object| {
                text(object, "/metadata/namespace") == namespace
                    && owner(object).is_some_and(|owner| text(owner, "/uid") == uid)
            })
            .cloned()
            .collect()
    }

    /// Adds an object that a controller writes now.
    pub(crate) fn create(&mut self, mut object: Value, author: Author) {
        let identity = format!(
            "{}/{}/{}/{}",
            text(&object, "/kind"),
            text(&object, "/metadata/namespace"),
            text(&object, "/metadata/name"),
            self.now()
        );
        set(&mut object, "/metadata/uid", json!(self.stamp.uuid(&identity)));
        set(
            &mut object,
            "/metadata/creationTimestamp",
            json!(time::seconds(self.now())),
        );
        let mut scratch = World::new("", "", self.now());
        self.stamp.put(&mut scratch, object, author, self.now());
        let made = scratch.objects().next().map(|(_, made)| made.clone());
        if let Some(made) = made {
            self.objects.store(made);
        }
    }

    /// Writes what a controller changed outside of the status.
    pub(crate) fn update(&mut self, mut object: Value, author: Author, pointers: &[&str]) {
        self.stamp.touch(&mut object, author, self.now(), pointers);
        self.objects.store(object);
    }

    /// Writes a changed annotation or label without counting a generation.
    pub(crate) fn update_metadata(&mut self, mut object: Value) {
        self.stamp
            .touch(&mut object, CONTROLLER, self.now(), &["/metadata/annotations"]);
        self.objects.store(object);
    }

    /// Writes a status where it differs.
    pub(crate) fn update_status(&mut self, mut object: Value, status: Value) {
        if object.get("status") == Some(&status) {
            return;
        }
        set(&mut object, "/status", status);
        self.stamp.touch_status(&mut object, self.now());
        self.objects.store(object);
    }

    pub(crate) fn remove(&mut self, object: &Value) {
        if let Some(key) = ObjectKey::of(object) {
            self.objects.erase(&key);
        }
    }

    pub(crate) fn log(&mut self, namespace: &str, pod: &str, container: &str) -> &mut ContainerLog {
        self.objects.log(LogKey {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
        })
    }

    /// Records an Event, or counts it once more.
    pub(crate) fn note(&mut self, note: &Note<'_>) {
        let object = note.object;
        let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
        let uid = text(object, "/metadata/uid");
        let namespace = match text(object, "/metadata/namespace") {
            "" => "default",
            found => found,
        };
        let known = self
            .world()
            .objects_of("", "Event", Some(namespace))
            .map(|(_, event)| event)
            .find(|event| {
                text(event, "/involvedObject/uid") == uid
                    && text(event, "/reason") == note.reason
                    && text(event, "/message") == note.message
            })
            .cloned();
        let event = match known {
            Some(event) => self.again(event),
            None => {
                let mut reference = json!({
                    "kind": kind, "name": name, "uid": uid, "apiVersion": text(object, "/apiVersion"),
                    "resourceVersion": text(object, "/metadata/resourceVersion")
                });
                if !text(object, "/metadata/namespace").is_empty() {
                    set(&mut reference, "/namespace", json!(namespace));
                }
                if !note.field.is_empty() {
                    set(&mut reference, "/fieldPath", json!(note.field));
                }
                self.first(note, namespace, &reference)
            }
        };
        self.objects.store(event);
    }

    fn first(&self, note: &Note<'_>, namespace: &str, reference: &Value) -> Value {
        let now = self.now();
        let said = json!({ "involvedObject": reference, "reason": note.reason, "message": note.message });
        let name = &event_name(&self.stamp, &said, now);
        let host = if note.component == "kubelet" {
            text(note.object, "/spec/nodeName")
        } else {
            ""
        };
        let mut meta = self.stamp.meta("Event", namespace, name, now);
        set(
            &mut meta,
            "/uid",
            json!(self.stamp.uuid(&format!("{name}/{now}"))),
        );
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": reference,
            "type": note.kind, "reason": note.reason, "message": note.message,
            "reportingComponent": note.component, "reportingInstance": host
        });
        if note.component == "default-scheduler" {
            let action = if note.reason == "Scheduled" {
                "Binding"
            } else {
                "Scheduling"
            };
            set(&mut event, "/action", json!(action));
            set(&mut event, "/source", json!({}));
            set(&mut event, "/firstTimestamp", Value::Null);
            set(&mut event, "/lastTimestamp", Value::Null);
            set(&mut event, "/eventTime", json!(time::micros(now)));
            set(
                &mut event,
                "/reportingInstance",
                json!("default-scheduler-control-plane-1"),
            );
            return event;
        }
        let mut source = json!({ "component": note.component });
        if !host.is_empty() {
            set(&mut source, "/host", json!(host));
        }
        set(&mut event, "/source", source);
        set(&mut event, "/firstTimestamp", json!(time::seconds(now)));
        set(&mut event, "/lastTimestamp", json!(time::seconds(now)));
        set(&mut event, "/count", json!(1));
        set(&mut event, "/eventTime", Value::Null);
        event
    }

    fn again(&self, mut event: Value) -> Value {
        let now = self.now();
        if text(&event, "/eventTime").is_empty() {
            let count = number(&event, "/count").max(1) + 1;
            set(&mut event, "/count", json!(count));
            set(&mut event, "/lastTimestamp", json!(time::seconds(now)));
        } else {
            let count = number(&event, "/series/count").max(1) + 1;
            let series = json!({ "count": count, "lastObservedTime": time::micros(now) });
            set(&mut event, "/series", series);
        }
        event
    }
}

/// The controller of an object.
pub(crate) fn owner(object: &Value) -> Option<&Value> {
    crate::build::json::items(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| crate::build::json::flag(owner, "/controller"))
}

/// A reference to the controller `parent`.
pub(crate) fn owned_by(parent: &Value) -> Value {
    json!([{
        "apiVersion": text(parent, "/apiVersion"), "kind": text(parent, "/kind"),
        "name": text(parent, "/metadata/name"), "uid": text(parent, "/metadata/uid"),
        "controller": true, "blockOwnerDeletion": true
    }])
}

/// A duration of milliseconds.
pub(crate) fn millis(count: i64) -> SignedDuration {
    SignedDuration::from_millis(count)
}
