//! One triage run: read, detect, rank, judge.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cluster::{ClusterReader, ClusterView, MetricsReader, calls, changes, read, topology};
use domain::brief::BRIEF_VERSION;
use domain::{Brief, Clock, Evidence, Hypothesis, ObjectRef, Severity, Signal, Subject, Timings, Topology};

use crate::detectors::{self, Context};
use crate::focus::intent;
use crate::focus::{self, Focus};
use crate::rank::{self, Placed};
use crate::reading::neighbours;
use crate::{evidence, reading, verdict};

/// Most signals that a brief carries.
const SIGNAL_LIMIT: usize = 30;

/// What triage runs with.
#[derive(Clone)]
pub struct Options {
    /// The clock of the cluster.
    pub clock: Clock,
    /// Metrics source.
    pub metrics: MetricsReader,
}

/// Triage's result: the brief, the evidence behind it, and the view for those who look further.
pub struct Triage {
    /// The brief.
    pub brief: Brief,
    /// Evidence of the brief's signals, ids `triage.e1`….
    pub evidence: Vec<Evidence>,
    /// What was read.
    pub view: ClusterView,
}

/// Looks at the cluster around a subject. Never fails: what cannot be read is a gap.
#[tracing::instrument(name = "triage", skip_all, fields(cluster = reader.cluster()))]
pub async fn triage(reader: &ClusterReader, subject: &Subject, options: &Options) -> Triage {
    let (start, requests) = (Instant::now(), reader.requests());
    let intent = intent::of(subject);
    let mut view = read::start(reader, options.clock.now()).await;
    if !read::is_blind(&view) || !intent.namespaces.is_empty() {
        reading::objects(reader, &mut view, &intent).await;
    }
    read::metrics(&options.metrics, &mut view, crate::reading::queries::of_cluster()).await;
    neighbours::read(reader, &mut view).await;
    let focus = focus::of(&view, &intent);
    let resolved_at = start.elapsed();
    let graph = topology::build(&view);
    let closure = focus::closure(&graph, &focus.objects);
    let near: BTreeSet<ObjectRef> = closure
        .iter()
        .filter(|(_, hops)| **hops <= 4)
        .map(|(object, _)| object.clone())
        .collect();
    reading::logs(reader, &mut view, &focus, &near).await;
    reading::secrets(reader, &mut view, &near).await;
    reading::blamed_logs(reader, &mut view).await;
    reading::name_service(reader, &mut view).await;
    reading::memory(&options.metrics, &mut view).await;
    let queries = crate::reading::queries::of_namespaces(&view);
    read::metrics(&options.metrics, &mut view, queries).await;
    let read_at = start.elapsed();
    let noticed = subject.onset();
    let since = noticed.unwrap_or(view.now).min(view.now) - changes::WINDOW;
    let (all_changes, all_calls) = (changes::since(&view, since), calls::calls(&view));
    let context = Context {
        view: &view,
        changes: &all_changes,
        calls: &all_calls,
        noticed,
    };
    let signals = detectors::run(&context);
    let upstream = upstream(&signals, &graph, &focus);
    let placed = relevant(rank::place(signals, &closure));
    let (placed, evidence) = ledger(placed, view.now);
    let roots = rank::roots(&placed);
    let judgement = verdict::judge(&view, &intent, &focus, &placed, &roots, upstream.as_ref());
    let hypotheses = rank::hypotheses(&placed, &all_changes, noticed);
    let root_objects: Vec<ObjectRef> = roots.iter().map(|root| root.signal.object.clone()).collect();
    let asserted = asserted(&hypotheses, &roots, judgement.verdict);
    let brief = Brief {
        version: BRIEF_VERSION,
        verdict: judgement.verdict,
        state: judgement.state,
        headline: judgement.headline,
        subjects: focus.resolved.clone(),
        victims: if asserted.is_empty() {
            Vec::new()
        } else {
            rank::victims(&roots, &graph)
        },
        root_causes: asserted,
        hypotheses,
        changes: rank::changes(all_changes, &closure, &root_objects, noticed),
        topology: slice(&graph, &near, &focus),
        gaps: view.gaps.clone(),
        signals: placed.into_iter().map(|placed| placed.signal).collect(),
        timings: timings(start, resolved_at, read_at, reader.requests() - requests),
    };
    Triage {
        brief,
        evidence,
        view,
    }
}

fn asserted(hypotheses: &[Hypothesis], roots: &[&Placed], verdict: domain::Verdict) -> Vec<Hypothesis> {
    if verdict != domain::Verdict::RootCause {
        return Vec::new();
    }
    let is_root = |hypothesis: &&Hypothesis| {
        roots.iter().any(|root| {
            root.signal.object == hypothesis.object
                && root.signal.mechanism.as_ref() == Some(&hypothesis.mechanism)
        })
    };
    hypotheses.iter().filter(is_root).cloned().collect()
}

/// Trouble of an Ingress on the way to the focus: whoever comes that way does not care that its end is healthy.
fn upstream(signals: &[Signal], graph: &Topology, focus: &Focus) -> Option<Signal> {
    let is_grave =
        |signal: &&Signal| signal.ongoing && signal.severity >= Severity::Critical && signal.certainty >= 0.5;
    let leads_here = |ingress: &ObjectRef| {
        let reached = focus::closure(graph, std::slice::from_ref(ingress));
        focus.objects.iter().any(|object| reached.contains_key(object))
    };
    signals
        .iter()
        .filter(is_grave)
        .find(|signal| {
            let touched = signal.affects.iter().chain([&signal.object]);
            touched.filter(|object| object.kind == "Ingress").any(leads_here)
        })
        .cloned()
}

/// Signals near the focus, causes and the nearest first; unrelated ones are noise and stay out.
fn relevant(placed: Vec<Placed>) -> Vec<Placed> {
    let mut near: Vec<Placed> = placed
        .into_iter()
        .filter(|placed| placed.hops.is_some())
        .collect();
    near.sort_by(|a, b| {
        let key = |placed: &Placed| {
            (
                std::cmp::Reverse((placed.signal.certainty * 100.0).round() as i64),
                placed.hops,
            )
        };
        key(a)
            .cmp(&key(b))
            .then_with(|| a.signal.object.cmp(&b.signal.object))
    });
    near.truncate(SIGNAL_LIMIT);
    near
}

fn ledger(mut placed: Vec<Placed>, at: jiff::Timestamp) -> (Vec<Placed>, Vec<Evidence>) {
    let mut signals: Vec<Signal> = placed.iter().map(|placed| placed.signal.clone()).collect();
    let evidence = evidence::store(&mut signals, at);
    for (placed, signal) in placed.iter_mut().zip(signals) {
        placed.signal = signal;
    }
    (placed, evidence)
}

/// The edges between objects near the focus, pods and nodes left out unless they are the focus.
fn slice(graph: &Topology, near: &BTreeSet<ObjectRef>, focus: &Focus) -> Topology {
    let shown = |object: &ObjectRef| {
        near.contains(object)
            && (!matches!(object.kind.as_str(), "Pod" | "Node" | "ServiceAccount")
                || focus.objects.contains(object))
    };
    Topology {
        edges: graph
            .edges
            .iter()
            .filter(|edge| shown(&edge.from) && shown(&edge.to))
            .take(120)
            .cloned()
            .collect(),
    }
}

fn timings(start: Instant, resolved: Duration, read: Duration, api_requests: u64) -> Timings {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let total = start.elapsed();
    Timings {
        resolve_ms: ms(resolved),
        read_ms: ms(read),
        analyse_ms: ms(total - read),
        total_ms: ms(total),
        api_requests,
    }
}
