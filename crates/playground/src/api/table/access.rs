//! The columns of RBAC kinds and service accounts.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, name};
use crate::build::json::{items, text};

/// The printer of an access kind.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            ("Name,Role,Age|Users,Groups,ServiceAccounts", binding)
        }
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => ("Name,Created At", role),
        ("", "ServiceAccount") => ("Name,Secrets,Age", service_account),
        _ => return None,
    };
    Some(found)
}

fn binding(object: &Value, now: Timestamp) -> Vec<Value> {
    let subjects = |kind: &str| {
        let found: Vec<String> = items(object, "/subjects")
            .iter()
            .filter(|subject| text(subject, "/kind") == kind)
            .map(|subject| match text(subject, "/namespace") {
                "" => text(subject, "/name").to_owned(),
                namespace => format!("{namespace}/{}", text(subject, "/name")),
            })
            .collect();
        json!(found.join(", "))
    };
    vec![
        name(object),
        json!(format!(
            "{}/{}",
            text(object, "/roleRef/kind"),
            text(object, "/roleRef/name")
        )),
        age(object, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn role(object: &Value, _now: Timestamp) -> Vec<Value> {
    vec![name(object), json!(text(object, "/metadata/creationTimestamp"))]
}

fn service_account(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(items(object, "/secrets").len()),
        age(object, now),
    ]
}
