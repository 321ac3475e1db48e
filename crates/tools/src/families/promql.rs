//! PromQL, asked by the model, answered with figures instead of samples.

use cluster::{Look, Series};
use domain::ObjectRef;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Most series shown, those with the greatest newest value.
const LIMIT: usize = 12;
/// Samples that are asked for per series.
const SAMPLES: i64 = 120;
/// Longest span, in minutes: a week.
const LONGEST: u32 = 7 * 24 * 60;

/// A series whose last sample is older than this has ended.
const ENDED: SignedDuration = SignedDuration::from_mins(15);

/// A metrics query.
pub(crate) struct MetricsQuery;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsArgs {
    /// PromQL. Aggregate; use rate() for counters.
    query: String,
    /// Minutes before now; default 120.
    #[serde(default)]
    minutes: Option<u32>,
}

impl Tool for MetricsQuery {
    const NAME: &'static str = "metrics_query";
    const ABOUT: &'static str = "A PromQL range query. Per series: first, least, most and last value, and since when it is as it is now.";
    type Args = MetricsArgs;

    async fn call(args: MetricsArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let now = workspace.lock().await.now;
        let minutes = i64::from(args.minutes.unwrap_or(120).clamp(5, LONGEST));
        let step = u32::try_from(minutes * 60 / SAMPLES).unwrap_or(60).max(15);
        let from = now - SignedDuration::from_mins(minutes);
        let mut out = Output::default();
        match workspace.metrics.range(&args.query, from, now, step).await {
            Look::CouldNotLook(blind) => out.blind(blind),
            Look::Empty => {
                out.note("no series; a metric that nobody exports looks the same as one that is zero");
            }
            Look::Found(mut series) => {
                series.retain(|series| !series.samples.is_empty());
                series.sort_by(|a, b| b.last().unwrap_or(0.0).total_cmp(&a.last().unwrap_or(0.0)));
                for one in series.iter().take(LIMIT) {
                    let (object, labels) = identity(one);
                    let labels = workspace.redactor().redact(&labels);
                    out.fact(&object, &format!("metric{{{labels}}}"), &figures(one, now), None);
                }
                if series.len() > LIMIT {
                    out.note(&format!(
                        "{} more series, with lower last values",
                        series.len() - LIMIT
                    ));
                }
            }
        }
        Ok(out)
    }
}

/// The object that a series is about by its labels, and the labels that remain.
fn identity(series: &Series) -> (ObjectRef, String) {
    let namespace = series.label("namespace");
    let (object, used): (ObjectRef, &[&str]) = match ["pod", "node", "service", "instance"]
        .into_iter()
        .find(|name| !series.label(name).is_empty())
    {
        Some("pod") => (
            ObjectRef::of("Pod", namespace, series.label("pod")),
            &["namespace", "pod"],
        ),
        Some("node") => (ObjectRef::of("Node", "", series.label("node")), &["node"]),
        Some("service") => (
            ObjectRef::of("Service", namespace, series.label("service")),
            &["namespace", "service"],
        ),
        _ => (ObjectRef::of("Metric", "", "query"), &[]),
    };
    let rest: Vec<String> = series
        .labels
        .iter()
        .filter(|(name, _)| !used.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (object, rest.join(","))
}

fn figures(series: &Series, until: Timestamp) -> String {
    let values = || series.samples.iter().map(|(_, value)| *value);
    let (first, last) = (
        values().next().unwrap_or_default(),
        series.last().unwrap_or_default(),
    );
    let least = values().fold(f64::INFINITY, f64::min);
    let most = values().fold(f64::NEG_INFINITY, f64::max);
    let side = if last > least.midpoint(most) {
        "above"
    } else {
        "below"
    };
    let since = since(&series.samples, least.midpoint(most));
    let since = since.map_or_else(String::new, |at| format!(", {side} their midpoint since {at}"));
    let ended = series.samples.last().map(|(at, _)| *at);
    let ended = ended.filter(|at| until.duration_since(*at) > ENDED);
    let ended = ended.map_or_else(String::new, |at| format!(", ended at {at}"));
    format!(
        "first {}, least {}, most {}, last {}{since}{ended}",
        short(first),
        short(least),
        short(most),
        short(last)
    )
}

/// Since when the samples lie on the side of `middle` where the newest lies; `None` if they always did.
fn since(samples: &[(Timestamp, f64)], middle: f64) -> Option<Timestamp> {
    let is_high = samples.last()?.1 > middle;
    let run = samples
        .iter()
        .rev()
        .take_while(|(_, value)| (*value > middle) == is_high)
        .count();
    (run < samples.len()).then(|| samples[samples.len() - run].0)
}

/// Four significant digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if digits <= 0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.*}", usize::try_from(digits.min(9)).unwrap_or(3));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_say_when_it_turned() {
        let at = |minute| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        let series = Series {
            labels: [
                ("node".to_owned(), "n1".to_owned()),
                ("mode".to_owned(), "idle".to_owned()),
            ]
            .into(),
            samples: vec![
                (at(0), 0.01),
                (at(1), 0.012_345),
                (at(2), 1234.56),
                (at(3), 1200.0),
            ],
        };
        assert_eq!(
            figures(&series, at(30)),
            "first 0.01, least 0.01, most 1235, last 1200, above their midpoint since 1970-01-01T00:02:00Z, ended at 1970-01-01T00:03:00Z"
        );
        let (object, rest) = identity(&series);
        assert_eq!(
            (object.to_string().as_str(), rest.as_str()),
            ("Node n1", "mode=idle")
        );
    }
}
