//! Metric series, and how they are written as OpenMetrics text. Must not know what a series means.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

/// Samples by metric name and label set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    series: BTreeMap<String, BTreeMap<String, Vec<(i64, f64)>>>,
}

/// A span of time with a sampling step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First sample.
    pub from: Timestamp,
    /// Last sample at the latest.
    pub to: Timestamp,
    /// Seconds between samples.
    pub step_s: i64,
}

impl Span {
    /// The sampling times, in seconds since the epoch.
    pub fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let (from, to, step) = (self.from.as_second(), self.to.as_second(), self.step_s.max(1));
        (0..)
            .map(move |index: i64| from + index * step)
            .take_while(move |at| *at <= to)
    }
}

impl Metrics {
    /// Replaces a series by samples of `value` (seconds since the epoch to value).
    pub fn gauge(&mut self, name: &str, labels: &[(&str, &str)], span: Span, value: impl Fn(i64) -> f64) {
        let samples = span.times().map(|at| (at, value(at))).collect();
        self.series
            .entry(name.to_owned())
            .or_default()
            .insert(label_set(labels), samples);
    }

    /// As [`Metrics::gauge`], without a sample where there is no value.
    pub fn sparse(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        span: Span,
        value: impl Fn(i64) -> Option<f64>,
    ) {
        let samples = span.times().filter_map(|at| Some((at, value(at)?))).collect();
        self.series
            .entry(name.to_owned())
            .or_default()
            .insert(label_set(labels), samples);
    }

    /// Replaces a series by a counter that starts at `start` and grows by `per_second`.
    pub fn counter(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        span: Span,
        start: f64,
        per_second: impl Fn(i64) -> f64,
    ) {
        let mut total = start;
        let step = i32::try_from(span.step_s).map_or(60.0, f64::from);
        let samples = span
            .times()
            .map(|at| {
                total += per_second(at) * step;
                (at, total.round())
            })
            .collect();
        self.series
            .entry(name.to_owned())
            .or_default()
            .insert(label_set(labels), samples);
    }

    /// Removes every series whose labels contain all of `labels`.
    pub fn forget(&mut self, labels: &[(&str, &str)]) {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        for family in self.series.values_mut() {
            family.retain(|set, _| !wanted.iter().all(|pair| set.contains(pair.as_str())));
        }
    }

    /// Ends every series whose labels contain all of `labels` at a moment.
    pub fn end(&mut self, labels: &[(&str, &str)], at: Timestamp) {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        for family in self.series.values_mut() {
            for (set, samples) in family.iter_mut() {
                if wanted.iter().all(|pair| set.contains(pair.as_str())) {
                    samples.retain(|(moment, _)| *moment <= at.as_second());
                }
            }
        }
    }

    /// The series as OpenMetrics text with timestamps in seconds, without the closing `# EOF`.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (name, family) in &self.series {
            let (family_name, kind) = family_of(name);
            let _ = writeln!(out, "# TYPE {family_name} {kind}");
            for (labels, samples) in family {
                for (at, value) in samples {
                    let _ = writeln!(out, "{name}{labels} {value} {at}");
                }
            }
        }
        out
    }
}

/// Family name and type: OpenMetrics wants `_total` on a counter's samples and not on its family, and has no
/// counter without it.
fn family_of(name: &str) -> (&str, &'static str) {
    match name.strip_suffix("_total") {
        Some(family) => (family, "counter"),
        None if name.ends_with("_requests") || name.contains("duration_seconds_") => (name, "unknown"),
        None => (name, "gauge"),
    }
}

fn label_set(labels: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}=\"{value}\""))
        .collect();
    format!("{{{}}}", pairs.join(","))
}
