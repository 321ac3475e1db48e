//! A rollout points the readiness probe at a port on which nothing listens. Must not know how it is found.

use serde_json::json;

use crate::build::event::{Happening, record};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Truth, workload_key};
use crate::json::{number, set, text};
use crate::shop::{Shop, chatter};
use crate::simulate::pods::failing_readiness;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `app-vs-infra/probe-misconfigured`.
pub struct ProbeMisconfigured;

const ID: &str = "app-vs-infra/probe-misconfigured";
const PORT: &str = "/spec/containers/0/readinessProbe/httpGet/port";

impl Fault for ProbeMisconfigured {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(27, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let expected = workload.port;
        let shift = u16::try_from(ctx.rng.range(1, 3)).unwrap_or(1);
        let found = if ctx.rng.chance(50) {
            expected + shift
        } else {
            9_000 + shift * 100
        };
        let change = Change {
            namespace: &workload.namespace,
            name: &workload.name,
            author: workload.delivery.author(),
            at,
            completes: false,
        };
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, PORT, json!(found));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        for pod in &rolled.new_pods {
            let since = time::after(at, 3);
            failing_readiness(world, &ctx.shop, &workload.namespace, pod, since);
            refused_event(world, &ctx.shop, &workload, pod, found);
            chatter::write_start(world, &ctx.shop, &workload, pod);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, 601),
        );
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].readinessProbe.httpGet.port", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| {
                let template = "/spec/template";
                let asked = number(object, &format!("{template}{PORT}"));
                asked
                    != number(
                        object,
                        &format!("{template}/spec/containers/0/ports/0/containerPort"),
                    )
            })
    }
}

/// `pkg/kubelet/prober/prober.go` (`Readiness probe failed: …`, reason `Unhealthy`) with the error of Go's HTTP
/// client (`pkg/probe/http/http.go`).
fn refused_event(world: &mut World, shop: &Shop, workload: &Workload, pod: &str, port: u16) {
    let Some(object) = world.get("Pod", &workload.namespace, pod).cloned() else {
        return;
    };
    let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(shop.now());
    let first = time::after(created, 8);
    let address = format!("{}:{port}", text(&object, "/status/podIP"));
    let path = text(&object, "/spec/containers/0/readinessProbe/httpGet/path");
    let period = number(&object, "/spec/containers/0/readinessProbe/periodSeconds").max(1);
    let happening = Happening {
        object: ("Pod", &workload.namespace, pod),
        container: Some(&workload.name),
        kind: "Warning",
        reason: "Unhealthy",
        message: format!(
            "Readiness probe failed: Get \"http://{address}{path}\": dial tcp {address}: connect: connection refused"
        ),
        component: "kubelet",
        node: text(&object, "/spec/nodeName"),
        first,
        last: time::before(shop.now(), 4),
        count: (shop.now().as_second() - first.as_second()) / period,
    };
    record(&shop.stamp, world, &happening);
}
