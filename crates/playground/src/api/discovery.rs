//! Discovery: versions, groups, resources (classic and aggregated) and the paths beside the resources.

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::resource::{Registry, Resource};
use crate::api::route::Route;
use crate::api::status::ApiError;

mod openapi;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a request for anything but a resource.
pub(crate) fn answer(server: &ApiServer, call: &Call, route: &Route) -> Result<Response, ApiError> {
    let store = server.read();
    let registry = &store.registry;
    let aggregated = call
        .accept()
        .split(',')
        .any(|media| media.trim().replace(' ', "") == AGGREGATED);
    match route {
        Route::Root => Ok(respond(&root(registry))),
        Route::Version => Ok(respond(&version())),
        Route::Health => Ok("ok".into_response()),
        Route::CoreVersions if aggregated => Ok(aggregate(registry, str::is_empty)),
        Route::Groups if aggregated => Ok(aggregate(registry, |group| !group.is_empty())),
        Route::CoreVersions => Ok(respond(&json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
        }))),
        Route::Groups => Ok(respond(&groups(registry))),
        Route::Group(name) => group(registry, name),
        Route::GroupVersion(group, version) => group_version(registry, group, version),
        Route::OpenApiV2 => Ok(openapi::v2(call)),
        Route::OpenApiV3 => Ok(respond(&openapi::v3_index(registry))),
        Route::OpenApiV3Path(path) => openapi::v3(registry, path)
            .map(|body| respond(&body))
            .ok_or_else(ApiError::unknown_path),
        Route::Resource(_) | Route::Unknown => Err(ApiError::unknown_path()),
    }
}

/// A JSON answer.
pub(crate) fn respond(body: &Value) -> Response {
    respond_text(body.to_string())
}

/// An answer of text that is already JSON.
pub(crate) fn respond_text(json: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "33", "emulationMajor": "1", "emulationMinor": "33",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "32",
        "gitVersion": "v1.33.4", "gitCommit": "74cdb4273de6ddb6abd3ef2de7a87d8a9fb9c9a4", "gitTreeState": "clean",
        "buildDate": "2025-08-13T14:15:53Z", "goVersion": "go1.24.5", "compiler": "gc", "platform": "linux/amd64",
    })
}

fn root(registry: &Registry) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in registry.groups().iter().filter(|(group, _)| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(
        [
            "/healthz",
            "/livez",
            "/openapi/v2",
            "/openapi/v3",
            "/readyz",
            "/version",
        ]
        .map(str::to_owned),
    );
    json!({ "paths": paths })
}

fn groups(registry: &Registry) -> Value {
    let groups: Vec<Value> = registry
        .groups()
        .iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| describe_group(group, versions))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn describe_group(group: &str, versions: &[&str]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({ "groupVersion": format!("{group}/{version}"), "version": version }))
        .collect();
    json!({ "name": group, "preferredVersion": versions.first(), "versions": versions })
}

fn group(registry: &Registry, name: &str) -> Result<Response, ApiError> {
    let groups = registry.groups();
    let (group, versions) = groups
        .iter()
        .find(|(group, _)| !group.is_empty() && *group == name)
        .ok_or_else(ApiError::unknown_path)?;
    let mut body = describe_group(group, versions);
    body["kind"] = json!("APIGroup");
    body["apiVersion"] = json!("v1");
    Ok(respond(&body))
}

fn group_version(registry: &Registry, group: &str, version: &str) -> Result<Response, ApiError> {
    if !registry.serves(group, version) {
        return Err(ApiError::unknown_path());
    }
    let resources: Vec<Value> = registry
        .all()
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
        .flat_map(classic)
        .collect();
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Ok(respond(&json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    })))
}

/// The resource and its subresources as entries of an `APIResourceList`.
fn classic(resource: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs,
    });
    add_names(&mut entry, resource);
    let mut entries = vec![entry];
    for part in &resource.subresources {
        let mut entry = json!({
            "name": format!("{}/{}", resource.plural, part.name), "singularName": "",
            "namespaced": resource.namespaced, "kind": resource.kind, "verbs": part.verbs,
        });
        if let Some((group, version, kind)) = part.speaks {
            entry["group"] = json!(group);
            entry["version"] = json!(version);
            entry["kind"] = json!(kind);
        }
        entries.push(entry);
    }
    entries
}

fn add_names(entry: &mut Value, resource: &Resource) {
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
}

fn aggregate(registry: &Registry, wanted: impl Fn(&str) -> bool) -> Response {
    let groups: Vec<Value> = registry
        .groups()
        .iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| aggregate_version(registry, group, version))
                .collect();
            let mut metadata = json!({ "creationTimestamp": null });
            if !group.is_empty() {
                metadata["name"] = json!(group);
            }
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": groups,
    });
    ([(header::CONTENT_TYPE, AGGREGATED)], body.to_string()).into_response()
}

fn aggregate_version(registry: &Registry, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = registry
        .all()
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
        .map(aggregate_resource)
        .collect();
    json!({ "version": version, "resources": resources, "freshness": "Current" })
}

fn aggregate_resource(resource: &Resource) -> Value {
    let own = (
        resource.group.as_str(),
        resource.version.as_str(),
        resource.kind.as_str(),
    );
    let kind = |(group, version, kind): (&str, &str, &str)| json!({ "group": group, "version": version, "kind": kind });
    let mut entry = json!({
        "resource": resource.plural, "responseKind": kind(own),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": resource.verbs,
    });
    add_names(&mut entry, resource);
    if !resource.subresources.is_empty() {
        entry["subresources"] = resource
            .subresources
            .iter()
            .map(|part| {
                json!({
                    "subresource": part.name, "responseKind": kind(part.speaks.unwrap_or(own)), "verbs": part.verbs,
                })
            })
            .collect();
    }
    entry
}
