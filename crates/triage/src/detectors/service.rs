//! Services that send to nobody: the selector matches no pod although pods are there.

use cluster::{ClusterView, Object, selector};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::complaints;
use super::{Context, Detector};
use crate::detectors::finding::signal;
use crate::network::ready_endpoints;

pub(super) const DETECTOR: Detector = Detector {
    name: "service",
    mechanisms: &[
        "cascading-failure/service-selector-mismatch",
        "cascading-failure/port-mismatch",
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
        .filter_map(|service| {
            selects_nobody(context, service)
                .or_else(|| wrong_port(context, service))
                .or_else(|| unanswered(context, service))
        })
        .collect()
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
    let (meant, certainty) = meant(service, wanted, workloads().collect())?;
    let labels = selector::template_labels(meant);
    let wrong: Vec<(&String, &Value)> = wanted
        .as_object()?
        .iter()
        .filter(|(key, value)| labels.get(key.as_str()) != Some(value))
        .collect();
    let (key, found) = wrong.first()?;
    let expected = labels.get(key.as_str()).and_then(Value::as_str);
    if expected.is_none() && set_at_run_time(view, meant, key) {
        return None;
    }
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
            .mechanism("cascading-failure/service-selector-mismatch", certainty)
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

/// A Service that somebody calls and that has nobody to answer: a symptom.
fn unanswered(context: &Context<'_>, service: &Object) -> Option<Signal> {
    let callers = callers(context, service.reference());
    if callers.is_empty() || ready_endpoints(context.view, service) > 0 {
        return None;
    }
    let message = format!(
        "{} has no ready endpoint, and {} workloads call it",
        service.reference(),
        callers.len()
    );
    Some(
        signal("service", service.reference(), &message)
            .severity(Severity::Warning)
            .affects(callers)
            .facts(service, ["spec.selector"])
            .computed(service.reference(), "endpoints.ready", "0", None)
            .build(),
    )
}

/// The workload that a Service means: the one of its name, else the one with the most of its labels. Shared ports
/// alone, or several that fit as well, are only a guess.
fn meant<'a>(service: &Object, wanted: &Value, workloads: Vec<&'a Object>) -> Option<(&'a Object, f64)> {
    let common = |workload: &Object| {
        let labels = selector::template_labels(workload);
        wanted.as_object().map_or(0, |wanted| {
            wanted
                .iter()
                .filter(|(key, value)| labels.get(key.as_str()) == Some(value))
                .count()
        })
    };
    if let Some(same) = workloads
        .iter()
        .find(|workload| workload.name() == service.name())
    {
        return Some((same, 0.95));
    }
    let best = workloads.iter().max_by_key(|workload| common(workload))?;
    let score = common(best);
    let rivals = workloads
        .iter()
        .filter(|workload| common(workload) == score)
        .count();
    match (score, rivals) {
        (0, _) => None,
        (_, 1) => Some((best, 0.9)),
        _ => Some((best, 0.5)),
    }
}

/// A label that the template lacks but pods carry is set at run time, as leader elections do: then the Service
/// waits for a leader and its selector is right.
fn set_at_run_time(view: &ClusterView, meant: &Object, key: &str) -> bool {
    view.pods_of(meant.reference())
        .any(|pod| selector::labels(pod).get(key).is_some())
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
        .filter(|workload| selector::map_selects(wanted, selector::template_labels(workload)))
        // A selector may catch others too; the one of the Service's name is meant.
        .max_by_key(|workload| workload.name() == service.name())?;
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
    let refused: Vec<_> = complaints::about(context, "cascading-failure/port-mismatch")
        .into_iter()
        .filter(|complaint| &complaint.call.service == service.reference())
        .collect();
    let routed =
        super::ingress::backends(view, service.namespace()).any(|(_, name, _)| name == service.name());
    let certainty = match (named, refused.is_empty()) {
        (true, _) if is_used(context, service, port) => 0.9,
        // Ready by a probe on another port: there they listen, and here they refuse.
        (false, false) if is_ready_elsewhere(view, service, workload, &target) => 0.93,
        (false, true) if routed && is_ready_elsewhere(view, service, workload, &target) => 0.7,
        _ => 0.5,
    };
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
            .mechanism("cascading-failure/port-mismatch", certainty)
            .severity(Severity::Critical)
            .onset(service.last_write("spec").and_then(|manager| manager.time))
            .affects(callers(context, service.reference()))
            .facts(service, [field.as_str()])
            .facts(workload, ["spec.template.spec.containers"])
            .fact(refused.last().map(super::complaints::Complaint::fact))
            .params(&field, &target, offered.first().map(String::as_str))
            .build(),
    )
}

/// Whether the Service's pods are ready by a probe that asks another port than the Service sends to.
fn is_ready_elsewhere(view: &ClusterView, service: &Object, workload: &Object, target: &str) -> bool {
    let probed = workload
        .list("spec.template.spec.containers")
        .iter()
        .filter_map(|container| container.get("readinessProbe"))
        .filter_map(|probe| {
            probe
                .pointer("/httpGet/port")
                .or(probe.pointer("/tcpSocket/port"))
        })
        .any(|port| cluster::path::text(port) != target);
    probed && ready_endpoints(view, service) > 0
}

/// Whether anybody is known to call this port of a Service: a caller's address names it, or an Ingress routes to it.
fn is_used(context: &Context<'_>, service: &Object, port: &Value) -> bool {
    let number = port
        .get("port")
        .and_then(Value::as_u64)
        .and_then(|number| u16::try_from(number).ok());
    let called = context.calls.iter().any(|call| {
        &call.service == service.reference()
            && (call.port == number || (call.port.is_none() && service.list("spec.ports").len() == 1))
    });
    called
        || super::ingress::backends(context.view, service.namespace())
            .any(|(_, name, at)| name == service.name() && (at == port.get("port") || at == port.get("name")))
}
