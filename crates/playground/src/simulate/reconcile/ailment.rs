//! How a pod failed, and how another pod fails in the same way. Must not know of faults nor of time.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::scene::template_of;
use crate::build::json::{items, number, text};
use crate::build::time;
use crate::world::{ContainerLog, LogKey, ObjectKey, World};

/// What a kubelet meets when it runs the pod.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// No node takes it.
    Unschedulable,
    /// Its volumes or its sandbox are not ready.
    NotCreated,
    /// Its image cannot be pulled: the reasons of the two waiting states.
    Image,
    /// Its container cannot be made: the reason, e.g. `CreateContainerConfigError`.
    Container,
    /// Its container ends: how, and after how many seconds.
    Ends {
        /// `state.terminated` of a finished instance.
        terminated: Value,
        /// Seconds from start to end.
        life_s: i64,
    },
    /// It runs and is not ready.
    NotReady,
    /// It was evicted, failed or lost.
    Gone,
}

/// The failure of one pod.
#[derive(Debug, Clone)]
pub(crate) struct Ailment {
    /// Place in the list of ailments.
    pub(crate) index: usize,
    pub(crate) root: ObjectKey,
    pub(crate) template: String,
    pub(crate) pod: String,
    pub(crate) node: String,
    /// Indices of the faults that explain it.
    pub(crate) faults: Vec<usize>,
    pub(crate) trouble: Trouble,
    /// Index of the container that fails, and whether it is an init container.
    pub(crate) container: (usize, bool),
    pub(crate) complaints: Vec<Complaint>,
    sample: Value,
    logs: Vec<(String, ContainerLog)>,
}

/// An Event that repeats while the failure lasts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Complaint {
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) component: String,
    pub(crate) field: String,
    /// Seconds from the creation of the pod to the first occurrence.
    pub(crate) delay_s: i64,
    /// Seconds between occurrences.
    pub(crate) period_s: i64,
}

impl Ailment {
    /// Reads it from a pod.
    pub(crate) fn of(world: &World, pod: &Value, root: ObjectKey, faults: Vec<usize>, index: usize) -> Self {
        let (trouble, container) = diagnose(pod);
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let logs = items(pod, "/spec/containers")
            .iter()
            .chain(items(pod, "/spec/initContainers"))
            .map(|container| text(container, "/name").to_owned())
            .filter_map(|container| {
                let key = LogKey {
                    namespace: namespace.to_owned(),
                    pod: name.to_owned(),
                    container: container.clone(),
                };
                Some((container, world.logs.get(&key)?.clone()))
            });
        Self {
            index,
            root,
            template: template_of(pod),
            pod: name.to_owned(),
            node: text(pod, "/spec/nodeName").to_owned(),
            faults,
            trouble,
            container,
            complaints: complaints(world, pod),
            logs: logs.collect(),
            sample: pod.clone(),
        }
    }

    /// A text about the sample as it reads about another pod: names, uids, addresses and images.
    pub(crate) fn retell(&self, words: &str, pod: &Value) -> String {
        let mut told = words.to_owned();
        let image = format!("/spec/containers/{}/image", self.container.0);
        for pointer in ["/metadata/name", "/metadata/uid", "/status/podIP", image.as_str()] {
            let (from, to) = (text(&self.sample, pointer), text(pod, pointer));
            if !from.is_empty() && !to.is_empty() && from != to {
                told = told.replace(from, to);
            }
        }
        told
    }

    /// Uid of the pod that failed.
    pub(crate) fn uid(&self) -> &str {
        text(&self.sample, "/metadata/uid")
    }

    /// Why no node takes it.
    pub(crate) fn unschedulable(&self) -> String {
        items(&self.sample, "/status/conditions")
            .iter()
            .find(|condition| text(condition, "/type") == "PodScheduled")
            .map(|condition| text(condition, "/message").to_owned())
            .unwrap_or_default()
    }

    /// The waiting state of the sample for another pod.
    pub(crate) fn waiting(&self, pod: &Value) -> Value {
        let (index, is_init) = self.container;
        let list = if is_init {
            "initContainerStatuses"
        } else {
            "containerStatuses"
        };
        let waiting = self
            .sample
            .pointer(&format!("/status/{list}/{index}/state/waiting"));
        let reason = waiting.map_or("ContainerCreating", |waiting| text(waiting, "/reason"));
        let mut state = json!({ "reason": reason });
        if let Some(message) = waiting
            .map(|waiting| text(waiting, "/message"))
            .filter(|m| !m.is_empty())
        {
            crate::build::json::set(&mut state, "/message", json!(self.retell(message, pod)));
        }
        state
    }

    /// Logs of an instance of another pod that starts at a moment: the sample's lines, moved in time.
    pub(crate) fn logs(&self, pod: &Value, started: Timestamp) -> Vec<(String, ContainerLog)> {
        self.logs
            .iter()
            .map(|(container, log)| {
                let tell = |text: &Option<String>| {
                    let text = text.as_ref()?;
                    Some(self.retell(&crate::serve::shift::start_at(text, started), pod))
                };
                let quote = |text: &Option<String>| Some(self.retell(text.as_ref()?, pod));
                let moved = ContainerLog {
                    current: tell(&log.previous.clone().or_else(|| log.current.clone())),
                    previous: None,
                    error: quote(&log.error),
                    previous_error: quote(&log.previous_error),
                };
                (container.clone(), moved)
            })
            .collect()
    }
}

/// What is wrong with a pod, and in which container.
fn diagnose(pod: &Value) -> (Trouble, (usize, bool)) {
    if text(pod, "/status/phase") == "Failed" {
        return (Trouble::Gone, (0, false));
    }
    if text(pod, "/spec/nodeName").is_empty() {
        return (Trouble::Unschedulable, (0, false));
    }
    let lists = [
        ("/status/initContainerStatuses", true),
        ("/status/containerStatuses", false),
    ];
    for (pointer, is_init) in lists {
        for (index, status) in items(pod, pointer).iter().enumerate() {
            if let Some(trouble) = container_trouble(status, is_init) {
                return (trouble, (index, is_init));
            }
        }
    }
    (Trouble::NotReady, (0, false))
}

fn container_trouble(status: &Value, is_init: bool) -> Option<Trouble> {
    let done = is_init
        && number(status, "/state/terminated/exitCode") == 0
        && status.pointer("/state/terminated").is_some();
    if done {
        return None;
    }
    let ended = status
        .pointer("/state/terminated")
        .or_else(|| status.pointer("/lastState/terminated"));
    match text(status, "/state/waiting/reason") {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => return Some(Trouble::Image),
        "ContainerCreating" | "PodInitializing" => return Some(Trouble::NotCreated),
        "CreateContainerConfigError" | "CreateContainerError" | "PreCreateHookError" => {
            return Some(Trouble::Container);
        }
        _ => {}
    }
    if let Some(terminated) = ended {
        return Some(Trouble::Ends {
            terminated: terminated.clone(),
            life_s: life_s(terminated),
        });
    }
    if !text(status, "/state/waiting/reason").is_empty() {
        return Some(Trouble::Container);
    }
    (status.get("ready") != Some(&json!(true))).then_some(Trouble::NotReady)
}

fn life_s(terminated: &Value) -> i64 {
    let at = |pointer: &str| time::parse(text(terminated, pointer));
    match (at("/startedAt"), at("/finishedAt")) {
        (Some(start), Some(end)) => end.duration_since(start).as_secs().max(1),
        _ => 5,
    }
}

/// The warnings about a pod, and the back-off of its image, with their rhythm.
fn complaints(world: &World, pod: &Value) -> Vec<Complaint> {
    let created = time::parse(text(pod, "/metadata/creationTimestamp"));
    world
        .objects_of("", "Event", Some(text(pod, "/metadata/namespace")))
        .map(|(_, event)| event)
        .filter(|event| text(event, "/involvedObject/uid") == text(pod, "/metadata/uid"))
        .filter(|event| {
            text(event, "/type") == "Warning" || matches!(text(event, "/reason"), "BackOff" | "Killing")
        })
        .filter(|event| text(event, "/reportingComponent") != "default-scheduler")
        .map(|event| {
            let at = |pointer: &str| time::parse(text(event, pointer));
            let first = at("/firstTimestamp").or_else(|| at("/eventTime"));
            let last = at("/lastTimestamp");
            let gap =
                |from: Option<Timestamp>, to: Option<Timestamp>| Some(to?.duration_since(from?).as_secs());
            let count = number(event, "/count").max(1);
            Complaint {
                kind: text(event, "/type").to_owned(),
                reason: text(event, "/reason").to_owned(),
                message: text(event, "/message").to_owned(),
                component: text(event, "/reportingComponent").to_owned(),
                field: text(event, "/involvedObject/fieldPath").to_owned(),
                delay_s: gap(created, first).unwrap_or(3).clamp(1, 180),
                period_s: (gap(first, last).unwrap_or(60) / (count - 1).max(1)).clamp(5, 300),
            }
        })
        .collect()
}
