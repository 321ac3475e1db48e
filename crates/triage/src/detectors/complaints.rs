//! What callers' logs say of those that they call: lines that name a called host and match a wording. Must not know
//! what a detector makes of it.

use std::collections::{BTreeMap, BTreeSet};

use cluster::calls::Call;
use cluster::{LogLine, LogSource, Look};
use domain::{Fact, ObjectRef};
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::wording::{Place, Words, means};

/// A line of a caller's log that speaks of a call.
#[derive(Clone, Copy)]
pub(super) struct Complaint<'a> {
    /// The call, with caller and Service.
    pub(super) call: &'a Call,
    /// Where the line stands.
    pub(super) source: &'a LogSource,
    /// The line.
    pub(super) line: &'a LogLine,
}

/// Older lines speak of something else.
const RECENT: SignedDuration = SignedDuration::from_mins(95);

impl Complaint<'_> {
    /// Path of the fact that the line is.
    pub(super) fn path(&self) -> String {
        let previous = if self.source.previous { ".previous" } else { "" };
        format!("log[{}]{previous}.line", self.source.container)
    }

    /// The line as a fact of its pod.
    pub(super) fn fact(&self) -> Fact {
        Fact {
            object: self.pod(),
            path: self.path(),
            value: self.line.text.truncated(300),
            time: self.line.at,
        }
    }

    /// The pod that wrote it.
    pub(super) fn pod(&self) -> ObjectRef {
        ObjectRef::of("Pod", &self.source.namespace, &self.source.pod)
    }
}

/// Recent logs with the workload whose pod wrote them; those of pods that are gone are left out.
pub(super) fn logs_of_workloads<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (ObjectRef, &'a LogSource, Vec<&'a LogLine>)> {
    let view = context.view;
    logs(context).filter_map(move |(source, lines)| {
        let pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
        Some((view.workload_of(view.get_ref(&pod)?), source, lines))
    })
}

/// Lines that name the host (or the cluster address) of a call of their workload and may mean `mechanism`.
pub(super) fn about<'a>(context: &Context<'a>, mechanism: &str) -> Vec<Complaint<'a>> {
    let mut out = Vec::new();
    for (workload, source, lines) in logs_of_workloads(context) {
        let calls: Vec<(&Call, Vec<String>)> = context
            .calls
            .iter()
            .filter(|call| call.from == workload)
            .map(|call| (call, names(context, call)))
            .collect();
        for line in lines {
            let text = line.text.as_str();
            let named = calls
                .iter()
                .find(|(_, names)| names.iter().any(|name| text.contains(name.as_str())));
            if let Some((call, _)) = named
                && says(text, mechanism)
            {
                out.push(Complaint { call, source, line });
            }
        }
    }
    out
}

/// Whether a log line may mean a mechanism.
pub(super) fn says(text: &str, mechanism: &str) -> bool {
    let words = Words {
        place: Place::Log,
        reason: "",
        message: text,
    };
    means(words, mechanism)
}

/// The logs that were read, with their recent lines.
pub(super) fn logs<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a LogSource, Vec<&'a LogLine>)> {
    let now = context.view.now;
    context.view.logs.iter().filter_map(move |(source, log)| {
        let Look::Found(lines) = log else { return None };
        let recent = lines
            .iter()
            .filter(|line| line.at.is_none_or(|at| now.duration_since(at) < RECENT))
            .collect();
        Some((source, recent))
    })
}

/// Texts that name the callee of a call: its host as written, and the cluster address with the port.
fn names(context: &Context<'_>, call: &Call) -> Vec<String> {
    let mut out = vec![call.host.clone()];
    let address = context
        .view
        .get_ref(&call.service)
        .map_or("", |service| service.str("spec.clusterIP"));
    if !address.is_empty() && address != "None" {
        out.push(match call.port {
            Some(port) => format!("{address}:{port}"),
            None => format!("{address}:"),
        });
    }
    out
}

/// Complaints by the Service that they are about.
pub(super) fn by_service<'a>(complaints: &[Complaint<'a>]) -> BTreeMap<ObjectRef, Vec<Complaint<'a>>> {
    let mut out: BTreeMap<ObjectRef, Vec<Complaint<'a>>> = BTreeMap::new();
    for complaint in complaints {
        out.entry(complaint.call.service.clone())
            .or_default()
            .push(*complaint);
    }
    out
}

/// The workloads that complain.
pub(super) fn callers(complaints: &[Complaint<'_>]) -> BTreeSet<ObjectRef> {
    complaints
        .iter()
        .map(|complaint| complaint.call.from.clone())
        .collect()
}

/// When the first of these lines was written.
pub(super) fn first(complaints: &[Complaint<'_>]) -> Option<Timestamp> {
    complaints.iter().filter_map(|complaint| complaint.line.at).min()
}

/// Whether a line was written within the last ten minutes: then it goes on.
pub(super) fn ongoing(context: &Context<'_>, complaints: &[Complaint<'_>]) -> bool {
    let last = complaints.iter().filter_map(|complaint| complaint.line.at).max();
    last.is_none_or(|at| context.view.now.duration_since(at) < SignedDuration::from_mins(10))
}
