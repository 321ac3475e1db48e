//! A rollout changes the size of a connection pool: so large that the database has no connection left for others, or so
//! small that requests queue for one. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::text;
use crate::build::log::voice::{CallFailure, Level, line};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::cascading_failure::edits::{env_of, put_env, set_env};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence, log_failures, peer};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `resource-exhaustion/connection-pool-exhausted`. Knows the parameter `side`: `server` (the database's connections are
/// used up, by default) or `client` (the workload's own pool is too small).
pub struct ConnectionPoolExhausted;

const ID: &str = "resource-exhaustion/connection-pool-exhausted";
const SIZE: &str = "DB_POOL_SIZE";
const USUAL: i64 = 10;

impl Fault for ConnectionPoolExhausted {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 50);
        let is_server = ctx.text_param("side").unwrap_or("server") == "server";
        let roles: &[&str] = if is_server { &["orders"] } else { &["reports"] };
        let (Some(workload), Some(database)) = (ctx.pick_role(roles), ctx.shop.role("postgres").cloned())
        else {
            return Truth::without_cause("inconclusive");
        };
        let size = if is_server {
            *ctx.rng.pick(&[60_i64, 75, 100]).unwrap_or(&75)
        } else {
            ctx.rng.range(1, 2)
        };
        let days = ctx.rng.range(5, 12);
        let usual_since = time::days_before(ctx.shop.now(), days);
        resize(world, ctx, &workload, USUAL, usual_since);
        resize(world, ctx, &workload, size, at);
        let from = time::after(at, ctx.rng.range(80, 150));
        let victims = if is_server {
            refuse(world, ctx, &workload, &database, from)
        } else {
            starve(world, ctx, &workload, size, from)
        };
        ctx.shows(&workload, None, from);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].env[{SIZE}].value", workload.name),
            "found": size.to_string(), "expected": USUAL.to_string()
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| env_of(world, &cause.object, SIZE) == text(&cause.params, "/found"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let more = i64::try_from(workload.replicas).unwrap_or(1) + 2;
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, &cause.object)),
            Remedy::heals("set-pool-size", vec![set_env(workload, SIZE, "10")]),
            Remedy::fails("restart", edits::restart(&cause.object)),
            Remedy::fails("delete-pod", edits::delete_pods(world, &cause.object)),
            Remedy::fails("scale-up", edits::scale(&cause.object, more)),
        ]
    }
}

fn resize(world: &mut World, ctx: &mut FaultContext, workload: &Workload, size: i64, at: Timestamp) {
    let change = Change::of(workload, at, true);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        put_env(template, SIZE, &size.to_string());
    });
}

/// PostgreSQL at `max_connections` refuses everybody (`src/backend/storage/lmgr/proc.c`, `InitProcess`); its clients say so
/// in their drivers' words.
fn refuse(
    world: &mut World,
    ctx: &mut FaultContext,
    greedy: &Workload,
    database: &Workload,
    from: Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let until = ctx.shop.now();
    let shop = ctx.shop.clone();
    let mut rng = Rng::new(shop.stamp.hash("too-many-clients"));
    server_log(world, &shop, database, from);
    let mut victims = vec![workload_key(database)];
    for caller in shop.callers(database).filter(|caller| caller.role != greedy.role) {
        let silence = Silence {
            callee: caller,
            why: CallFailure::Refused,
            from,
            until,
            only: &[],
        };
        log_failures(
            world,
            caller,
            &silence,
            &refused(&shop, caller, database),
            &mut rng,
        );
        victims.push(workload_key(caller));
        let affected = callers::answer_errors(world, &shop, &mut ctx.metrics, &silence);
        victims.extend(callers::keys(&affected));
    }
    victims.sort();
    victims.dedup();
    victims
}

/// What the driver of the language makes of SQLSTATE 53300: pgx, pgjdbc, psycopg, node-postgres.
fn refused(shop: &Shop, caller: &Workload, database: &Workload) -> String {
    let server = peer(shop, database);
    let said = "FATAL: sorry, too many clients already";
    match caller.voice {
        Voice::Java => format!("org.postgresql.util.PSQLException: {said}"),
        Voice::Python => format!(
            "psycopg.OperationalError: connection failed: connection to server at \"{}\", port {} failed: {}",
            server.address,
            server.port,
            said.replacen(": ", ":  ", 1)
        ),
        Voice::Node => "error: sorry, too many clients already".to_owned(),
        _ => {
            let name = caller.name.replace('-', "_");
            format!(
                "failed to connect to `user={name} database={name}`: {}:{} ({}): server error: {said} (SQLSTATE 53300)",
                server.address, server.port, server.host
            )
        }
    }
}

fn server_log(world: &mut World, shop: &Shop, database: &Workload, from: Timestamp) {
    let mut rng = Rng::new(shop.stamp.hash("server-log"));
    let pod = format!("{}-0", database.name);
    let mut lines = Lines::default();
    let mut at = from;
    while at < shop.now() {
        // PostgreSQL 16, `src/backend/utils/init/postinit.c`: the last slots are kept.
        let words = if rng.chance(15) {
            "remaining connection slots are reserved for roles with the SUPERUSER attribute"
        } else {
            "sorry, too many clients already"
        };
        lines.add(at, &line(database, &pod, Level::Error, at, words));
        at = time::after(at, rng.range(6, 30));
    }
    let log = world.log_mut(&database.namespace, &pod, &database.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

/// Requests wait for a connection of the pool in vain (SQLAlchemy, `lib/sqlalchemy/pool/impl.py`, `QueuePool._do_get`).
fn starve(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    size: i64,
    from: Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let silence = Silence {
        callee: workload,
        why: CallFailure::TimedOut,
        from,
        until: ctx.shop.now(),
        only: &[],
    };
    let message = format!(
        "sqlalchemy.exc.TimeoutError: QueuePool limit of size {size} overflow 0 reached, connection timed out, timeout 30.00 \
         (Background on this error at: https://sqlalche.me/e/20/3o7r)"
    );
    let shop = ctx.shop.clone();
    let mut rng = Rng::new(shop.stamp.hash("own-pool"));
    log_failures(world, workload, &silence, &message, &mut rng);
    let affected = callers::answer_errors(world, &shop, &mut ctx.metrics, &silence);
    callers::keys(&affected)
}
