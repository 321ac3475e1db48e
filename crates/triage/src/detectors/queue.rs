//! Consumers that cannot pass one message: the offset stands still, the lag grows, the same failure repeats.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cluster::{LogLine, LogSource, Series};
use domain::{Fact, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::complaints;
use super::finding::signal;
use super::{Context, Detector};

const ID: &str = "cascading-failure/queue-backlog";

/// Lines with where they stand.
type Lines<'a> = Vec<(&'a LogSource, &'a LogLine)>;

pub(super) const DETECTOR: Detector = Detector {
    name: "queue",
    mechanisms: &[ID],
    run,
};

/// Where a message stands, as Kafka's clients write it: `partition=2 offset=17`, `partition orders-2 at offset 17`,
/// `orders-2@17`.
static POSITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)partition[\x22':= ]+(?:[\w.-]+-)?(?P<p>\d+)\W{1,4}(?:at )?offset[\x22':= ]+(?P<o>\d+)|[\w.]-(?P<q>\d+)@(?P<r>\d+)\b")
        .ok()
});

/// Failures of one message from which on it is stuck rather than retried.
const MANY: usize = 6;
/// Time over which an offset must stand still.
const FROZEN: SignedDuration = SignedDuration::from_mins(12);

/// A message that fails again and again.
struct Stuck<'a> {
    workload: ObjectRef,
    partition: String,
    offset: String,
    lines: Vec<(&'a LogSource, &'a LogLine)>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    stuck(context)
        .into_iter()
        .map(|stuck| report(context, &stuck))
        .collect()
}

fn stuck<'a>(context: &Context<'a>) -> Vec<Stuck<'a>> {
    let mut found: BTreeMap<(ObjectRef, String, String), Lines<'_>> = BTreeMap::new();
    for (workload, source, lines) in complaints::logs_of_workloads(context) {
        for line in lines {
            let Some((partition, offset)) = position(line.text.as_str()) else {
                continue;
            };
            if complaints::says(line.text.as_str(), ID) {
                found
                    .entry((workload.clone(), partition, offset))
                    .or_default()
                    .push((source, line));
            }
        }
    }
    found
        .into_iter()
        .filter(|(_, lines)| lines.len() >= MANY)
        .map(|((workload, partition, offset), lines)| Stuck {
            workload,
            partition,
            offset,
            lines,
        })
        .collect()
}

fn position(text: &str) -> Option<(String, String)> {
    let hit = POSITION.as_ref()?.captures(text)?;
    let part = |one: &str, other: &str| Some(hit.name(one).or(hit.name(other))?.as_str().to_owned());
    Some((part("p", "q")?, part("o", "r")?))
}

fn report(context: &Context<'_>, stuck: &Stuck<'_>) -> Signal {
    let view = context.view;
    let frozen = view
        .series("consumer_offset")
        .iter()
        .filter(|series| series.label("partition") == stuck.partition && stands_still(series, view.now))
        .find(|series| {
            let at = stuck.offset.parse::<f64>().unwrap_or_default();
            series.last().is_some_and(|last| (last - at).abs() <= 2.0)
        });
    let behind = frozen.and_then(|frozen| {
        view.series("consumer_lag").iter().find(|series| {
            ["partition", "topic", "consumergroup"]
                .iter()
                .all(|label| series.label(label) == frozen.label(label))
                && grows(series)
        })
    });
    let certainty = if behind.is_some() { 0.93 } else { 0.75 };
    let lag = behind.and_then(Series::last).unwrap_or_default();
    let message = format!(
        "{} cannot pass the message at partition {} offset {}: it failed {} times, nothing behind it is consumed (lag {lag:.0})",
        stuck.workload,
        stuck.partition,
        stuck.offset,
        stuck.lines.len()
    );
    let first = stuck.lines.iter().filter_map(|(_, line)| line.at).min();
    let last = stuck.lines.last();
    let fact = last.map(|(source, line)| Fact {
        object: ObjectRef::of("Pod", &source.namespace, &source.pod),
        path: format!("log[{}].line", source.container),
        value: line.text.truncated(300),
        time: line.at,
    });
    let pods = stuck
        .lines
        .iter()
        .map(|(source, _)| ObjectRef::of("Pod", &source.namespace, &source.pod));
    let mut built = signal("queue", &stuck.workload, &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(first)
        .ongoing(
            last.and_then(|(_, line)| line.at)
                .is_none_or(|at| view.now.duration_since(at) < FROZEN),
        )
        .affects(pods)
        .fact(fact)
        .params("offset", &stuck.offset, None)
        .param("partition", &stuck.partition);
    for (name, series) in [
        ("kafka_consumergroup_current_offset", frozen),
        ("kafka_consumergroup_lag", behind),
    ] {
        if let Some((at, value)) = series.and_then(|series| series.samples.last()) {
            built = built.computed(
                &stuck.workload,
                &format!("metric[{name}].last"),
                &format!("{value:.0}"),
                Some(*at),
            );
        }
    }
    built.build()
}

/// Whether a series has not changed for a while.
fn stands_still(series: &Series, now: Timestamp) -> bool {
    let Some(last) = series.last() else { return false };
    let recent: Vec<f64> = series
        .samples
        .iter()
        .filter(|(at, _)| now.duration_since(*at) < FROZEN)
        .map(|(_, value)| *value)
        .collect();
    recent.len() >= 4 && recent.iter().all(|value| (value - last).abs() < 0.5)
}

/// Whether a series ends well above where it began.
fn grows(series: &Series) -> bool {
    let (Some((_, first)), Some(last)) = (series.samples.first(), series.last()) else {
        return false;
    };
    last > first + 100.0
}
