//! Pods that are not what their template says: a mutating webhook altered them when they were created. Told by the
//! difference of a pod from the template of its ReplicaSet or Job, which never change, and by the webhooks that match.

use std::collections::BTreeMap;

use cluster::{ClusterView, Object, selector};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::finding::signal;
use super::text::quantity;
use super::{Context, Detector};
use crate::containers::{self, Container};

pub(super) const DETECTOR: Detector = Detector {
    name: "mutation",
    mechanisms: &[MUTATING, MEMORY],
    run,
};

const MUTATING: &str = "config-and-secrets/webhook-mutating";
const MEMORY: &str = "resource-exhaustion/oom-by-webhook-or-job";
const CONFIGURATION: &str = "MutatingWebhookConfiguration";

/// Waiting reasons of a container whose image cannot be had.
const PULLS: &[&str] = &["ErrImagePull", "ImagePullBackOff", "InvalidImageName"];

/// A field of a container that differs from its template.
pub(super) struct Altered {
    /// What the template asks for; empty when it is silent.
    wanted: String,
    /// What the pod has.
    found: String,
}

/// A container that fails by a field that somebody altered.
struct Harm<'a> {
    container: Container<'a>,
    mechanism: &'static str,
    field: &'static str,
    altered: Altered,
    certainty: f64,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    if !view.has_list(CONFIGURATION, "") {
        return Vec::new();
    }
    let mut by_workload: BTreeMap<(ObjectRef, &str), Vec<Harm<'_>>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        for harm in containers::of(pod)
            .into_iter()
            .filter_map(|found| harm(view, found))
        {
            let key = (view.workload_of(pod), harm.mechanism);
            by_workload.entry(key).or_default().push(harm);
        }
    }
    by_workload
        .into_iter()
        .flat_map(|((workload, _), harms)| explain(view, &workload, &harms))
        .collect()
}

/// The field of a pod's container, where it is not what the template of its ReplicaSet or Job says and nobody edited the
/// pod afterwards.
pub(super) fn altered(view: &ClusterView, container: &Container<'_>, field: &str) -> Option<Altered> {
    let pod = container.pod;
    let owner = pod
        .controller()
        .filter(|owner| matches!(owner.kind.as_str(), "ReplicaSet" | "Job"))?;
    let template = view.get_ref(&owner)?;
    let path = format!("spec.template.{}", container.spec_path(field));
    let declared = template.at(&format!("spec.template.{}", container.spec_path("name")))?;
    let wanted = template.at(&path);
    let pointer = format!("/{}", field.replace('.', "/"));
    let found = container.spec.pointer(&pointer);
    let is_same = match (wanted.and_then(Value::as_str), found.and_then(Value::as_str)) {
        (Some(wanted), Some(found)) if field.starts_with("resources") => quantity(wanted) == quantity(found),
        _ => wanted == found,
    };
    if is_same || declared.is_null() || was_edited(pod) {
        return None;
    }
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Some(Altered {
        wanted: text(wanted),
        found: text(found),
    })
}

/// Whether somebody else than its creator wrote a pod's containers, as an edit of the image or a resize does. What a
/// webhook writes belongs to the creator: its patch is part of the same request.
fn was_edited(pod: &Object) -> bool {
    let writers = pod
        .managers()
        .iter()
        .filter(|manager| manager.subresource.is_empty())
        .filter(|manager| manager.fields.iter().any(|field| field.starts_with("spec.")));
    writers.count() > 1
        || pod
            .managers()
            .iter()
            .any(|manager| manager.subresource == "resize")
}

/// What is wrong with a container, if an altered field explains it.
fn harm<'a>(view: &ClusterView, container: Container<'a>) -> Option<Harm<'a>> {
    let reason = |part: &str| {
        let pointer = format!("/{part}/terminated/reason");
        container.status_str(&pointer).to_owned()
    };
    let ended = [reason("state"), reason("lastState")];
    let (field, mechanism, certainty) = if PULLS.contains(&container.waiting()) {
        ("image", MUTATING, 0.92)
    } else if ended.iter().any(|reason| reason == "OOMKilled") {
        ("resources.limits.memory", MEMORY, 0.92)
    } else if container.waiting() == "CrashLoopBackOff" || container.waiting() == "RunContainerError" {
        let by_command = ["command", "args", "image"]
            .into_iter()
            .find(|field| altered(view, &container, field).is_some());
        (
            by_command.unwrap_or("env"),
            MUTATING,
            if by_command.is_some() { 0.82 } else { 0.55 },
        )
    } else {
        return None;
    };
    let altered = altered(view, &container, field)?;
    let is_less = || quantity(&altered.found) < quantity(&altered.wanted);
    if field.starts_with("resources") && (altered.wanted.is_empty() || !is_less()) {
        return None;
    }
    Some(Harm {
        container,
        mechanism,
        field,
        altered,
        certainty,
    })
}

/// The configurations whose webhooks the API server asks about a pod that is created in this namespace with these labels.
fn matching<'a>(view: &'a ClusterView, pod: &Object) -> Vec<(&'a Object, &'a str)> {
    let listed = |rule: &Value, field: &str, wanted: &[&str]| {
        rule.get(field).and_then(Value::as_array).is_some_and(|list| {
            list.iter()
                .filter_map(Value::as_str)
                .any(|item| wanted.contains(&item))
        })
    };
    let namespace = view.get("Namespace", "", pod.namespace());
    let mut out = Vec::new();
    for configuration in view.of_kind(CONFIGURATION) {
        let is_later = configuration.created() > pod.created();
        for webhook in configuration.list("webhooks").iter().filter(|_| !is_later) {
            let rules = webhook.get("rules").and_then(Value::as_array);
            let by_rule = rules.into_iter().flatten().any(|rule| {
                listed(rule, "apiGroups", &["", "*"])
                    && listed(rule, "operations", &["CREATE", "*"])
                    && listed(rule, "resources", &["pods", "*", "*/*"])
            });
            let by_namespace = webhook.get("namespaceSelector").is_none_or(|wanted| {
                namespace.is_some_and(|found| selector::label_selects(wanted, selector::labels(found)))
            });
            let by_labels = webhook
                .get("objectSelector")
                .is_none_or(|wanted| selector::label_selects(wanted, selector::labels(pod)));
            if by_rule && by_namespace && by_labels {
                out.push((
                    configuration,
                    webhook.get("name").and_then(Value::as_str).unwrap_or_default(),
                ));
            }
        }
    }
    out
}

fn explain(view: &ClusterView, workload: &ObjectRef, harms: &[Harm<'_>]) -> Option<Signal> {
    let harm = harms.first()?;
    let pod = harm.container.pod;
    let found = matching(view, pod);
    let (configuration, webhook) = found.iter().max_by_key(|(object, _)| object.created()).copied()?;
    // Which of several webhooks did it, only their programs know.
    let is_only = found
        .iter()
        .all(|(object, _)| object.reference() == configuration.reference());
    let certainty = if is_only {
        harm.certainty
    } else {
        harm.certainty.min(0.65)
    };
    let path = harm.container.spec_path(harm.field);
    let Altered { wanted, found } = &harm.altered;
    let message = format!(
        "{} altered the pods of {workload} when they were created: {path} is {found}, their template says {}",
        configuration.reference(),
        if wanted.is_empty() { "nothing" } else { wanted }
    );
    let template = pod.controller()?;
    let wanted_path = format!("spec.template.{path}");
    let mut built = signal("mutation", configuration.reference(), &message)
        .mechanism(harm.mechanism, certainty)
        .severity(Severity::Critical)
        .onset(harms.iter().filter_map(|harm| harm.container.pod.created()).min())
        .affects(harms.iter().map(|harm| harm.container.pod.reference().clone()))
        .affects([workload.clone()])
        .params(&path, found, Some(wanted.as_str()))
        .param("webhook", webhook)
        .facts(pod, [path.as_str()])
        .facts(
            configuration,
            [
                "metadata.creationTimestamp".to_owned(),
                format!("webhooks[{webhook}].rules"),
            ]
            .iter()
            .map(String::as_str),
        );
    for field in [
        "state.waiting.reason",
        "state.waiting.message",
        "lastState.terminated.reason",
    ] {
        built = built.facts(pod, [harm.container.status_path(field).as_str()]);
    }
    if let Some(set) = view.get_ref(&template) {
        built = built.facts(set, [wanted_path.as_str()]);
    }
    Some(built.build())
}
