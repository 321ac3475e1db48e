//! What a workload reads: ConfigMaps, Secrets, its service account, and addresses.

use cluster::{calls, read, topology};
use domain::LookupOutcome;
use schemars::JsonSchema;
use serde::Deserialize;

use super::workload::WorkloadArgs;
use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, workload};

/// References of a workload.
pub(crate) struct ConfigRefs;

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct ConfigArgs(WorkloadArgs);

impl Tool for ConfigRefs {
    const NAME: &'static str = "config_refs";
    const ABOUT: &'static str = "ConfigMaps, Secrets and service addresses that a workload's template names, and whether each exists.";
    type Args = ConfigArgs;

    async fn call(ConfigArgs(args): ConfigArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let mut view = workspace.namespace(&args.namespace).await?;
        let references = topology::config_refs(
            workload(&view, &args.namespace, &args.name)?,
            "spec.template.spec",
        );
        let secrets = references.iter().filter(|reference| reference.kind == "Secret");
        read::secrets(&workspace.reader, &mut view, secrets.cloned().collect()).await;
        let found = workload(&view, &args.namespace, &args.name)?;
        let mut out = Output::default();
        for reference in references {
            let outcome = out.look_for(&view, &reference);
            let word = match outcome {
                LookupOutcome::Found => "exists",
                LookupOutcome::Empty => "absent",
                LookupOutcome::CouldNotLook => "unknown",
            };
            out.fact(
                found.reference(),
                &format!("uses[{}/{}]", reference.kind, reference.name),
                word,
                None,
            );
            if let Some(facts) = view.secret_facts(&reference) {
                let keys: Vec<&str> = facts.keys.iter().map(|key| key.name.as_str()).collect();
                out.fact(&reference, "data.keys", &keys.join(", "), None);
            }
            if let Some(used) = view.get_ref(&reference).filter(|used| used.kind() == "ConfigMap") {
                let keys: Vec<String> = used
                    .pairs("data")
                    .map(|(key, _)| format!("data[{key}]"))
                    .collect();
                out.facts(used, keys.iter().map(String::as_str));
            }
        }
        for call in calls::calls(&view)
            .into_iter()
            .filter(|call| &call.from == found.reference())
        {
            let exists = match call.exists {
                Some(true) => "Service exists",
                Some(false) => "no such Service",
                None => "namespace not read",
            };
            out.fact(found.reference(), &format!("calls[{}]", call.host), exists, None);
            if let Some(source) = view.get_ref(&call.source) {
                out.facts(source, [call.field.as_str()]);
            }
        }
        Ok(out)
    }
}
