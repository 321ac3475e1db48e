//! Pods that no node can take for their size: what they request against the most that any node has.

use std::collections::BTreeMap;

use cluster::{ClusterView, Object, changes};
use domain::{FieldDiff, ObjectRef, Severity, Signal};
use serde_json::Value;

use super::finding::signal;
use super::text::quantity;
use super::{Context, Detector};
use crate::wording::{Place, Words, captures};

pub(super) const DETECTOR: Detector = Detector {
    name: "capacity",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/insufficient-capacity";

/// What a pending pod requests of a resource that no node has left.
struct Want<'a> {
    pod: &'a Object,
    resource: String,
    requested: f64,
    /// The most that any node offers.
    most: f64,
    /// The container that asks for most of it.
    container: String,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    if !view.has_list("Node", "") {
        return Vec::new();
    }
    let mut by_workload: BTreeMap<ObjectRef, Want<'_>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        if let Some(want) = want(view, pod) {
            by_workload.entry(view.workload_of(pod)).or_insert(want);
        }
    }
    by_workload
        .into_iter()
        .map(|(workload, want)| explain(view, &workload, &want))
        .collect()
}

fn want<'a>(view: &ClusterView, pod: &'a Object) -> Option<Want<'a>> {
    if pod.str("status.conditions[PodScheduled].reason") != "Unschedulable" {
        return None;
    }
    let words = Words {
        place: Place::Condition,
        reason: "Unschedulable",
        message: pod.str("status.conditions[PodScheduled].message"),
    };
    let resource = captures(words, ID)?.name("resource")?.as_str().to_owned();
    let mut requested = 0.0;
    let (mut container, mut greatest) = (String::new(), -1.0);
    for spec in pod.list("spec.containers") {
        let pointer = |part: &str| format!("/resources/{part}/{}", resource.replace('/', "~1"));
        let amount = spec
            .pointer(&pointer("requests"))
            .or_else(|| spec.pointer(&pointer("limits")))
            .and_then(Value::as_str)
            .and_then(quantity)
            .unwrap_or(0.0);
        requested += amount;
        if amount > greatest {
            greatest = amount;
            let name = spec.get("name").and_then(Value::as_str).unwrap_or_default();
            name.clone_into(&mut container);
        }
    }
    let most = view
        .of_kind("Node")
        .filter_map(|node| quantity(node.str(&format!("status.allocatable[{resource}]"))))
        .fold(0.0, f64::max);
    Some(Want {
        pod,
        resource,
        requested,
        most,
        container,
    })
}

fn explain(view: &ClusterView, workload: &ObjectRef, want: &Want<'_>) -> Signal {
    let Want {
        pod,
        resource,
        requested,
        most,
        container,
    } = want;
    let owner = view.get_ref(workload);
    let field = format!("spec.template.spec.containers[{container}].resources.requests.{resource}");
    let raised = owner
        .and_then(|owner| changes::revisions(view, owner))
        .and_then(|revisions| {
            revisions
                .diff()
                .into_iter()
                .find(|diff| same(&diff.field, &field))
        });
    let too_big = requested > most;
    let certainty = match (too_big, &raised) {
        (true, Some(_)) => 0.95,
        (true, None) => 0.85,
        (false, Some(_)) => 0.65,
        (false, None) => 0.55,
    };
    let show = |amount: f64| match resource.as_str() {
        "memory" | "ephemeral-storage" => format!("{:.1}Gi", amount / 1_073_741_824.0),
        _ => format!("{amount}"),
    };
    let outcome = if too_big {
        format!("and no node has more than {}", show(*most))
    } else {
        format!("which no node has left of its {}", show(*most))
    };
    let message = format!(
        "{workload} requests {} {resource} per pod, {outcome}",
        show(*requested)
    );
    let text = |value: Option<&FieldDiff>, after: bool| {
        let diff = value?;
        let side = if after { &diff.after } else { &diff.before };
        side.as_ref().map(ToString::to_string)
    };
    let found = text(raised.as_ref(), true).unwrap_or_else(|| show(*requested));
    let before = text(raised.as_ref(), false);
    let mut built = signal("capacity", workload, &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([pod.reference().clone(), workload.clone()])
        .params(&field, &found, before.as_deref())
        .param("container", container)
        .facts(
            pod,
            [
                "status.conditions[PodScheduled].reason",
                "status.conditions[PodScheduled].message",
            ],
        );
    if let Some(owner) = owner {
        built = built.facts(owner, [field.as_str()]);
    }
    let greatest = view
        .of_kind("Node")
        .max_by(|a, b| offer(a, resource).total_cmp(&offer(b, resource)));
    if let Some(node) = greatest {
        let path = format!("status.allocatable[{resource}]");
        built = built.facts(node, [path.as_str()]);
    }
    built.build()
}

fn offer(node: &Object, resource: &str) -> f64 {
    quantity(node.str(&format!("status.allocatable[{resource}]"))).unwrap_or(0.0)
}

/// Whether two paths name the same field; keys with dots are written in brackets or not.
fn same(a: &str, b: &str) -> bool {
    let plain = |path: &str| path.replace(['[', ']', '.'], "/").replace("//", "/");
    plain(a).trim_end_matches('/') == plain(b).trim_end_matches('/')
}
