//! A database that refuses the logins of one workload: what the workload, the database and the callers show. Must
//! not know why the password is wrong.

use jiff::Timestamp;

use super::scene::{add_lines, complain, pod_names};
use crate::build::json::text;
use crate::build::log::Lines;
use crate::build::log::voice::{Level, line};
use crate::build::template::credentials;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{FaultContext, key};
use crate::rng::Rng;
use crate::simulate::callers;
use crate::world::{ObjectKey, World};

/// Workloads that log in to the database and answer errors, rather than end, when they cannot.
pub(super) const ROLES: &[&str] = &["orders", "ledger"];

/// The Secret with a workload's login.
pub(super) fn secret(workload: &Workload) -> ObjectKey {
    key("", "Secret", &workload.namespace, &credentials(workload))
}

/// The database role that a workload logs in as.
pub(super) fn user(workload: &Workload) -> String {
    workload.name.replace('-', "_")
}

/// What a client says when the database refuses its password: pgx (`pgconn/errors.go`), PgJDBC under HikariCP, psycopg
/// 3, node-postgres; all pass on the server's words (PostgreSQL, `src/backend/libpq/auth.c`, `auth_failed`; SQLSTATE
/// 28P01).
pub(super) fn refused(workload: &Workload, host: &str, address: &str) -> String {
    let user = user(workload);
    match workload.voice {
        Voice::Java => format!(
            "HikariPool-1 - Exception during pool initialization. org.postgresql.util.PSQLException: FATAL: password \
             authentication failed for user \"{user}\""
        ),
        Voice::Python => format!(
            "psycopg.OperationalError: connection failed: connection to server at \"{address}\", port 5432 failed: \
             FATAL:  password authentication failed for user \"{user}\""
        ),
        Voice::Node => format!("error: password authentication failed for user \"{user}\""),
        _ => format!(
            "acquire connection: failed to connect to `user={user} database={user}`: {address}:5432 ({host}): failed \
             SASL auth: FATAL: password authentication failed for user \"{user}\" (SQLSTATE 28P01)"
        ),
    }
}

/// Lets the logins of some pods fail since a moment, and returns the workloads that suffer.
pub(super) fn fail(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pods: &[String],
    from: Timestamp,
) -> Vec<ObjectKey> {
    let now = ctx.shop.now();
    let Some(database) = ctx.shop.role("postgres").cloned() else {
        return Vec::new();
    };
    let peer = callers::peer(&ctx.shop, &database);
    let message = refused(workload, &peer.host, &peer.address);
    let times = complain(world, ctx, workload, pods, &message, (from, now));
    refusals(world, workload, &database, &times);
    let shop = ctx.shop.clone();
    let affected = callers::errors(world, &shop, &mut ctx.metrics, workload, (from, now));
    let mut victims = callers::keys(&affected);
    victims.push(key("", "Service", &workload.namespace, &workload.name));
    victims
}

/// The database's own log of refused logins (PostgreSQL with `scram-sha-256` in `pg_hba.conf`).
pub(super) fn refusals(world: &mut World, workload: &Workload, database: &Workload, times: &[Timestamp]) {
    let user = user(workload);
    let mut lines = Lines::default();
    let server = primary(database);
    for at in times {
        let refusal = format!("password authentication failed for user \"{user}\"");
        let fatal = line(database, &server, Level::Error, *at, &refusal);
        let detail = fatal.replace(
            &format!("FATAL:  {refusal}"),
            "DETAIL:  Connection matched file \"/data/pgdata/pg_hba.conf\" line 128: \"host all all all scram-sha-256\"",
        );
        lines.add(*at, &fatal);
        lines.add(*at, &detail);
    }
    add_lines(world, database, &server, &lines);
}

/// The database's audit log of a changed password (pgAudit, which hides it).
pub(super) fn password_changed(world: &mut World, workload: &Workload, database: &Workload, at: Timestamp) {
    let user = user(workload);
    let server = primary(database);
    let audit = format!(
        "AUDIT: SESSION,1,1,ROLE,ALTER ROLE,,,\"ALTER ROLE {user} WITH LOGIN PASSWORD <REDACTED>\",<not logged>"
    );
    let mut lines = Lines::default();
    lines.add(at, &line(database, &server, Level::Info, at, &audit));
    add_lines(world, database, &server, &lines);
}

/// A new value of a login's password, not yet in base64.
pub(super) fn new_password(rng: &mut Rng) -> String {
    format!("{:016x}{:08x}", rng.next_u64(), rng.next_u64() & 0xffff_ffff)
}

/// The moment until which a workload's connections of before still serve.
pub(super) fn first_refusal(ctx: &mut FaultContext, changed: Timestamp) -> Timestamp {
    time::after(changed, ctx.rng.range(35, 200))
}

/// Pods of a workload, those that started first in front.
pub(super) fn oldest_first(world: &World, workload: &Workload) -> Vec<String> {
    let mut pods = pod_names(world, workload);
    pods.sort_by_key(|pod| {
        world
            .get("Pod", &workload.namespace, pod)
            .map(|object| text(object, "/status/startTime").to_owned())
    });
    pods
}

fn primary(database: &Workload) -> String {
    format!("{}-0", database.name)
}
