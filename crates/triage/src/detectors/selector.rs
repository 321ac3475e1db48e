//! Services whose selector also catches the pods of other applications.

use std::collections::BTreeMap;

use cluster::{Object, selector};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;

use super::complaints;
use super::finding::signal;
use super::{Context, Detector};

const ID: &str = "cascading-failure/selector-too-broad";

pub(super) const DETECTOR: Detector = Detector {
    name: "selector",
    mechanisms: &[ID],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let services = context
        .view
        .of_kind("Service")
        .filter(|service| service.at("spec.selector").is_some());
    services
        .filter_map(|service| too_broad(context, service))
        .collect()
}

fn too_broad(context: &Context<'_>, service: &Object) -> Option<Signal> {
    let view = context.view;
    let wanted = service.at("spec.selector")?;
    let mut caught: BTreeMap<ObjectRef, usize> = BTreeMap::new();
    for pod in view.in_namespace("Pod", service.namespace()) {
        if selector::map_selects(wanted, selector::labels(pod)) {
            *caught.entry(view.workload_of(pod)).or_default() += 1;
        }
    }
    let meant = caught.keys().find(|workload| workload.name == service.name())?;
    // A canary or a second version shares the Service on purpose; what has a Service of its own and another image does not.
    let image = |workload: &ObjectRef| view.get_ref(workload).map(repository).unwrap_or_default();
    let foreign: Vec<&ObjectRef> = caught
        .keys()
        .filter(|workload| *workload != meant && image(workload) != image(meant))
        .filter(|workload| has_own_service(context, workload, service))
        .collect();
    let first = foreign.first()?;
    let edit = service
        .last_write("spec.selector")
        .and_then(|manager| manager.time);
    let noticed = context.noticed.unwrap_or(view.now);
    let fresh = edit.is_some_and(|at| {
        noticed.duration_since(at) < SignedDuration::from_hours(24)
            && service.created().is_none_or(|made| at > made)
    });
    let complaints: Vec<_> = complaints::about(context, ID)
        .into_iter()
        .filter(|complaint| &complaint.call.service == service.reference())
        .collect();
    let certainty = match (fresh, complaints.is_empty()) {
        (true, false) => 0.93,
        (true, true) | (false, false) => 0.7,
        (false, true) => 0.4,
    };
    let pods: usize = foreign.iter().filter_map(|workload| caught.get(*workload)).sum();
    let message = format!(
        "{} selects {} and so also sends to {pods} pods of {} other workloads, such as {first}",
        service.reference(),
        selector::show(wanted),
        foreign.len()
    );
    let labels = view.get_ref(meant).map(selector::template_labels);
    let expected = labels.and_then(|labels| {
        labels
            .get("app")
            .or(labels.get("app.kubernetes.io/name"))?
            .as_str()
    });
    let callers = context
        .calls
        .iter()
        .filter(|call| &call.service == service.reference());
    Some(
        signal("selector", service.reference(), &message)
            .mechanism(ID, certainty)
            .severity(Severity::Critical)
            .onset(edit)
            .affects(callers.map(|call| call.from.clone()))
            .affects([meant.clone()])
            .facts(service, ["spec.selector"])
            .computed(service.reference(), "endpoints.foreign", &pods.to_string(), None)
            .fact(complaints.last().map(super::complaints::Complaint::fact))
            .params("spec.selector", &selector::show(wanted), expected)
            .build(),
    )
}

/// Whether another Service, narrower than this one, sends to a workload.
fn has_own_service(context: &Context<'_>, workload: &ObjectRef, than: &Object) -> bool {
    let Some(object) = context.view.get_ref(workload) else {
        return false;
    };
    context
        .view
        .in_namespace("Service", &workload.namespace)
        .filter(|service| service.reference() != than.reference())
        .filter_map(|service| Some((service, service.at("spec.selector")?)))
        .any(|(service, wanted)| {
            service.name() == workload.name
                && selector::map_selects(wanted, selector::template_labels(object))
        })
}

/// The image of a workload's first container without tag and digest.
fn repository(workload: &Object) -> String {
    let containers = workload.list("spec.template.spec.containers");
    let image = containers
        .first()
        .and_then(|container| container.get("image")?.as_str())
        .unwrap_or_default();
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
        _ => name.to_owned(),
    }
}
