//! A clock that moves: after a write the controllers, the scheduler and the kubelets do what they do in a cluster.
//! Must not know any fault by name, nor HTTP.
//!
//! Controllers act on what changed, as informers tell them; what nobody touches stays as it was staged. Whether a pod
//! fails is the world's physics: missing references and unfit nodes are seen in the state, everything else is the
//! staged fault, which lasts as long as its predicate holds.

mod ailment;
mod autoscaler;
mod claims;
mod cluster;
mod daemon_set;
mod deployment;
mod dispatch;
mod followers;
mod job;
mod kubelet;
mod nodes;
mod pods;
mod queue;
mod references;
mod replica_set;
mod revisions;
mod scene;
mod scheduler;
mod stateful_set;
mod template;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use self::cluster::Cluster;
pub(crate) use self::cluster::{Changed, Objects};
use self::kubelet::Run;
pub(crate) use self::kubelet::has_image;
use self::queue::{Queue, Role, Task};
pub(crate) use self::references::unresolved;
use self::scene::Scene;
pub(crate) use self::scene::root_of;
use crate::build::object::Stamp;
use crate::stage::Staged;
use crate::world::World;

/// Most pieces of work that one step may take, against controllers that fight each other.
const MOST_TASKS: usize = 50_000;

/// The controllers of a served world.
#[derive(Debug)]
pub(crate) struct Simulation {
    scene: Scene,
    stamp: Stamp,
    queue: Queue,
    runs: BTreeMap<String, Run>,
    /// Version up to which changes are known.
    seen: u64,
    now: Timestamp,
    /// Nothing happens before the first write, so that a world that is only looked at stays as it was staged.
    is_awake: bool,
}

impl Simulation {
    /// Takes notes of a world at rest.
    pub(crate) fn new(world: &World, staged: Option<&Staged>, version: u64, now: Timestamp) -> Self {
        Self {
            scene: Scene::read(world, staged),
            stamp: staged.map_or(Stamp { seed: 0, now }, |staged| staged.shop.stamp.clone()),
            queue: Queue::default(),
            runs: BTreeMap::new(),
            seen: version,
            now,
            is_awake: false,
        }
    }

    /// Whether there is something to do by then: a change that is not known, or work that is due.
    pub(crate) fn has_work(&self, version: u64, until: Timestamp) -> bool {
        version != self.seen || self.queue.next().is_some_and(|at| at <= until)
    }

    /// Lets the clock move to a moment and does everything that is due by then.
    pub(crate) fn run(&mut self, objects: &mut dyn Objects, until: Timestamp) {
        self.learn(objects);
        for _ in 0..MOST_TASKS {
            let Some((at, task)) = self.queue.pop(until) else {
                break;
            };
            self.now = self.now.max(at);
            self.perform(objects, &task);
            self.learn(objects);
        }
        self.now = self.now.max(until);
    }

    /// Queues what follows from the changes since the last look.
    fn learn(&mut self, objects: &mut dyn Objects) {
        let (version, changes) = objects.changes_since(self.seen);
        if version == self.seen {
            return;
        }
        self.seen = version;
        if !self.is_awake {
            self.is_awake = true;
            self.wake(objects.world());
        }
        for (before, after) in &changes {
            for (delay, task) in dispatch::tasks(objects.world(), before.as_ref(), after.as_ref()) {
                self.queue.add(self.now + delay, task);
            }
            if let (Some(pod), None) = (before, after) {
                self.bury(objects, pod);
            }
        }
    }

    /// From the first write on, the staged failures go on.
    fn wake(&mut self, world: &World) {
        for (index, ailment) in self.scene.patients().enumerate() {
            let delay = SignedDuration::from_millis(900 + 370 * i64::try_from(index % 9).unwrap_or(0));
            let task = Task::new(Role::Kubelet, &ailment.root.namespace, &ailment.pod);
            if world.get("Pod", &task.namespace, &task.name).is_some() {
                self.queue.add(self.now + delay, task);
            }
        }
    }

    /// A pod that the API server removed at once: its kubelet stops the containers.
    fn bury(&mut self, objects: &mut dyn Objects, pod: &serde_json::Value) {
        if crate::build::json::text(pod, "/kind") == "Pod" {
            self.runs.remove(crate::build::json::text(pod, "/metadata/uid"));
            let stamp = self.stamp_now();
            let mut cluster = Cluster::new(objects, stamp, self.scene.shop.as_ref());
            kubelet::buried(&mut cluster, pod);
        }
    }

    fn stamp_now(&self) -> Stamp {
        Stamp {
            seed: self.stamp.seed,
            now: self.now,
        }
    }

    fn perform(&mut self, objects: &mut dyn Objects, task: &Task) {
        if task.role == Role::Faults {
            self.look_at_faults(objects);
            return;
        }
        let stamp = self.stamp_now();
        let mut cluster = Cluster::new(objects, stamp, self.scene.shop.as_ref());
        let (namespace, name) = (task.namespace.as_str(), task.name.as_str());
        let again = match task.role {
            Role::Faults => None,
            Role::Deployment => deployment::sync(&mut cluster, namespace, name),
            Role::ReplicaSet => replica_set::sync(&mut cluster, &self.scene, namespace, name),
            Role::StatefulSet => stateful_set::sync(&mut cluster, &self.scene, namespace, name),
            Role::DaemonSet => daemon_set::sync(&mut cluster, &self.scene, namespace, name),
            Role::Job => job::sync(&mut cluster, &self.scene, namespace, name),
            Role::Claim => claims::sync(&mut cluster, &self.scene, namespace, name),
            Role::Scheduler => scheduler::sync(&mut cluster, &self.scene, namespace, name),
            Role::Kubelet => kubelet::sync(&mut cluster, &self.scene, &mut self.runs, namespace, name),
            Role::Endpoints => followers::endpoints(&mut cluster, namespace, name),
            Role::Budget => followers::budget(&mut cluster, namespace, name),
            Role::Autoscaler => autoscaler::sync(&mut cluster, namespace, name),
            Role::Node => nodes::sync(&mut cluster, name),
        };
        if let Some(delay) = again {
            self.queue.add(self.now + delay, task.clone());
        }
    }

    /// A fault that is gone lets those recover that suffered from it.
    fn look_at_faults(&mut self, objects: &mut dyn Objects) {
        if !self.scene.look(objects.world()) {
            return;
        }
        let world = objects.world();
        for pod in world.of_kind("Pod") {
            let (namespace, name) = (
                crate::build::json::text(pod, "/metadata/namespace"),
                crate::build::json::text(pod, "/metadata/name"),
            );
            if !crate::build::service::is_ready(pod) {
                for role in [Role::Kubelet, Role::Scheduler] {
                    self.queue.add(
                        self.now + SignedDuration::from_secs(1),
                        Task::new(role, namespace, name),
                    );
                }
            }
        }
        for task in dispatch::controllers(world) {
            self.queue.add(self.now + SignedDuration::from_secs(1), task);
        }
    }
}
