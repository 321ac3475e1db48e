//! Deleting: preconditions, finalizers, propagation to dependents, whole collections, namespaces with their content.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::read::representation::Representation;
use crate::api::read::selector::Selector;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::store::Store;
use crate::api::write::update::existing;
use crate::api::write::{Outcome, body};
use crate::build::json::{items, map_at, text};
use crate::serve::shift::with_precision;
use crate::world::ObjectKey;

/// `DeleteOptions` from body and query.
#[derive(Debug)]
struct Options {
    orphan: bool,
    dry_run: bool,
    uid: String,
    resource_version: String,
    now: Timestamp,
}

impl Options {
    fn of(server: &ApiServer, call: &Call) -> Result<Self, ApiError> {
        let body = body::json_body(call)?;
        let rehearsed = items(&body, "/dryRun").iter().any(|value| value == "All");
        let policy = call
            .param("propagationPolicy")
            .unwrap_or_else(|| text(&body, "/propagationPolicy"));
        Ok(Self {
            orphan: policy == "Orphan" || call.flag("orphanDependents"),
            dry_run: rehearsed || call.dry_run()?,
            uid: text(&body, "/preconditions/uid").to_owned(),
            resource_version: text(&body, "/preconditions/resourceVersion").to_owned(),
            now: server.clock.now(),
        })
    }
}

/// Answers the delete of one object.
pub(crate) fn one(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Outcome, ApiError> {
    let options = Options::of(server, call)?;
    server.change(|store| {
        let object = existing(store, endpoint)?;
        check_preconditions(endpoint, &object, &options)?;
        let key = endpoint.resource.key(&endpoint.namespace, &endpoint.name);
        let left = if options.dry_run {
            None
        } else {
            delete(store, &key, &options)
        };
        if let Some(waiting) = left {
            return Ok(Outcome::object(StatusCode::OK, waiting));
        }
        if endpoint.resource.kind == "Pod" {
            return Ok(Outcome::object(StatusCode::OK, object));
        }
        Ok(Outcome {
            status: StatusCode::OK,
            body: success(endpoint, &object),
            is_object: false,
        })
    })
}

/// Answers the delete of a collection.
pub(crate) fn many(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Outcome, ApiError> {
    let options = Options::of(server, call)?;
    let selector = Selector::of(call, endpoint)?;
    Representation::negotiate(call)?;
    let resource = &endpoint.resource;
    server.change(|store| {
        let namespace = (!endpoint.namespace.is_empty()).then_some(endpoint.namespace.as_str());
        let keys: Vec<ObjectKey> = store
            .world()
            .objects_of(resource.stored_group(), &resource.kind, namespace)
            .filter(|(_, object)| selector.matches(object))
            .map(|(key, _)| key.clone())
            .collect();
        let gone: Vec<Value> = keys.iter().filter_map(|key| store.get(key).cloned()).collect();
        if !options.dry_run {
            for key in &keys {
                delete(store, key, &options);
            }
        }
        let list = json!({
            "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(),
            "metadata": { "resourceVersion": store.version().to_string() }, "items": gone,
        });
        Ok(Outcome {
            status: StatusCode::OK,
            body: list,
            is_object: false,
        })
    })
}

fn check_preconditions(endpoint: &Endpoint, object: &Value, options: &Options) -> Result<(), ApiError> {
    let checks = [
        ("UID", &options.uid, text(object, "/metadata/uid")),
        (
            "ResourceVersion",
            &options.resource_version,
            text(object, "/metadata/resourceVersion"),
        ),
    ];
    for (what, wanted, held) in checks {
        if !wanted.is_empty() && wanted != held {
            let why = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {held}"
            );
            return Err(ApiError::conflict(&endpoint.resource, &endpoint.name, &why));
        }
    }
    Ok(())
}

/// Deletes an object and what depends on it; returns it when finalizers keep it.
fn delete(store: &mut Store, key: &ObjectKey, options: &Options) -> Option<Value> {
    let object = store.get(key)?.clone();
    if !finalizers_done(store, &object) {
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            return Some(object);
        }
        let mut marked = object;
        if let Some(metadata) = map_at(&mut marked, "metadata") {
            metadata.insert(
                "deletionTimestamp".to_owned(),
                json!(with_precision(options.now, 0)),
            );
            metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(0));
        }
        return Some(store.put(key, marked));
    }
    store.remove(key);
    if key.kind == "Namespace" {
        let inside: Vec<ObjectKey> = store
            .world()
            .objects()
            .map(|(key, _)| key.clone())
            .filter(|inner| inner.namespace == key.name)
            .collect();
        for inner in &inside {
            store.remove(inner);
        }
    }
    release_dependents(store, text(&object, "/metadata/uid"), options);
    None
}

/// Whether nothing keeps the object: no finalizers, or only a protection whose reason is gone.
fn finalizers_done(store: &Store, object: &Value) -> bool {
    items(object, "/metadata/finalizers")
        .iter()
        .all(|finalizer| match finalizer.as_str() {
            Some("kubernetes.io/pvc-protection") => !claim_in_use(store, object),
            Some("kubernetes.io/pv-protection") => text(object, "/status/phase") != "Bound",
            _ => false,
        })
}

fn claim_in_use(store: &Store, claim: &Value) -> bool {
    let name = text(claim, "/metadata/name");
    store
        .world()
        .objects_of("", "Pod", Some(text(claim, "/metadata/namespace")))
        .any(|(_, pod)| {
            // A pod that no node has taken does not protect its claim (`pkg/controller/volume/pvcprotection`).
            !text(pod, "/spec/nodeName").is_empty()
                && items(pod, "/spec/volumes")
                    .iter()
                    .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == name)
        })
}

/// Plays the garbage collector: dependents go too, or are orphaned.
fn release_dependents(store: &mut Store, uid: &str, options: &Options) {
    if uid.is_empty() {
        return;
    }
    let owned_by = |object: &Value| {
        items(object, "/metadata/ownerReferences")
            .iter()
            .any(|owner| text(owner, "/uid") == uid)
    };
    let dependents: Vec<(ObjectKey, Value)> = store
        .world()
        .objects()
        .filter(|(_, object)| owned_by(object))
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    for (key, mut object) in dependents {
        let mut owners = items(&object, "/metadata/ownerReferences").to_vec();
        owners.retain(|owner| text(owner, "/uid") != uid);
        if owners.is_empty() && !options.orphan {
            delete(store, &key, options);
        } else {
            object["metadata"]["ownerReferences"] = Value::Array(owners);
            store.put(&key, object);
        }
    }
}

fn success(endpoint: &Endpoint, object: &Value) -> Value {
    let mut details = json!({
        "name": endpoint.name, "kind": endpoint.resource.plural, "uid": text(object, "/metadata/uid"),
    });
    if !endpoint.resource.group.is_empty() {
        details["group"] = json!(endpoint.resource.group);
    }
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
