//! Callers that ask too much: retries that multiply the load of a backend, and more calls than an outside API allows.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cluster::{LogLine, LogSource};
use domain::{ChangeKind, Fact, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::complaints;
use super::finding::signal;
use super::trend::{self, Join};
use super::{Context, Detector};

const RETRIES: &str = "cascading-failure/retry-storm";
const LIMITED: &str = "cascading-failure/upstream-rate-limited";

pub(super) const DETECTOR: Detector = Detector {
    name: "load",
    mechanisms: &[RETRIES, LIMITED],
    run,
};

/// Lines from which on a log speaks of a habit.
const MANY: usize = 6;

static HOST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"https?://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z]{2,})").ok());
static REFUSED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b429\b|too many requests|rate.?limit").ok());

fn run(context: &Context<'_>) -> Vec<Signal> {
    let mut out = storms(context);
    out.extend(limited(context));
    out
}

/// Lines of a workload's logs that may mean a mechanism, by workload.
fn sayings<'a>(
    context: &Context<'a>,
    mechanism: &str,
) -> BTreeMap<ObjectRef, Vec<(&'a LogSource, &'a LogLine)>> {
    let mut out: BTreeMap<ObjectRef, Vec<(&LogSource, &LogLine)>> = BTreeMap::new();
    for (workload, source, lines) in complaints::logs_of_workloads(context) {
        let found = lines
            .into_iter()
            .filter(|line| complaints::says(line.text.as_str(), mechanism))
            .map(|line| (source, line));
        out.entry(workload).or_default().extend(found);
    }
    out
}

fn line_fact((source, line): (&LogSource, &LogLine)) -> Fact {
    Fact {
        object: ObjectRef::of("Pod", &source.namespace, &source.pod),
        path: format!("log[{}].line", source.container),
        value: line.text.truncated(300),
        time: line.at,
    }
}

/// A caller that asks a backend many times more often than it did, while it is itself asked as often as before.
fn storms(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let sayings = sayings(context, RETRIES);
    let served = trend::by_workload(view, "served_rate", "", Join::Sum);
    trend::by_workload(view, "called_rate", "server_address", Join::Sum)
        .into_iter()
        .filter(|(_, found)| found.factor() >= 3.0 && found.now > 1.0)
        .filter_map(|((caller, host), found)| {
            let call = context.calls.iter().find(|call| call.from == caller && call.host == host)?;
            let own = served.get(&(caller.clone(), String::new()));
            let surge = own.is_some_and(|own| own.factor() > 1.6);
            let lines: Vec<_> = sayings
                .get(&caller)
                .into_iter()
                .flatten()
                .filter(|(_, line)| line.text.as_str().contains(&host))
                .copied()
                .collect();
            let certainty = match (own.is_some() && !surge, lines.len() >= MANY) {
                (true, true) => 0.88,
                (true, false) | (false, true) => 0.6,
                (false, false) => 0.35,
            };
            let message = format!(
                "{caller} asks {} {:.0} times as often as before ({:.1} requests per second), but is itself asked as often as before: it retries",
                call.service,
                found.factor(),
                found.now
            );
            let mut built = signal("load", &caller, &message)
                .mechanism(RETRIES, certainty)
                .onset(found.since)
                .affects([call.service.clone()])
                .computed(&caller, &format!("metric[http_client_requests][{host}].now"), &format!("{:.2}", found.now), None)
                .computed(&caller, &format!("metric[http_client_requests][{host}].before"), &format!("{:.2}", found.before), None)
                .fact(lines.last().map(|line| line_fact(*line)));
            if let Some((field, value)) = retry_setting(context, &caller) {
                built = built.params(&field, &value, None);
                if let Some(object) = view.get_ref(&caller) {
                    built = built.facts(object, [field.as_str()]);
                }
            }
            Some(built.build())
        })
        .collect()
}

/// The variable that sets how often a workload retries.
fn retry_setting(context: &Context<'_>, workload: &ObjectRef) -> Option<(String, String)> {
    let object = context.view.get_ref(workload)?;
    object
        .list("spec.template.spec.containers")
        .iter()
        .find_map(|container| {
            let name = container.get("name")?.as_str()?;
            container.get("env")?.as_array()?.iter().find_map(|variable| {
                let key = variable.get("name")?.as_str()?;
                let value = variable.get("value")?.as_str()?;
                let upper = key.to_ascii_uppercase();
                let counts = upper.contains("RETR") && value.parse::<u32>().is_ok_and(|count| count > 0);
                counts.then(|| {
                    (
                        format!("spec.template.spec.containers[{name}].env[{key}].value"),
                        value.to_owned(),
                    )
                })
            })
        })
}

/// A workload whose calls of a host outside of the cluster are refused for their number.
fn limited(context: &Context<'_>) -> Vec<Signal> {
    sayings(context, LIMITED)
        .into_iter()
        .filter_map(|(workload, lines)| {
            let refused: Vec<(&LogSource, &LogLine, String)> = lines
                .into_iter()
                .filter(|(_, line)| {
                    REFUSED
                        .as_ref()
                        .is_some_and(|words| words.is_match(line.text.as_str()))
                })
                .filter_map(|(source, line)| Some((source, line, outside_host(line.text.as_str())?)))
                .collect();
            let (source, line, host) = refused.last()?.clone();
            let first = refused.iter().filter_map(|(_, line, _)| line.at).min()?;
            let ongoing = line
                .at
                .is_some_and(|at| context.view.now.duration_since(at) < SignedDuration::from_mins(10));
            let raised = raised(context, &workload, first);
            let risen = rate_has_risen(context, &workload, &host);
            let certainty = match (refused.len() >= MANY, raised.is_some(), risen) {
                (true, true, true) => 0.92,
                (true, true, _) | (true, _, true) => 0.85,
                (true, false, false) => 0.6,
                (false, ..) => 0.35,
            };
            let why = raised
                .as_ref()
                .map_or_else(String::new, |(field, before, after)| {
                    format!("; a rollout raised {field} from {before} to {after}")
                });
            let message = format!(
                "{workload} is refused by {host} with 429 Too Many Requests ({} times){why}",
                refused.len()
            );
            let mut built = signal("load", &workload, &message)
                .mechanism(LIMITED, certainty)
                .severity(Severity::Critical)
                .onset(Some(first))
                .ongoing(ongoing)
                .affects([ObjectRef::of("Pod", &source.namespace, &source.pod)])
                .fact(Some(line_fact((source, line))))
                .param("host", &host);
            if let Some((field, before, after)) = &raised {
                built = built.params(field, after, Some(before));
                if let Some(object) = context.view.get_ref(&workload) {
                    built = built.facts(object, [field.as_str()]);
                }
            }
            Some(built.build())
        })
        .collect()
}

/// The host of an address in a line, if it is not one of the cluster's.
fn outside_host(text: &str) -> Option<String> {
    let hit = HOST.as_ref()?.captures(text)?;
    let host = hit.name("host")?.as_str();
    let inside = host.contains(".svc") || host.ends_with(".local") || host.ends_with(".internal");
    (!inside).then(|| host.to_owned())
}

/// A number in the template that a rollout shortly before `first` at least doubled: field, before, after.
fn raised(context: &Context<'_>, workload: &ObjectRef, first: Timestamp) -> Option<(String, String, String)> {
    let change = context.changes.iter().find(|change| {
        let before = change.at.map(|at| first.duration_since(at).as_secs());
        &change.object == workload
            && change.kind == ChangeKind::Rollout
            && before.is_some_and(|seconds| (-60..3_600).contains(&seconds))
    })?;
    change.diff.iter().find_map(|diff| {
        let (before, after) = (diff.before.as_ref()?.as_str(), diff.after.as_ref()?.as_str());
        let (old, new): (f64, f64) = (before.parse().ok()?, after.parse().ok()?);
        (old > 0.0 && new >= old * 2.0).then(|| (diff.field.clone(), before.to_owned(), after.to_owned()))
    })
}

/// Whether a workload calls a host more often than it did.
fn rate_has_risen(context: &Context<'_>, workload: &ObjectRef, host: &str) -> bool {
    trend::by_workload(context.view, "called_rate", "server_address", Join::Sum)
        .get(&(workload.clone(), host.to_owned()))
        .is_some_and(|found| found.factor() >= 1.5)
}
