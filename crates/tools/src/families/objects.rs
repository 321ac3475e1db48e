//! Any object, lists of a kind, stored evidence.

use cluster::{Look, Selectors, diff, kinds};
use domain::{Lookup, ObjectRef, Scope};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::{Output, render_evidence};
use crate::workspace::Workspace;

/// Most fields of an object that are listed.
const FIELD_LIMIT: usize = 60;

fn known_kind(name: &str) -> Result<&'static cluster::Kind, ToolError> {
    kinds::find(name).ok_or_else(|| {
        let known = kinds::KINDS
            .iter()
            .map(|kind| kind.kind)
            .collect::<Vec<_>>()
            .join(", ");
        ToolError::RespondToModel(format!(
            "`{name}` is not a kind that can be read; there are: {known}"
        ))
    })
}

/// Reads one object.
pub(crate) struct ObjectGet;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectGetArgs {
    kind: String,
    /// Omit for cluster-scoped kinds.
    #[serde(default)]
    namespace: String,
    name: String,
    /// Only fields under this path, e.g. spec.template.spec
    #[serde(default)]
    field: String,
}

impl Tool for ObjectGet {
    const NAME: &'static str = "object_get";
    const ABOUT: &'static str = "Fields of one object. Proves presence or absence of exactly that object.";
    type Args = ObjectGetArgs;

    async fn call(args: ObjectGetArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let kind = known_kind(&args.kind)?;
        let namespace = if kind.namespaced {
            args.namespace.as_str()
        } else {
            ""
        };
        if kind.namespaced && namespace.is_empty() {
            return Err(ToolError::RespondToModel(format!(
                "namespace is needed for a {}",
                kind.kind
            )));
        }
        let reference = ObjectRef::new(kind.group, kind.kind, namespace, &args.name);
        let look = workspace.reader.get(kind, namespace, &args.name).await;
        let mut out = Output::default();
        out.lookup(Lookup {
            scope: Scope::object(&reference),
            outcome: look.outcome(),
        });
        match look {
            Look::Found(object) => {
                let root = if args.field.is_empty() {
                    Some(object.value())
                } else {
                    object.at(&args.field)
                };
                let leaves = root.map(diff::leaves).unwrap_or_default();
                let paths = leaves
                    .into_keys()
                    .map(|leaf| match (args.field.as_str(), leaf.as_str()) {
                        ("", leaf) => leaf.to_owned(),
                        (field, "") => field.to_owned(),
                        (field, leaf) => format!("{field}.{leaf}").replace(".[", "["),
                    });
                let mut paths: Vec<String> = paths.filter(|path| !is_noise(path)).collect();
                paths.sort_by_key(|path| path.contains("Probe") || path.contains(".env["));
                paths.truncate(FIELD_LIMIT);
                out.facts(&object, paths.iter().map(String::as_str));
                if let Some(manager) = object.last_write("") {
                    let time = manager.time.map(|time| time.to_string()).unwrap_or_default();
                    out.fact(
                        object.reference(),
                        "metadata.managedFields.last",
                        &format!("{} {time}", manager.name),
                        manager.time,
                    );
                }
            }
            Look::Empty => {}
            Look::CouldNotLook(blind) => out.blind(blind),
        }
        Ok(out)
    }
}

fn is_noise(path: &str) -> bool {
    [
        "apiVersion",
        "kind",
        "metadata.uid",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.name",
        "metadata.namespace",
        "metadata.selfLink",
    ]
    .contains(&path)
        || path.ends_with("terminationMessagePath")
        || path.ends_with("terminationMessagePolicy")
        || path.contains("kube-api-access")
        || path.ends_with(".uid")
}

/// Lists a kind.
pub(crate) struct ObjectList;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectListArgs {
    kind: String,
    /// Omit for all namespaces or cluster-scoped kinds.
    #[serde(default)]
    namespace: String,
    /// Label selector, e.g. app=cart
    #[serde(default)]
    labels: String,
}

/// Fields that tell most about a kind in a list.
fn columns(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &["status.phase", "spec.nodeName", "status.conditions[Ready].status"],
        "Deployment" | "StatefulSet" => &["spec.replicas", "status.readyReplicas"],
        "DaemonSet" => &["status.desiredNumberScheduled", "status.numberReady"],
        "Service" => &["spec.type", "spec.selector"],
        "PersistentVolumeClaim" => &["status.phase", "spec.storageClassName", "spec.volumeName"],
        "StorageClass" => &[
            "provisioner",
            "volumeBindingMode",
            "allowVolumeExpansion",
            "metadata.annotations[storageclass.kubernetes.io/is-default-class]",
        ],
        "PersistentVolume" => &[
            "status.phase",
            "spec.storageClassName",
            "spec.capacity.storage",
            "spec.claimRef.name",
        ],
        "Node" => &["status.conditions[Ready].status", "spec.unschedulable"],
        "NetworkPolicy" => &["spec.podSelector", "metadata.creationTimestamp"],
        _ => &["metadata.creationTimestamp"],
    }
}

impl Tool for ObjectList {
    const NAME: &'static str = "object_list";
    const ABOUT: &'static str =
        "Objects of a kind with their main fields. An empty list proves absence in that scope.";
    type Args = ObjectListArgs;

    async fn call(args: ObjectListArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let kind = known_kind(&args.kind)?;
        let namespace = if kind.namespaced {
            args.namespace.clone()
        } else {
            String::new()
        };
        let selector = (!args.labels.is_empty()).then(|| args.labels.clone());
        let selectors = Selectors {
            labels: selector.clone(),
            fields: None,
        };
        let look = workspace.reader.list(kind, &namespace, &selectors).await;
        let mut out = Output::default();
        out.lookup(Lookup {
            scope: Scope {
                kind: kind.kind.to_owned(),
                namespace,
                name: None,
                selector,
            },
            outcome: look.outcome(),
        });
        match look {
            Look::Found(objects) => {
                for object in &objects {
                    out.fact(
                        object.reference(),
                        "metadata.name",
                        object.name(),
                        object.created(),
                    );
                    out.facts(object, columns(kind.kind).iter().copied());
                }
            }
            Look::Empty => {}
            Look::CouldNotLook(blind) => out.blind(blind),
        }
        Ok(out)
    }
}

/// Reads stored evidence again.
pub(crate) struct EvidenceRead;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceReadArgs {
    /// e.g. triage.e1
    id: String,
    /// Only facts that contain this.
    #[serde(default)]
    contains: String,
    /// Skip this many facts.
    #[serde(default)]
    from: usize,
}

impl Tool for EvidenceRead {
    const NAME: &'static str = "evidence_read";
    const ABOUT: &'static str = "The rest of an earlier result, by its id; cite either id.";
    type Args = EvidenceReadArgs;

    async fn call(args: EvidenceReadArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let Some(evidence) = workspace.recall(&args.id) else {
            return Err(ToolError::RespondToModel(format!(
                "there is no evidence `{}`",
                args.id
            )));
        };
        let mut out = Output::default();
        let shown = render_evidence(&evidence, &args.contains, args.from);
        out.extend(
            evidence
                .facts
                .iter()
                .filter(|fact| shown.as_str().contains(&format!("{} = ", fact.path)))
                .cloned(),
        );
        evidence.lookups.into_iter().for_each(|lookup| out.lookup(lookup));
        Ok(out)
    }
}
