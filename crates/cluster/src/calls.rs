//! Who calls whom: addresses in workloads' environment and ConfigMaps, matched against Services.

use std::sync::LazyLock;

use domain::ObjectRef;
use regex::Regex;
use serde_json::Value;

use crate::object::Object;
use crate::view::ClusterView;

/// An address in a workload's configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The workload that holds it.
    pub from: ObjectRef,
    /// Object that the address stands in: the workload, or a ConfigMap.
    pub source: ObjectRef,
    /// Field path of the address in `source`.
    pub field: String,
    /// Host as written.
    pub host: String,
    /// Port, where one is written.
    pub port: Option<u16>,
    /// Namespace and name of the Service that the host means inside the cluster.
    pub service: ObjectRef,
    /// Whether that Service exists, as far as was read; `None` when its namespace was not read.
    pub exists: Option<bool>,
}

static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?)(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>\d{2,5}))?").ok()
});
static BARE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?P<host>[a-z](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>\d{2,5}))?$").ok());
static ADDRESS_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(host|addr|address|url|uri|endpoint|server|upstream|broker|bootstrap|service|target|dsn)s?$",
    )
    .ok()
});

/// All in-cluster addresses in the configuration of the workloads that were read.
pub fn calls(view: &ClusterView) -> Vec<Call> {
    let mut out = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for workload in view.of_kind(kind) {
            of_workload(view, workload, &mut out);
        }
    }
    out.sort();
    out.dedup();
    out
}

fn of_workload(view: &ClusterView, workload: &Object, out: &mut Vec<Call>) {
    for containers in ["containers", "initContainers"] {
        for container in workload.list(&format!("spec.template.spec.{containers}")) {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            for env in container
                .get("env")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let key = env.get("name").and_then(Value::as_str).unwrap_or_default();
                let field = format!("spec.template.spec.{containers}[{name}].env[{key}].value");
                if let Some(value) = env.get("value").and_then(Value::as_str) {
                    addresses(view, workload, workload, &field, key, value, out);
                } else if let Some(map) = env
                    .pointer("/valueFrom/configMapKeyRef/name")
                    .and_then(Value::as_str)
                {
                    let entry = env
                        .pointer("/valueFrom/configMapKeyRef/key")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    config_map(view, workload, map, Some((entry, key)), out);
                }
            }
            for source in container
                .get("envFrom")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                if let Some(map) = source.pointer("/configMapRef/name").and_then(Value::as_str) {
                    config_map(view, workload, map, None, out);
                }
            }
        }
    }
    for volume in workload.list("spec.template.spec.volumes") {
        if let Some(map) = volume.pointer("/configMap/name").and_then(Value::as_str) {
            config_map(view, workload, map, None, out);
        }
    }
}

fn config_map(
    view: &ClusterView,
    workload: &Object,
    name: &str,
    only: Option<(&str, &str)>,
    out: &mut Vec<Call>,
) {
    let Some(map) = view.get("ConfigMap", workload.namespace(), name) else {
        return;
    };
    for (key, value) in map.pairs("data") {
        let field = format!("data[{key}]");
        match only {
            Some((entry, env)) if entry == key => addresses(view, workload, map, &field, env, value, out),
            Some(_) => {}
            None => {
                for line in value.lines().take(400) {
                    let (inner, text) = line
                        .split_once(['=', ':'])
                        .filter(|_| value.contains('\n'))
                        .unwrap_or((key, line));
                    addresses(
                        view,
                        workload,
                        map,
                        &field,
                        inner.trim().trim_matches('"'),
                        text.trim().trim_matches(['"', ',']),
                        out,
                    );
                }
            }
        }
    }
}

fn addresses(
    view: &ClusterView,
    workload: &Object,
    source: &Object,
    field: &str,
    key: &str,
    text: &str,
    out: &mut Vec<Call>,
) {
    let mut found: Vec<(String, Option<u16>, bool)> = Vec::new();
    if let Some(url) = URL.as_ref() {
        for hit in url.captures_iter(text) {
            let port = hit.name("port").and_then(|port| port.as_str().parse().ok());
            found.push((hit["host"].to_owned(), port, true));
        }
    }
    if found.is_empty()
        && let Some(bare) = BARE.as_ref()
    {
        for part in text.split(',').map(str::trim) {
            if let Some(hit) = bare.captures(part) {
                let port: Option<u16> = hit.name("port").and_then(|port| port.as_str().parse().ok());
                let address_key = ADDRESS_KEY.as_ref().is_some_and(|pattern| pattern.is_match(key));
                found.push((hit["host"].to_owned(), port, address_key || port.is_some()));
            }
        }
    }
    for (host, port, surely) in found {
        if let Some((service, exists)) = service_of(view, workload.namespace(), &host, surely) {
            out.push(Call {
                from: workload.reference().clone(),
                source: source.reference().clone(),
                field: field.to_owned(),
                host,
                port,
                service,
                exists,
            });
        }
    }
}

/// The Service that a host names, by the cluster's DNS rules: `name`, `name.namespace`, `name.namespace.svc…`.
/// A single label counts only when it was written as an address: with a scheme, a port or under an address-like key.
fn service_of(
    view: &ClusterView,
    namespace: &str,
    host: &str,
    surely: bool,
) -> Option<(ObjectRef, Option<bool>)> {
    let parts: Vec<&str> = host.split('.').collect();
    let (name, place, certain) = match parts.as_slice() {
        [name] => (*name, namespace, surely && *name != "localhost"),
        [name, place] => (*name, *place, view.get("Namespace", "", place).is_some()),
        [name, place, "svc"] | [name, place, "svc", ..] => (*name, *place, true),
        [_, name, place, "svc", ..] => (*name, *place, true),
        _ => return None,
    };
    let reference = ObjectRef::of("Service", place, name);
    let exists = view
        .has_list("Service", place)
        .then(|| view.get_ref(&reference).is_some());
    let bare = parts.len() == 1;
    (certain || (!bare && exists == Some(true))).then_some((reference, exists))
}
