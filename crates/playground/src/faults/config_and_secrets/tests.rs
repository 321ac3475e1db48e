//! Every fault of the category renders for any seed with itself present, the same each time, with Events of the last
//! hour; its remedies name objects that are there.

use super::*;
use crate::build::json::text;
use crate::build::time;
use crate::faults::Step;
use crate::stage::stimulus::Stimulus;
use crate::stage::{FaultSpec, RenderOptions, Rendered, Staging, render};

fn staged(fault: &str, seed: u64) -> Rendered {
    let staging = Staging {
        name: format!("test/{fault}"),
        faults: vec![FaultSpec {
            id: fault.to_owned(),
            ..FaultSpec::default()
        }],
        noise: vec!["standard".to_owned()],
        stimulus: Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
    };
    let randomize = seed % 2 == 1;
    render(&staging, RenderOptions { seed, randomize })
        .unwrap_or_else(|error| panic!("{fault} {seed}: {error}"))
}

#[test]
fn every_fault_is_present_for_any_seed_and_renders_the_same_again() {
    for fault in FAULTS {
        for seed in 0..3 {
            let rendered = staged(fault.id(), seed);
            assert!(
                fault.present(&rendered.world, &rendered.truth),
                "{} {seed}",
                fault.id()
            );
            assert_eq!(rendered, staged(fault.id(), seed), "{} {seed}", fault.id());
        }
    }
}

#[test]
fn no_event_is_older_than_an_hour_or_in_the_future() {
    for fault in FAULTS {
        for seed in [1, 4] {
            let world = staged(fault.id(), seed).world;
            for event in world.of_kind("Event") {
                let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]
                    .iter()
                    .map(|pointer| text(event, pointer))
                    .find(|found| !found.is_empty())
                    .and_then(time::parse)
                    .unwrap();
                let fresh = last <= world.now && last >= time::before(world.now, 3_600);
                assert!(fresh, "{} {event}", fault.id());
            }
        }
    }
}

#[test]
fn every_fault_has_remedies_that_heal_and_that_do_not_on_objects_that_are_there() {
    for fault in FAULTS {
        let Rendered {
            world, truth, shop, ..
        } = staged(fault.id(), 3);
        let remedies = fault.remedies(&world, &shop, &truth);
        assert!(remedies.iter().any(|remedy| remedy.heals), "{}", fault.id());
        assert!(remedies.iter().any(|remedy| !remedy.heals), "{}", fault.id());
        for remedy in remedies {
            assert!(!remedy.steps.is_empty(), "{} {}", fault.id(), remedy.name);
            for step in &remedy.steps {
                let (Step::MergePatch { object, .. }
                | Step::StrategicPatch { object, .. }
                | Step::JsonPatch { object, .. }
                | Step::Delete(object)) = step
                else {
                    continue;
                };
                assert!(
                    world.object(object).is_some(),
                    "{} {} {object:?}",
                    fault.id(),
                    remedy.name
                );
            }
        }
    }
}
