//! Requests to the API server that RBAC denies: which role of the account lacks the verb, by the API's own rules.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;

use super::said::{self, Said};
use super::{Context, Detector};
use crate::detectors::finding::signal;
use crate::rbac::{Reach, Request};
use crate::wording;

pub(super) const DETECTOR: Detector = Detector {
    name: "rights",
    mechanisms: &[DENIED],
    run,
};

pub(crate) const DENIED: &str = "config-and-secrets/rbac-denied";
/// A denial that ended longer ago is over.
const RECENT: SignedDuration = SignedDuration::from_mins(20);
/// Fewer denials may be a request that was never meant to succeed.
const MANY: usize = 3;

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind))
        .filter_map(|workload| denied(view, workload))
        .collect()
}

fn denied(view: &ClusterView, workload: &Object) -> Option<Signal> {
    let lines: Vec<Said<'_>> = view
        .pods_of(workload.reference())
        .flat_map(|pod| said::of_pod(view, pod))
        .filter(|said| wording::means(said.words(), DENIED))
        .collect();
    let last = lines.last()?;
    let recent = last
        .line
        .at
        .is_some_and(|at| view.now.duration_since(at) < RECENT);
    if !recent || lines.len() < MANY {
        return None;
    }
    let asked = lines.iter().rev().find_map(parse)?;
    let roles: Vec<&Object> = asked.grants(view).into_iter().map(|grant| grant.role).collect();
    let complete = asked.is_decidable(view);
    if roles.iter().any(|role| asked.reach(role) == Reach::Allows) {
        // Granted meanwhile, or denied by something else than RBAC.
        return None;
    }
    let near: Vec<&&Object> = roles
        .iter()
        .filter(|role| asked.reach(role) == Reach::NamesResource)
        .collect();
    let (object, found, certainty) = match near.as_slice() {
        [one] => (
            one.reference().clone(),
            "lacks the verb",
            if complete { 0.94 } else { 0.6 },
        ),
        [] => match roles.as_slice() {
            [one] => (
                one.reference().clone(),
                "does not name the resource",
                if complete { 0.82 } else { 0.5 },
            ),
            _ => (
                absent_role(&asked),
                "is not bound",
                if complete { 0.6 } else { 0.4 },
            ),
        },
        [first, ..] => (first.reference().clone(), "lacks the verb", 0.6),
    };
    let first = lines.iter().find_map(|said| said.line.at);
    let changed = view
        .get_ref(&object)
        .and_then(|role| role.last_write("rules"))
        .and_then(|manager| manager.time);
    let message = format!(
        "{object} {found}: {} may not {} {} ({}), and {} is denied since {}",
        asked.account,
        asked.verb,
        asked.resource,
        asked.scope.as_deref().unwrap_or("cluster scope"),
        workload.reference(),
        first.map_or_else(|| "before its log begins".to_owned(), |at| at.to_string())
    );
    let mut built = signal("rights", &object, &message)
        .mechanism(DENIED, certainty)
        .severity(Severity::Critical)
        .onset(first)
        .affects([workload.reference().clone(), last.pod.reference().clone()])
        .params(
            "rules",
            found,
            Some(&format!("{} on {}", asked.verb, asked.resource)),
        )
        .param("account", &asked.account)
        .lookup(view, &object)
        .fact(Some(last.fact("cannot")));
    if let Some(role) = view.get_ref(&object) {
        built = built.facts(role, ["rules"]);
    }
    if let Some(at) = changed {
        built = built.computed(
            &object,
            "metadata.managedFields[rules].time",
            &at.to_string(),
            Some(at),
        );
    }
    Some(built.build())
}

fn parse(said: &Said<'_>) -> Option<Request> {
    let hit = wording::captures(said.words(), DENIED)?;
    let text = |name: &str| hit.name(name).map(|found| found.as_str().to_owned());
    let user = text("user")?;
    let (namespace, account) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(Request {
        account: account.to_owned(),
        namespace: namespace.to_owned(),
        verb: text("verb")?,
        resource: text("what")?,
        group: text("group").unwrap_or_default(),
        scope: text("namespace"),
    })
}

fn absent_role(asked: &Request) -> ObjectRef {
    let namespace = asked.scope.as_deref().unwrap_or_default();
    let kind = if namespace.is_empty() {
        "ClusterRole"
    } else {
        "Role"
    };
    ObjectRef::of(kind, namespace, &asked.account)
}
