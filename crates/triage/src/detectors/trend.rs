//! Series of metrics over time, added up by workload: what they were and what they are now.

use std::collections::BTreeMap;

use cluster::{ClusterView, Series};
use domain::ObjectRef;
use jiff::{SignedDuration, Timestamp};

/// A value before and now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// Usual value: the lower quartile of the samples.
    pub(super) before: f64,
    /// Mean of the last ten minutes.
    pub(super) now: f64,
    /// When it first left the usual for good.
    pub(super) since: Option<Timestamp>,
}

impl Trend {
    /// How many times the usual value.
    pub(super) fn factor(&self) -> f64 {
        if self.before > 0.0 {
            self.now / self.before
        } else {
            1.0
        }
    }
}

/// How several series of one thing are put together at a moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// Rates of pods add up.
    Sum,
    /// Times of pods are averaged.
    Mean,
}

/// The workload of a series that names a pod.
pub(super) fn workload_of(view: &ClusterView, series: &Series) -> Option<ObjectRef> {
    let pod = view.get("Pod", series.label("namespace"), series.label("pod"))?;
    Some(view.workload_of(pod))
}

/// The answers of a question by workload, and by another label where one is named.
pub(super) fn by_workload(
    view: &ClusterView,
    question: &str,
    label: &str,
    join: Join,
) -> BTreeMap<(ObjectRef, String), Trend> {
    let mut groups: BTreeMap<(ObjectRef, String), Vec<&Series>> = BTreeMap::new();
    for series in view.series(question) {
        if let Some(workload) = workload_of(view, series) {
            let more = series.label(label).to_owned();
            groups.entry((workload, more)).or_default().push(series);
        }
    }
    groups
        .into_iter()
        .filter_map(|(key, group)| Some((key, trend(&group, join, view.now)?)))
        .collect()
}

/// The trend of series that belong together.
pub(super) fn trend(group: &[&Series], join: Join, now: Timestamp) -> Option<Trend> {
    let mut at: BTreeMap<Timestamp, (f64, f64)> = BTreeMap::new();
    for (moment, value) in group.iter().flat_map(|series| &series.samples) {
        if value.is_finite() {
            let entry = at.entry(*moment).or_default();
            entry.0 += value;
            entry.1 += 1.0;
        }
    }
    let samples: Vec<(Timestamp, f64)> = at
        .into_iter()
        .map(|(moment, (sum, count))| (moment, if join == Join::Sum { sum } else { sum / count }))
        .collect();
    let recent: Vec<f64> = samples
        .iter()
        .filter(|(moment, _)| now.duration_since(*moment) < SignedDuration::from_mins(10))
        .map(|(_, value)| *value)
        .collect();
    if recent.is_empty() || samples.len() < 8 {
        return None;
    }
    let mut sorted: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    sorted.sort_by(f64::total_cmp);
    let before = sorted.get(sorted.len() / 4).copied()?;
    let mean = recent.iter().sum::<f64>() / f64::from(u32::try_from(recent.len()).unwrap_or(1));
    let half = f64::midpoint(before, mean);
    let since = samples
        .iter()
        .rev()
        .take_while(|(_, value)| (*value > half) == (mean > half))
        .last()
        .map(|(moment, _)| *moment);
    Some(Trend {
        before,
        now: mean,
        since,
    })
}
