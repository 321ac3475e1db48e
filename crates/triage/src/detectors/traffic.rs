//! Routes that get far more requests than usual, each of which costs what it always did.

use cluster::{ClusterView, changes};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::edge::behind;
use super::{Context, Detector};
use crate::detectors::finding::signal;
use crate::vitals::{self, Route};

/// Takes a figure from a series' samples.
type Pick<'a> = &'a dyn Fn(&[(Timestamp, f64)]) -> Option<f64>;

pub(super) const DETECTOR: Detector = Detector {
    name: "traffic",
    mechanisms: &[ID],
    run,
};

const ID: &str = "app-vs-infra/traffic-surge";
/// From this multiple of the usual rate on, load itself is a cause.
const SURGE: f64 = 2.5;

fn run(context: &Context<'_>) -> Vec<Signal> {
    vitals::routes(context.view)
        .iter()
        .filter_map(|route| surge(context, route))
        .collect()
}

fn surge(context: &Context<'_>, route: &Route) -> Option<Signal> {
    let view = context.view;
    let (now, usual) = (
        vitals::recent(&route.requests, view.now)?,
        vitals::usual(&route.requests)?,
    );
    let suffers = route.failing(view.now).is_some() || route.slow(view.now).is_some();
    if usual <= 0.1 || now < SURGE * usual || !suffers {
        return None;
    }
    let workload = behind(context, route).into_iter().next()?;
    let onset = vitals::since(&route.requests, 1.5 * usual);
    let released = rolled_out(view, &workload)
        .zip(onset)
        .is_some_and(|(at, onset)| at > onset - SignedDuration::from_mins(30));
    let cost = cost(view, &workload, &route.requests);
    let certainty = match cost {
        Some((before, after)) if !released && after < 1.6 * before && after > 0.4 * before => 0.87,
        _ => 0.5,
    };
    let service = ObjectRef::of("Service", &route.namespace, &route.service);
    let steady = cost.map_or_else(String::new, |(before, after)| {
        format!(
            "; a request costs {:.1} ms of CPU, as before ({:.1} ms)",
            after * 1_000.0,
            before * 1_000.0
        )
    });
    let message = format!("{workload} gets {now:.0} requests/s, {usual:.0} are usual{steady}");
    Some(
        signal("traffic", &workload, &message)
            .mechanism(ID, certainty)
            .severity(Severity::Critical)
            .onset(onset)
            .affects([service.clone(), workload.clone()])
            .params(
                "requests per second",
                &format!("{now:.0}"),
                Some(&format!("{usual:.0}")),
            )
            .computed(
                &service,
                "metrics[edge].requests_per_second",
                &format!("{now:.1}"),
                onset,
            )
            .computed(
                &service,
                "metrics[edge].usual_requests_per_second",
                &format!("{usual:.1}"),
                None,
            )
            .build(),
    )
}

fn rolled_out(view: &ClusterView, workload: &ObjectRef) -> Option<Timestamp> {
    changes::revisions(view, view.get_ref(workload)?)?
        .current
        .created()
}

/// CPU seconds per request over the quiet quarter and now; requests at the edge stand for all.
fn cost(view: &ClusterView, workload: &ObjectRef, requests: &[(Timestamp, f64)]) -> Option<(f64, f64)> {
    let of_workload: Vec<&cluster::Series> = view
        .series("pod-cpu")
        .iter()
        .filter(|series| {
            view.get("Pod", series.label("namespace"), series.label("pod"))
                .is_some_and(|pod| &view.workload_of(pod) == workload)
        })
        .collect();
    let sum = |pick: Pick<'_>| -> Option<f64> {
        let values: Vec<f64> = of_workload
            .iter()
            .filter_map(|series| pick(&series.samples))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    };
    let before = sum(&vitals::usual)? / vitals::usual(requests)?;
    let after = sum(&|samples| vitals::recent(samples, view.now))? / vitals::recent(requests, view.now)?;
    (before > 0.0).then_some((before, after))
}
