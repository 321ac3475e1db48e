//! Every fault of the category renders for any seed, is present, tells events of the last hour and offers remedies.

use serde_json::{Map, Value, json};

use super::FAULTS;
use crate::build::json::text;
use crate::build::time;
use crate::faults::Step;
use crate::stage::stimulus::Stimulus;
use crate::stage::{FaultSpec, RenderOptions, Rendered, Staging, render};

/// The kinds that each fault's docs name.
const KINDS: &[(&str, &[&str])] = &[
    ("pvc-conflict", &["rollout", "terminating"]),
    ("provisioning-failed", &["parameter", "quota"]),
    ("volume-attach-timeout", &["limit", "detach"]),
    ("filesystem-corrupt", &["mount", "remounted"]),
    ("snapshot-failed", &["class", "driver"]),
    ("backup-failed", &["destination", "login"]),
    ("pvc-missing", &["renamed", "deleted"]),
];

fn specs() -> Vec<FaultSpec> {
    let mut out = Vec::new();
    for fault in FAULTS {
        let slug = fault.id().rsplit('/').next().unwrap();
        let kinds = KINDS.iter().find(|(name, _)| *name == slug);
        let plain = FaultSpec {
            id: fault.id().to_owned(),
            ..FaultSpec::default()
        };
        out.push(plain.clone());
        for kind in kinds.map_or(&[] as &[&str], |(_, kinds)| kinds) {
            let params: Map<String, Value> = [("kind".to_owned(), json!(kind))].into_iter().collect();
            out.push(FaultSpec {
                params,
                ..plain.clone()
            });
        }
    }
    out
}

fn staged(spec: &FaultSpec, seed: u64) -> Rendered {
    let staging = Staging {
        name: format!("storage-{seed}"),
        faults: vec![spec.clone()],
        noise: vec!["standard".to_owned()],
        stimulus: Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
    };
    let options = RenderOptions {
        seed,
        randomize: seed % 2 == 1,
    };
    render(&staging, options).unwrap()
}

#[test]
fn every_fault_is_present_and_alike_for_the_same_seed() {
    for spec in specs() {
        for seed in 0..6 {
            let rendered = staged(&spec, seed);
            let fault = crate::faults::by_id(&spec.id).unwrap();
            assert!(
                fault.present(&rendered.world, &rendered.truth),
                "{spec:?} {seed} {:?}",
                rendered.truth
            );
            assert_eq!(rendered.truth.root_causes[0].mechanism, spec.id);
            assert!(!rendered.truth.victims.is_empty(), "{spec:?}");
        }
        assert_eq!(staged(&spec, 3), staged(&spec, 3), "{spec:?}");
    }
}

#[test]
fn no_event_is_older_than_an_hour_or_in_the_future() {
    for spec in specs() {
        let world = staged(&spec, 5).world;
        for event in world.of_kind("Event") {
            let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]
                .iter()
                .map(|pointer| text(event, pointer))
                .find(|found| !found.is_empty())
                .and_then(time::parse)
                .unwrap();
            assert!(
                last <= world.now && last >= time::before(world.now, 3_600),
                "{spec:?} {event}"
            );
        }
    }
}

#[test]
fn remedies_name_objects_that_are_there_and_some_do_not_heal() {
    for spec in specs() {
        let rendered = staged(&spec, 2);
        let fault = crate::faults::by_id(&spec.id).unwrap();
        let remedies = fault.remedies(&rendered.world, &rendered.shop, &rendered.truth);
        assert!(remedies.iter().any(|remedy| !remedy.heals), "{spec:?}");
        for step in remedies.iter().flat_map(|remedy| &remedy.steps) {
            let object = match step {
                Step::MergePatch { object, .. }
                | Step::StrategicPatch { object, .. }
                | Step::JsonPatch { object, .. }
                | Step::Delete(object) => object,
                Step::Create(created) => {
                    assert!(!text(created, "/metadata/name").is_empty(), "{spec:?} {created}");
                    continue;
                }
            };
            assert!(rendered.world.object(object).is_some(), "{spec:?} {object:?}");
        }
    }
}
