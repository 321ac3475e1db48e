//! What triage dares to say: a cause, nothing to fix, or that it cannot tell.

use cluster::{ClusterView, read};
use domain::{IncidentState, ObjectRef, Redacted, Severity, Signal, Verdict};

use crate::focus::Focus;
use crate::focus::intent::Intent;
use crate::rank::Placed;
use crate::vitals;

/// Verdict, state and the sentence that goes with them.
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) state: IncidentState,
    pub(crate) headline: Redacted,
}

pub(crate) fn judge(
    view: &ClusterView,
    intent: &Intent,
    focus: &Focus,
    placed: &[Placed],
    roots: &[&Placed],
    upstream: Option<&Signal>,
) -> Judgement {
    let say = |verdict, state, text: &str| Judgement {
        verdict,
        state,
        headline: Redacted::trusted(text),
    };
    if read::is_blind(view) {
        return say(
            Verdict::Inconclusive,
            IncidentState::Unknown,
            "The cluster could not be read, so nothing can be said of it.",
        );
    }
    if intent.heartbeat {
        return say(
            Verdict::NotAnIssue,
            IncidentState::Recovered,
            "This alert fires always, to show that alerting works; nothing is wrong because of it.",
        );
    }
    if let Some(headline) = crate::rank::headline(roots) {
        let ongoing = roots.iter().any(|root| root.signal.ongoing);
        let state = if ongoing {
            IncidentState::Ongoing
        } else {
            IncidentState::Recovered
        };
        return Judgement {
            verdict: Verdict::RootCause,
            state,
            headline,
        };
    }
    if focus.is_missing() {
        let missing = focus
            .resolved
            .iter()
            .map(|found| format!("{} ({})", found.object, found.how))
            .collect::<Vec<_>>()
            .join("; ");
        return say(
            Verdict::Inconclusive,
            IncidentState::Unknown,
            &format!("The alert names what was not found: {missing}"),
        );
    }
    without_cause(view, intent, focus, placed, upstream)
}

/// No certain cause: are there symptoms, is the view good enough to call it healthy?
fn without_cause(
    view: &ClusterView,
    intent: &Intent,
    focus: &Focus,
    placed: &[Placed],
    upstream: Option<&Signal>,
) -> Judgement {
    let mut symptoms: Vec<&Placed> = placed
        .iter()
        .filter(|placed| {
            placed.hops.is_some() && placed.signal.ongoing && placed.signal.severity >= Severity::Warning
        })
        .collect();
    symptoms.sort_by_key(|placed| (placed.hops, std::cmp::Reverse(placed.signal.severity)));
    if let Some(first) = symptoms.first() {
        return Judgement {
            verdict: Verdict::Inconclusive,
            state: IncidentState::Ongoing,
            headline: {
                let mut text = Redacted::trusted("Something is wrong, but its cause is not proven: ");
                text.push(&first.signal.message);
                text
            },
        };
    }
    if let Some(signal) = upstream {
        let mut text = Redacted::trusted("It is healthy itself, but what leads to it is not: ");
        text.push(&signal.message);
        return Judgement {
            verdict: Verdict::Inconclusive,
            state: IncidentState::Ongoing,
            headline: text,
        };
    }
    let blind = blind_spots(view, focus);
    let judgement = |verdict, state, text: &str| Judgement {
        verdict,
        state,
        headline: Redacted::trusted(text),
    };
    if let Some(blind) = blind {
        return judgement(
            Verdict::Inconclusive,
            IncidentState::Unknown,
            &format!("Nothing wrong was seen, but {blind} could not be read."),
        );
    }
    if intent.by_alert
        && !intent.about_state
        && !intent.resolved
        && let Some(text) = by_metrics(view, intent).or_else(|| unthrottled(view, intent, focus))
    {
        return judgement(Verdict::NotAnIssue, IncidentState::Recovered, &text);
    }
    if intent.by_alert && !intent.about_state && !intent.resolved {
        return judgement(
            Verdict::Inconclusive,
            IncidentState::Unknown,
            "The objects look healthy, but the alert's condition is not one that their state can settle.",
        );
    }
    if let Some(log) = unread_log(view, focus) {
        return judgement(
            Verdict::Inconclusive,
            IncidentState::Unknown,
            &format!(
                "The objects look healthy, but what the applications say is not known: {log} could not be read."
            ),
        );
    }
    if intent.reports_an_end() {
        return judgement(
            Verdict::Inconclusive,
            IncidentState::Recovered,
            "Everything that this is about is healthy now, but what is said to have ended left no trace that tells why: \
             Events are kept for an hour by default.",
        );
    }
    let is_complaint = !intent.by_alert && !intent.words.trim().is_empty();
    if is_complaint && view.gaps.iter().any(|gap| gap.what == "metrics") {
        return judgement(
            Verdict::Inconclusive,
            IncidentState::Unknown,
            "The objects look healthy and their logs are quiet, but load and response times are not known: there are no metrics.",
        );
    }
    let text = if intent.resolved {
        "It is over: everything that the alert depends on is healthy."
    } else {
        "Everything that this is about is healthy now, and no trace of trouble is left."
    };
    judgement(Verdict::NotAnIssue, IncidentState::Recovered, text)
}

/// What the edge's metrics say of an alert about requests, when they show that all is well now. `None` when they are not
/// there, or do not show it.
fn by_metrics(view: &ClusterView, intent: &Intent) -> Option<String> {
    let named: Vec<vitals::Route> = vitals::routes(view)
        .into_iter()
        .filter(|route| {
            intent
                .services
                .iter()
                .any(|(namespace, service)| *namespace == route.namespace && *service == route.service)
        })
        .collect();
    if named.is_empty() || !named.iter().all(|route| route.is_well(view.now)) {
        return None;
    }
    let excursions = named
        .iter()
        .map(vitals::Route::excursions)
        .max()
        .unwrap_or_default();
    Some(match excursions {
        0 => {
            "Errors and response times at the edge are as usual, and were for the last two hours.".to_owned()
        }
        1 => "It is over: errors and response times at the edge stood out once and are as usual now."
            .to_owned(),
        more => format!(
            "The metric flaps: errors or response times at the edge stood out {more} times for moments within two \
             hours and are as usual now; nothing lasts."
        ),
    })
}

/// Share of throttled periods at which kubernetes-mixin's `CPUThrottlingHigh` fires.
const THROTTLED: f64 = 0.25;

/// What the kubelet's metrics say of an alert about throttling, when no container of the focus is throttled now. `None`
/// when they are not there, or do not show it.
fn unthrottled(view: &ClusterView, intent: &Intent, focus: &Focus) -> Option<String> {
    if !intent.about_throttling {
        return None;
    }
    let pods: Vec<(&str, &str)> = focus
        .objects
        .iter()
        .flat_map(|object| view.pods_of(object))
        .map(|pod| (pod.namespace(), pod.name()))
        .collect();
    let shares: Vec<f64> = view
        .series("throttled")
        .iter()
        .filter(|series| pods.contains(&(series.label("namespace"), series.label("pod"))))
        .filter_map(|series| vitals::recent(&series.samples, view.now))
        .filter(|share| share.is_finite())
        .collect();
    let most = shares.iter().copied().reduce(f64::max)?;
    (most < THROTTLED / 2.0).then(|| {
        format!(
            "No container is throttled in more than {:.0} % of its periods now; the alert fires from {:.0} % on.",
            (most * 100.0).ceil(),
            THROTTLED * 100.0
        )
    })
}

/// Kinds in which the causes of trouble hide; "healthy" needs all of them to have been read.
const ESSENTIAL: &[&str] = &[
    "Pod",
    "Event",
    "Deployment",
    "ReplicaSet",
    "Service",
    "EndpointSlice",
    "NetworkPolicy",
    "PersistentVolumeClaim",
];

/// Lists without which "healthy" would be a guess.
fn blind_spots(view: &ClusterView, focus: &Focus) -> Option<String> {
    let namespaces = focus
        .objects
        .iter()
        .map(|object: &ObjectRef| object.namespace.as_str())
        .filter(|namespace| !namespace.is_empty());
    for namespace in namespaces {
        for kind in ESSENTIAL {
            if view.namespaces.contains(namespace) && !view.has_list(kind, namespace) {
                return Some(format!("{}s in {namespace}", kind.to_lowercase()));
            }
        }
    }
    None
}

/// A log of the focus' namespaces that could not be read: an application may be in trouble while its objects look well.
fn unread_log(view: &ClusterView, focus: &Focus) -> Option<String> {
    let is_near = |what: &str| {
        focus
            .objects
            .iter()
            .any(|object| what.starts_with(&format!("log of {}/", object.namespace)))
    };
    view.gaps
        .iter()
        .map(|gap| &gap.what)
        .find(|what| is_near(what))
        .cloned()
}
