//! Ordinary events of the last hour. Must not know of warnings.

use super::{Shop, network};
use crate::build::event::{Happening, record};
use crate::build::json::text;
use crate::build::time;
use crate::world::World;
use serde_json::json;

/// Records what goes on in any healthy cluster.
pub fn build(world: &mut World, shop: &Shop) {
    ingress_syncs(world, shop);
    leader_elections(world, shop);
}

/// ingress-nginx `internal/ingress/controller/store/store.go`: reason `Sync`.
fn ingress_syncs(world: &mut World, shop: &Shop) {
    let ingress = network::ingress_name(shop);
    for role in ["shop", "payments"] {
        let namespace = shop.names.namespace(role);
        let at = time::before(shop.now(), 2_300);
        let happening = Happening {
            object: ("Ingress", &namespace, &ingress),
            container: None,
            kind: "Normal",
            reason: "Sync",
            message: "Scheduled for sync".to_owned(),
            component: "nginx-ingress-controller",
            node: "",
            first: at,
            last: at,
            count: 1,
        };
        record(&shop.stamp, world, &happening);
    }
}

/// `k8s.io/client-go/tools/leaderelection/resourcelock`: reason `LeaderElection`.
fn leader_elections(world: &mut World, shop: &Shop) {
    let controller = shop.names.platform.csi_controller;
    let leader: Option<String> = world
        .of_kind("Pod")
        .map(|pod| text(pod, "/metadata/name"))
        .find(|name| name.starts_with(controller))
        .map(str::to_owned);
    let Some(leader) = leader else { return };
    let at = time::before(shop.now(), 3_100);
    let created = time::before(at, 40 * 86_400);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": shop.stamp.meta("Lease", "kube-system", "external-resizer-leader", created),
        "spec": {
            "acquireTime": time::micros(at), "holderIdentity": leader, "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "renewTime": time::micros(time::before(shop.now(), 2))
        }
    });
    world.insert(lease);
    let happening = Happening {
        object: ("Lease", "kube-system", "external-resizer-leader"),
        container: None,
        kind: "Normal",
        reason: "LeaderElection",
        message: format!("{leader} became leader"),
        component: "external-resizer-leader",
        node: "",
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}
