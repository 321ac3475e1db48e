//! Requests to the API server that RBAC denies: which role of the account lacks the verb, by the API's own rules.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;
use serde_json::Value;

use super::said::{self, Said};
use super::{Context, Detector};
use crate::detectors::finding::signal;
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

/// What was asked and denied.
struct Denied {
    account: String,
    namespace: String,
    verb: String,
    resource: String,
    group: String,
    /// Namespace of the request; `None` at cluster scope.
    scope: Option<String>,
}

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
    let roles = roles(view, &asked);
    let complete = has_lists(view, &asked);
    if roles.iter().any(|role| allows(role, &asked, true)) {
        // Granted meanwhile, or denied by something else than RBAC.
        return None;
    }
    let near: Vec<&&Object> = roles.iter().filter(|role| allows(role, &asked, false)).collect();
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

fn parse(said: &Said<'_>) -> Option<Denied> {
    let hit = wording::captures(said.words(), DENIED)?;
    let text = |name: &str| hit.name(name).map(|found| found.as_str().to_owned());
    let user = text("user")?;
    let (namespace, account) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(Denied {
        account: account.to_owned(),
        namespace: namespace.to_owned(),
        verb: text("verb")?,
        resource: text("what")?,
        group: text("group").unwrap_or_default(),
        scope: text("namespace"),
    })
}

fn absent_role(asked: &Denied) -> ObjectRef {
    let namespace = asked.scope.as_deref().unwrap_or_default();
    let kind = if namespace.is_empty() {
        "ClusterRole"
    } else {
        "Role"
    };
    ObjectRef::of(kind, namespace, &asked.account)
}

/// The roles that bindings give to the account where the request is judged.
fn roles<'a>(view: &'a ClusterView, asked: &Denied) -> Vec<&'a Object> {
    let place = asked.scope.as_deref().unwrap_or_default();
    let local = view
        .in_namespace("RoleBinding", place)
        .filter(|_| !place.is_empty());
    local
        .chain(view.of_kind("ClusterRoleBinding"))
        .filter(|binding| {
            binding
                .list("subjects")
                .iter()
                .any(|subject| is_account(subject, asked))
        })
        .filter_map(|binding| {
            let kind = binding.str("roleRef.kind");
            let namespace = if kind == "Role" { binding.namespace() } else { "" };
            view.get(kind, namespace, binding.str("roleRef.name"))
        })
        .collect()
}

fn is_account(subject: &Value, asked: &Denied) -> bool {
    let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
    match text("kind") {
        "ServiceAccount" => text("name") == asked.account && text("namespace") == asked.namespace,
        "User" => text("name") == format!("system:serviceaccount:{}:{}", asked.namespace, asked.account),
        "Group" => {
            text("name") == "system:serviceaccounts"
                || text("name") == format!("system:serviceaccounts:{}", asked.namespace)
                || text("name") == "system:authenticated"
        }
        _ => false,
    }
}

/// Whether a role's rules admit the request, or with `verbs` false only name its resource.
fn allows(role: &Object, asked: &Denied, verbs: bool) -> bool {
    role.list("rules").iter().any(|rule| {
        let has = |field: &str, wanted: &str| {
            rule.get(field)
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|found| found == wanted || found == "*"))
        };
        let plain = rule.get("resourceNames").is_none();
        has("apiGroups", &asked.group)
            && has("resources", &asked.resource)
            && (!verbs || (plain && has("verbs", &asked.verb)))
    })
}

fn has_lists(view: &ClusterView, asked: &Denied) -> bool {
    let place = asked.scope.as_deref().unwrap_or_default();
    let local = place.is_empty() || (view.has_list("Role", place) && view.has_list("RoleBinding", place));
    local && view.has_list("ClusterRoleBinding", "") && view.has_list("ClusterRole", "")
}
