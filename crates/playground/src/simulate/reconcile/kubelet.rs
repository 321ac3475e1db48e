//! The kubelet: takes a pod from its node's binding to running, or to where its failure holds it, and on when that
//! ends. Must not know of controllers nor of any fault.

mod complain;
mod cycle;
mod ending;
mod log;
mod show;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub(super) use ending::{buried, runs};

use self::show::View;
pub(crate) use self::show::has_image;
use super::ailment::{Ailment, Trouble};
use super::cluster::{Cluster, Note, owner};
use super::scene::Scene;
use super::template::same;
use super::{claims, references};
use crate::build::json::{items, number, text};
use crate::build::service::is_ready;
use crate::build::time;

/// A container that ends within so many seconds was never ready.
const SHORT_S: i64 = 15;

/// How far a kubelet has come with a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing yet.
    Bound,
    /// Volumes are attached and mounted.
    Volumes,
    /// Images are pulled.
    Images,
    /// The image is being pulled since.
    Pulling(Timestamp),
    /// Containers are made.
    Create,
    /// Containers run since, not ready yet.
    Started(Timestamp),
    /// Ready; containers run since.
    Ready(Timestamp),
    /// A container ended and starts again then.
    BackOff(Timestamp),
}

/// What a kubelet remembers of a pod.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) stage: Stage,
    /// When the stage goes on.
    pub(super) next: Timestamp,
    pub(super) restarts: i64,
    /// How often a container ended in a row.
    pub(super) crashes: u32,
    /// Attempts at the present stage.
    pub(super) attempts: u32,
    /// The ailment that it has, and when each of its complaints is due.
    pub(super) ailment: Option<(usize, Vec<Timestamp>)>,
    /// `state.terminated` of the instance before.
    pub(super) last: Option<Value>,
}

/// One look at a pod.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    runs: &mut BTreeMap<String, Run>,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let pod = cluster.get("Pod", namespace, name)?;
    let uid = text(&pod, "/metadata/uid").to_owned();
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        runs.remove(&uid);
        return ending::sync(cluster, &pod);
    }
    if !ending::runs(cluster, text(&pod, "/spec/nodeName"))
        || matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed")
    {
        return None;
    }
    if !runs.contains_key(&uid) {
        runs.insert(uid.clone(), Run::of(cluster, scene, &pod)?);
    }
    let run = runs.get_mut(&uid)?;
    let ailment = current_ailment(cluster, scene, run, &pod);
    run.adopt(cluster, ailment.as_ref(), &pod);
    for _ in 0..8 {
        if run.next > cluster.now() {
            break;
        }
        let pod = cluster.get("Pod", namespace, name)?;
        step(cluster, run, ailment.as_ref(), &pod);
    }
    complain::due(cluster, run, ailment.as_ref(), namespace, name);
    run.wake(cluster.now(), ailment.is_some())
}

/// The failure that holds the pod: the one that it meets now, or the one that it has for as long as its template is
/// not its workload's any more.
fn current_ailment(cluster: &Cluster<'_>, scene: &Scene, run: &Run, pod: &Value) -> Option<Ailment> {
    let met = scene.ailment(cluster.world(), pod);
    let kept = run.ailment.as_ref().and_then(|(index, _)| scene.known(*index));
    match (met, kept) {
        (Some(met), _) => Some(met.clone()),
        (None, Some(kept)) if !is_current(cluster, pod) => Some(kept.clone()),
        _ => None,
    }
}

/// Whether the pod has its workload's present template; one that nobody owns has.
fn is_current(cluster: &Cluster<'_>, pod: &Value) -> bool {
    let Some(parent) = owner(pod) else { return true };
    let world = cluster.world();
    let namespace = text(pod, "/metadata/namespace");
    let Some(parent) = world.get(text(parent, "/kind"), namespace, text(parent, "/name")) else {
        return true;
    };
    let template = |object: &Value| object.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(above) = owner(parent) {
        return world
            .get(text(above, "/kind"), namespace, text(above, "/name"))
            .is_none_or(|above| same(&template(above), &template(parent)));
    }
    let hash = text(pod, "/metadata/labels/controller-revision-hash");
    if hash.is_empty() {
        return true;
    }
    world
        .objects_of("apps", "ControllerRevision", Some(namespace))
        .map(|(_, revision)| revision)
        .filter(|revision| {
            owner(revision).map(|owner| text(owner, "/uid")) == Some(text(parent, "/metadata/uid"))
        })
        .find(|revision| text(revision, "/metadata/name").ends_with(hash))
        .is_none_or(|revision| {
            let mut held = revision
                .pointer("/data/spec/template")
                .cloned()
                .unwrap_or_default();
            crate::build::json::unset(&mut held, "", "$patch");
            same(&held, &template(parent))
        })
}

impl Run {
    /// What a kubelet knows of a pod that it has not looked at before; none of one that runs well.
    fn of(cluster: &Cluster<'_>, scene: &Scene, pod: &Value) -> Option<Self> {
        let now = cluster.now();
        let staged = scene.staged(pod);
        if is_ready(pod) && staged.is_none() {
            return None;
        }
        let status = "/status/containerStatuses/0";
        let running = time::parse(text(pod, &format!("{status}/state/running/startedAt")));
        let (stage, next) = match (staged.map(|ailment| &ailment.trouble), running) {
            (None, _) if items(pod, "/status/containerStatuses").is_empty() => {
                (Stage::Bound, time::after(now, 1))
            }
            (Some(Trouble::NotCreated), _) => (Stage::Volumes, time::after(now, 2)),
            (Some(Trouble::Image), _) => (Stage::Images, time::after(now, 3)),
            (Some(Trouble::Container), _) => (Stage::Create, time::after(now, 3)),
            (_, Some(since)) if is_ready(pod) => (Stage::Ready(since), time::after(now, 5)),
            (_, Some(since)) => (Stage::Started(since), time::after(now, 5)),
            (Some(Trouble::Gone), _) => return None,
            (Some(_), None) => {
                let until = time::after(now, 25);
                (Stage::BackOff(until), until)
            }
            (None, None) => (Stage::Volumes, time::after(now, 1)),
        };
        let last = pod.pointer(&format!("{status}/lastState/terminated")).cloned();
        Some(Self {
            stage,
            next,
            restarts: number(pod, &format!("{status}/restartCount")),
            crashes: if last.is_some() { 5 } else { 0 },
            attempts: 0,
            ailment: staged.map(|ailment| (ailment.index, complain::rhythm(ailment, now, true))),
            last,
        })
    }

    /// Notes that a failure came or went; either way the pod goes on soon.
    fn adopt(&mut self, cluster: &Cluster<'_>, ailment: Option<&Ailment>, pod: &Value) {
        let had = self.ailment.as_ref().map(|(index, _)| *index);
        if had == ailment.map(|ailment| ailment.index) {
            return;
        }
        let now = cluster.now();
        self.ailment = ailment.map(|ailment| {
            let is_new =
                cluster.age_s(time::parse(text(pod, "/metadata/creationTimestamp")).unwrap_or(now)) < 60;
            (ailment.index, complain::rhythm(ailment, now, !is_new))
        });
        if ailment.is_none() && self.stage != Stage::Bound {
            self.attempts = 0;
            let soon = match self.stage {
                Stage::BackOff(until) => until.min(time::after(now, 20)),
                Stage::Ready(_) => return,
                _ => time::after(now, 4),
            };
            if matches!(self.stage, Stage::BackOff(_)) {
                self.stage = Stage::BackOff(soon);
            }
            self.next = self.next.min(soon);
        }
    }

    /// When to look again.
    fn wake(&self, now: Timestamp, is_ill: bool) -> Option<SignedDuration> {
        let complaint = self.ailment.iter().flat_map(|(_, due)| due).min().copied();
        if matches!(self.stage, Stage::Ready(_)) && !is_ill {
            return None;
        }
        let at = complaint.map_or(self.next, |due| due.min(self.next));
        Some(at.duration_since(now).max(SignedDuration::from_millis(200)))
    }
}

/// One step of a pod's start.
fn step(cluster: &mut Cluster<'_>, run: &mut Run, ailment: Option<&Ailment>, pod: &Value) {
    let now = cluster.now();
    let trouble = ailment.map(|ailment| &ailment.trouble);
    match run.stage {
        Stage::Bound => {
            show::write(cluster, pod, run, &View::creating());
            run.stage = Stage::Volumes;
            run.next = time::after(now, 1);
        }
        Stage::Volumes => volumes(cluster, run, ailment, pod),
        Stage::Images => images(cluster, run, ailment, pod),
        Stage::Pulling(_) => {
            pulled(cluster, pod);
            run.stage = Stage::Create;
            run.next = now;
        }
        Stage::Create => containers(cluster, run, ailment, pod),
        Stage::Started(since) => match trouble {
            Some(Trouble::Ends { life_s, .. }) if cluster.age_s(since) >= *life_s => {
                cycle::crash(cluster, run, ailment, pod, since);
            }
            Some(Trouble::Ends { life_s, .. }) if *life_s <= show::readiness_s(pod).max(SHORT_S) => {
                run.next = time::after(since, *life_s);
            }
            Some(Trouble::NotReady) => run.next = time::after(now, 30),
            _ => cycle::ready(cluster, run, ailment, pod, since),
        },
        Stage::Ready(since) => match trouble {
            Some(Trouble::Ends { life_s, .. }) if cluster.age_s(since) >= *life_s => {
                cycle::crash(cluster, run, ailment, pod, since);
            }
            Some(Trouble::Ends { life_s, .. }) => run.next = time::after(since, *life_s),
            _ => run.next = time::after(now, 300),
        },
        Stage::BackOff(_) => cycle::start(cluster, run, ailment, pod),
    }
}

fn volumes(cluster: &mut Cluster<'_>, run: &mut Run, ailment: Option<&Ailment>, pod: &Value) {
    let now = cluster.now();
    if let Some(ailment) = ailment.filter(|ailment| ailment.trouble == Trouble::NotCreated) {
        let waiting = ailment.waiting(pod);
        show::write(cluster, pod, run, &View::waiting(ailment.container, waiting));
        run.next = time::after(now, 10);
        return;
    }
    let attached = claims::attach(cluster, pod);
    let mounted = references::volumes(cluster.world(), pod);
    let failure = match (attached, mounted) {
        (Err(message), _) => Some(("FailedAttachVolume", "attachdetach-controller", message)),
        (_, Some(message)) => Some(("FailedMount", "kubelet", message)),
        _ => None,
    };
    let Some((reason, component, message)) = failure else {
        run.stage = Stage::Images;
        run.attempts = 0;
        run.next = time::after(
            now,
            if claims::claims_of(pod).next().is_some() {
                3
            } else {
                0
            },
        );
        return;
    };
    cluster.note(&Note {
        object: pod,
        kind: "Warning",
        reason,
        message: &message,
        component,
        field: "",
    });
    show::write(cluster, pod, run, &View::creating());
    run.attempts += 1;
    run.next = time::after(now, 1 << run.attempts.min(6));
}

fn images(cluster: &mut Cluster<'_>, run: &mut Run, ailment: Option<&Ailment>, pod: &Value) {
    let now = cluster.now();
    if let Some(ailment) = ailment.filter(|ailment| ailment.trouble == Trouble::Image) {
        let (index, is_init) = ailment.container;
        let list = if is_init { "initContainers" } else { "containers" };
        let container = pod
            .pointer(&format!("/spec/{list}/{index}"))
            .cloned()
            .unwrap_or_default();
        show::say(
            cluster,
            pod,
            &container,
            "Pulling",
            &format!("Pulling image \"{}\"", text(&container, "/image")),
        );
        let waiting = ailment.waiting(pod);
        show::write(cluster, pod, run, &View::waiting(ailment.container, waiting));
        log::refuse(cluster, ailment, pod);
        run.attempts += 1;
        run.next = time::after(now, (10_i64 << run.attempts.min(5)).min(300));
        return;
    }
    let image = text(pod, "/spec/containers/0/image");
    let always = text(pod, "/spec/containers/0/imagePullPolicy") == "Always";
    if !always && show::has_image(cluster.world(), text(pod, "/spec/nodeName"), image) {
        run.stage = Stage::Create;
        run.next = now;
        for container in items(pod, "/spec/containers") {
            let message = format!(
                "Container image \"{}\" already present on machine",
                text(container, "/image")
            );
            show::say(cluster, pod, container, "Pulled", &message);
        }
        return;
    }
    for container in items(pod, "/spec/containers") {
        let message = format!("Pulling image \"{}\"", text(container, "/image"));
        show::say(cluster, pod, container, "Pulling", &message);
    }
    run.stage = Stage::Pulling(now);
    run.next = time::after(now, 2);
}

fn pulled(cluster: &mut Cluster<'_>, pod: &Value) {
    for container in items(pod, "/spec/containers") {
        let image = text(container, "/image");
        let hash = cluster.stamp.hash(&format!("image-size/{image}"));
        let took = format!("1.{:03}s", hash % 1000);
        let size = 20_000_000 + hash % 180_000_000;
        let message = format!(
            "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {size} bytes."
        );
        show::say(cluster, pod, container, "Pulled", &message);
    }
}

fn containers(cluster: &mut Cluster<'_>, run: &mut Run, ailment: Option<&Ailment>, pod: &Value) {
    let now = cluster.now();
    if let Some(ailment) = ailment.filter(|ailment| ailment.trouble == Trouble::Container) {
        let waiting = ailment.waiting(pod);
        show::write(cluster, pod, run, &View::waiting(ailment.container, waiting));
        log::refuse(cluster, ailment, pod);
        run.next = time::after(now, 12);
        return;
    }
    for (index, container) in items(pod, "/spec/containers").iter().enumerate() {
        let Some(error) = references::environment(cluster.world(), pod, container) else {
            continue;
        };
        let waiting = serde_json::json!({ "reason": "CreateContainerConfigError", "message": error });
        show::write(cluster, pod, run, &View::waiting((index, false), waiting));
        show::warn(cluster, pod, container, "Failed", &format!("Error: {error}"));
        run.next = time::after(now, 12);
        return;
    }
    cycle::start(cluster, run, ailment, pod);
}
