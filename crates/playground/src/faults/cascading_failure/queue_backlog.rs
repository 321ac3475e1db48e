//! A consumer cannot pass one message: its offset stands still while the lag grows. Must not know how it is found.
//!
//! The series are those of danielqsj/kafka_exporter; Java's client words it as `Fetcher`/`CompletedFetch` does
//! (`RecordDeserializationException`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{self, put_env};
use crate::build::json::text;
use crate::build::log::voice::{Level, line};
use crate::build::log::{Lines, until};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::aligned;
use crate::simulate::callers::pods_of;
use crate::world::World;

/// `cascading-failure/queue-backlog`.
pub struct QueueBacklog;

const ID: &str = "cascading-failure/queue-backlog";
const ON_ERROR: &str = "CONSUMER_ON_ERROR";
const SKIP: &str = "CONSUMER_SKIP_OFFSET";

impl Fault for QueueBacklog {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(28, 58);
        let consumer = ctx.pick_role(&["notifications", "orders"]);
        let (Some(consumer), Some(broker)) = (consumer, ctx.shop.role("broker").cloned()) else {
            return Truth::without_cause("inconclusive");
        };
        let topic = format!("{}.events", ctx.shop.names.workload("orders"));
        let (partition, offset) = (ctx.rng.range(0, 5), ctx.rng.range(80_000, 940_000));
        if let Some(deployment) = world.get_mut("Deployment", &consumer.namespace, &consumer.name)
            && let Some(template) = deployment.pointer_mut("/spec/template")
        {
            put_env(template, ON_ERROR, "retry");
        }
        for pod in pods_of(world, &consumer) {
            stuck(world, ctx, &consumer, &pod, (&topic, partition, offset), at);
        }
        lag(ctx, &consumer, &broker, (&topic, partition, offset), at);
        ctx.shows(&consumer, None, at);
        ctx.label("consumergroup", &consumer.name);
        ctx.label("topic", &topic);
        let params = json!({
            "field": format!("{topic}-{partition} offset {offset}"), "found": "not consumed", "expected": "skipped",
            "offset": format!("{partition}:{offset}")
        });
        Truth::cause(workload_key(&consumer), ID, params, Vec::new())
    }

    /// The consumer neither skips the message nor sets messages aside that it cannot read.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            edits::env_of(world, &cause.object, ON_ERROR) == "retry"
                && edits::env_of(world, &cause.object, SKIP) != text(&cause.params, "/offset")
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(consumer) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let skip = text(&cause.params, "/offset");
        let mut out = vec![
            Remedy::heals("skip-message", vec![edits::set_env(consumer, SKIP, skip)]),
            Remedy::heals(
                "dead-letter",
                vec![edits::set_env(consumer, ON_ERROR, "dead-letter")],
            ),
            Remedy::fails("restart", vec![edits::restart(shop, &cause.object)]),
            Remedy::fails("delete-pod", edits::delete_pods(world, consumer)),
            Remedy::fails("scale-up", vec![edits::scale(consumer, consumer.replicas + 3)]),
        ];
        if let Some(broker) = shop.role("broker") {
            out.push(Remedy::fails(
                "restart-broker",
                vec![edits::restart(shop, &workload_key(broker))],
            ));
        }
        out
    }
}

/// The same failure of the same message, again and again, and nothing else any more.
fn stuck(
    world: &mut World,
    ctx: &mut FaultContext,
    consumer: &Workload,
    pod: &Value,
    (topic, partition, offset): (&str, i64, i64),
    from: Timestamp,
) {
    let name = text(pod, "/metadata/name");
    let message = format!(
        "failed to process message topic={topic} partition={partition} offset={offset}: invalid character '\\x00' looking for beginning of value, will retry"
    );
    let mut lines = Lines::default();
    let mut at = time::after(from, 1);
    while at < ctx.shop.now() {
        lines.add(at, &line(consumer, name, Level::Error, at, &message));
        at = time::after(at, ctx.rng.range(26, 34));
    }
    let log = world.log_mut(&consumer.namespace, name, &consumer.name);
    let kept = log.current.take().unwrap_or_default();
    let kept = if consumer.role == "notifications" {
        until(&kept, from)
    } else {
        kept
    };
    log.current = Some(crate::build::log::merge(&kept, &lines));
}

/// Lag and offset of each partition: one stands still.
fn lag(
    ctx: &mut FaultContext,
    consumer: &Workload,
    broker: &Workload,
    (topic, stuck, offset): (&str, i64, i64),
    from: Timestamp,
) {
    let span = aligned(time::before(ctx.shop.now(), 7_200), ctx.shop.now(), 120);
    for partition in 0..6 {
        let number = partition.to_string();
        let labels = [
            ("namespace", broker.namespace.as_str()),
            ("consumergroup", consumer.name.as_str()),
            ("topic", topic),
            ("partition", number.as_str()),
        ];
        let is_stuck = partition == stuck;
        let frozen = |at: i64| if is_stuck { at.min(from.as_second()) } else { at };
        let float = |value: i64| f64::from(i32::try_from(value).unwrap_or(i32::MAX));
        let base = float(offset);
        ctx.metrics
            .gauge("kafka_consumergroup_current_offset", &labels, span, |at| {
                (base + float(frozen(at) - from.as_second()) * 1.7).round()
            });
        ctx.metrics.gauge("kafka_consumergroup_lag", &labels, span, |at| {
            (2.0 + float(at.rem_euclid(5)) + float(at - frozen(at)) * 1.7).round()
        });
    }
}
