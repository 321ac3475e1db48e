//! The database's volume delivers no more operations per second than its size entitles it to: every statement is slow, none
//! more than another. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use super::slow_query::statement_line;
use crate::build::json::{set, text};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::storage_and_persistence::edits::{claims_in_use, move_to_claim};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::shop::storage::claim_name;
use crate::shop::telemetry::{aligned, mebibytes, wave};
use crate::simulate::slowness::{Slowness, slow};
use crate::world::World;

/// `app-vs-infra/performance-degradation`.
pub struct PerformanceDegradation;

const ID: &str = "app-vs-infra/performance-degradation";
/// Reads and writes of a container's file systems, by cAdvisor.
const READS: &str = "container_fs_reads_total";
const WRITES: &str = "container_fs_writes_total";
/// Operations per second that a volume of 100 GiB is entitled to (three per GiB: Amazon EBS, "General Purpose SSD volumes").
const CEILING: f64 = 300.0;

impl Fault for PerformanceDegradation {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 65);
        let Some(database) = ctx.pick_role(&["postgres"]) else {
            return Truth::without_cause("inconclusive");
        };
        operations(world, ctx, &database, at);
        write(world, ctx, &database, at);
        let slowness = Slowness {
            callee: &database,
            from: at,
            until: ctx.shop.now(),
            takes_s: 1.4 + ctx.rng.fraction(),
            ramp_s: 400,
            itself: false,
            only: &[],
        };
        let slowed = slow(world, &ctx.shop, &mut ctx.metrics, &slowness);
        let victims: Vec<_> = slowed
            .iter()
            .map(|workload| workload_key(workload))
            .chain([workload_key(&database)])
            .collect();
        let front = ctx.shop.role("payments-api").map(workload_key);
        ctx.shows(&database, None, at);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = front;
        }
        let claim = claim_name(&database, 0);
        let size = world
            .get("PersistentVolumeClaim", &database.namespace, &claim)
            .map(|found| text(found, "/spec/resources/requests/storage").to_owned())
            .unwrap_or_default();
        let params =
            json!({ "field": "spec.resources.requests.storage", "found": size, "expected": "500Gi" });
        let object = key("", "PersistentVolumeClaim", &database.namespace, &claim);
        Truth::cause(object, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let database = truth.victims.iter().find(|victim| {
            victim.kind == "StatefulSet"
                && victim.namespace == cause.object.namespace
                && cause.object.name == format!("data-{}-0", victim.name)
        });
        let claims = database
            .map(|database| claims_in_use(world, database))
            .unwrap_or_default();
        claims.first().copied().flatten().is_none_or(|claim| {
            mebibytes(text(claim, "/spec/resources/requests/storage"))
                <= mebibytes(text(&cause.params, "/found"))
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let patch = |patch: serde_json::Value| {
            vec![Step::MergePatch {
                object: cause.object.clone(),
                patch,
            }]
        };
        let larger = json!({ "requests": { "storage": "500Gi" } });
        let mut out = vec![Remedy::heals(
            "expand-volume",
            patch(json!({ "spec": { "resources": larger } })),
        )];
        if let Some(database) = shop.role("postgres") {
            let claim = cause.object.name.as_str();
            let cloned = move_to_claim(world, database, claim, |template| {
                let source = json!({ "kind": "PersistentVolumeClaim", "name": claim });
                set(template, "/spec/resources", larger.clone());
                set(template, "/spec/dataSource", source);
            });
            out.push(Remedy::heals("clone-to-larger-claim", cloned));
            let database = workload_key(database);
            out.push(Remedy::fails("restart", edits::restart(&database)));
            out.push(Remedy::fails(
                "raise-limit",
                edits::container(
                    &database,
                    json!({ "resources": { "limits": { "memory": "4Gi" } } }),
                ),
            ));
        }
        out
    }
}

/// Operations go up and down with the load until they hit the ceiling, where they stay.
fn operations(world: &World, ctx: &mut FaultContext, database: &Workload, from: Timestamp) {
    let pod = format!("{}-0", database.name);
    let Some(object) = world.get("Pod", &database.namespace, &pod) else {
        return;
    };
    let node = text(object, "/spec/nodeName").to_owned();
    let labels = [
        ("namespace", database.namespace.as_str()),
        ("pod", pod.as_str()),
        ("container", database.name.as_str()),
        ("node", node.as_str()),
        ("device", "/dev/nvme1n1"),
    ];
    let span = aligned(time::before(ctx.shop.now(), 7_200), ctx.shop.now(), 120);
    let phase = ctx.shop.stamp.hash(&pod) % 600;
    for (name, share) in [(READS, 0.38), (WRITES, 0.62)] {
        ctx.metrics.counter(name, &labels, span, 800_000.0, |at| {
            let free = 130.0 + 45.0 * wave(at, phase);
            share * if at > from.as_second() { CEILING } else { free }
        });
    }
}

/// Statements of every kind take long, commits, too (PostgreSQL, `src/backend/tcop/postgres.c` and
/// `src/backend/access/transam/xlog.c`, `LogCheckpointEnd`).
fn write(world: &mut World, ctx: &mut FaultContext, database: &Workload, from: Timestamp) {
    const STATEMENTS: &[&str] = &[
        "COMMIT",
        "INSERT INTO entries (account_id, amount, created_at) VALUES ($1, $2, now())",
        "UPDATE baskets SET updated_at = now() WHERE id = $1",
        "SELECT * FROM items WHERE id = $1",
        "SELECT id, name FROM accounts WHERE id = $1",
        "DELETE FROM sessions WHERE id = $1",
    ];
    let mut rng: Rng = ctx.rng.fork("statements");
    let mut lines = Lines::default();
    let mut at = time::after(from, 40);
    let mut turn = 0;
    while at < ctx.shop.now() {
        if turn % 14 == 13 {
            let when = at.strftime("%Y-%m-%d %H:%M:%S%.3f");
            lines.add(
                at,
                &format!(
                    "{when} UTC [29] LOG:  checkpoint complete: wrote 41{} buffers (31.7%); 0 WAL file(s) added, 2 removed, 19 \
                     recycled; write=269.{} s, sync=18.{} s, total=291.402 s",
                    rng.range(100, 990),
                    rng.range(100, 990),
                    rng.range(100, 990)
                ),
            );
        } else {
            let took = 900.0 + 2_600.0 * rng.fraction();
            let statement = rng.pick(STATEMENTS).copied().unwrap_or("COMMIT");
            lines.add(at, &statement_line(at, &mut rng, took, statement));
        }
        turn += 1;
        at = time::after(at, rng.range(10, 26));
    }
    let log = world.log_mut(
        &database.namespace,
        &format!("{}-0", database.name),
        &database.name,
    );
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}
