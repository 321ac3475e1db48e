//! Routes that lead nowhere: an Ingress whose backend, port or class is not there.

use cluster::{ClusterView, Object, selector};
use domain::{LookupOutcome, ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
use crate::detectors::finding::signal;

const ID: &str = "cascading-failure/ingress-misrouted";

pub(super) const DETECTOR: Detector = Detector {
    name: "ingress",
    mechanisms: &[ID],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("Ingress")
        .flat_map(|ingress| {
            let routes = backends(view, ingress.namespace())
                .filter(|(own, ..)| own.reference() == ingress.reference());
            let mut out: Vec<Signal> = routes
                .filter_map(|(_, name, port)| {
                    nowhere(view, ingress, name).or_else(|| no_port(view, ingress, name, port))
                })
                .collect();
            out.extend(no_class(view, ingress));
            out
        })
        .collect()
}

/// Backends of the Ingresses of a namespace: Ingress, Service name, port number or name.
pub(super) fn backends<'a>(
    view: &'a ClusterView,
    namespace: &'a str,
) -> impl Iterator<Item = (&'a Object, &'a str, Option<&'a Value>)> + 'a {
    view.in_namespace("Ingress", namespace).flat_map(|ingress| {
        let rules = ingress.list("spec.rules").iter();
        let paths = rules.flat_map(|rule| {
            rule.pointer("/http/paths")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        });
        let backends = paths
            .filter_map(|path| path.pointer("/backend/service"))
            .chain(ingress.at("spec.defaultBackend.service"));
        backends.filter_map(move |backend| {
            let port = backend.pointer("/port/number").or(backend.pointer("/port/name"));
            Some((ingress, backend.get("name")?.as_str()?, port))
        })
    })
}

/// A backend that does not exist. Where a workload of that very name is there, its Service is what lacks.
fn nowhere(view: &ClusterView, ingress: &Object, name: &str) -> Option<Signal> {
    let service = ObjectRef::of("Service", ingress.namespace(), name);
    if view.lookup(&service).outcome != LookupOutcome::Empty {
        return None;
    }
    let waits = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .any(|kind| view.get(kind, ingress.namespace(), name).is_some());
    let (object, mechanism, certainty, field, found, expected) = if waits {
        (
            &service,
            "cascading-failure/service-missing",
            0.93,
            "metadata.name",
            "absent",
            Some(name),
        )
    } else {
        (ingress.reference(), ID, 0.9, "spec.rules", name, None)
    };
    let message = format!(
        "{} routes to {service}, which does not exist",
        ingress.reference()
    );
    let built = signal("ingress", object, &message)
        .mechanism(mechanism, certainty)
        .severity(Severity::Critical)
        .onset(written(ingress))
        .affects([service.clone(), ingress.reference().clone()])
        .affects(meant(view, ingress.namespace(), name))
        .lookup(view, &service)
        .facts(ingress, ["spec.rules", "spec.defaultBackend"])
        .params(field, found, expected);
    Some(built.build())
}

/// A backend that exists and has no such port.
fn no_port(view: &ClusterView, ingress: &Object, name: &str, port: Option<&Value>) -> Option<Signal> {
    let service = view.get("Service", ingress.namespace(), name)?;
    let port = port?;
    let ports = service.list("spec.ports");
    let has = ports.iter().any(|offered| {
        offered.get("port") == Some(port) || (port.is_string() && offered.get("name") == Some(port))
    });
    if has || ports.is_empty() || service.str("spec.type") == "ExternalName" {
        return None;
    }
    let found = cluster::path::text(port);
    let offered = cluster::path::text(ports.first()?.get("port")?);
    let message = format!(
        "{} routes to port {found} of {}, which has port {offered}",
        ingress.reference(),
        service.reference()
    );
    Some(
        signal("ingress", ingress.reference(), &message)
            .mechanism(ID, 0.93)
            .severity(Severity::Critical)
            .onset(written(ingress))
            .affects(meant(view, ingress.namespace(), name))
            .facts(ingress, ["spec.rules", "spec.defaultBackend"])
            .facts(service, ["spec.ports"])
            .params("spec.rules", &found, Some(&offered))
            .build(),
    )
}

/// A class that does not exist: no controller serves the Ingress.
fn no_class(view: &ClusterView, ingress: &Object) -> Option<Signal> {
    let class = ingress.str("spec.ingressClassName");
    let reference = ObjectRef::of("IngressClass", "", class);
    if class.is_empty() || view.lookup(&reference).outcome != LookupOutcome::Empty {
        return None;
    }
    let known: Vec<&str> = view.of_kind("IngressClass").map(Object::name).collect();
    let message = format!(
        "{} has the class {class}, which does not exist (there are: {})",
        ingress.reference(),
        known.join(", ")
    );
    let services = backends(view, ingress.namespace())
        .filter(|(own, ..)| own.reference() == ingress.reference())
        .flat_map(|(_, name, _)| meant(view, ingress.namespace(), name));
    // Without a class at all, controllers without classes may serve it; an old Ingress has been so for long.
    let certainty = if known.is_empty() { 0.5 } else { 0.92 };
    Some(
        signal("ingress", ingress.reference(), &message)
            .mechanism(ID, certainty)
            .severity(Severity::Critical)
            .onset(written(ingress))
            .affects(services)
            .lookup(view, &reference)
            .facts(ingress, ["spec.ingressClassName"])
            .params("spec.ingressClassName", class, known.first().copied())
            .build(),
    )
}

/// The workloads that Services of a namespace send to, and those Services: the ones of that name, or whose name begins like
/// it, as a mistyped one does.
fn meant(view: &ClusterView, namespace: &str, name: &str) -> Vec<ObjectRef> {
    let mut out = Vec::new();
    for service in view.in_namespace("Service", namespace) {
        if !(service.name().starts_with(name) || name.starts_with(service.name())) {
            continue;
        }
        out.push(service.reference().clone());
        let Some(wanted) = service.at("spec.selector") else {
            continue;
        };
        out.extend(
            ["Deployment", "StatefulSet", "DaemonSet"]
                .into_iter()
                .flat_map(|kind| view.in_namespace(kind, namespace))
                .filter(|workload| selector::map_selects(wanted, selector::template_labels(workload)))
                .map(|workload| workload.reference().clone()),
        );
    }
    out
}

fn written(ingress: &Object) -> Option<jiff::Timestamp> {
    ingress.last_write("spec").and_then(|manager| manager.time)
}
