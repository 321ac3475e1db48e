//! A release has a bug: minutes after its start, the first request of a certain kind ends the process with a stack trace.
//! Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{CallFailure, Level, greeting, line};
use crate::build::time;
use crate::build::workload::{Voice, Workload, tag};
use crate::faults::image_and_deployment::edits::rollout_undo;
use crate::faults::release::{is_to_blame, set_image};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{Exit, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `app-vs-infra/app-crash`.
pub struct AppCrash;

const ID: &str = "app-vs-infra/app-crash";
const IMAGE: &str = "/spec/containers/0/image";

impl Fault for AppCrash {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let version = workload.next_version();
        let (found, expected) = (workload.image_at(version), workload.image());
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, IMAGE, json!(found));
            relabel(template, version);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let life_s = ctx.rng.range(21, 70);
        for (ordinal, pod) in rolled.new_pods.iter().enumerate() {
            let start = time::after(at, 4 + 21 * i64::try_from(ordinal).unwrap_or(0));
            let lives = Lives::since(start, life_s + ctx.rng.range(0, 9), ctx.shop.now());
            die(world, &ctx.shop, &workload, pod, version, &lives);
        }
        let onset = time::after(at, life_s + 5);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from: onset,
            until: ctx.shop.now(),
            only: &[],
        };
        let mut victims = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].image", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| is_to_blame(world, cause))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let before = text(&cause.params, "/expected");
        let mut out = vec![
            Remedy::heals(
                "rollout-undo",
                rollout_undo(world, &cause.object).into_iter().collect(),
            ),
            Remedy::heals(
                "former-image",
                vec![set_image(&cause.object, &cause.object.name, before)],
            ),
            Remedy::fails("restart", edits::restart(&cause.object)),
            Remedy::fails("scale-up", edits::scale(&cause.object, 6)),
            Remedy::fails(
                "raise-limit",
                edits::container(
                    &cause.object,
                    json!({ "resources": { "limits": { "memory": "2Gi" } } }),
                ),
            ),
        ];
        if let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) {
            out.push(Remedy::fails("delete-pod", edits::delete_pods(world, workload)));
        }
        out
    }
}

/// Pipelines that set the image's tag also set it in the environment.
pub(in crate::faults) fn relabel(template: &mut Value, version: (u64, u64, u64)) {
    for index in 0..3 {
        let pointer = format!("/spec/containers/0/env/{index}");
        if template.pointer(&format!("{pointer}/name")) == Some(&json!("APP_VERSION")) {
            set(template, &format!("{pointer}/value"), json!(tag(version)));
        }
    }
}

fn die(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    pod: &str,
    version: (u64, u64, u64),
    lives: &Lives,
) {
    let (code, trace) = last_words(workload.voice);
    let exit = Exit {
        code,
        reason: "Error",
    };
    crash(world, shop, &workload.namespace, pod, lives, exit);
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let dead = instance(workload, pod, version, (start, Some((end, trace)), end)).to_text();
    let now = match lives.running_since {
        Some(since) => instance(workload, pod, version, (since, None, shop.now())).to_text(),
        None => dead.clone(),
    };
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(now);
    log.previous = Some(dead);
}

fn instance(
    workload: &Workload,
    pod: &str,
    version: (u64, u64, u64),
    (start, death, end): (Timestamp, Option<(Timestamp, &str)>, Timestamp),
) -> Lines {
    let mut lines = Lines::default();
    for (index, message) in greeting(workload, version).iter().enumerate() {
        let at = time::after(start, i64::try_from(index).unwrap_or(0));
        lines.add(at, &line(workload, pod, Level::Info, at, message));
    }
    let mut at = time::after(start, 5);
    let mut item = start.as_second() % 7_000 + 1_000;
    while at < end {
        let path = format!("/v1/items/{item}");
        lines.add(
            at,
            &crate::build::log::voice::request(workload, pod, at, &path, 200, item % 70 + 4),
        );
        item += 37;
        at = time::after(at, 4);
    }
    if let Some((at, trace)) = death {
        lines.add(at, trace);
    }
    lines
}

/// Exit code and stack trace of a bug, by runtime (Go's runtime panics with 2; the others end with 1).
fn last_words(voice: Voice) -> (i64, &'static str) {
    match voice {
        Voice::Go => (
            2,
            "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation \
             violation code=0x1 addr=0x18 pc=0x7c1f2a]\n\ngoroutine 71 [running]:\nmain.(*Pricing).discount(0x0, \
             0xc0001fe0a0)\n\t/src/internal/pricing/discount.go:88 +0x4a\nmain.(*Server).handleItem(0xc00012c000, \
             {0xa1f3c8, 0xc00043e1c0}, 0xc0003f2b40)\n\t/src/cmd/server/item.go:131 +0x2d1\nnet/http.HandlerFunc.ServeHTTP(...)\n\t/usr/local/go/src/net/http/server.go:2294",
        ),
        Voice::Java => (
            1,
            "Exception in thread \"main\" java.lang.NullPointerException: Cannot invoke \
             \"com.example.service.model.Discount.rate()\" because the return value of \
             \"com.example.service.model.Item.discount()\" is null\n\tat com.example.service.pricing.PriceCalculator.total(PriceCalculator.java:88)\n\tat \
             com.example.service.worker.RepriceLoop.run(RepriceLoop.java:41)\n\tat com.example.service.ServiceApplication.main(ServiceApplication.java:27)",
        ),
        Voice::Python => (
            1,
            "Traceback (most recent call last):\n  File \"/app/service/__main__.py\", line 62, in <module>\n    run()\n  File \
             \"/app/service/worker.py\", line 131, in run\n    total = price(item) * item.discount.rate\n                         \
             ^^^^^^^^^^^^^^^^^^\nAttributeError: 'NoneType' object has no attribute 'rate'",
        ),
        _ => (
            1,
            "/app/src/pricing.js:88\n  return item.price * (1 - item.discount.rate);\n                                        \
             ^\n\nTypeError: Cannot read properties of undefined (reading 'rate')\n    at total \
             (/app/src/pricing.js:88:40)\n    at handleItem (/app/src/routes/item.js:31:18)\n    at \
             process.processTicksAndRejections (node:internal/process/task_queues:105:5)\n\nNode.js v22.15.0",
        ),
    }
}
