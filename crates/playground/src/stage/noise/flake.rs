//! A single failed probe of a workload that is fine.

use crate::build::event::{Happening, record};
use crate::build::json::text;
use crate::build::time;
use crate::build::workload::Workload;
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::world::World;

/// Adds the event (`pkg/kubelet/prober/prober.go`, reason `Unhealthy`).
pub fn add(world: &mut World, shop: &Shop, workload: &Workload, rng: &mut Rng) {
    let pods = pods_of(world, workload);
    let Some(pod) = rng.pick(&pods) else { return };
    let at = time::before(shop.now(), rng.range(900, 3_300));
    let path = text(pod, "/spec/containers/0/readinessProbe/httpGet/path");
    let address = text(pod, "/status/podIP");
    let happening = Happening {
        object: ("Pod", &workload.namespace, text(pod, "/metadata/name")),
        container: Some(&workload.name),
        kind: "Warning",
        reason: "Unhealthy",
        message: format!(
            "Readiness probe failed: Get \"http://{address}:{}{path}\": context deadline exceeded (Client.Timeout \
             exceeded while awaiting headers)",
            workload.port
        ),
        component: "kubelet",
        node: text(pod, "/spec/nodeName"),
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}
