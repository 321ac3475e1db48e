//! Calls that a NetworkPolicy refuses.

use cluster::calls::Call;
use cluster::{Look, Object, selector};
use domain::{ObjectRef, Severity, Signal};

use super::{Context, Detector};
use crate::detectors::finding::{SignalBuilder, signal};
use crate::network::{self, Denial, Direction, Side};

pub(super) const DETECTOR: Detector = Detector {
    name: "network-policy",
    mechanisms: &["cascading-failure/network-policy-blocks"],
    run,
};

/// Words of clients whose packets are dropped rather than refused (Go, Java, Python, Node, nginx, libpq).
const TIMEOUTS: &[&str] = &[
    "i/o timeout",
    "timed out",
    "ETIMEDOUT",
    "ESOCKETTIMEDOUT",
    "deadline exceeded",
    "TimeoutException",
    "TimeoutError",
    "ConnectTimeout",
    "connect timeout",
    "timeout expired",
    "request timeout",
];

fn run(context: &Context<'_>) -> Vec<Signal> {
    let mut found: Vec<Signal> = context
        .calls
        .iter()
        .filter_map(|call| refused(context, call))
        .collect();
    // The surest flow, one whose caller logs timeouts, gives a policy's signal its words.
    found.sort_by(|a, b| b.certainty.total_cmp(&a.certainty));
    found
}

fn refused(context: &Context<'_>, call: &Call) -> Option<Signal> {
    let view = context.view;
    let from = view.get_ref(&call.from)?;
    let service = view.get_ref(&call.service)?;
    let wanted = service.at("spec.selector")?;
    let to = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, service.namespace()))
        .find(|workload| selector::map_selects(wanted, selector::template_labels(workload)))?;
    if from.reference() == to.reference() {
        return None;
    }
    let port = network::target_port(service, call.port, to)?;
    let denial = network::denial(view, Side { workload: from }, Side { workload: to }, port)?;
    let culprit = culprit(&denial)?;
    let written = written(culprit);
    let timeout = timeout_line(context, &call.from, &call.host, written);
    let certainty = match (&timeout, network::enforcer(view)) {
        (Some(_), Some(_)) => 0.96,
        (Some(_), None) => 0.85,
        (None, Some(_)) if is_fresh(context, written) && !was_heard(context, &call.from) => 0.85,
        (None, Some(_)) => 0.6,
        (None, None) => 0.4,
    };
    let message = message(culprit, &denial, call, to, port);
    let mut built = signal("network-policy", culprit.reference(), &message)
        .mechanism("cascading-failure/network-policy-blocks", certainty)
        .severity(if timeout.is_some() {
            Severity::Critical
        } else {
            Severity::Warning
        })
        .onset(
            culprit
                .last_write("")
                .and_then(|manager| manager.time)
                .or(culprit.created()),
        )
        .affects([call.from.clone(), call.service.clone(), to.reference().clone()])
        .computed(
            culprit.reference(),
            &format!("flow[{} -> {}:{port}]", call.from, to.reference()),
            "denied",
            None,
        )
        .facts(
            culprit,
            [
                "spec.podSelector",
                "spec.policyTypes",
                "spec.ingress",
                "spec.egress",
                "metadata.creationTimestamp",
            ],
        );
    built = params(built, &denial, &call.from);
    if let Some((fact_path, text, at)) = timeout {
        built = built.computed(&call.from, &fact_path, &text, at);
    }
    Some(built.build())
}

fn params(built: SignalBuilder, denial: &Denial<'_>, from: &ObjectRef) -> SignalBuilder {
    match denial.direction {
        Direction::Ingress => built.params("spec.ingress", "denied", Some(&format!("allow from {from}"))),
        Direction::Egress => built.params("spec.egress", "denied", Some(&format!("allow out of {from}"))),
    }
}

/// When a policy was last written.
fn written(policy: &Object) -> Option<jiff::Timestamp> {
    policy
        .last_write("")
        .and_then(|manager| manager.time)
        .max(policy.created())
}

/// Whether a policy was written within a day before the trouble was noticed.
fn is_fresh(context: &Context<'_>, written: Option<jiff::Timestamp>) -> bool {
    let noticed = context.noticed.unwrap_or(context.view.now);
    written.is_some_and(|at| (0..86_400).contains(&noticed.duration_since(at).as_secs()))
}

/// Whether a log of the caller was read: one without timeouts speaks against a blocked flow.
fn was_heard(context: &Context<'_>, caller: &ObjectRef) -> bool {
    let pods: Vec<&str> = context.view.pods_of(caller).map(Object::name).collect();
    context.view.logs.iter().any(|(source, log)| {
        matches!(log, Look::Found(_))
            && source.namespace == caller.namespace
            && pods.contains(&source.pod.as_str())
    })
}

/// Of the policies that select the pods, the one written last: the others were there while traffic flowed.
fn culprit<'a>(denial: &Denial<'a>) -> Option<&'a Object> {
    denial
        .policies
        .iter()
        .copied()
        .max_by_key(|policy| (written(policy), policy.name()))
}

fn message(culprit: &Object, denial: &Denial<'_>, call: &Call, to: &Object, port: u16) -> String {
    let (side, rule) = match denial.direction {
        Direction::Ingress => (to.reference(), "admits no traffic from"),
        Direction::Egress => (&call.from, "lets no traffic out to"),
    };
    let peer = if denial.direction == Direction::Ingress {
        &call.from
    } else {
        to.reference()
    };
    format!(
        "{} selects the pods of {side} and {rule} {peer} (port {port})",
        culprit.reference()
    )
}

/// A line of the caller's log that speaks of a timeout, at best one that names the callee.
fn timeout_line(
    context: &Context<'_>,
    caller: &ObjectRef,
    host: &str,
    since: Option<jiff::Timestamp>,
) -> Option<(String, String, Option<jiff::Timestamp>)> {
    let view = context.view;
    let short = host.split('.').next().unwrap_or(host);
    let pods: Vec<&Object> = view.pods_of(caller).collect();
    let mut best: Option<(bool, String, String, Option<jiff::Timestamp>)> = None;
    for (source, log) in &view.logs {
        let Look::Found(lines) = log else { continue };
        if !pods
            .iter()
            .any(|pod| pod.name() == source.pod && pod.namespace() == source.namespace)
        {
            continue;
        }
        for line in lines.iter().rev() {
            let text = line.text.as_str();
            let late = line
                .at
                .zip(since)
                .is_none_or(|(at, since)| at >= since - jiff::SignedDuration::from_secs(60));
            if late && TIMEOUTS.iter().any(|words| text.contains(words)) {
                let names = text.contains(short);
                if best.as_ref().is_none_or(|(named, ..)| names && !named) {
                    best = Some((
                        names,
                        format!("log[{}].line", source.container),
                        line.text.truncated(300).as_str().to_owned(),
                        line.at,
                    ));
                }
            }
        }
    }
    best.filter(|(named, ..)| *named)
        .map(|(_, path, text, at)| (path, text, at))
}
