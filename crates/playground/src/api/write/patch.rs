//! Patches: JSON patch, merge patch, strategic merge patch and server-side apply.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::route::Endpoint;
use crate::api::status::{ApiError, Cause};
use crate::api::write::managed_fields::{Operation, Writer};
use crate::api::write::update::{existing, replace};
use crate::api::write::{Outcome, body, create, decode};

mod json_patch;
mod merge;
pub(crate) mod strategic;

const APPLY: &str = "application/apply-patch+yaml";
const CUSTOM_TYPES: [&str; 3] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    APPLY,
];
const ALL_TYPES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY,
];

/// Answers a patch.
pub(crate) fn answer(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Outcome, ApiError> {
    let dry_run = call.dry_run()?;
    if call.content_type() == APPLY {
        return apply(server, call, endpoint, dry_run);
    }
    let writer = Writer::of(call, endpoint, Operation::Update, server.clock.now());
    server.change(|store| {
        let current = existing(store, endpoint)?;
        let outcome = patched(call, &current, endpoint.resource.built_in)?;
        let wanted = body::fit(decode::patched(call, &endpoint.resource, outcome)?, endpoint)?;
        replace(store, endpoint, &current, wanted, &writer, dry_run)
    })
}

/// The object with the body's patch applied.
pub(crate) fn patched(call: &Call, current: &Value, built_in: bool) -> Result<Value, ApiError> {
    let unsupported = |supported: &[&str]| ApiError::unsupported_media_type(call.content_type(), supported);
    let decoded = || -> Result<Value, ApiError> {
        serde_json::from_slice(&call.body)
            .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))
    };
    let mut object = current.clone();
    match call.content_type() {
        "application/json-patch+json" => json_patch::apply(&mut object, &decoded()?)?,
        "application/merge-patch+json" => merge::apply(&mut object, &decoded()?),
        "application/strategic-merge-patch+json" if built_in => strategic::apply(&mut object, &decoded()?),
        _ if built_in => return Err(unsupported(&ALL_TYPES)),
        _ => return Err(unsupported(&CUSTOM_TYPES)),
    }
    Ok(object)
}

/// Server-side apply: merges the configuration into the object, or creates it, and owns its fields.
fn apply(
    server: &Arc<ApiServer>,
    call: &Call,
    endpoint: &Endpoint,
    dry_run: bool,
) -> Result<Outcome, ApiError> {
    if call.param("fieldManager").is_none() {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(ApiError::invalid_options(
            "PatchOptions",
            &endpoint.resource,
            &[cause],
        ));
    }
    let config = body::fit(body::yaml_body(call)?, endpoint)?;
    let config = decode::object(call, &endpoint.resource, config)?;
    let writer = Writer::of(
        call,
        endpoint,
        Operation::Apply(config.clone()),
        server.clock.now(),
    );
    server.change(|store| {
        let Ok(current) = existing(store, endpoint) else {
            return create::create(store, endpoint, config.clone(), &writer, dry_run);
        };
        let mut wanted = current.clone();
        if endpoint.resource.built_in {
            strategic::apply(&mut wanted, &config);
        } else {
            merge::apply(&mut wanted, &config);
        }
        if !call.flag("force") {
            writer.check_conflicts(&current, &wanted)?;
        }
        let stored = replace(store, endpoint, &current, wanted, &writer, dry_run)?;
        Ok(Outcome {
            status: StatusCode::OK,
            ..stored
        })
    })
}
