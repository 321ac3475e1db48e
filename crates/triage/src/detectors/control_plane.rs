//! One client that asks the API server for so much that others are turned away: the server's own count of rejected
//! requests beside the count that each client keeps of what it sends.

use domain::{ChangeKind, FieldDiff, ObjectRef, Redacted, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::finding::signal;
use super::trend::{self, Join, Trend};
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "control-plane",
    mechanisms: &[ID],
    run,
};

const ID: &str = "cascading-failure/control-plane-overload";
/// Rejected requests per second that are no longer a passing crowd.
const REJECTED: f64 = 1.0;
/// Requests per second that one client needs to stand out at all; well-behaved controllers watch and send few.
const GREEDY: f64 = 20.0;

fn run(context: &Context<'_>) -> Vec<Signal> {
    explain(context).into_iter().collect()
}

fn explain(context: &Context<'_>) -> Option<Signal> {
    let view = context.view;
    let series: Vec<_> = view.series("api-rejected").iter().collect();
    let rejected = trend::trend(&series, Join::Sum, view.now)?;
    if rejected.now < REJECTED || rejected.now < 5.0 * rejected.before {
        return None;
    }
    let clients = trend::by_workload(view, "api-client-rate", "", Join::Sum);
    let total: f64 = view
        .series("api-client-rate")
        .iter()
        .filter_map(cluster::Series::last)
        .sum();
    let ((client, _), most) = clients
        .iter()
        .max_by(|(_, a), (_, b)| a.now.total_cmp(&b.now))
        .map(|(key, trend)| (key.clone(), *trend))?;
    let share = if total > 0.0 { most.now / total } else { 0.0 };
    let begun = begun(context, &client, &most);
    let has_begun = together(&rejected, begun);
    let certainty = match (share >= 0.6 && most.now >= GREEDY, has_begun) {
        (true, true) => 0.88,
        (true, false) => 0.6,
        (false, _) => 0.4,
    };
    let message = format!(
        "The API server rejects {:.0} requests per second; {client} sends {:.0} per second, {:.0} % of what all clients count",
        rejected.now,
        most.now,
        share * 100.0
    );
    let reference = &client;
    let mut built = signal("control-plane", reference, &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(rejected.since)
        .affects(view.pods_of(reference).map(|pod| pod.reference().clone()))
        // The API server's own Service: what all others ask.
        .affects([ObjectRef::of("Service", "default", "kubernetes")])
        .computed(
            reference,
            "metric[rest_client_requests].now",
            &format!("{:.1}", most.now),
            begun,
        )
        .computed(
            reference,
            "metric[apiserver_flowcontrol_rejected_requests].now",
            &format!("{:.1}", rejected.now),
            rejected.since,
        );
    if let Some(diff) = begun.and_then(|begun| retuned(context, reference, begun)) {
        let text = |value: &Option<Redacted>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        built = built.params(&diff.field, &text(&diff.after), Some(&text(&diff.before)));
        if let Some(object) = view.get_ref(reference) {
            built = built.facts(object, [diff.field.as_str()]);
        }
    }
    Some(built.build())
}

/// The number in a client's template that a rollout changed when it began to ask so much.
fn retuned<'a>(context: &Context<'a>, client: &ObjectRef, begun: Timestamp) -> Option<&'a FieldDiff> {
    let is_number = |value: &Option<Redacted>| {
        value
            .as_ref()
            .is_some_and(|value| value.as_str().parse::<f64>().is_ok())
    };
    context
        .changes
        .iter()
        .filter(|change| &change.object == client && change.kind == ChangeKind::Rollout)
        .find(|change| {
            change
                .at
                .is_some_and(|at| begun.duration_since(at).abs() < SignedDuration::from_mins(15))
        })?
        .diff
        .iter()
        .find(|diff| is_number(&diff.before) && is_number(&diff.after))
}

/// When a client began to ask as much as it does: when its rate rose, or when it came.
fn begun(context: &Context<'_>, client: &ObjectRef, rate: &Trend) -> Option<Timestamp> {
    if rate.before <= 0.0 || rate.factor() >= 3.0 {
        return rate.since;
    }
    context
        .view
        .series("api-client-rate")
        .iter()
        .filter(|series| trend::workload_of(context.view, series).as_ref() == Some(client))
        .filter_map(|series| series.samples.first())
        .map(|(at, _)| *at)
        .min()
}

/// Whether a client's rate rose when the rejections began.
fn together(rejected: &Trend, begun: Option<Timestamp>) -> bool {
    rejected
        .since
        .zip(begun)
        .is_some_and(|(rejected, begun)| rejected.duration_since(begun).abs() < SignedDuration::from_mins(12))
}
