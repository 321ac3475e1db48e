//! A rollout points a probe at the wrong port, path or scheme, or gives it too little time. Must not know how it is found.

mod liveness;
mod readiness;

use serde_json::{Value, json};

use super::edits;
use crate::build::json::{set, text};
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::rollout::{Change, Rolled, rollout};
use crate::world::World;

/// `app-vs-infra/probe-misconfigured`. `params.probe` is `readiness` (default) or `liveness`; `params.part` is `port`
/// (default), `path`, `scheme` or, for liveness, `timeout`.
pub struct ProbeMisconfigured;

const ID: &str = "app-vs-infra/probe-misconfigured";

/// What was set wrong.
#[derive(Debug, Clone)]
struct Mistake {
    /// `readinessProbe` or `livenessProbe`.
    probe: &'static str,
    /// Pointer below the probe.
    pointer: &'static str,
    found: Value,
    expected: Value,
}

impl Fault for ProbeMisconfigured {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(27, 50);
        let is_liveness = ctx.text_param("probe") == Some("liveness");
        let part = ctx.text_param("part").unwrap_or("port").to_owned();
        let Some(workload) = choose(ctx, &part) else {
            return Truth::without_cause("inconclusive");
        };
        let mistake = mistake(ctx, &workload, is_liveness, &part);
        let change = Change::of(&workload, at, is_liveness);
        let pointer = format!("/spec/containers/0/{}{}", mistake.probe, mistake.pointer);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, &pointer, mistake.found.clone());
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        if is_liveness {
            liveness::show(world, ctx, &workload, &rolled, &mistake, at);
        } else {
            readiness::show(world, ctx, &workload, &rolled, &mistake, at);
        }
        truth(&workload, &rolled, &mistake)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let pointer = format!(
            "/spec/template/spec/containers/0{}",
            text(&cause.params, "/pointer")
        );
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| object.pointer(&pointer) == cause.params.pointer("/found"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let mut fixed = json!({});
        let expected = cause.params.pointer("/expected").cloned().unwrap_or_default();
        set(&mut fixed, text(&cause.params, "/pointer"), expected);
        let probe = text(&cause.params, "/pointer")
            .split('/')
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let mut out = vec![
            Remedy::heals("rollout-undo", edits::container(&cause.object, fixed.clone())),
            Remedy::heals("fix-probe", edits::container(&cause.object, fixed)),
            Remedy::heals(
                "remove-probe",
                edits::container(&cause.object, json!({ probe: null })),
            ),
            Remedy::fails("restart", edits::restart(&cause.object)),
            Remedy::fails("scale-up", edits::scale(&cause.object, 6)),
        ];
        if let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) {
            out.push(Remedy::fails("delete-pod", edits::delete_pods(world, workload)));
        }
        out
    }
}

/// A pause that outlasts a probe is a garbage collector's.
fn choose(ctx: &mut FaultContext, part: &str) -> Option<Workload> {
    if part == "timeout" {
        return ctx.pick_role(&["search"]);
    }
    ctx.pick_stateless()
}

fn mistake(ctx: &mut FaultContext, workload: &Workload, is_liveness: bool, part: &str) -> Mistake {
    let probe = if is_liveness {
        "livenessProbe"
    } else {
        "readinessProbe"
    };
    let path = if workload.voice == Voice::Java {
        "/actuator/health"
    } else {
        "/healthz"
    };
    let (pointer, found, expected) = match part {
        "path" => {
            let wrong = if workload.voice == Voice::Java {
                "/health"
            } else {
                "/api/health"
            };
            ("/httpGet/path", json!(wrong), json!(path))
        }
        "scheme" => ("/httpGet/scheme", json!("HTTPS"), json!("HTTP")),
        "timeout" => ("/timeoutSeconds", json!(1), json!(2)),
        _ => {
            let shift = u16::try_from(ctx.rng.range(1, 3)).unwrap_or(1);
            let wrong = if ctx.rng.chance(50) {
                workload.port + shift
            } else {
                9_000 + shift * 100
            };
            ("/httpGet/port", json!(wrong), json!(workload.port))
        }
    };
    Mistake {
        probe,
        pointer,
        found,
        expected,
    }
}

fn truth(workload: &Workload, _rolled: &Rolled, mistake: &Mistake) -> Truth {
    let dotted = mistake.pointer.replace('/', ".");
    let params = json!({
        "field": format!("spec.template.spec.containers[{}].{}{dotted}", workload.name, mistake.probe),
        "pointer": format!("/{}{}", mistake.probe, mistake.pointer),
        "found": mistake.found, "expected": mistake.expected
    });
    Truth::cause(workload_key(workload), ID, params, Vec::new())
}

/// The error of the kubelet's HTTP prober (`pkg/probe/http/http.go`) for a mistake.
fn complaint(pod: &Value, mistake: &Mistake, word: &str) -> String {
    let probe = format!("/spec/containers/0/{}/httpGet", mistake.probe);
    let port = crate::build::json::number(pod, &format!("{probe}/port"));
    let host = format!("{}:{port}", text(pod, "/status/podIP"));
    let scheme = text(pod, &format!("{probe}/scheme")).to_lowercase();
    let url = format!("{scheme}://{host}{}", text(pod, &format!("{probe}/path")));
    match mistake.pointer {
        "/httpGet/path" => format!("{word} probe failed: HTTP probe failed with statuscode: 404"),
        "/httpGet/scheme" => {
            format!("{word} probe failed: Get \"{url}\": http: server gave HTTP response to HTTPS client")
        }
        "/timeoutSeconds" => format!(
            "{word} probe failed: Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        ),
        _ => format!("{word} probe failed: Get \"{url}\": dial tcp {host}: connect: connection refused"),
    }
}
