//! A Job changes a table in one long transaction, and every session that needs the table queues behind it. Must not know how
//! it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::{flag, set, text};
use crate::build::log::{Lines, merge};
use crate::build::object::PIPELINE;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::batch::{job_pod, job_spec};
use crate::simulate::slowness::{Slowness, slow};
use crate::world::{ObjectKey, World};

/// `app-vs-infra/lock-wait`.
pub struct LockWait;

const ID: &str = "app-vs-infra/lock-wait";
/// Process of the holder in PostgreSQL.
const HOLDER: i64 = 4711;

impl Fault for LockWait {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(22, 45);
        let database = ctx.shop.role("postgres").cloned();
        let (Some(caller), Some(database)) = (
            ctx.pick_role(&["payments-api", "orders", "ledger", "catalog"]),
            database,
        ) else {
            return Truth::without_cause("inconclusive");
        };
        let (job, pod) = start_job(world, &ctx.shop, &caller, at);
        let waiting = time::after(at, 40);
        write(world, ctx, &database, (&caller, &job, &pod), waiting);
        let slowness = Slowness {
            callee: &database,
            from: waiting,
            until: ctx.shop.now(),
            takes_s: 3.0 + 2.0 * ctx.rng.fraction(),
            ramp_s: 60,
            itself: false,
            only: &[caller.role],
        };
        let slowed = slow(world, &ctx.shop, &mut ctx.metrics, &slowness);
        let mut victims: Vec<ObjectKey> = slowed.iter().map(|workload| workload_key(workload)).collect();
        victims.push(workload_key(&database));
        let front = slowed
            .iter()
            .find(|workload| workload.path.is_some())
            .map(|found| workload_key(found));
        ctx.shows(&caller, None, waiting);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = front.or(symptom.front.take());
        }
        let params =
            json!({ "field": "pg_locks", "found": "AccessExclusiveLock", "expected": null, "pid": HOLDER });
        Truth::cause(job, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            world
                .object(&cause.object)
                .is_some_and(|job| !flag(job, "/spec/suspend"))
        })
    }

    fn remedies(&self, _: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        // Its pod goes with it: the garbage collector takes what it owns.
        let delete = vec![Step::Delete(cause.object.clone())];
        let suspend = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "suspend": true } }),
        };
        let mut out = vec![
            Remedy::heals("delete-job", delete),
            Remedy::heals("suspend-job", vec![suspend]),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            out.push(Remedy::fails("restart", edits::restart(victim)));
            out.push(Remedy::fails("scale-up", edits::scale(victim, 6)));
        }
        out
    }
}

/// A Job that runs: its key and its pod.
fn start_job(world: &mut World, shop: &Shop, caller: &Workload, at: Timestamp) -> (ObjectKey, String) {
    let namespace = caller.namespace.as_str();
    let name = format!(
        "{}-{}",
        shop.names.workload("migration"),
        shop.stamp.suffix("batch", 4)
    );
    let mut spec = job_spec(shop, &name, "shop");
    let uid = shop.stamp.uid("Job", namespace, &name);
    let labels = json!({
        "app": name, "batch.kubernetes.io/job-name": name, "batch.kubernetes.io/controller-uid": uid, "job-name": name,
        "controller-uid": uid
    });
    set(&mut spec, "/template/metadata/labels", labels.clone());
    set(
        &mut spec,
        "/selector",
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }),
    );
    let template = spec.pointer("/template").cloned().unwrap_or_default();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": shop.stamp.labelled("Job", namespace, &name, at, &labels), "spec": spec,
        "status": {
            "startTime": time::seconds(at), "active": 1, "ready": 1, "terminating": 0, "uncountedTerminatedPods": {}
        }
    });
    shop.stamp.put(world, job, PIPELINE, at);
    let pod = job_pod(world, shop, (namespace, &name), &template, at);
    let mut lines = Lines::default();
    for (delay, words) in [
        (3, "connecting to the database"),
        (4, "0042_add_region: ALTER TABLE entries ADD COLUMN region text"),
        (
            5,
            "0042_add_region: backfilling entries.region, 48210012 rows, batches of 10000 in one transaction",
        ),
    ] {
        let moment = time::after(at, delay);
        lines.add(
            moment,
            &format!("{} INFO {words}", moment.strftime("%Y-%m-%d %H:%M:%S,%3f")),
        );
    }
    world.log_mut(namespace, &pod, &name).current = Some(lines.to_text());
    (key("batch", "Job", namespace, &name), pod)
}

/// `log_lock_waits` (PostgreSQL, `src/backend/storage/lmgr/proc.c`, `ProcSleep`) with `log_line_prefix = '%m [%p] %h %a '`;
/// the holder's own statements show in the duration log.
fn write(
    world: &mut World,
    ctx: &mut FaultContext,
    database: &Workload,
    (caller, job, pod): (&Workload, &ObjectKey, &str),
    from: Timestamp,
) {
    let holder = address(world, &job.namespace, pod);
    let peers: Vec<String> = crate::simulate::callers::pods_of(world, caller)
        .iter()
        .map(|found| text(found, "/status/podIP").to_owned())
        .collect();
    let mut lines = Lines::default();
    let mut rng = ctx.rng.fork("locks");
    let mut at = from;
    let mut turn = 0;
    while at < ctx.shop.now() {
        let when = at.strftime("%Y-%m-%d %H:%M:%S%.3f");
        let pid = 812 + turn % 9;
        let host = rng.pick(&peers).cloned().unwrap_or_default();
        let prefix = format!("{when} UTC [{pid}] {host} {}", caller.name);
        let queue = (0..turn.min(6))
            .map(|step| (812 + (turn + step) % 9).to_string())
            .collect::<Vec<_>>()
            .join(", ");
        lines.add(
            at,
            &format!("{prefix} LOG:  process {pid} still waiting for RowShareLock on relation 16402 of database 16384 after 1000.{} ms", rng.range(100, 290)),
        );
        lines.add(
            at,
            &format!("{prefix} DETAIL:  Process holding the lock: {HOLDER}. Wait queue: {pid}, {queue}."),
        );
        lines.add(
            at,
            &format!("{prefix} STATEMENT:  SELECT * FROM entries WHERE account_id = $1 FOR UPDATE"),
        );
        if turn % 3 == 0 {
            let moment = time::after(at, 7);
            let batch = turn * 10_000;
            lines.add(
                moment,
                &format!(
                    "{} UTC [{HOLDER}] {holder} psycopg LOG:  duration: {}.118 ms  statement: UPDATE entries SET region = \
                     'eu' WHERE id BETWEEN {batch} AND {}",
                    moment.strftime("%Y-%m-%d %H:%M:%S%.3f"),
                    rng.range(21_000, 64_000),
                    batch + 9_999
                ),
            );
        }
        turn += 1;
        at = time::after(at, rng.range(22, 44));
    }
    let log = world.log_mut(
        &database.namespace,
        &format!("{}-0", database.name),
        &database.name,
    );
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

fn address(world: &World, namespace: &str, pod: &str) -> String {
    world
        .get("Pod", namespace, pod)
        .map(|found| text(found, "/status/podIP").to_owned())
        .unwrap_or_default()
}
