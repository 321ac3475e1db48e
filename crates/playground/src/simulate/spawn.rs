//! Pods that controllers create and kubelets start. Must not know why they are needed.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::controller::{REVISION_HASH, revision_name};
use crate::build::event::{Happening, record, record_scheduling};
use crate::build::json::{items, push, set, text};
use crate::build::object::{CONTROLLER, owner};
use crate::build::pod::{Placement, running};
use crate::build::template::with_label;
use crate::build::time;
use crate::build::workload::Kind;
use crate::shop::{Node, Shop};
use crate::world::World;

/// Adds a running pod of a ReplicaSet on a node and returns its name.
pub fn replica(world: &mut World, shop: &Shop, set: &Value, node: &Node, created: Timestamp) -> String {
    let namespace = text(set, "/metadata/namespace");
    let parent = text(set, "/metadata/name");
    let name = replica_name(shop, set, node, created);
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let owner = owner(&shop.stamp, "apps/v1", "ReplicaSet", namespace, parent);
    insert_running(world, shop, &template, (namespace, &name), owner, node, created);
    name
}

/// The name that a ReplicaSet gives to the pod that it creates at a moment.
pub fn replica_name(shop: &Shop, set: &Value, node: &Node, created: Timestamp) -> String {
    let parent = text(set, "/metadata/name");
    let salt = format!("pod/{parent}/{}/{}", node.name, time::seconds(created));
    format!("{parent}-{}", shop.stamp.suffix(&salt, 5))
}

/// Adds a running pod of a StatefulSet and returns its name.
pub fn ordinal(
    world: &mut World,
    shop: &Shop,
    set: &Value,
    index: usize,
    node: &Node,
    created: Timestamp,
) -> String {
    let namespace = text(set, "/metadata/namespace");
    let parent = text(set, "/metadata/name");
    let name = format!("{parent}-{index}");
    let template = ordinal_template(shop, set, index);
    let owner = owner(&shop.stamp, "apps/v1", "StatefulSet", namespace, parent);
    insert_running(world, shop, &template, (namespace, &name), owner, node, created);
    name
}

/// The template of a StatefulSet as its `index`th pod gets it: labels, host name and claims.
pub fn ordinal_template(shop: &Shop, stateful: &Value, index: usize) -> Value {
    let namespace = text(stateful, "/metadata/namespace");
    let parent = text(stateful, "/metadata/name");
    let plain = stateful.pointer("/spec/template").cloned().unwrap_or_default();
    let revision = revision_name(&shop.stamp, Kind::StatefulSet, namespace, parent, &plain);
    let mut template = with_label(&plain, REVISION_HASH, &revision);
    template = with_label(
        &template,
        "statefulset.kubernetes.io/pod-name",
        &format!("{parent}-{index}"),
    );
    template = with_label(&template, "apps.kubernetes.io/pod-index", &index.to_string());
    set(
        &mut template,
        "/spec/hostname",
        json!(format!("{parent}-{index}")),
    );
    set(
        &mut template,
        "/spec/subdomain",
        json!(text(stateful, "/spec/serviceName")),
    );
    for claim in items(stateful, "/spec/volumeClaimTemplates") {
        let volume = text(claim, "/metadata/name");
        let claim_name = format!("{volume}-{parent}-{index}");
        push(
            &mut template,
            "/spec/volumes",
            json!({ "name": volume, "persistentVolumeClaim": { "claimName": claim_name } }),
        );
    }
    template
}

/// Adds a running pod of a DaemonSet on a node and returns its name.
pub fn agent(world: &mut World, shop: &Shop, set: &Value, node: &Node, created: Timestamp) -> String {
    let namespace = text(set, "/metadata/namespace");
    let parent = text(set, "/metadata/name");
    let plain = set.pointer("/spec/template").cloned().unwrap_or_default();
    let revision = revision_name(&shop.stamp, Kind::DaemonSet, namespace, parent, &plain);
    let hash = revision.rsplit_once('-').map_or("", |(_, hash)| hash);
    let template = with_label(&plain, REVISION_HASH, hash);
    let salt = format!("agent/{parent}/{}/{}", node.name, time::seconds(created));
    let name = format!("{parent}-{}", shop.stamp.suffix(&salt, 5));
    let owner = owner(&shop.stamp, "apps/v1", "DaemonSet", namespace, parent);
    insert_running(world, shop, &template, (namespace, &name), owner, node, created);
    name
}

fn insert_running(
    world: &mut World,
    shop: &Shop,
    template: &Value,
    (namespace, name): (&str, &str),
    owner: Value,
    node: &Node,
    created: Timestamp,
) {
    let address = if template.pointer("/spec/hostNetwork") == Some(&json!(true)) {
        node.address.clone()
    } else {
        shop.pod_address(world, &node.name, name)
    };
    let place = Placement {
        namespace,
        name,
        owner,
        node: Some((node.name.as_str(), node.address.as_str())),
        address: &address,
        created,
    };
    let pod = running(&shop.stamp, template, &place);
    shop.stamp.put(world, pod, CONTROLLER, time::after(created, 14));
    start_events(world, shop, namespace, name, created);
}

/// The events of an ordinary start: scheduled, image present or pulled, created, started
/// (`pkg/scheduler/schedule_one.go`; `pkg/kubelet/images/image_manager.go`;
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`).
pub fn start_events(world: &mut World, shop: &Shop, namespace: &str, name: &str, created: Timestamp) {
    if created < time::before(shop.now(), crate::build::event::TTL_SECONDS) {
        return;
    }
    let Some(pod) = world.get("Pod", namespace, name).cloned() else {
        return;
    };
    let node = text(&pod, "/spec/nodeName").to_owned();
    scheduled(world, shop, &pod, created);
    for container in items(&pod, "/spec/containers") {
        let container_name = text(container, "/name");
        let image = text(container, "/image");
        let steps = [
            (
                "Pulled",
                format!("Container image \"{image}\" already present on machine"),
                1,
            ),
            ("Created", format!("Created container: {container_name}"), 2),
            ("Started", format!("Started container {container_name}"), 2),
        ];
        for (reason, message, delay) in steps {
            let at = time::after(created, delay);
            record(
                &shop.stamp,
                world,
                &Happening {
                    object: ("Pod", namespace, name),
                    container: Some(container_name),
                    kind: "Normal",
                    reason,
                    message,
                    component: "kubelet",
                    node: &node,
                    first: at,
                    last: at,
                    count: 1,
                },
            );
        }
    }
}

/// The scheduler's event for a pod that got a node.
pub fn scheduled(world: &mut World, shop: &Shop, pod: &Value, at: Timestamp) {
    let namespace = text(pod, "/metadata/namespace");
    let name = text(pod, "/metadata/name");
    let node = text(pod, "/spec/nodeName");
    record_scheduling(
        &shop.stamp,
        world,
        &Happening {
            object: ("Pod", namespace, name),
            container: None,
            kind: "Normal",
            reason: "Scheduled",
            message: format!("Successfully assigned {namespace}/{name} to {node}"),
            component: "default-scheduler",
            node: "",
            first: at,
            last: at,
            count: 1,
        },
    );
}
