//! A readiness probe that fails: the new pods run and get no traffic, the rollout hangs.

use jiff::Timestamp;

use super::{Mistake, complaint};
use crate::build::json::{number, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::FaultContext;
use crate::shop::chatter;
use crate::simulate::pods::failing_readiness;
use crate::simulate::probes::{Failing, unhealthy};
use crate::simulate::rollout::Rolled;
use crate::world::World;

pub(super) fn show(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    rolled: &Rolled,
    mistake: &Mistake,
    at: Timestamp,
) {
    let namespace = workload.namespace.as_str();
    for pod in &rolled.new_pods {
        failing_readiness(world, &ctx.shop, namespace, pod, time::after(at, 3));
        let Some(object) = world.get("Pod", namespace, pod).cloned() else {
            continue;
        };
        let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(at);
        let first = time::after(created, 8);
        let last = time::before(ctx.shop.now(), 4);
        let period = number(&object, "/spec/containers/0/readinessProbe/periodSeconds").max(1);
        let failing = Failing {
            pod: (namespace, pod),
            message: complaint(&object, mistake, "Readiness"),
            span: (first, last),
            count: (ctx.shop.now().as_second() - first.as_second()) / period,
        };
        unhealthy(world, &ctx.shop, &failing);
        chatter::write_start(world, &ctx.shop, workload, pod);
    }
    ctx.shows(
        workload,
        rolled.new_pods.first().map(String::as_str),
        time::after(at, 601),
    );
}
