//! Connections that are used up: a database that has none left for its clients, or a pool of a client's own that is too
//! small. Who is to blame shows only where a rollout changed the size of a pool just before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cluster::{LogLine, LogSource};
use domain::{ChangeKind, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::complaints;
use super::finding::{SignalBuilder, signal};
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "pool",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/connection-pool-exhausted";
/// Lines from which on a log speaks of a habit.
const MANY: usize = 6;

/// What the server says that has no connection left: PostgreSQL, MySQL, Redis, PgBouncer.
static SERVER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"sorry, too many clients already|remaining connection slots are reserved|(?i:\btoo many connections\b)|max number of clients reached|no more connections allowed").ok()
});
/// Fields that size a pool, as drivers and frameworks call them.
static SIZE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)pool|max_?(?:open_?|idle_?)?conn|connections?_?(?:max|limit)|max_?active").ok()
});

/// A pool whose size a rollout changed.
struct Resized {
    field: String,
    before: String,
    after: String,
    at: Option<Timestamp>,
    grew: bool,
}

type Line<'a> = (&'a LogSource, &'a LogLine);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let (mut refused, mut starved): (
        BTreeMap<ObjectRef, Vec<Line<'_>>>,
        BTreeMap<ObjectRef, Vec<Line<'_>>>,
    ) = Default::default();
    for (workload, source, lines) in complaints::logs_of_workloads(context) {
        for line in lines {
            let text = line.text.as_str();
            if !complaints::says(text, ID) {
                continue;
            }
            let is_server = SERVER.as_ref().is_some_and(|words| words.is_match(text));
            let into = if is_server { &mut refused } else { &mut starved };
            into.entry(workload.clone()).or_default().push((source, line));
        }
    }
    refused.retain(|_, lines| lines.len() >= MANY);
    starved.retain(|_, lines| lines.len() >= MANY);
    let mut out: Vec<Signal> = full_servers(context, &refused);
    // Where the server is full, pools that run dry are its shadow.
    let is_shadow = !refused.is_empty();
    out.extend(
        starved
            .iter()
            .filter_map(|(workload, lines)| dry(context, workload, lines, is_shadow)),
    );
    out
}

/// The rollout of a workload, within two hours before `first`, that changed the size of a pool.
fn resized(context: &Context<'_>, workload: &ObjectRef, first: Timestamp) -> Option<Resized> {
    let change = context.changes.iter().find(|change| {
        let before = change.at.map(|at| first.duration_since(at).as_secs());
        &change.object == workload
            && change.kind == ChangeKind::Rollout
            && before.is_some_and(|seconds| (-60..7_200).contains(&seconds))
    })?;
    change.diff.iter().find_map(|diff| {
        let name = SIZE.as_ref()?;
        let (before, after) = (diff.before.as_ref()?.as_str(), diff.after.as_ref()?.as_str());
        let (old, new): (u32, u32) = (before.parse().ok()?, after.parse().ok()?);
        (name.is_match(&diff.field) && old != new).then(|| Resized {
            field: diff.field.clone(),
            before: before.to_owned(),
            after: after.to_owned(),
            at: change.at,
            grew: new > old,
        })
    })
}

/// Servers that refuse connections, with the one client whose pools a rollout enlarged before.
fn full_servers(context: &Context<'_>, refused: &BTreeMap<ObjectRef, Vec<Line<'_>>>) -> Vec<Signal> {
    let mut by_server: BTreeMap<ObjectRef, (BTreeSet<ObjectRef>, Vec<Line<'_>>)> = BTreeMap::new();
    for (workload, lines) in refused {
        let called = servers(context, workload, lines);
        // A log that names no host it calls is the server's own.
        let servers = if called.is_empty() {
            vec![workload.clone()]
        } else {
            called
        };
        for server in servers {
            let entry = by_server.entry(server).or_default();
            entry.0.insert(workload.clone());
            entry.1.extend(lines.iter().copied());
        }
    }
    by_server
        .into_iter()
        .filter_map(|(server, (speakers, lines))| full(context, &server, &speakers, &lines))
        .collect()
}

/// The workloads behind the databases that a workload calls.
fn servers(context: &Context<'_>, workload: &ObjectRef, lines: &[Line<'_>]) -> Vec<ObjectRef> {
    let mut calls: Vec<_> = context
        .calls
        .iter()
        .filter(|call| &call.from == workload)
        .collect();
    let names = |host: &str| lines.iter().any(|(_, line)| line.text.as_str().contains(host));
    if calls.iter().any(|call| names(&call.host)) {
        calls.retain(|call| names(&call.host));
    } else {
        calls.retain(|call| {
            call.port
                .is_some_and(|port| matches!(port, 5432 | 3306 | 6379 | 6432 | 27017))
        });
    }
    calls
        .iter()
        .flat_map(|call| behind(context, &call.service))
        .collect()
}

fn behind(context: &Context<'_>, service: &ObjectRef) -> Vec<ObjectRef> {
    let view = context.view;
    let Some(wanted) = view
        .get_ref(service)
        .and_then(|service| service.at("spec.selector"))
    else {
        return Vec::new();
    };
    let mut out: Vec<ObjectRef> = view
        .in_namespace("Pod", &service.namespace)
        .filter(|pod| cluster::selector::map_selects(wanted, cluster::selector::labels(pod)))
        .map(|pod| view.workload_of(pod))
        .collect();
    out.sort();
    out.dedup();
    out
}

fn full(
    context: &Context<'_>,
    server: &ObjectRef,
    speakers: &BTreeSet<ObjectRef>,
    lines: &[Line<'_>],
) -> Option<Signal> {
    let first = lines.iter().filter_map(|(_, line)| line.at).min()?;
    let clients: BTreeSet<&ObjectRef> = context
        .calls
        .iter()
        .filter(|call| behind(context, &call.service).contains(server))
        .map(|call| &call.from)
        .collect();
    let mut greedy: Vec<(&ObjectRef, Resized)> = clients
        .into_iter()
        .filter_map(|client| Some((client, resized(context, client, first)?)))
        .filter(|(_, change)| change.grew)
        .collect();
    let message = format!(
        "{server} has no connection left for its clients ({} refusals in logs)",
        lines.len()
    );
    if greedy.len() != 1 {
        let built = base(context, server, &message, lines, first).mechanism(ID, 0.55);
        return Some(built.affects(speakers.iter().cloned()).build());
    }
    let (client, change) = greedy.remove(0);
    let message = format!(
        "{message} since a rollout of {client} raised {} from {} to {} per pod",
        change.field, change.before, change.after
    );
    let built = base(context, client, &message, lines, first)
        .mechanism(ID, 0.9)
        .affects(speakers.iter().cloned().chain([server.clone()]));
    Some(with_change(context, built, client, &change).build())
}

/// A workload whose own pool runs dry.
fn dry(context: &Context<'_>, workload: &ObjectRef, lines: &[Line<'_>], is_shadow: bool) -> Option<Signal> {
    let first = lines.iter().filter_map(|(_, line)| line.at).min()?;
    let message = format!(
        "requests of {workload} wait in vain for a connection of its pool ({} times)",
        lines.len()
    );
    match resized(context, workload, first) {
        Some(change) if !change.grew && !is_shadow => {
            let message = format!(
                "{message} since a rollout lowered {} from {} to {}",
                change.field, change.before, change.after
            );
            let built = base(context, workload, &message, lines, first).mechanism(ID, 0.9);
            Some(with_change(context, built, workload, &change).build())
        }
        // A leak, a pool too small for the load, or a database that answers late: the words are the same.
        _ => Some(
            base(context, workload, &message, lines, first)
                .mechanism(ID, 0.55)
                .build(),
        ),
    }
}

fn base(
    context: &Context<'_>,
    object: &ObjectRef,
    message: &str,
    lines: &[Line<'_>],
    first: Timestamp,
) -> SignalBuilder {
    let last = lines.iter().max_by_key(|(_, line)| line.at);
    let ongoing = last.is_some_and(|(_, line)| {
        line.at
            .is_some_and(|at| context.view.now.duration_since(at) < SignedDuration::from_mins(10))
    });
    let mut built = signal("pool", object, message)
        .severity(Severity::Critical)
        .onset(Some(first))
        .ongoing(ongoing)
        .affects(
            lines
                .iter()
                .map(|(source, _)| ObjectRef::of("Pod", &source.namespace, &source.pod)),
        );
    if let Some((source, line)) = last {
        built = built.computed(
            &ObjectRef::of("Pod", &source.namespace, &source.pod),
            &format!("log[{}].line", source.container),
            line.text.truncated(300).as_str(),
            line.at,
        );
    }
    built
}

fn with_change(
    context: &Context<'_>,
    built: SignalBuilder,
    workload: &ObjectRef,
    change: &Resized,
) -> SignalBuilder {
    let built = built
        .params(&change.field, &change.after, Some(&change.before))
        .computed(
            workload,
            &format!("changes[rollout].{}", change.field),
            &format!("{} -> {}", change.before, change.after),
            change.at,
        );
    match context.view.get_ref(workload) {
        Some(object) => built.facts(object, [change.field.as_str()]),
        None => built,
    }
}
