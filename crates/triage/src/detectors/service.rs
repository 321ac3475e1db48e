//! Services that send to nobody: the selector matches no pod although pods are there.

use cluster::{ClusterView, Object, selector};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "service",
    mechanisms: &[
        "cascading-failure/service-selector-mismatch",
        "cascading-failure/port-mismatch",
        "cascading-failure/service-missing",
    ],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let services = view.of_kind("Service").filter(|service| {
        service.at("spec.selector").is_some() && service.str("spec.type") != "ExternalName"
    });
    services
        .filter(|service| {
            view.has_list("Pod", service.namespace()) && view.has_list("EndpointSlice", service.namespace())
        })
        .filter_map(|service| selects_nobody(context, service).or_else(|| wrong_port(context, service)))
        .chain(missing(context))
        .collect()
}

/// Ready addresses of a Service, by its EndpointSlices. An endpoint without a ready condition counts as ready.
pub(crate) fn ready_endpoints(view: &ClusterView, service: &Object) -> usize {
    slices(view, service)
        .flat_map(|slice| slice.list("endpoints"))
        .filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false)))
        .map(|endpoint| {
            endpoint
                .get("addresses")
                .and_then(Value::as_array)
                .map_or(0, Vec::len)
        })
        .sum()
}

fn slices<'a>(view: &'a ClusterView, service: &'a Object) -> impl Iterator<Item = &'a Object> + 'a {
    view.in_namespace("EndpointSlice", service.namespace())
        .filter(|slice| slice.str("metadata.labels[kubernetes.io/service-name]") == service.name())
}

/// The workloads that call a Service, and the Ingresses that route to it.
fn callers(context: &Context<'_>, service: &ObjectRef) -> Vec<ObjectRef> {
    context
        .calls
        .iter()
        .filter(|call| &call.service == service)
        .map(|call| call.from.clone())
        .collect()
}

fn selects_nobody(context: &Context<'_>, service: &Object) -> Option<Signal> {
    let view = context.view;
    let wanted = service.at("spec.selector")?;
    let workloads = || {
        ["Deployment", "StatefulSet", "DaemonSet"]
            .into_iter()
            .flat_map(|kind| view.in_namespace(kind, service.namespace()))
    };
    let selected = view
        .in_namespace("Pod", service.namespace())
        .any(|pod| selector::map_selects(wanted, selector::labels(pod)))
        || workloads().any(|workload| selector::map_selects(wanted, selector::template_labels(workload)));
    if selected || ready_endpoints(view, service) > 0 {
        return None;
    }
    let meant = workloads()
        .filter_map(|workload| Some((kinship(service, wanted, workload)?, workload)))
        .max_by_key(|(kinship, _)| *kinship)?
        .1;
    let labels = selector::template_labels(meant);
    let wrong: Vec<(&String, &Value)> = wanted
        .as_object()?
        .iter()
        .filter(|(key, value)| labels.get(key.as_str()) != Some(value))
        .collect();
    let (key, found) = wrong.first()?;
    let expected = labels.get(key.as_str()).and_then(Value::as_str);
    let field = format!("spec.selector[{key}]");
    let found = found.as_str().unwrap_or_default();
    let message = format!(
        "{} selects {} and finds no pod; the pods of {} carry {key}={}",
        service.reference(),
        selector::show(wanted),
        meant.reference(),
        expected.unwrap_or("nothing")
    );
    let write = service
        .last_write("spec.selector")
        .or_else(|| service.last_write("spec"))
        .and_then(|manager| manager.time);
    Some(
        signal("service", service.reference(), &message)
            .mechanism("cascading-failure/service-selector-mismatch", 0.95)
            .severity(Severity::Critical)
            .onset(write.or(service.created()))
            .affects(callers(context, service.reference()))
            .facts(service, [field.as_str()])
            .facts(meant, [format!("spec.template.metadata.labels[{key}]").as_str()])
            .computed(service.reference(), "endpoints.ready", "0", None)
            .params(&field, found, expected)
            .build(),
    )
}

/// How surely a workload is the one that a Service means: the same name, ports that fit, labels in common.
/// `None` without any of them.
fn kinship(service: &Object, wanted: &Value, workload: &Object) -> Option<(bool, usize, bool)> {
    let labels = selector::template_labels(workload);
    let common = wanted
        .as_object()?
        .iter()
        .filter(|(key, value)| labels.get(key.as_str()) == Some(value))
        .count();
    let same_name = workload.name() == service.name();
    let ports = service.list("spec.ports").iter().any(|port| {
        has_port(
            workload,
            port.get("targetPort")
                .or(port.get("port"))
                .unwrap_or(&Value::Null),
        )
    });
    (same_name || common > 0 || ports).then_some((same_name, common, ports))
}

/// Whether a workload's pods declare a port, by number or name.
pub(crate) fn has_port(workload: &Object, wanted: &Value) -> bool {
    let containers = workload.list("spec.template.spec.containers");
    containers
        .iter()
        .flat_map(|container| {
            container
                .get("ports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        })
        .any(|port| {
            port.get("containerPort") == Some(wanted)
                || (wanted.is_string() && port.get("name") == Some(wanted))
        })
}

/// A target port that the selected pods do not declare: certain for names (Kubernetes cannot resolve them),
/// a hint for numbers (declaring ports is optional).
fn wrong_port(context: &Context<'_>, service: &Object) -> Option<Signal> {
    let view = context.view;
    let wanted = service.at("spec.selector")?;
    let workload = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, service.namespace()))
        .find(|workload| selector::map_selects(wanted, selector::template_labels(workload)))?;
    let declares = workload
        .list("spec.template.spec.containers")
        .iter()
        .any(|container| container.get("ports").is_some());
    let port = service.list("spec.ports").iter().find(|port| {
        port.get("protocol").and_then(Value::as_str) != Some("UDP")
            && !has_port(
                workload,
                port.get("targetPort")
                    .or(port.get("port"))
                    .unwrap_or(&Value::Null),
            )
    })?;
    let target = port.get("targetPort").or(port.get("port"))?;
    let named = target.is_string();
    if !declares || service.list("spec.ports").len() > 1 && !named {
        return None;
    }
    let offered: Vec<String> = workload
        .list("spec.template.spec.containers")
        .iter()
        .flat_map(|container| {
            container
                .get("ports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        })
        .filter_map(|port| Some(cluster::path::text(port.get("containerPort")?)))
        .collect();
    let target = cluster::path::text(target);
    let message = format!(
        "{} sends to port {target}, which {} does not declare (it declares {})",
        service.reference(),
        workload.reference(),
        offered.join(", ")
    );
    let field = format!(
        "spec.ports[{}].targetPort",
        cluster::path::text(port.get("port")?)
    );
    Some(
        signal("service", service.reference(), &message)
            .mechanism("cascading-failure/port-mismatch", if named { 0.9 } else { 0.6 })
            .severity(Severity::Critical)
            .onset(service.last_write("spec").and_then(|manager| manager.time))
            .affects(callers(context, service.reference()))
            .facts(service, [field.as_str()])
            .params(&field, &target, offered.first().map(String::as_str))
            .build(),
    )
}

/// Addresses of Services that do not exist.
fn missing(context: &Context<'_>) -> Vec<Signal> {
    let absent = context.calls.iter().filter(|call| call.exists == Some(false));
    absent
        .map(|call| {
            let message = format!(
                "{} calls {}, but {} does not exist",
                call.from, call.host, call.service
            );
            let built = signal("service", &call.service, &message)
                .mechanism("cascading-failure/service-missing", 0.4)
                .severity(Severity::Warning)
                .affects([call.from.clone()])
                .lookup(context.view, &call.service)
                .param("field", &call.field);
            match context.view.get_ref(&call.source) {
                Some(source) => built.facts(source, [call.field.as_str()]).build(),
                None => built.build(),
            }
        })
        .collect()
}
