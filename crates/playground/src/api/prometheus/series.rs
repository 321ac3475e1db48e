//! Time series in memory and their selection by matchers.

use std::collections::BTreeMap;

use promql_parser::label::Matcher;
use promql_parser::parser::VectorSelector;

use crate::api::prometheus::exposition::parse_line;

/// Label names and values, the metric's name as `__name__`.
pub(crate) type Labels = BTreeMap<String, String>;

/// The label that holds the metric's name.
pub(crate) const NAME: &str = "__name__";

/// One series: samples (Unix milliseconds, value) in order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<(i64, f64)>,
}

/// All series of a world.
#[derive(Debug, Default)]
pub(crate) struct Database {
    series: Vec<Series>,
}

impl Database {
    /// Reads OpenMetrics text with timestamps; lines that are none are left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut found: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        for (labels, at_ms, value) in text.lines().filter_map(parse_line) {
            found.entry(labels).or_default().push((at_ms, value));
        }
        let series = found
            .into_iter()
            .map(|(labels, mut samples)| {
                samples.sort_by_key(|(at_ms, _)| *at_ms);
                Series { labels, samples }
            })
            .collect();
        Self { series }
    }

    pub(crate) fn series(&self) -> &[Series] {
        &self.series
    }
}

impl Series {
    /// Whether name and matchers fit.
    pub(crate) fn selected_by(&self, selector: &VectorSelector) -> bool {
        let fits =
            |matcher: &Matcher| matcher.is_match(self.labels.get(&matcher.name).map_or("", String::as_str));
        let named = selector
            .name
            .as_ref()
            .is_none_or(|name| self.labels.get(NAME) == Some(name));
        let alternatives = &selector.matchers.or_matchers;
        named
            && selector.matchers.matchers.iter().all(fits)
            && (alternatives.is_empty() || alternatives.iter().any(|all| all.iter().all(fits)))
    }

    /// The samples in `(from, to]`.
    pub(crate) fn between(&self, from_ms: i64, to_ms: i64) -> &[(i64, f64)] {
        let start = self.samples.partition_point(|(at_ms, _)| *at_ms <= from_ms);
        let end = self.samples.partition_point(|(at_ms, _)| *at_ms <= to_ms);
        self.samples.get(start..end).unwrap_or_default()
    }
}

/// A value as Prometheus prints it.
pub(crate) fn show(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        }
    } else {
        value.to_string()
    }
}
