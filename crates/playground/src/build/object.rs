//! What the API server adds to an object: uid, resourceVersion, generation, managedFields. Must not know what the
//! objects mean.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::time;
use crate::build::json::{escape, push, set, text};
use crate::world::World;

/// Alphabet of generated name suffixes (`k8s.io/apimachinery/pkg/util/rand`, `alphanums`).
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Who wrote a field, as `metadata.managedFields` records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// Field manager.
    pub manager: &'static str,
    /// `Apply` or `Update`.
    pub operation: &'static str,
}

/// A delivery pipeline that uses server-side apply.
pub const PIPELINE: Author = Author {
    manager: "deploy-bot",
    operation: "Apply",
};
/// Helm 3, which patches on the client's side.
pub const HELM3: Author = Author {
    manager: "helm",
    operation: "Update",
};
/// Helm 4, which uses server-side apply unless told otherwise.
pub const HELM4: Author = Author {
    manager: "helm",
    operation: "Apply",
};
/// A person with `kubectl edit`, `kubectl patch` or `kubectl set`.
pub const KUBECTL_EDIT: Author = Author {
    manager: "kubectl-edit",
    operation: "Update",
};
/// The controllers of the control plane.
pub const CONTROLLER: Author = Author {
    manager: "kube-controller-manager",
    operation: "Update",
};
/// A node's agent.
pub const KUBELET: Author = Author {
    manager: "kubelet",
    operation: "Update",
};
/// Whoever set up the cluster.
pub const INSTALLER: Author = Author {
    manager: "kubectl-client-side-apply",
    operation: "Update",
};
/// The external provisioner and attacher of a CSI driver.
pub const PROVISIONER: Author = Author {
    manager: "csi-provisioner",
    operation: "Update",
};

/// Stamps objects of one world: the same seed gives the same uids and hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The world's seed.
    pub seed: u64,
    /// The frozen clock.
    pub now: Timestamp,
}

impl Stamp {
    /// Hex digest of a text within this world.
    pub fn digest(&self, of: &str) -> String {
        hex::encode(Sha256::digest(format!("{}/{of}", self.seed).as_bytes()))
    }

    /// A number derived from a text within this world.
    pub fn hash(&self, of: &str) -> u64 {
        u64::from_str_radix(self.digest(of).get(..15).unwrap_or("0"), 16).unwrap_or(0)
    }

    /// A generated suffix of `len` characters, as `generateName` appends.
    pub fn suffix(&self, of: &str, len: usize) -> String {
        self.digest(of)
            .bytes()
            .zip(self.digest(&format!("{of}/2")).bytes())
            .take(len)
            .map(|(a, b)| {
                let index = (usize::from(a) * 31 + usize::from(b) * 17) % SAFE.len();
                char::from(SAFE.get(index).copied().unwrap_or(b'x'))
            })
            .collect()
    }

    /// A hash as controllers write it into names (`k8s.io/apimachinery/pkg/util/rand`, `SafeEncodeString` of the
    /// decimal 32-bit sum): each digit becomes a letter, so that no more than ten occur.
    pub fn safe_hash(&self, of: &str) -> String {
        let sum = self.hash(of) % (1 << 32);
        sum.to_string()
            .bytes()
            .filter_map(|digit| SAFE.get(usize::from(digit) % SAFE.len()))
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// The uid of an object.
    pub fn uid(&self, kind: &str, namespace: &str, name: &str) -> String {
        self.uuid(&format!("{kind}/{namespace}/{name}"))
    }

    /// A version 4 UUID derived from a text.
    pub fn uuid(&self, of: &str) -> String {
        let hex = self.digest(&format!("uid/{of}"));
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        format!(
            "{}-{}-4{}-a{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    /// A resourceVersion that grows with time.
    pub fn version_at(&self, at: Timestamp) -> String {
        let start = time::days_before(self.now, 500);
        (118_204 + (at.as_second() - start.as_second()).max(0) * 3).to_string()
    }

    /// `metadata` of an object; `namespace` is `""` for cluster-scoped kinds.
    pub fn meta(&self, kind: &str, namespace: &str, name: &str, created: Timestamp) -> Value {
        let mut meta = Map::new();
        meta.insert("name".to_owned(), json!(name));
        if !namespace.is_empty() {
            meta.insert("namespace".to_owned(), json!(namespace));
        }
        meta.insert("uid".to_owned(), json!(self.uid(kind, namespace, name)));
        meta.insert("creationTimestamp".to_owned(), json!(time::seconds(created)));
        Value::Object(meta)
    }

    /// As [`Stamp::meta`], with labels.
    pub fn labelled(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        created: Timestamp,
        labels: &Value,
    ) -> Value {
        let mut meta = self.meta(kind, namespace, name, created);
        set(&mut meta, "/labels", labels.clone());
        meta
    }

    /// Adds an object that `author` last wrote at `at`; its status is the work of the kind's controller.
    pub fn put(&self, world: &mut World, mut object: Value, author: Author, at: Timestamp) {
        let version = self.version_at(at);
        set(&mut object, "/metadata/resourceVersion", json!(version));
        if has_generation(text(&object, "/kind")) && object.pointer("/metadata/generation").is_none() {
            set(&mut object, "/metadata/generation", json!(1));
        }
        let api_version = text(&object, "/apiVersion").to_owned();
        let mut entries = vec![entry(author, &api_version, at, own_fields(&object), None)];
        if object
            .get("status")
            .is_some_and(|status| status.as_object().is_some_and(|map| !map.is_empty()))
        {
            let fields = json!({ "f:status": fields(&object["status"]) });
            let writer = status_author(text(&object, "/kind"));
            entries.push(entry(writer, &api_version, at, fields, Some("status")));
        }
        set(&mut object, "/metadata/managedFields", Value::Array(entries));
        world.insert(object);
    }

    /// Records that `author` changed the fields at `pointers` (without list indices) at `at`: managedFields,
    /// resourceVersion and, for a change of `spec`, generation.
    pub fn touch(&self, object: &mut Value, author: Author, at: Timestamp, pointers: &[&str]) {
        self.bump(object, at);
        if pointers.iter().any(|pointer| pointer.starts_with("/spec"))
            && has_generation(text(object, "/kind"))
        {
            let generation = crate::build::json::number(object, "/metadata/generation").max(1) + 1;
            set(object, "/metadata/generation", json!(generation));
        }
        let api_version = text(object, "/apiVersion").to_owned();
        let mut changed = json!({});
        for pointer in pointers {
            let fields_path = fields_pointer(pointer);
            let owned = fields(object.pointer(pointer).unwrap_or(&Value::Null));
            set(&mut changed, &fields_path, owned);
            disown(object, author, &fields_path);
        }
        let own = object
            .pointer_mut("/metadata/managedFields")
            .and_then(Value::as_array_mut)
            .and_then(|list| list.iter_mut().find(|entry| is_by(entry, author)));
        match own {
            Some(entry) => {
                set(entry, "/time", json!(time::seconds(at)));
                for pointer in pointers {
                    let path = fields_pointer(pointer);
                    let owned = changed.pointer(&path).cloned().unwrap_or_default();
                    set(entry, &format!("/fieldsV1{path}"), owned);
                }
            }
            None => push(
                object,
                "/metadata/managedFields",
                entry(author, &api_version, at, changed, None),
            ),
        }
    }

    /// Records that the status was written at `at`.
    pub fn touch_status(&self, object: &mut Value, at: Timestamp) {
        self.bump(object, at);
        let api_version = text(object, "/apiVersion").to_owned();
        let writer = status_author(text(object, "/kind"));
        let owned = json!({ "f:status": fields(object.get("status").unwrap_or(&Value::Null)) });
        let new = entry(writer, &api_version, at, owned, Some("status"));
        let found = object
            .pointer_mut("/metadata/managedFields")
            .and_then(Value::as_array_mut)
            .and_then(|list| {
                list.iter_mut()
                    .find(|entry| text(entry, "/subresource") == "status")
            });
        match found {
            Some(slot) => *slot = new,
            None => push(object, "/metadata/managedFields", new),
        }
    }

    fn bump(&self, object: &mut Value, at: Timestamp) {
        let found: i64 = text(object, "/metadata/resourceVersion").parse().unwrap_or(0);
        let version: i64 = self.version_at(at).parse().unwrap_or(0);
        set(
            object,
            "/metadata/resourceVersion",
            json!(version.max(found + 1).to_string()),
        );
    }
}

/// An ownerReference to the controller of an object.
pub fn owner(stamp: &Stamp, api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!([{
        "apiVersion": api_version, "kind": kind, "name": name, "uid": stamp.uid(kind, namespace, name),
        "controller": true, "blockOwnerDeletion": true
    }])
}

fn entry(author: Author, api_version: &str, at: Timestamp, owned: Value, subresource: Option<&str>) -> Value {
    let mut entry = json!({
        "manager": author.manager, "operation": author.operation, "apiVersion": api_version,
        "time": time::seconds(at), "fieldsType": "FieldsV1", "fieldsV1": owned
    });
    if let Some(subresource) = subresource {
        set(&mut entry, "/subresource", json!(subresource));
    }
    entry
}

fn is_by(entry: &Value, author: Author) -> bool {
    text(entry, "/manager") == author.manager
        && text(entry, "/operation") == author.operation
        && entry.get("subresource").is_none()
}

fn disown(object: &mut Value, author: Author, fields_path: &str) {
    let Some((parent, leaf)) = fields_path.rsplit_once('/') else {
        return;
    };
    let key = leaf.replace("~1", "/").replace("~0", "~");
    let Some(entries) = object
        .pointer_mut("/metadata/managedFields")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    for entry in entries.iter_mut().filter(|entry| !is_by(entry, author)) {
        crate::build::json::unset(entry, &format!("/fieldsV1{parent}"), &key);
    }
}

fn fields_pointer(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .map(|part| format!("/f:{part}"))
        .collect()
}

fn own_fields(object: &Value) -> Value {
    let mut owned = Map::new();
    let mut meta = Map::new();
    for part in ["labels", "annotations", "ownerReferences"] {
        if let Some(found) = object.pointer(&format!("/metadata/{part}")) {
            meta.insert(format!("f:{part}"), fields(found));
        }
    }
    if !meta.is_empty() {
        owned.insert("f:metadata".to_owned(), Value::Object(meta));
    }
    for (key, value) in object.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
            owned.insert(format!("f:{key}"), fields(value));
        }
    }
    Value::Object(owned)
}

/// The set of fields of a value in the notation of FieldsV1 (`sigs.k8s.io/structured-merge-diff`, `fieldpath`).
fn fields(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (format!("f:{key}"), fields(value)))
                .collect(),
        ),
        Value::Array(list) => list_fields(list),
        _ => json!({}),
    }
}

fn list_fields(list: &[Value]) -> Value {
    let mut owned = Map::new();
    for item in list {
        let key = [
            "name",
            "type",
            "ip",
            "uid",
            "mountPath",
            "containerPort",
            "port",
            "key",
        ]
        .into_iter()
        .find_map(|key| item.get(key).map(|value| json!({ key: value })));
        if let Some(key) = key {
            owned.insert(format!("k:{key}"), fields(item));
        }
    }
    Value::Object(owned)
}

fn status_author(kind: &str) -> Author {
    match kind {
        "Pod" | "Node" => KUBELET,
        "VolumeAttachment" => Author {
            manager: "csi-attacher",
            operation: "Update",
        },
        "Ingress" => Author {
            manager: "nginx-ingress-controller",
            operation: "Update",
        },
        _ => CONTROLLER,
    }
}

fn has_generation(kind: &str) -> bool {
    matches!(
        kind,
        "Deployment"
            | "ReplicaSet"
            | "StatefulSet"
            | "DaemonSet"
            | "Job"
            | "CronJob"
            | "Ingress"
            | "NetworkPolicy"
            | "PodDisruptionBudget"
            | "EndpointSlice"
            | "IngressClass"
    )
}

/// Annotates an object's metadata.
pub fn annotate(object: &mut Value, key: &str, value: &str) {
    set(
        object,
        &format!("/metadata/annotations/{}", escape(key)),
        json!(value),
    );
}
