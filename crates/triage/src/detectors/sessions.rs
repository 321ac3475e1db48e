//! Databases that make others wait, by their own logs: sessions behind a lock, one slow query, or a volume at its limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cluster::{ClusterView, LogLine, LogSource, Look, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use serde_json::Value;

use super::{Context, Detector};
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "sessions",
    mechanisms: &[LOCK, QUERY, SLOW],
    run,
};

const LOCK: &str = "app-vs-infra/lock-wait";
const QUERY: &str = "app-vs-infra/slow-query";
const SLOW: &str = "app-vs-infra/performance-degradation";
/// Lines longer ago than this are over.
const RECENT: SignedDuration = SignedDuration::from_mins(20);
/// Fewer waits or slow statements than this are everyday life.
const MANY: usize = 6;
/// A statement is slow from here on, in milliseconds.
const SLOW_MS: f64 = 500.0;

/// PostgreSQL, `src/backend/storage/lmgr/proc.c`.
static HOLDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"Process(?:es)? holding the lock: (?P<pid>\d+)").ok());
/// A backend's process, and its client's address where `log_line_prefix` has `%h` or `%r`.
static BACKEND: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[(?P<pid>\d+)\].*?\b(?P<ip>\d{1,3}(?:\.\d{1,3}){3})\b").ok());
/// PostgreSQL, `src/backend/tcop/postgres.c`.
static DURATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"duration: (?P<ms>\d+(?:\.\d+)?) ms\s+(?:statement|execute [^:]*|parse [^:]*|bind [^:]*): (?P<sql>.+)$").ok()
});
static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"'[^']*'|\b\d+\b").ok());

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for (source, log) in view.logs.iter().filter(|(source, _)| !source.previous) {
        let Look::Found(lines) = log else { continue };
        let recent: Vec<&LogLine> = lines
            .iter()
            .filter(|line| line.at.is_some_and(|at| view.now.duration_since(at) < RECENT))
            .collect();
        out.extend(locked(view, source, &recent).or_else(|| slow(view, source, &recent)));
    }
    out
}

fn owner(view: &ClusterView, source: &LogSource) -> ObjectRef {
    let pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
    view.get_ref(&pod)
        .map_or_else(|| pod.clone(), |found| view.workload_of(found))
}

/// Sessions that wait for one holder.
fn locked(view: &ClusterView, source: &LogSource, lines: &[&LogLine]) -> Option<Signal> {
    let pattern = HOLDER.as_ref()?;
    let waits: Vec<(&str, &LogLine)> = lines
        .iter()
        .filter_map(|line| Some((pattern.captures(line.text.as_str())?.name("pid")?.as_str(), *line)))
        .collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (pid, _) in &waits {
        *counts.entry(*pid).or_default() += 1;
    }
    let (holder, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    if count < MANY || count * 10 < waits.len() * 8 {
        return None;
    }
    let database = owner(view, source);
    let client = client_of(view, lines, holder);
    let (object, certainty) = match &client {
        Some((pod, _)) => (view.workload_of(pod), 0.9),
        None => (database.clone(), 0.6),
    };
    let who = client.as_ref().map_or_else(
        || "whose client is not known".to_owned(),
        |(pod, _)| format!("a session of {}", pod.reference()),
    );
    let first = waits.first().map(|(_, line)| *line)?;
    let last = waits.last().map(|(_, line)| *line)?;
    let message = format!("{database}: {count} waits within 20 minutes for locks of process {holder}, {who}");
    let database_pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
    let mut built = signal("sessions", &object, &message)
        .mechanism(LOCK, certainty)
        .severity(Severity::Critical)
        .onset(first.at)
        .affects([database.clone(), database_pod.clone()])
        .params("lock holder", holder, None)
        .computed(&database_pod, "log.waits", &count.to_string(), last.at)
        .computed(
            &database_pod,
            "log.line",
            last.text.truncated(300).as_str(),
            last.at,
        );
    if let Some((pod, line)) = client {
        built = built
            .facts(
                pod,
                ["status.podIP", "status.phase", "metadata.creationTimestamp"],
            )
            .computed(
                &database_pod,
                "log.holder",
                line.text.truncated(300).as_str(),
                line.at,
            );
    }
    Some(built.build())
}

/// The pod whose address the holder's own lines carry.
fn client_of<'a>(
    view: &'a ClusterView,
    lines: &[&'a LogLine],
    holder: &str,
) -> Option<(&'a Object, &'a LogLine)> {
    let pattern = BACKEND.as_ref()?;
    lines.iter().rev().find_map(|line| {
        let found = pattern.captures(line.text.as_str())?;
        let ip = found.name("ip")?.as_str();
        let is_holder = found.name("pid")?.as_str() == holder;
        let pod = view
            .of_kind("Pod")
            .find(|pod| pod.str("status.podIP") == ip && !pod.is("spec.hostNetwork"))?;
        is_holder.then_some((pod, *line))
    })
}

/// A slow statement with its parameters taken out.
struct Statement<'a> {
    shape: String,
    ms: f64,
    line: &'a LogLine,
}

fn slow(view: &ClusterView, source: &LogSource, lines: &[&LogLine]) -> Option<Signal> {
    let (pattern, literal) = (DURATION.as_ref()?, LITERAL.as_ref()?);
    let statements: Vec<Statement<'_>> = lines
        .iter()
        .filter_map(|line| {
            let found = pattern.captures(line.text.as_str())?;
            let ms: f64 = found.name("ms")?.as_str().parse().ok()?;
            let shape = literal.replace_all(found.name("sql")?.as_str(), "?").into_owned();
            (ms >= SLOW_MS).then_some(Statement { shape, ms, line })
        })
        .collect();
    if statements.len() < MANY {
        return None;
    }
    let mut by_shape: BTreeMap<&str, Vec<&Statement<'_>>> = BTreeMap::new();
    for statement in &statements {
        by_shape
            .entry(statement.shape.as_str())
            .or_default()
            .push(statement);
    }
    let worst = by_shape.values().max_by_key(|found| found.len())?;
    if worst.len() * 10 >= statements.len() * 7 {
        return Some(one_query(view, source, worst, statements.len()));
    }
    volume_at_limit(view, source, &statements, by_shape.len())
}

fn one_query(view: &ClusterView, source: &LogSource, worst: &[&Statement<'_>], all: usize) -> Signal {
    let database = owner(view, source);
    let pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
    let slowest = worst.iter().map(|statement| statement.ms).fold(0.0, f64::max);
    let shape: String = worst[0].shape.chars().take(200).collect();
    let message = format!(
        "{database}: one query makes {} of {all} slow statements of the last 20 minutes and takes up to {slowest:.0} ms: {shape}",
        worst.len()
    );
    let last = worst[worst.len() - 1].line;
    signal("sessions", &database, &message)
        .mechanism(QUERY, 0.86)
        .severity(Severity::Critical)
        .onset(worst[0].line.at)
        .affects([database.clone(), pod.clone()])
        .params("query", &shape, None)
        .computed(
            &pod,
            "log.slow_statements",
            &format!("{} of {all}", worst.len()),
            last.at,
        )
        .computed(&pod, "log.line", last.text.truncated(300).as_str(), last.at)
        .build()
}

/// Statements of all kinds are slow and the volume's operations stand still at a ceiling.
fn volume_at_limit(
    view: &ClusterView,
    source: &LogSource,
    statements: &[Statement<'_>],
    shapes: usize,
) -> Option<Signal> {
    let pod = view.get("Pod", &source.namespace, &source.pod)?;
    let series = view
        .series("pod-disk-operations")
        .iter()
        .find(|series| series.label("namespace") == source.namespace && series.label("pod") == source.pod)?;
    let (rate, onset) = ceiling(&series.samples, view.now)?;
    let claim = pod.list("spec.volumes").iter().find_map(|volume| {
        volume
            .pointer("/persistentVolumeClaim/claimName")
            .and_then(Value::as_str)
    })?;
    let claim = ObjectRef::of("PersistentVolumeClaim", &source.namespace, claim);
    let kinds: BTreeSet<&str> = statements
        .iter()
        .filter_map(|found| found.shape.split(' ').next())
        .collect();
    let certainty = if shapes >= 3 && kinds.len() >= 3 {
        0.84
    } else {
        0.5
    };
    let message = format!(
        "{}: statements of all kinds are slow ({}), and its volume stands at {rate:.0} operations/s without a swing: the volume's \
         limit",
        view.workload_of(pod),
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    );
    let last = statements.last()?.line;
    let mut built = signal("sessions", &claim, &message)
        .mechanism(SLOW, certainty)
        .severity(Severity::Critical)
        .onset(onset)
        .affects([pod.reference().clone(), view.workload_of(pod)])
        .params("operations per second", &format!("{rate:.0}"), None)
        .computed(
            pod.reference(),
            "metrics[container_fs].operations_per_second",
            &format!("{rate:.0}"),
            onset,
        )
        .computed(
            pod.reference(),
            "log.line",
            last.text.truncated(300).as_str(),
            last.at,
        )
        .lookup(view, &claim);
    if let Some(found) = view.get_ref(&claim) {
        built = built.facts(
            found,
            ["spec.resources.requests.storage", "spec.storageClassName"],
        );
    }
    Some(built.build())
}

/// A rate that lately hardly moves, far above what it was and swung around before: value and beginning.
fn ceiling(samples: &[(Timestamp, f64)], now: Timestamp) -> Option<(f64, Option<Timestamp>)> {
    let window = SignedDuration::from_mins(15);
    let late: Vec<f64> = samples
        .iter()
        .filter(|(at, _)| now.duration_since(*at) < window)
        .map(|(_, value)| *value)
        .collect();
    let (low, high) = (
        late.iter().copied().fold(f64::MAX, f64::min),
        late.iter().copied().fold(0.0, f64::max),
    );
    let usual = crate::vitals::usual(samples)?;
    let flat = late.len() >= 5 && high - low < 0.04 * high;
    (flat && low > 1.4 * usual).then(|| (high, crate::vitals::since(samples, 0.9 * low)))
}
