//! Whether RBAC allows a request.

use cluster::read;
use domain::ObjectRef;
use schemars::JsonSchema;
use serde::Deserialize;
use triage::rbac::{Reach, Request};

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Most grants shown.
const LIMIT: usize = 12;

/// RBAC's answer.
pub(crate) struct RbacCheck;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RbacArgs {
    /// Namespace of the service account.
    namespace: String,
    service_account: String,
    verb: String,
    /// Plural, e.g. configmaps or pods/log.
    resource: String,
    /// API group; omit for core.
    #[serde(default)]
    group: String,
    /// Namespace of the request; omit for cluster scope.
    #[serde(default)]
    in_namespace: String,
}

impl Tool for RbacCheck {
    const NAME: &'static str = "rbac_check";
    const ABOUT: &'static str = "Whether RBAC allows a service account a verb on a resource, computed from roles and bindings; shows which role allows it or comes near.";
    type Args = RbacArgs;

    async fn call(args: RbacArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let mut view = workspace.namespace(&args.namespace).await?;
        let wanted = [
            ("Role", args.in_namespace.as_str()),
            ("RoleBinding", args.in_namespace.as_str()),
            ("ClusterRole", ""),
            ("ClusterRoleBinding", ""),
        ];
        let missing: Vec<(&str, &str)> = wanted
            .into_iter()
            .filter(|(kind, place)| kind.starts_with("Cluster") || !place.is_empty())
            .filter(|(kind, place)| !view.has_list(kind, place))
            .collect();
        read::lists(&workspace.reader, &mut view, &missing).await;
        let account = ObjectRef::of("ServiceAccount", &args.namespace, &args.service_account);
        let mut out = Output::default();
        out.look_for(&view, &account);
        let request = Request {
            account: args.service_account,
            namespace: args.namespace,
            verb: args.verb,
            resource: args.resource,
            group: args.group,
            scope: Some(args.in_namespace).filter(|place| !place.is_empty()),
        };
        let grants = request.grants(&view);
        let allowed = grants
            .iter()
            .any(|grant| request.reach(grant.role) == Reach::Allows);
        let answer = match (allowed, request.is_decidable(&view)) {
            (true, _) => "allowed",
            (false, true) => "denied",
            (false, false) => "unknown: not all roles and bindings could be listed",
        };
        let path = format!("may[{} {}]", request.verb, request.resource);
        out.fact(&account, &path, answer, None);
        for grant in grants.iter().take(LIMIT) {
            let reach = match request.reach(grant.role) {
                Reach::Allows => "allows it",
                Reach::NamesResource => "names the resource, not the verb",
                Reach::Nothing => "says nothing of the resource",
            };
            out.fact(grant.role.reference(), &path, reach, grant.role.created());
            out.fact(
                grant.binding.reference(),
                "roleRef",
                &grant.role.reference().to_string(),
                grant.binding.created(),
            );
            if request.reach(grant.role) != Reach::Nothing {
                out.facts(grant.role, ["rules"]);
                if let Some(write) = grant.role.last_write("rules") {
                    out.fact(
                        grant.role.reference(),
                        "metadata.managedFields[rules].manager",
                        &write.name,
                        write.time,
                    );
                }
            }
        }
        if grants.is_empty() {
            out.note("no binding names this account or a group that it is in");
        }
        Ok(out)
    }
}
