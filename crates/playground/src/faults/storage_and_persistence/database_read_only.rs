//! Clients write to a standby: the database's Service was pointed at it, and reads go on while writes are refused.
//! Must not know how it is found.

use serde_json::json;

use super::edits;
use crate::build::json::{escape, set, text};
use crate::build::log::voice::{Level, line, request};
use crate::build::log::{Lines, merge};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::rng::Rng;
use crate::shop::{Shop, chatter};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// `storage-and-persistence/database-read-only`.
pub struct DatabaseReadOnly;

const ID: &str = "storage-and-persistence/database-read-only";
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

impl Fault for DatabaseReadOnly {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        stage(world, ctx).unwrap_or_else(|| Truth::without_cause("inconclusive"))
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let pinned = format!("/spec/selector/{}", escape(POD_NAME));
        world
            .get("Service", &cause.object.namespace, &cause.object.name)
            .is_some_and(|service| text(service, &pinned) == text(&cause.params, "/found"))
    }

    fn remedies(&self, _: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let point = |value: serde_json::Value| Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "selector": { POD_NAME: value } } }),
        };
        let mut out = vec![
            Remedy::heals(
                "point-service-at-primary",
                vec![point(json!(text(&cause.params, "/expected")))],
            ),
            Remedy::heals("restore-selector", vec![point(serde_json::Value::Null)]),
        ];
        if let Some(database) = shop.role("postgres") {
            out.push(Remedy::fails(
                "restart-database",
                vec![edits::restart(&workload_key(database))],
            ));
        }
        if let Some(client) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            out.push(Remedy::fails("restart", vec![edits::restart(client)]));
        }
        out
    }
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(17, 50);
    let database = ctx.shop.role("postgres")?.clone();
    let namespace = database.namespace.as_str();
    let (primary, standby) = (format!("{}-0", database.name), format!("{}-1", database.name));
    follow(world, &database, &standby);
    let service = world.get_mut("Service", namespace, &database.name)?;
    set(
        service,
        &format!("/spec/selector/{}", escape(POD_NAME)),
        json!(standby),
    );
    ctx.shop
        .stamp
        .touch(service, KUBECTL_EDIT, at, &["/spec/selector"]);
    let shop = ctx.shop.clone();
    let clients: Vec<&Workload> = shop.callers(&database).collect();
    let struck = match ctx.target.clone() {
        Some(target) => clients.iter().find(|client| client.role == target).copied()?,
        None => ctx.rng.pick(&clients).copied()?,
    };
    for client in &clients {
        refuse(world, ctx, client, at);
    }
    serve_reads(world, ctx, &database, &standby, at);
    let pod = pods_of(world, struck)
        .first()
        .map(|pod| text(pod, "/metadata/name").to_owned());
    ctx.shows(struck, pod.as_deref(), time::after(at, 4));
    let params = json!({
        "field": "spec.selector", "found": standby, "expected": primary
    });
    let victims = clients.iter().map(|client| workload_key(client)).collect();
    let object = key("", "Service", namespace, &database.name);
    Some(Truth::cause(object, ID, params, victims))
}

/// The standby's log tells what it is (`src/backend/access/transam/xlog.c`, `xlogrecovery.c`;
/// `src/backend/replication/walreceiver.c`).
fn follow(world: &mut World, database: &Workload, standby: &str) {
    let log = world.log_mut(&database.namespace, standby, &database.name);
    let text = log
        .current
        .as_deref()
        .unwrap_or_default()
        .replace("checkpoint starting: time", "restartpoint starting: time")
        .replace("checkpoint complete: wrote", "restartpoint complete: wrote")
        .replace(
            "database system is ready to accept connections",
            "database system is ready to accept read-only connections",
        );
    log.current = Some(text);
}

/// Clients' writes are refused with SQLSTATE 25006 (`src/backend/tcop/utility.c`, `PreventCommandIfReadOnly`).
fn refuse(world: &mut World, ctx: &mut FaultContext, client: &Workload, from: jiff::Timestamp) {
    for pod in pods_of(world, client) {
        let name = text(&pod, "/metadata/name").to_owned();
        let mut lines = Lines::default();
        let mut at = time::after(from, ctx.rng.range(3, 20));
        while at < ctx.shop.now() {
            let verb = ctx.rng.pick(&["INSERT", "UPDATE"]).copied().unwrap_or("INSERT");
            lines.add(
                at,
                &line(client, &name, Level::Error, at, &words(client.voice, verb)),
            );
            lines.add(
                at,
                &request(
                    client,
                    &name,
                    at,
                    &chatter::some_path(&mut ctx.rng),
                    500,
                    ctx.rng.range(3, 20),
                ),
            );
            at = time::after(at, ctx.rng.range(35, 90));
        }
        let log = world.log_mut(&client.namespace, &name, &client.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}

/// As pgx, pgjdbc with Spring, psycopg and node-postgres word it.
fn words(voice: Voice, verb: &str) -> String {
    let plain = format!("cannot execute {verb} in a read-only transaction");
    match voice {
        Voice::Java => format!(
            "org.springframework.dao.DataAccessResourceFailureException: StatementCallback; ERROR: {plain}; nested \
             exception is org.postgresql.util.PSQLException: ERROR: {plain}"
        ),
        Voice::Python => format!("psycopg.errors.ReadOnlySqlTransaction: {plain}"),
        Voice::Node => format!("error: {plain}"),
        _ => format!("ERROR: {plain} (SQLSTATE 25006)"),
    }
}

fn serve_reads(
    world: &mut World,
    ctx: &mut FaultContext,
    database: &Workload,
    standby: &str,
    from: jiff::Timestamp,
) {
    let mut rng = Rng::new(ctx.shop.stamp.hash("standby"));
    let mut lines = Lines::default();
    let mut at = time::after(from, 5);
    while at < ctx.shop.now() {
        let id = rng.range(40, 400);
        let stamp = at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
        lines.add(
            at,
            &format!("{stamp} UTC [{id}] ERROR:  cannot execute INSERT in a read-only transaction"),
        );
        lines.add(
            at,
            &format!("{stamp} UTC [{id}] STATEMENT:  INSERT INTO items (id, state) VALUES ($1, $2)"),
        );
        at = time::after(at, rng.range(30, 80));
    }
    let log = world.log_mut(&database.namespace, standby, &database.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}
