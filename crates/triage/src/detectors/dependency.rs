//! Backends that fail all of their callers without a cause that is known more exactly: they hang, or they are slow.

use std::collections::{BTreeMap, BTreeSet};

use cluster::{Look, Object, selector};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::complaints::{self, Complaint};
use super::finding::signal;
use super::trend::{self, Join, Trend};
use super::{Context, Detector};
use crate::network::{self, Side};

const DOWN: &str = "cascading-failure/dependency-down";
const SLOW: &str = "cascading-failure/dependency-slow";

pub(super) const DETECTOR: Detector = Detector {
    name: "dependency",
    mechanisms: &[DOWN, SLOW],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let complaints: Vec<Complaint<'_>> = complaints::about(context, DOWN)
        .into_iter()
        .filter(|complaint| complaint.call.exists == Some(true))
        .collect();
    let mut out: Vec<Signal> = complaints::by_service(&complaints)
        .into_values()
        .filter_map(|own| down(context, &own))
        .collect();
    out.extend(slow(context));
    out
}

/// The workload that a Service sends to.
fn behind<'a>(context: &Context<'a>, service: &ObjectRef) -> Option<&'a Object> {
    let view = context.view;
    let wanted = view.get_ref(service)?.at("spec.selector")?;
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .find_map(|kind| {
            view.of_kind(kind)
                .filter(|workload| workload.namespace() == service.namespace)
                .find(|workload| selector::map_selects(wanted, selector::template_labels(workload)))
        })
}

/// All callers of a backend that is ready complain of it, and of nothing else.
fn down(context: &Context<'_>, own: &[Complaint<'_>]) -> Option<Signal> {
    let view = context.view;
    let last = own.last()?;
    let service = view.get_ref(&last.call.service)?;
    let workload = behind(context, service.reference())?;
    if crate::network::ready_endpoints(view, service) == 0 || is_denied(context, own, service, workload) {
        return None;
    }
    let first = complaints::first(own)?;
    let callers = complaints::callers(own);
    let quiet = fell_silent(context, workload.reference(), first);
    let idle = fell_idle(context, workload.reference());
    let certainty = match (callers.len() > 1, quiet, idle) {
        (true, Some(_), true) => 0.87,
        (false, Some(_), true) => 0.8,
        (_, Some(_), false) => 0.65,
        (true, None, _) => 0.5,
        (false, None, _) => 0.35,
    };
    let silence = quiet.map_or_else(String::new, |since| {
        format!("; its own log is silent since {since:.0}")
    });
    let message = format!(
        "{} does not answer {} of its callers although its pods are ready{silence}",
        workload.reference(),
        callers.len()
    );
    let mut built = signal("dependency", workload.reference(), &message)
        .mechanism(DOWN, certainty)
        .severity(Severity::Critical)
        .onset(quiet.or(Some(first)))
        .ongoing(complaints::ongoing(context, own))
        .affects(callers)
        .affects([service.reference().clone()])
        .facts(workload, ["status.readyReplicas"])
        .fact(Some(last.fact()));
    if let Some(since) = quiet {
        built = built.computed(
            workload.reference(),
            "log.silent_since",
            &format!("{since:.0}"),
            Some(since),
        );
    }
    Some(built.build())
}

/// Whether a NetworkPolicy that was read refuses the flow: then the backend is well.
fn is_denied(context: &Context<'_>, own: &[Complaint<'_>], service: &Object, workload: &Object) -> bool {
    own.iter().any(|complaint| {
        let caller = context.view.get_ref(&complaint.call.from);
        let port = network::target_port(service, complaint.call.port, workload);
        caller.zip(port).is_some_and(|(caller, port)| {
            network::denial(context.view, Side { workload: caller }, Side { workload }, port).is_some()
        })
    })
}

/// When the logs of all pods of a workload stopped, if they did so about when the complaints began. What was not
/// read says nothing.
fn fell_silent(context: &Context<'_>, workload: &ObjectRef, complained: Timestamp) -> Option<Timestamp> {
    let view = context.view;
    let pods: BTreeSet<&str> = view.pods_of(workload).map(Object::name).collect();
    let mut last: Option<Timestamp> = None;
    for (source, log) in &view.logs {
        if source.previous || source.namespace != workload.namespace || !pods.contains(source.pod.as_str()) {
            continue;
        }
        let Look::Found(lines) = log else { return None };
        let times: Vec<Timestamp> = lines.iter().filter_map(|line| line.at).collect();
        let (start, end) = (*times.first()?, *times.last()?);
        let gaps = i64::try_from(times.len()).ok()? - 1;
        if gaps < 5 {
            return None;
        }
        let usual_s = end.duration_since(start).as_secs() / gaps;
        if view.now.duration_since(end).as_secs() < (usual_s * 6).max(480) {
            return None;
        }
        last = last.max(Some(end));
    }
    last.filter(|at| complained.duration_since(*at).abs() < SignedDuration::from_mins(12))
}

/// Whether a workload's use of the processor has all but ended.
fn fell_idle(context: &Context<'_>, workload: &ObjectRef) -> bool {
    let view = context.view;
    let series: Vec<&cluster::Series> = view
        .series("pod_cpu")
        .iter()
        .filter(|series| trend::workload_of(view, series).as_ref() == Some(workload))
        .collect();
    let most = series
        .iter()
        .flat_map(|series| &series.samples)
        .map(|(_, value)| *value)
        .fold(0.0, f64::max);
    trend::trend(&series, Join::Mean, view.now).is_some_and(|found| most > 0.01 && found.now < most * 0.15)
}

/// The least rise, in seconds, that callers feel.
const FELT_S: f64 = 0.25;

/// The workload whose requests take much longer than they did, while those that it calls take as long as ever.
fn slow(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let served: BTreeMap<ObjectRef, Trend> = trend::by_workload(view, "served_seconds", "", Join::Mean)
        .into_iter()
        .map(|((workload, _), found)| (workload, found))
        .collect();
    let is_slow = |found: &Trend| found.factor() >= 3.0 && found.now - found.before >= FELT_S;
    let late: BTreeSet<&ObjectRef> = served
        .iter()
        .filter(|(_, found)| is_slow(found))
        .map(|(one, _)| one)
        .collect();
    let mut called = trend::by_workload(view, "called_seconds", "server_address", Join::Mean);
    called.extend(trend::by_workload(
        view,
        "queried_seconds",
        "server_address",
        Join::Mean,
    ));
    let load = trend::by_workload(view, "served_rate", "", Join::Sum);
    late.iter()
        .filter_map(|workload| {
            let own: Vec<_> = context
                .calls
                .iter()
                .filter(|call| &call.from == *workload)
                .collect();
            let measure = |host: &str| called.get(&((*workload).clone(), host.to_owned()));
            if own.iter().filter_map(|call| measure(&call.host)).any(is_slow) {
                return None;
            }
            let unmeasured = own.iter().any(|call| measure(&call.host).is_none());
            let found = served.get(*workload)?;
            let busier = load
                .get(&((*workload).clone(), String::new()))
                .is_some_and(|load| load.factor() > 1.8);
            Some(origin(context, workload, found, &late, (unmeasured, busier)))
        })
        .collect()
}

fn origin(
    context: &Context<'_>,
    workload: &ObjectRef,
    found: &Trend,
    late: &BTreeSet<&ObjectRef>,
    (unmeasured, busier): (bool, bool),
) -> Signal {
    let certainty = match (unmeasured, busier) {
        (false, false) => 0.86,
        (true, false) => 0.6,
        (_, true) => 0.4,
    };
    let others = late.len().saturating_sub(1);
    let message = format!(
        "{workload} takes {:.2} s per request instead of {:.2} s; what it calls is as fast as before, and {others} workloads are slow with it",
        found.now, found.before
    );
    let mut built = signal("dependency", workload, &message)
        .mechanism(SLOW, certainty)
        .severity(Severity::Warning)
        .onset(found.since)
        .affects(
            late.iter()
                .filter(|other| **other != workload)
                .map(|other| (*other).clone()),
        )
        .computed(
            workload,
            "metric[http_server_request_duration_seconds].now",
            &format!("{:.3}", found.now),
            Some(context.view.now),
        )
        .computed(
            workload,
            "metric[http_server_request_duration_seconds].before",
            &format!("{:.3}", found.before),
            None,
        )
        .params(
            "latency",
            &format!("{:.2} s", found.now),
            Some(&format!("{:.2} s", found.before)),
        );
    if let Some(object) = context.view.get_ref(workload) {
        built = built.facts(object, ["status.readyReplicas"]);
    }
    built.build()
}
