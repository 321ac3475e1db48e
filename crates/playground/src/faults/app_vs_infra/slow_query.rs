//! One query of one service takes most of the database's time, more with every hour: an index is lacking. Must not know
//! how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::slowness::{Slowness, slow};
use crate::world::World;

/// `app-vs-infra/slow-query`.
pub struct SlowQuery;

const ID: &str = "app-vs-infra/slow-query";
const QUERY: &str = "SELECT e.* FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.external_ref = $1 AND e.settled_at IS NULL \
                     ORDER BY e.created_at DESC LIMIT 50";

impl Fault for SlowQuery {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 70);
        let database = ctx.shop.role("postgres").cloned();
        let (Some(caller), Some(database)) = (
            ctx.pick_role(&["payments-api", "orders", "ledger", "catalog"]),
            database,
        ) else {
            return Truth::without_cause("inconclusive");
        };
        let takes_s = 2.4 + 2.0 * ctx.rng.fraction();
        write(world, ctx, &database, (at, takes_s));
        let slowness = Slowness {
            callee: &database,
            from: at,
            until: ctx.shop.now(),
            takes_s,
            ramp_s: 1_500,
            itself: false,
            only: &[caller.role],
        };
        let slowed = slow(world, &ctx.shop, &mut ctx.metrics, &slowness);
        let victims: Vec<_> = slowed.iter().map(|workload| workload_key(workload)).collect();
        let front = slowed
            .iter()
            .find(|workload| workload.path.is_some())
            .map(|found| workload_key(found));
        ctx.shows(&caller, None, at);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = front.or(symptom.front.take());
        }
        let params =
            json!({ "field": "index", "found": null, "expected": "accounts(external_ref)", "query": QUERY });
        Truth::cause(workload_key(&database), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| world.object(&cause.object).is_some())
    }

    fn remedies(&self, _: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        database_remedies(truth)
    }
}

/// Nothing that the API server can edit makes a query faster or a lock shorter.
pub(super) fn database_remedies(truth: &Truth) -> Vec<Remedy> {
    let Some(cause) = truth.root_causes.first() else {
        return Vec::new();
    };
    let mut out = vec![
        Remedy::fails("restart", edits::restart(&cause.object)),
        Remedy::fails(
            "raise-limit",
            edits::container(
                &cause.object,
                json!({ "resources": { "limits": { "memory": "4Gi" } } }),
            ),
        ),
    ];
    if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
        out.push(Remedy::fails("scale-up", edits::scale(victim, 6)));
    }
    out
}

/// `log_min_duration_statement` (PostgreSQL, `src/backend/tcop/postgres.c`, `check_log_duration`): few other statements
/// are slow with it.
fn write(world: &mut World, ctx: &mut FaultContext, database: &Workload, (from, takes_s): (Timestamp, f64)) {
    let mut lines = Lines::default();
    let mut rng = ctx.rng.fork("statements");
    let mut at = time::after(from, 30);
    let ramp = 1_500.0;
    while at < ctx.shop.now() {
        let passed = i32::try_from(at.as_second() - from.as_second()).map_or(0.0, f64::from);
        let share = (0.25 + passed / ramp).min(1.0);
        let took = takes_s * 1_000.0 * share * (0.85 + 0.4 * rng.fraction());
        let statement = if rng.chance(93) {
            QUERY
        } else {
            "UPDATE sessions SET seen_at = now() WHERE id = $1"
        };
        lines.add(at, &statement_line(at, &mut rng, took, statement));
        at = time::after(at, rng.range(9, 24));
    }
    let log = world.log_mut(
        &database.namespace,
        &format!("{}-0", database.name),
        &database.name,
    );
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

/// A line of the duration log.
pub(super) fn statement_line(at: Timestamp, rng: &mut Rng, took_ms: f64, statement: &str) -> String {
    format!(
        "{} UTC [{}] LOG:  duration: {took_ms:.3} ms  execute <unnamed>: {statement}",
        at.strftime("%Y-%m-%d %H:%M:%S%.3f"),
        rng.range(60, 420)
    )
}
