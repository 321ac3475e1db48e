//! How the public routes do, by the edge's own metrics: errors and response times of the last two hours, and whether they
//! stand out now. Must not know why.

use std::collections::BTreeMap;

use cluster::ClusterView;
use jiff::{SignedDuration, Timestamp};

/// What counts as now.
const RECENT: SignedDuration = SignedDuration::from_mins(6);
/// Share of failing requests that nobody is called for.
const FEW_ERRORS: f64 = 0.01;
/// Share of failing requests that stands out (the usual threshold of such alerts).
const MANY_ERRORS: f64 = 0.05;
/// A response time that stands out, as a multiple of the usual one.
const SLOWER: f64 = 2.0;
/// Below this nobody calls a response slow, whatever the factor; in seconds.
const BRISK_S: f64 = 0.3;

type Samples = Vec<(Timestamp, f64)>;

/// A public route by the Service behind it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Route {
    /// Namespace of the Service.
    pub(crate) namespace: String,
    /// The Service.
    pub(crate) service: String,
    /// Share of requests answered with 5xx.
    pub(crate) errors: Samples,
    /// Mean response time in seconds.
    pub(crate) latency: Samples,
    /// Requests per second.
    pub(crate) requests: Samples,
}

/// All routes that the edge reports.
pub(crate) fn routes(view: &ClusterView) -> Vec<Route> {
    let mut out: BTreeMap<(String, String), Route> = BTreeMap::new();
    let failing: BTreeMap<(String, String), &Samples> = view
        .series("edge-failing")
        .iter()
        .map(|series| (service_of(series), &series.samples))
        .collect();
    for series in view.series("edge-requests") {
        let key = service_of(series);
        let failed = failing.get(&key);
        let at = |moment: Timestamp| {
            failed
                .and_then(|samples| samples.iter().find(|(found, _)| *found == moment))
                .map_or(0.0, |(_, value)| *value)
        };
        let errors = series
            .samples
            .iter()
            .filter(|(_, total)| *total > 0.0)
            .map(|(moment, total)| (*moment, at(*moment) / total))
            .collect();
        let route = out.entry(key.clone()).or_default();
        (route.namespace, route.service) = key;
        route.errors = errors;
        route.requests = series.samples.clone();
    }
    for series in view.series("edge-latency") {
        if let Some(route) = out.get_mut(&service_of(series)) {
            route.latency = series
                .samples
                .iter()
                .filter(|(_, value)| value.is_finite())
                .copied()
                .collect();
        }
    }
    out.into_values().collect()
}

/// Scrape configurations that do not honour labels prefix the controller's own with `exported_`.
fn service_of(series: &cluster::Series) -> (String, String) {
    let label = |plain: &str| {
        let exported = series.label(&format!("exported_{plain}"));
        if exported.is_empty() {
            series.label(plain).to_owned()
        } else {
            exported.to_owned()
        }
    };
    (label("namespace"), label("service"))
}

/// The mean of the newest samples; `None` where there are none.
pub(crate) fn recent(samples: &[(Timestamp, f64)], now: Timestamp) -> Option<f64> {
    let newest: Vec<f64> = samples
        .iter()
        .filter(|(at, _)| now.duration_since(*at) < RECENT)
        .map(|(_, value)| *value)
        .collect();
    mean(&newest)
}

/// The lower quartile: what is usual, even if it stood out for half of the time.
pub(crate) fn usual(samples: &[(Timestamp, f64)]) -> Option<f64> {
    let mut values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied()
}

fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// Where the last stretch of samples above a limit began; `None` when the newest is not above it.
pub(crate) fn since(samples: &[(Timestamp, f64)], limit: f64) -> Option<Timestamp> {
    samples
        .iter()
        .rev()
        .take_while(|(_, value)| *value > limit)
        .last()
        .map(|(at, _)| *at)
}

impl Route {
    /// Share of failing requests now, when it stands out.
    pub(crate) fn failing(&self, now: Timestamp) -> Option<f64> {
        recent(&self.errors, now).filter(|share| *share > MANY_ERRORS)
    }

    /// Response time now and as usual in seconds, when it stands out.
    pub(crate) fn slow(&self, now: Timestamp) -> Option<(f64, f64)> {
        let (recent, usual) = (recent(&self.latency, now)?, usual(&self.latency)?);
        (recent > SLOWER * usual && recent > BRISK_S).then_some((recent, usual))
    }

    /// Whether the newest samples are there and show neither errors nor long response times.
    pub(crate) fn is_well(&self, now: Timestamp) -> bool {
        let quick = match (recent(&self.latency, now), usual(&self.latency)) {
            (Some(recent), Some(usual)) => recent < BRISK_S && recent < 1.4 * usual,
            _ => false,
        };
        recent(&self.errors, now).is_some_and(|share| share < FEW_ERRORS) && quick
    }

    /// How often errors or response times stood out in the last two hours, for however short.
    pub(crate) fn excursions(&self) -> usize {
        let slow = usual(&self.latency).map_or(BRISK_S, |usual| (SLOWER * usual).max(BRISK_S));
        rises(&self.errors, MANY_ERRORS).max(rises(&self.latency, slow))
    }
}

fn rises(samples: &[(Timestamp, f64)], limit: f64) -> usize {
    let above: Vec<bool> = samples.iter().map(|(_, value)| *value > limit).collect();
    above.windows(2).filter(|pair| !pair[0] && pair[1]).count() + usize::from(above.first() == Some(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        values
            .iter()
            .zip(1i64..)
            .map(|(value, minute)| (Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute), *value))
            .collect()
    }

    fn route(errors: &[f64], latency: &[f64]) -> (Route, Timestamp) {
        let route = Route {
            errors: samples(errors),
            latency: samples(latency),
            ..Route::default()
        };
        let minutes = i64::try_from(errors.len()).unwrap();
        (route, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes))
    }

    #[test]
    fn short_spikes_that_passed_are_excursions_of_a_route_that_is_well() {
        let mut errors = vec![0.0; 60];
        (errors[10], errors[30], errors[45]) = (0.2, 0.2, 0.2);
        let (route, now) = route(&errors, &[0.08; 60]);
        assert!(route.is_well(now));
        assert_eq!(route.excursions(), 3);
    }

    #[test]
    fn a_route_without_samples_of_now_is_not_called_well() {
        let (route, now) = route(&[0.0; 30], &[0.08; 30]);
        assert!(!route.is_well(now + SignedDuration::from_mins(40)));
        assert!(!Route::default().is_well(now));
    }

    #[test]
    fn slow_needs_a_time_in_which_it_was_not() {
        let mut latency = vec![0.08; 40];
        latency.extend([1.9; 20]);
        let (route, now) = route(&[0.0; 60], &latency);
        assert!(route.slow(now).is_some());
        assert!(!route.is_well(now));
    }
}
