//! Runs of CronJobs in a world that moves in time: a run's name says in which minute it was due, and the schedule says at
//! which time of the day. Must not know what a run does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::build::json::{items, set, text};
use crate::stage::Staged;
use crate::world::{ObjectKey, World};

const DAY_MINUTES: i64 = 24 * 60;

/// The runs of a world and what they are called afterwards.
pub(super) struct Runs {
    /// Old and new names, in the order in which none replaces what another has just written.
    names: Vec<(String, String)>,
    crons: BTreeSet<(String, String)>,
    minutes: i64,
}

impl Runs {
    /// The runs of a world that moves by so many seconds.
    pub(super) fn of(world: &World, seconds: i64) -> Self {
        let minutes = seconds.div_euclid(60);
        let mut due: Vec<(i64, String)> = Vec::new();
        let mut crons = BTreeSet::new();
        for job in world.of_kind("Job") {
            let Some(parent) = items(job, "/metadata/ownerReferences")
                .iter()
                .find(|parent| text(parent, "/kind") == "CronJob")
            else {
                continue;
            };
            let cron = text(parent, "/name");
            let number = text(job, "/metadata/name")
                .strip_prefix(cron)
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|digits| digits.parse::<i64>().ok());
            if let Some(number) = number {
                due.push((number, cron.to_owned()));
                crons.insert((text(job, "/metadata/namespace").to_owned(), cron.to_owned()));
            }
        }
        due.sort();
        if minutes > 0 {
            due.reverse();
        }
        let names = due
            .into_iter()
            .map(|(number, cron)| (format!("{cron}-{number}"), format!("{cron}-{}", number + minutes)))
            .collect();
        Self {
            names,
            crons,
            minutes,
        }
    }

    /// Whether an object is a run, a CronJob with runs, or about one of them: those move by whole minutes, so that a
    /// schedule stays due at the full minute.
    pub(super) fn concern(&self, key: &ObjectKey, object: &Value) -> bool {
        let about = ["/involvedObject/name", "/metadata/name"]
            .into_iter()
            .map(|pointer| text(object, pointer));
        let is_cron = |name: &str| self.crons.contains(&(key.namespace.clone(), name.to_owned()));
        matches!(key.kind.as_str(), "CronJob" | "Job" | "Pod" | "Event")
            && about
                .into_iter()
                .any(|name| self.is_run(name) || key.kind != "Job" && is_cron(name))
    }

    /// Whether a Job or a pod with that name is a run.
    pub(super) fn is_run(&self, name: &str) -> bool {
        self.names.iter().any(|(old, _)| name.starts_with(old.as_str()))
    }

    /// Seconds by which runs move.
    pub(super) fn seconds(&self) -> i64 {
        self.minutes * 60
    }

    /// Calls the runs by their new names, wherever the world speaks of them.
    pub(super) fn rename(&self, world: &mut World, staged: Option<&mut Staged>) {
        if self.names.is_empty() {
            return;
        }
        self.rename_objects(world);
        let logs = std::mem::take(&mut world.logs);
        world.logs = logs
            .into_iter()
            .map(|(mut key, mut log)| {
                self.rename_text(&mut key.pod);
                let texts = [
                    &mut log.current,
                    &mut log.previous,
                    &mut log.error,
                    &mut log.previous_error,
                ];
                texts
                    .into_iter()
                    .flatten()
                    .for_each(|text| self.rename_text(text));
                (key, log)
            })
            .collect();
        self.rename_text(&mut world.metrics);
        if let Some(stimulus) = &mut world.stimulus {
            self.rename_value(stimulus);
        }
        for fault in staged.into_iter().flat_map(|staged| &mut staged.faults) {
            for cause in &mut fault.truth.root_causes {
                self.rename_text(&mut cause.object.name);
                self.rename_value(&mut cause.params);
            }
            for victim in &mut fault.truth.victims {
                self.rename_text(&mut victim.name);
            }
        }
    }

    fn rename_objects(&self, world: &mut World) {
        let mut moved = Vec::new();
        for (key, object) in world.objects_mut() {
            self.rename_value(object);
            if key.kind == "CronJob" && self.crons.contains(&(key.namespace.clone(), key.name.clone())) {
                self.reschedule(object);
            }
            if text(object, "/metadata/name") != key.name {
                moved.push(key.clone());
            }
        }
        let objects: Vec<Value> = moved.iter().filter_map(|key| world.remove_object(key)).collect();
        for object in objects {
            world.insert(object);
        }
    }

    /// Moves the time of the day of a daily schedule.
    fn reschedule(&self, cron: &mut Value) {
        let schedule = text(cron, "/spec/schedule").to_owned();
        let mut parts = schedule.splitn(3, ' ');
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok());
        let (Some(minute), Some(hour)) = (number(), number()) else {
            return;
        };
        let rest = parts.next().unwrap_or("* * *");
        let of_day = (hour * 60 + minute + self.minutes).rem_euclid(DAY_MINUTES);
        let moved = json!(format!("{} {} {rest}", of_day % 60, of_day / 60));
        set(cron, "/spec/schedule", moved);
    }

    fn rename_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.rename_text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename_value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.rename_value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn rename_text(&self, text: &mut String) {
        for (old, new) in &self.names {
            if text.contains(old.as_str()) {
                *text = text.replace(old.as_str(), new);
            }
        }
    }
}
