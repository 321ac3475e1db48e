//! Something is or may be wrong, and what would prove it cannot be seen from here.

use jiff::Timestamp;

use crate::build::json::text;
use crate::build::log::voice::{Level, line};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Truth, workload_key};
use crate::shop::{telemetry, vitals};
use crate::simulate::callers::pods_of;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::world::{ContainerLog, World};

/// `situation/forbidden`: reads of the resources in `params.resources` (plurals) are refused.
pub struct Forbidden;

/// `situation/outside`: a workload's calls to a host outside of the cluster time out.
pub struct Outside;

/// `situation/silent`: a container of one replica keeps ending with exit code 1, and its log is gone.
pub struct Silent;

impl Fault for Forbidden {
    fn id(&self) -> &'static str {
        "situation/forbidden"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let resources = ctx.params.get("resources").and_then(|found| found.as_array());
        world.unseen.extend(
            resources
                .into_iter()
                .flatten()
                .filter_map(|plural| plural.as_str().map(str::to_owned)),
        );
        if ctx.symptom.is_none() {
            let onset = ctx.minutes_ago(17, 60);
            if let Some(workload) = ctx.pick_stateless() {
                ctx.shows(&workload, None, onset);
            }
        }
        Truth::without_cause("inconclusive")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

impl Fault for Outside {
    fn id(&self) -> &'static str {
        "situation/outside"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let from = ctx.minutes_ago(16, 40);
        let Some(workload) = ctx.pick_role(&["checkout", "payments-api", "search"]) else {
            return Truth::without_cause("inconclusive");
        };
        let host = format!("api.{}-partner.example", ctx.shop.stamp.suffix("partner", 6));
        for pod in pods_of(world, &workload) {
            let name = text(&pod, "/metadata/name").to_owned();
            let mut lines = Lines::default();
            let mut at = time::after(from, ctx.rng.range(3, 20));
            while at < ctx.shop.now() {
                lines.add(
                    at,
                    &line(&workload, &name, Level::Error, at, &outage(&workload, &host)),
                );
                at = time::after(at, ctx.rng.range(20, 60));
            }
            let log = world.log_mut(&workload.namespace, &name, &workload.name);
            log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
        }
        answers(ctx, &workload, from);
        ctx.shows(&workload, None, from);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        Truth::without_cause("inconclusive")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

/// What a client says when a host on the Internet does not answer.
fn outage(workload: &Workload, host: &str) -> String {
    match workload.voice {
        Voice::Java => format!(
            "org.springframework.web.client.ResourceAccessException: I/O error on POST request for \
             \"https://{host}/v2/authorize\": Read timed out"
        ),
        _ => format!(
            "Post \"https://{host}/v2/authorize\": net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
        ),
    }
}

/// A part of the requests needs the partner and fails with 502.
fn answers(ctx: &mut FaultContext, backend: &Workload, from: Timestamp) {
    let rate = telemetry::request_rate(&ctx.shop, backend);
    let usual = vitals::usual_latency_s(&ctx.shop, backend);
    let failing = |at: i64| at > from.as_second();
    telemetry::requests(&ctx.shop, &mut ctx.metrics, backend, "502", |at| {
        if failing(at) { rate * 0.22 } else { 0.0 }
    });
    telemetry::requests(&ctx.shop, &mut ctx.metrics, backend, "200", |at| {
        rate * if failing(at) { 0.75 } else { 0.97 }
    });
    vitals::latency(&ctx.shop, &mut ctx.metrics, backend, |at| {
        (rate, if failing(at) { 2.3 } else { usual })
    });
}

impl Fault for Silent {
    fn id(&self) -> &'static str {
        "situation/silent"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let from = ctx.minutes_ago(22, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let pods = pods_of(world, &workload);
        let Some(pod) = ctx
            .rng
            .pick(&pods)
            .map(|pod| text(pod, "/metadata/name").to_owned())
        else {
            return Truth::without_cause("inconclusive");
        };
        let lives = Lives::since(from, ctx.rng.range(3, 9), ctx.shop.now());
        crash(world, &ctx.shop, &workload.namespace, &pod, &lives, FAILED);
        // `pkg/kubelet/kuberuntime/logs/logs.go`: a node whose log files were cleaned away.
        let lost = "failed to try resolving symlinks in path: lstat /var/log/pods: no such file or directory";
        *world.log_mut(&workload.namespace, &pod, &workload.name) = ContainerLog {
            error: Some(lost.to_owned()),
            previous_error: Some(lost.to_owned()),
            ..ContainerLog::default()
        };
        ctx.shows(&workload, Some(&pod), from);
        Truth::without_cause("inconclusive")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}
