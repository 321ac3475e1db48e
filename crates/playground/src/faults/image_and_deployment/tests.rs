//! Every fault of the category renders for any seed, the same each time, is present, and its events are recent.

use crate::build::json::text;
use crate::build::time;
use crate::faults::Fault;
use crate::stage::stimulus::Stimulus;
use crate::stage::{FaultSpec, RenderOptions, Rendered, Staging, render};

fn staged(fault: &dyn Fault, seed: u64) -> Rendered {
    let staging = Staging {
        name: "staged".to_owned(),
        faults: vec![FaultSpec {
            id: fault.id().to_owned(),
            ..FaultSpec::default()
        }],
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
fn every_fault_is_present_and_the_same_for_the_same_seed() {
    for fault in super::FAULTS {
        for seed in 0..6 {
            let rendered = staged(*fault, seed);
            assert!(
                fault.present(&rendered.world, &rendered.truth),
                "{} {seed}",
                fault.id()
            );
            let id = rendered.truth.root_causes.first().map(|cause| cause.mechanism);
            assert_eq!(id, Some(fault.id()));
            if seed == 1 {
                assert_eq!(rendered, staged(*fault, seed), "{}", fault.id());
            }
        }
    }
}

#[test]
fn every_fault_has_remedies_that_heal_or_fail() {
    for fault in super::FAULTS {
        let rendered = staged(*fault, 3);
        let remedies = fault.remedies(&rendered.world, &rendered.shop, &rendered.truth);
        assert!(remedies.iter().any(|remedy| remedy.heals), "{}", fault.id());
        assert!(remedies.iter().any(|remedy| !remedy.heals), "{}", fault.id());
        assert!(
            remedies.iter().all(|remedy| !remedy.steps.is_empty()),
            "{}",
            fault.id()
        );
    }
}

#[test]
fn no_event_is_older_than_an_hour_or_in_the_future() {
    for fault in super::FAULTS {
        let world = staged(*fault, 5).world;
        for event in world.of_kind("Event") {
            let times = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime"];
            let last = times.iter().find_map(|path| time::parse(text(event, path)));
            let age = last.map(|last| world.now.as_second() - last.as_second());
            assert!(
                age.is_some_and(|age| (0..=3600).contains(&age)),
                "{} {age:?}: {event}",
                fault.id()
            );
        }
    }
}
