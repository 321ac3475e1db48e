//! How a kubelet shows containers that it kills because their liveness probe fails. Must not know why the probe fails.

use jiff::Timestamp;

use super::lives::Lives;
use super::pods::{Exit, crash};
use crate::build::event::{Happening, record};
use crate::build::json::text;
use crate::build::time;
use crate::shop::Shop;
use crate::world::World;

/// A probe that fails.
#[derive(Debug, Clone)]
pub struct Failing<'a> {
    /// Namespace and name of the pod.
    pub pod: (&'a str, &'a str),
    /// `Liveness probe failed: …` or another probe's words (`pkg/kubelet/prober/prober.go`).
    pub message: String,
    /// First and last failure.
    pub span: (Timestamp, Timestamp),
    /// Number of failures.
    pub count: i64,
}

/// Records the kubelet's event about a failing probe.
pub fn unhealthy(world: &mut World, shop: &Shop, failing: &Failing<'_>) {
    happen(world, shop, failing, "Unhealthy", &failing.message);
}

/// Shows a container whose instances are killed one after the other: restarts, back-off, `Unhealthy` and `Killing`
/// (`pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`).
pub fn killed(
    world: &mut World,
    shop: &Shop,
    (namespace, pod): (&str, &str),
    lives: &Lives,
    exit: Exit,
    message: &str,
    failures: i64,
) {
    let (Some(first), Some(last)) = (lives.finished.first(), lives.finished.last()) else {
        return;
    };
    crash(world, shop, namespace, pod, lives, exit);
    let kills = i64::try_from(lives.finished.len()).unwrap_or(1);
    let failing = Failing {
        pod: (namespace, pod),
        message: message.to_owned(),
        span: (time::before(first.1, 46).max(first.0), time::before(last.1, 1)),
        count: kills * failures,
    };
    unhealthy(world, shop, &failing);
    let Some(object) = world.get("Pod", namespace, pod) else {
        return;
    };
    let container = text(object, "/spec/containers/0/name").to_owned();
    let kill = Failing {
        span: (first.1, last.1),
        count: kills,
        ..failing
    };
    let words = format!("Container {container} failed liveness probe, will be restarted");
    happen(world, shop, &kill, "Killing", &words);
}

fn happen(world: &mut World, shop: &Shop, failing: &Failing<'_>, reason: &'static str, message: &str) {
    let (namespace, pod) = failing.pod;
    let Some(object) = world.get("Pod", namespace, pod) else {
        return;
    };
    let (container, node) = (
        text(object, "/spec/containers/0/name").to_owned(),
        text(object, "/spec/nodeName").to_owned(),
    );
    let happening = Happening {
        object: ("Pod", namespace, pod),
        container: Some(&container),
        kind: if reason == "Killing" { "Normal" } else { "Warning" },
        reason,
        message: message.to_owned(),
        component: "kubelet",
        node: &node,
        first: failing.span.0,
        last: failing.span.1.max(failing.span.0),
        count: failing.count,
    };
    record(&shop.stamp, world, &happening);
}
