//! Public routes that fail or are slow now, by the edge's metrics: symptoms, whose cause lies behind them.

use cluster::selector;
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
use crate::detectors::finding::signal;
use crate::vitals::{self, Route};

pub(super) const DETECTOR: Detector = Detector {
    name: "edge",
    mechanisms: &[],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    vitals::routes(context.view)
        .iter()
        .flat_map(|route| [failing(context, route), slow(context, route)])
        .flatten()
        .collect()
}

fn failing(context: &Context<'_>, route: &Route) -> Option<Signal> {
    let share = route.failing(context.view.now)?;
    let service = service(route);
    let onset = vitals::since(&route.errors, 0.02);
    let percent = format!("{:.0} %", share * 100.0);
    let message = format!("{percent} of the requests to {service} fail with 5xx");
    Some(
        signal("edge", &service, &message)
            .severity(Severity::Critical)
            .onset(onset)
            .affects(behind(context, route))
            .computed(&service, "metrics[edge].share_5xx", &percent, onset)
            .build(),
    )
}

fn slow(context: &Context<'_>, route: &Route) -> Option<Signal> {
    let (now, usual) = route.slow(context.view.now)?;
    let service = service(route);
    let onset = vitals::since(&route.latency, 1.5 * usual);
    let message = format!("requests to {service} take {now:.2} s on average; {usual:.2} s are usual");
    Some(
        signal("edge", &service, &message)
            .onset(onset)
            .affects(behind(context, route))
            .computed(
                &service,
                "metrics[edge].mean_seconds",
                &format!("{now:.2}"),
                onset,
            )
            .computed(
                &service,
                "metrics[edge].usual_mean_seconds",
                &format!("{usual:.2}"),
                None,
            )
            .build(),
    )
}

fn service(route: &Route) -> ObjectRef {
    ObjectRef::of("Service", &route.namespace, &route.service)
}

/// The workloads that the route's Service selects.
pub(super) fn behind(context: &Context<'_>, route: &Route) -> Vec<ObjectRef> {
    let view = context.view;
    let Some(service) = view.get("Service", &route.namespace, &route.service) else {
        return Vec::new();
    };
    let wanted = service.at("spec.selector").unwrap_or(&Value::Null);
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, &route.namespace))
        .filter(|workload| selector::map_selects(wanted, selector::template_labels(workload)))
        .map(|workload| workload.reference().clone())
        .collect()
}
