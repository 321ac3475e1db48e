//! What is due when: each piece of work is queued at most once, at its earliest moment. Must not know what it does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

/// Who works on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Looks whether the staged faults are still there.
    Faults,
    /// The Deployment controller.
    Deployment,
    /// The ReplicaSet controller.
    ReplicaSet,
    /// The StatefulSet controller.
    StatefulSet,
    /// The DaemonSet controller.
    DaemonSet,
    /// The Job controller.
    Job,
    /// Volume controller, provisioner and protection of a claim.
    Claim,
    /// The scheduler, for one pod.
    Scheduler,
    /// The kubelet, for one pod.
    Kubelet,
    /// Endpoints of a Service.
    Endpoints,
    /// A disruption budget.
    Budget,
    /// The bounds of an autoscaler.
    Autoscaler,
    /// A node's own events and taints.
    Node,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Task {
    pub(crate) role: Role,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Task {
    pub(crate) fn new(role: Role, namespace: &str, name: &str) -> Self {
        Self {
            role,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Work in order of time.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    order: BTreeSet<(Timestamp, Task)>,
    due: BTreeMap<Task, Timestamp>,
}

impl Queue {
    /// Queues a task unless it is due before.
    pub(crate) fn add(&mut self, at: Timestamp, task: Task) {
        match self.due.get(&task) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => {
                self.order.remove(&(*later, task.clone()));
            }
            None => {}
        }
        self.due.insert(task.clone(), at);
        self.order.insert((at, task));
    }

    /// When the next task is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the next task that is due by then.
    pub(crate) fn pop(&mut self, by: Timestamp) -> Option<(Timestamp, Task)> {
        if self.next()? > by {
            return None;
        }
        let (at, task) = self.order.pop_first()?;
        self.due.remove(&task);
        Some((at, task))
    }
}
