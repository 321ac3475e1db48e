//! Pods that the API server does not admit: no account, a security context against the namespace's level, a webhook that
//! does not answer or is not trusted. The controller's `FailedCreate` carries the refusal.

use cluster::{ClusterView, Object, changes};
use domain::{LookupOutcome, ObjectRef, Severity, Signal};

use super::{Context, Detector};
use crate::detectors::finding::{event_fact, signal};
use crate::network::ready_endpoints;
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "admission",
    mechanisms: &[ACCOUNT, SECURITY, BLOCKING, AUTHORITY],
    run,
};

const ACCOUNT: &str = "config-and-secrets/service-account-missing";
const SECURITY: &str = "config-and-secrets/security-context-rejected";
const BLOCKING: &str = "config-and-secrets/webhook-blocking";
const AUTHORITY: &str = "config-and-secrets/webhook-ca-mismatch";
const WEBHOOKS: &[&str] = &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// A refusal to create a pod.
struct Refusal<'a> {
    event: &'a Object,
    /// The controller that may not create pods.
    creator: ObjectRef,
    /// The workload above it.
    workload: ObjectRef,
    words: Words<'a>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = Vec::new();
    for refusal in refusals(view) {
        let found = account(view, &refusal)
            .or_else(|| security(view, &refusal))
            .or_else(|| webhook(view, &refusal));
        let Some(found) = found else { continue };
        match out
            .iter_mut()
            .find(|known| known.object == found.object && known.mechanism == found.mechanism)
        {
            Some(known) => {
                known.affects.extend(found.affects);
                known.affects.sort();
                known.affects.dedup();
                known.certainty = known.certainty.max(found.certainty);
            }
            None => out.push(found),
        }
    }
    out
}

/// The newest refusal of each controller that is still short of pods.
fn refusals(view: &ClusterView) -> Vec<Refusal<'_>> {
    let mut out: Vec<Refusal<'_>> = Vec::new();
    let mut events: Vec<&Object> = view
        .of_kind("Event")
        .filter(|event| event.str("reason") == "FailedCreate")
        .collect();
    events.sort_by_key(|event| std::cmp::Reverse(cluster::view::event_time(event)));
    for event in events {
        let creator = ObjectRef::of(
            event.str("involvedObject.kind"),
            event.str("involvedObject.namespace"),
            event.str("involvedObject.name"),
        );
        let Some(object) = view.get_ref(&creator) else {
            continue;
        };
        let wanted = object.int("spec.replicas");
        let ready = object.int("status.readyReplicas");
        let is_short = object.kind() != "ReplicaSet" || wanted > ready;
        if !is_short || out.iter().any(|known| known.creator == creator) {
            continue;
        }
        out.push(Refusal {
            event,
            workload: view.workload_of(object),
            creator,
            words: Words {
                place: Place::Event,
                reason: "FailedCreate",
                message: event.str("message"),
            },
        });
    }
    out
}

fn account(view: &ClusterView, refusal: &Refusal<'_>) -> Option<Signal> {
    let hit = wording::captures(refusal.words, ACCOUNT)?;
    let name = hit.name("name").or(hit.name("account"))?.as_str();
    let object = ObjectRef::of("ServiceAccount", &refusal.workload.namespace, name);
    if view.get_ref(&object).is_some() {
        return None;
    }
    let absent = view.lookup(&object).outcome == LookupOutcome::Empty;
    let message = format!(
        "{} runs as {object}, which does not exist, so that no pod is created: {}",
        refusal.workload, refusal.words.message
    );
    let built = base(view, refusal, &object, &message)
        .mechanism(ACCOUNT, if absent { 0.97 } else { 0.65 })
        .lookup(view, &object)
        .params("metadata.name", "no such object", Some(name));
    Some(built.build())
}

/// Pod Security speaks; the rollout that broke the level, or the level that came over a workload, is told by their
/// times. Either way the workload is what can be mended.
fn security(view: &ClusterView, refusal: &Refusal<'_>) -> Option<Signal> {
    if !wording::means(refusal.words, SECURITY) || refusal.words.message.contains("failed calling webhook") {
        return None;
    }
    let owner = view.get_ref(&refusal.workload)?;
    let changed = changes::revisions(view, owner)
        .map(|revisions| revisions.diff())
        .unwrap_or_default()
        .into_iter()
        .find(|diff| is_about(&diff.field));
    let level = view
        .get("Namespace", "", &refusal.workload.namespace)
        .map(|namespace| {
            namespace
                .str("metadata.labels[pod-security.kubernetes.io/enforce]")
                .to_owned()
        })
        .filter(|level| !level.is_empty());
    let by_level = refusal.words.message.contains("violates PodSecurity");
    let certainty = match (changed.is_some(), level.is_some() && by_level) {
        (true, true) => 0.95,
        (_, true) => 0.85,
        (true, false) => 0.8,
        (false, false) => 0.6,
    };
    let text = |value: &Option<domain::Redacted>| {
        value
            .as_ref()
            .map_or_else(|| "unset".to_owned(), ToString::to_string)
    };
    let (field, found, before) = changed.map_or_else(
        || {
            (
                "spec.template.spec.securityContext".to_owned(),
                "as refused".to_owned(),
                None,
            )
        },
        |diff| (diff.field.clone(), text(&diff.after), Some(text(&diff.before))),
    );
    let message = format!(
        "{}: no pod is admitted, {field} is {found}: {}",
        refusal.workload, refusal.words.message
    );
    let mut built = base(view, refusal, &refusal.workload, &message)
        .mechanism(SECURITY, certainty)
        .params(&field, &found, before.as_deref())
        .facts(owner, [field.as_str()]);
    if let Some(namespace) = view.get("Namespace", "", &refusal.workload.namespace) {
        built = built.facts(namespace, ["metadata.labels[pod-security.kubernetes.io/enforce]"]);
    }
    Some(built.build())
}

/// Fields of a template that Pod Security's levels speak of.
fn is_about(field: &str) -> bool {
    [
        "securityContext",
        "hostPath",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "hostPort",
        "volumes[",
    ]
    .iter()
    .any(|part| field.contains(part))
}

fn webhook(view: &ClusterView, refusal: &Refusal<'_>) -> Option<Signal> {
    let untrusted = wording::means(refusal.words, AUTHORITY);
    let hit = wording::captures(refusal.words, BLOCKING);
    let name = hit
        .as_ref()
        .and_then(|hit| hit.name("webhook"))
        .map(|name| name.as_str().to_owned())
        .or_else(|| quoted_after(refusal.words.message, "webhook \""))?;
    if !untrusted && hit.is_none() {
        return None;
    }
    let (configuration, webhook) =
        WEBHOOKS
            .iter()
            .flat_map(|kind| view.of_kind(kind))
            .find_map(|object| {
                let webhook = object
                    .list("webhooks")
                    .iter()
                    .find(|webhook| webhook.get("name").and_then(serde_json::Value::as_str) == Some(&name))?;
                Some((object, webhook))
            })?;
    let text = |pointer: &str| webhook.pointer(pointer).and_then(serde_json::Value::as_str);
    let service = text("/clientConfig/service/name").zip(text("/clientConfig/service/namespace"));
    let backend = service.and_then(|(name, namespace)| view.get("Service", namespace, name));
    let silent = backend.is_some_and(|service| {
        view.has_list("EndpointSlice", service.namespace()) && ready_endpoints(view, service) == 0
    });
    let denies = refusal.words.message.contains("denied the request");
    let fails_closed = text("/failurePolicy") != Some("Ignore");
    let (mechanism, certainty, field) = if untrusted {
        (
            AUTHORITY,
            if fails_closed { 0.93 } else { 0.5 },
            "clientConfig.caBundle",
        )
    } else if denies {
        // A guard that says no may be right: the pod may be what is wrong.
        (BLOCKING, 0.6, "rules")
    } else if silent {
        (BLOCKING, 0.95, "clientConfig.service")
    } else {
        (
            BLOCKING,
            if fails_closed { 0.86 } else { 0.5 },
            "clientConfig.service",
        )
    };
    let how = if untrusted {
        "the API server does not trust its certificate"
    } else if denies {
        "it denies the request"
    } else if silent {
        "its Service has no ready endpoint"
    } else {
        "it cannot be called"
    };
    let message = format!(
        "{}: webhook {name} of {} stops the creation of pods, as {how}: {}",
        refusal.workload,
        configuration.reference(),
        refusal.words.message
    );
    let path = format!("webhooks[{name}].{field}");
    let mut built = base(view, refusal, configuration.reference(), &message)
        .mechanism(mechanism, certainty)
        .params(&path, how, None)
        .param("webhook", &name)
        .facts(
            configuration,
            [
                format!("webhooks[{name}].failurePolicy").as_str(),
                format!("webhooks[{name}].clientConfig.service.name").as_str(),
            ],
        );
    if let Some(service) = backend {
        built = built.computed(
            service.reference(),
            "endpoints.ready",
            &ready_endpoints(view, service).to_string(),
            None,
        );
    }
    Some(built.build())
}

fn quoted_after(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

fn base(
    view: &ClusterView,
    refusal: &Refusal<'_>,
    object: &ObjectRef,
    message: &str,
) -> super::finding::SignalBuilder {
    let built = signal("admission", object, message)
        .severity(Severity::Critical)
        .onset(cluster::view::event_start(refusal.event))
        .affects([refusal.workload.clone(), refusal.creator.clone()])
        .fact(Some(event_fact(refusal.event)));
    match view.get_ref(&refusal.creator) {
        Some(creator) => built.facts(
            creator,
            [
                "spec.replicas",
                "status.replicas",
                "status.conditions[ReplicaFailure].message",
            ],
        ),
        None => built,
    }
}
