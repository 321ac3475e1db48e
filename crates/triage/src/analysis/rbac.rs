//! Whether RBAC allows a service account a request, by the API's own rules. Must not know who asks or why.

use cluster::{ClusterView, Object};
use serde_json::Value;

/// A request of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Name of the account.
    pub account: String,
    /// Its namespace.
    pub namespace: String,
    /// Verb, as in `list`.
    pub verb: String,
    /// Plural of the resource, with a subresource after a slash.
    pub resource: String,
    /// API group, `""` for core.
    pub group: String,
    /// Namespace of the request; `None` at cluster scope.
    pub scope: Option<String>,
}

/// A binding that holds for the account where the request is judged, and the role that it gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grant<'a> {
    /// The binding.
    pub binding: &'a Object,
    /// Its role.
    pub role: &'a Object,
}

/// How far a role goes towards a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It allows the request.
    Allows,
    /// It names the resource, but not the verb, or only some objects of it.
    NamesResource,
    /// It says nothing of the resource.
    Nothing,
}

impl Request {
    fn place(&self) -> &str {
        self.scope.as_deref().unwrap_or_default()
    }

    /// The roles that bindings give to the account where the request is judged.
    pub fn grants<'a>(&'a self, view: &'a ClusterView) -> Vec<Grant<'a>> {
        let local = view
            .in_namespace("RoleBinding", self.place())
            .filter(|_| !self.place().is_empty());
        local
            .chain(view.of_kind("ClusterRoleBinding"))
            .filter(|binding| binding.list("subjects").iter().any(|subject| self.is_by(subject)))
            .filter_map(|binding| {
                let kind = binding.str("roleRef.kind");
                let namespace = if kind == "Role" { binding.namespace() } else { "" };
                let role = view.get(kind, namespace, binding.str("roleRef.name"))?;
                Some(Grant { binding, role })
            })
            .collect()
    }

    /// How far a role goes.
    pub fn reach(&self, role: &Object) -> Reach {
        let rules = role.list("rules");
        let mut names = false;
        for rule in rules {
            let has = |field: &str, wanted: &str| {
                rule.get(field)
                    .and_then(Value::as_array)
                    .is_some_and(|list| list.iter().any(|found| found == wanted || found == "*"))
            };
            // A subresource may be granted for all resources: `*/scale`.
            let of_all = self
                .resource
                .split_once('/')
                .is_some_and(|(_, sub)| has("resources", &format!("*/{sub}")));
            if !(has("apiGroups", &self.group) && (has("resources", &self.resource) || of_all)) {
                continue;
            }
            if rule.get("resourceNames").is_none() && has("verbs", &self.verb) {
                return Reach::Allows;
            }
            names = true;
        }
        if names {
            Reach::NamesResource
        } else {
            Reach::Nothing
        }
    }

    /// Whether all roles and bindings that could allow it were listed.
    pub fn is_decidable(&self, view: &ClusterView) -> bool {
        let place = self.place();
        let local = place.is_empty() || (view.has_list("Role", place) && view.has_list("RoleBinding", place));
        local && view.has_list("ClusterRoleBinding", "") && view.has_list("ClusterRole", "")
    }

    /// Whether a subject of a binding is the account, by name or by a group that every account is in.
    fn is_by(&self, subject: &Value) -> bool {
        let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
        match text("kind") {
            "ServiceAccount" => text("name") == self.account && text("namespace") == self.namespace,
            "User" => text("name") == format!("system:serviceaccount:{}:{}", self.namespace, self.account),
            "Group" => {
                text("name") == "system:serviceaccounts"
                    || text("name") == format!("system:serviceaccounts:{}", self.namespace)
                    || text("name") == "system:authenticated"
            }
            _ => false,
        }
    }
}
