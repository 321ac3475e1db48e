//! Creating objects.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::resource::Resource;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::store::{Store, uuid_from};
use crate::api::write::managed_fields::{Operation, Writer};
use crate::api::write::{Outcome, body, decode, defaults, validate};
use crate::build::json::{map_at, text};
use crate::serve::shift::with_precision;

/// Letters of generated name suffixes, as `k8s.io/apimachinery/pkg/util/rand` has them.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Answers a create.
pub(crate) fn answer(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Outcome, ApiError> {
    let object = decode::object(call, &endpoint.resource, body::object(call, endpoint)?)?;
    let writer = Writer::of(call, endpoint, Operation::Update, server.clock.now());
    let dry_run = call.dry_run()?;
    server.change(|store| create(store, endpoint, object, &writer, dry_run))
}

/// Stores a new object (or rehearses it).
pub(crate) fn create(
    store: &mut Store,
    endpoint: &Endpoint,
    mut object: Value,
    writer: &Writer,
    dry_run: bool,
) -> Result<Outcome, ApiError> {
    let resource = &endpoint.resource;
    if resource.namespaced {
        require_namespace(store, &endpoint.namespace, resource)?;
    }
    initialize(&mut object, resource, store.version(), writer.now);
    let name = text(&object, "/metadata/name").to_owned();
    if !name.is_empty() && store.get(&resource.key(&endpoint.namespace, &name)).is_some() {
        return Err(ApiError::already_exists(resource, &name));
    }
    defaults::fill(&mut object, resource);
    let causes = validate::on_create(&object, resource);
    if !causes.is_empty() {
        return Err(ApiError::invalid(resource, &name, &causes));
    }
    writer.record(&Value::Null, &mut object);
    let stored = if dry_run {
        object
    } else {
        store.put(&resource.key(&endpoint.namespace, &name), object)
    };
    Ok(Outcome::object(StatusCode::CREATED, stored))
}

fn require_namespace(store: &Store, namespace: &str, resource: &Resource) -> Result<(), ApiError> {
    let Some(found) = store.world().get("Namespace", "", namespace) else {
        let namespaces = store
            .registry
            .find("", "v1", "namespaces")
            .ok_or_else(ApiError::unknown_resource)?;
        return Err(ApiError::not_found(namespaces, namespace));
    };
    if found.pointer("/metadata/deletionTimestamp").is_some() {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        return Err(ApiError::forbidden(resource, "", &why));
    }
    Ok(())
}

/// Gives the object what only the server gives: uid, creation time, generation, a generated name.
fn initialize(object: &mut Value, resource: &Resource, version: u64, now: Timestamp) {
    let Some(metadata) = map_at(object, "metadata") else {
        return;
    };
    for field in [
        "resourceVersion",
        "uid",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    ] {
        metadata.remove(field);
    }
    let namespace = metadata.get("namespace").cloned().unwrap_or_default();
    let seed = format!(
        "{version}/{}/{namespace}/{:?}",
        resource.plural,
        metadata.get("name")
    );
    let digest = Sha256::digest(seed.as_bytes());
    if let (None, Some(prefix)) = (
        metadata.get("name"),
        metadata.get("generateName").and_then(Value::as_str),
    ) {
        let letters = digest.iter().rev().take(5);
        let suffix: String = letters
            .filter_map(|byte| SUFFIX_LETTERS.get(usize::from(*byte) % SUFFIX_LETTERS.len()))
            .map(|letter| char::from(*letter))
            .collect();
        let generated = format!("{prefix}{suffix}");
        metadata.insert("name".to_owned(), json!(generated));
    }
    metadata.insert("uid".to_owned(), json!(uuid_from(&digest)));
    metadata.insert("creationTimestamp".to_owned(), json!(with_precision(now, 0)));
    if object.get("spec").is_some() && defaults::has_generation(resource) {
        object["metadata"]["generation"] = json!(1);
    }
    if resource.has("status")
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
}
