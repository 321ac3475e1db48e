//! A world that moves in time speaks of its scheduled runs as a cluster would that had made them then.

use serde_json::Map;

use super::*;
use crate::build::json::{items, text};
use crate::build::time;
use crate::stage::stimulus::Stimulus;
use crate::stage::{FaultSpec, RenderOptions, Rendered, Staging, render};

fn staged(id: &str) -> Rendered {
    let staging = Staging {
        name: "shift".to_owned(),
        faults: vec![FaultSpec {
            id: id.to_owned(),
            target: None,
            params: Map::new(),
        }],
        noise: vec!["standard".to_owned()],
        stimulus: Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
    };
    let options = RenderOptions {
        seed: 3,
        randomize: false,
    };
    render(&staging, options).unwrap()
}

/// Every run is named after the minute it was due, which its CronJob's schedule says as well.
fn check(world: &World) {
    let mut runs = 0;
    for job in world.of_kind("Job") {
        let Some(parent) = items(job, "/metadata/ownerReferences").first() else {
            continue;
        };
        runs += 1;
        let (namespace, name) = (text(job, "/metadata/namespace"), text(job, "/metadata/name"));
        let due = time::parse(text(
            job,
            "/metadata/annotations/batch.kubernetes.io~1cronjob-scheduled-timestamp",
        ))
        .unwrap();
        assert_eq!(due.as_second() % 60, 0, "{name}");
        assert!(
            name.ends_with(&format!("-{}", due.as_second() / 60)),
            "{name} {due}"
        );
        let started = time::parse(text(job, "/status/startTime")).unwrap();
        assert!(
            (0..60).contains(&(started.as_second() - due.as_second())),
            "{name}"
        );
        let cron = world.get("CronJob", namespace, text(parent, "/name")).unwrap();
        let minutes = due.as_second() / 60;
        let schedule = format!("{} {} * * *", minutes % 60, minutes / 60 % 24);
        assert_eq!(text(cron, "/spec/schedule"), schedule);
        let pod = world
            .of_kind("Pod")
            .find(|pod| text(pod, "/metadata/ownerReferences/0/name") == name)
            .map(|pod| text(pod, "/metadata/name"));
        assert!(pod.is_some_and(|pod| pod.starts_with(name)), "{name} {pod:?}");
        assert!(
            world.logs.keys().any(|key| Some(key.pod.as_str()) == pod),
            "{pod:?} has no log"
        );
    }
    assert!(runs >= 3, "{runs} runs");
    for (key, object) in world.objects() {
        assert_eq!(key.name, text(object, "/metadata/name"));
    }
}

#[test]
fn scheduled_runs_are_named_after_the_minute_in_which_they_were_due() {
    for id in [
        "image-and-deployment/job-failing",
        "storage-and-persistence/backup-failed",
    ] {
        let rendered = staged(id);
        check(&rendered.world);
        for seconds in [1_440 * 60, 12_345_679, -4_321] {
            let mut world = rendered.world.clone();
            let mut known = rendered.staged();
            let now = time::after(world.now, seconds);
            shift_to(&mut world, Some(&mut known), now);
            check(&world);
            assert_eq!(world.now, now);
            let victim = known.faults[0].truth.victims[0].clone();
            assert!(world.object(&victim).is_some(), "{victim:?}");
            assert!(known.faults[0].is_present(&world));
        }
    }
}

#[test]
fn events_are_called_after_their_moment() {
    let rendered = staged("image-and-deployment/job-failing");
    let mut world = rendered.world.clone();
    let now = time::after(world.now, 7_000_001);
    shift_to(&mut world, None, now);
    for event in world.of_kind("Event") {
        let (_, moment) = text(event, "/metadata/name").rsplit_once('.').unwrap();
        let nanos = i128::from_str_radix(moment, 16).unwrap();
        let first = ["/firstTimestamp", "/eventTime"]
            .iter()
            .find_map(|pointer| time::parse(text(event, pointer)))
            .unwrap();
        let late = nanos - first.as_nanosecond();
        assert!((0..1_000_000_000).contains(&late), "{event}");
    }
}
