//! Volumes: the chain from a claim down to the node, and CSI drivers per node.

use cluster::ClusterView;
use domain::ObjectRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, absent};

/// A claim's chain.
pub(crate) struct PvcChain;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PvcArgs {
    namespace: String,
    /// Claim, or a pod that mounts claims.
    name: String,
}

impl Tool for PvcChain {
    const NAME: &'static str = "pvc_chain";
    const ABOUT: &'static str = "From claim to class, volume, attachment and waiting pods, with events. Proves whether class and claim exist.";
    type Args = PvcArgs;

    async fn call(args: PvcArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let mut out = Output::default();
        let mut claims = vec![ObjectRef::of(
            "PersistentVolumeClaim",
            &args.namespace,
            &args.name,
        )];
        if let Some(pod) = view.get("Pod", &args.namespace, &args.name) {
            out.facts(
                pod,
                [
                    "status.phase",
                    "spec.nodeName",
                    "status.conditions[PodScheduled].message",
                ],
            );
            claims = pod
                .list("spec.volumes")
                .iter()
                .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
                .map(|name| ObjectRef::of("PersistentVolumeClaim", &args.namespace, name))
                .collect();
            if claims.is_empty() {
                out.note("this pod mounts no claim");
            }
        } else if view.get_ref(&claims[0]).is_none()
            && view.has_list("PersistentVolumeClaim", &args.namespace)
            && view
                .in_namespace("PersistentVolumeClaim", &args.namespace)
                .next()
                .is_none()
        {
            return Err(absent(&view, &claims[0], "claim"));
        }
        for claim in claims {
            chain(&mut out, &view, &claim);
        }
        Ok(out)
    }
}

fn chain(out: &mut Output, view: &ClusterView, reference: &ObjectRef) {
    out.look_for(view, reference);
    let Some(claim) = view.get_ref(reference) else {
        return;
    };
    out.facts(
        claim,
        [
            "status.phase",
            "spec.storageClassName",
            "spec.volumeName",
            "spec.accessModes",
            "spec.resources.requests.storage",
            "metadata.creationTimestamp",
        ],
    );
    for event in view.events_of(reference).iter().rev().take(3) {
        out.fact(
            reference,
            &format!("events[{}].message", event.str("reason")),
            event.str("message"),
            cluster::view::event_time(event),
        );
    }
    let class = ObjectRef::of("StorageClass", "", claim.str("spec.storageClassName"));
    if !class.name.is_empty() {
        out.look_for(view, &class);
        if let Some(class) = view.get_ref(&class) {
            out.facts(class, ["provisioner", "volumeBindingMode", "reclaimPolicy"]);
        }
    }
    let volume = claim.str("spec.volumeName");
    if let Some(volume) = view.get("PersistentVolume", "", volume) {
        out.facts(volume, ["status.phase", "spec.csi.driver", "spec.nodeAffinity"]);
    }
    for attachment in view.of_kind("VolumeAttachment").filter(|attachment| {
        !volume.is_empty() && attachment.str("spec.source.persistentVolumeName") == volume
    }) {
        out.facts(
            attachment,
            ["spec.nodeName", "status.attached", "status.attachError.message"],
        );
    }
    for pod in view.in_namespace("Pod", &reference.namespace) {
        let mounts = pod.list("spec.volumes").iter().any(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(Value::as_str)
                == Some(&reference.name)
        });
        if mounts {
            out.fact(pod.reference(), "mounts", &reference.to_string(), None);
            out.facts(pod, ["status.phase", "spec.nodeName"]);
            for event in view
                .events_of(pod.reference())
                .iter()
                .rev()
                .filter(|event| event.str("type") == "Warning")
                .take(2)
            {
                out.fact(
                    pod.reference(),
                    &format!("events[{}].message", event.str("reason")),
                    event.str("message"),
                    cluster::view::event_time(event),
                );
            }
        }
    }
}

/// CSI drivers per node.
pub(crate) struct CsiDrivers;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CsiArgs {
    /// Omit for all nodes.
    #[serde(default)]
    node: String,
}

impl Tool for CsiDrivers {
    const NAME: &'static str = "csi_drivers";
    const ABOUT: &'static str =
        "CSI drivers registered on nodes, and DaemonSets that look like drivers' node plugins.";
    type Args = CsiArgs;

    async fn call(args: CsiArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.lock().await;
        let mut out = Output::default();
        for node in view
            .of_kind("CSINode")
            .filter(|node| args.node.is_empty() || node.name() == args.node)
        {
            let drivers: Vec<&str> = node
                .list("spec.drivers")
                .iter()
                .filter_map(|driver| driver.get("name")?.as_str())
                .collect();
            let list = if drivers.is_empty() {
                "none".to_owned()
            } else {
                drivers.join(",")
            };
            out.fact(node.reference(), "spec.drivers", &list, None);
        }
        for set in view.of_kind("DaemonSet").filter(|set| {
            set.at("spec.template.spec")
                .is_some_and(|spec| spec.to_string().contains("/var/lib/kubelet/plugins"))
        }) {
            out.facts(
                set,
                [
                    "status.desiredNumberScheduled",
                    "status.numberReady",
                    "status.numberUnavailable",
                    "spec.template.spec.nodeSelector",
                ],
            );
            for pod in view.pods_of(set.reference()) {
                out.facts(
                    pod,
                    ["spec.nodeName", "status.phase", "status.conditions[Ready].status"],
                );
            }
        }
        Ok(out)
    }
}
