//! Every fault of the category for several seeds: there, deterministic, in time, and healed by nothing yet.

use crate::build::json::text;
use crate::build::time;
use crate::faults::by_id;
use crate::stage::stimulus::Stimulus;
use crate::stage::{FaultSpec, RenderOptions, Rendered, Staging, render};

fn staged(id: &str, seed: u64) -> Rendered {
    let staging = Staging {
        name: format!("test-{id}"),
        faults: vec![FaultSpec {
            id: id.to_owned(),
            ..FaultSpec::default()
        }],
        noise: vec!["standard".to_owned()],
        stimulus: Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
    };
    render(
        &staging,
        RenderOptions {
            seed,
            randomize: seed % 2 == 1,
        },
    )
    .unwrap_or_else(|error| panic!("{id} {seed}: {error}"))
}

#[test]
fn every_fault_is_there_for_any_seed_and_the_same_seed_gives_the_same_world() {
    for fault in super::FAULTS {
        for seed in 0..4 {
            let rendered = staged(fault.id(), seed);
            assert!(
                fault.present(&rendered.world, &rendered.truth),
                "{} {seed}",
                fault.id()
            );
            assert!(by_id(fault.id()).is_some());
            if seed < 2 {
                assert_eq!(rendered, staged(fault.id(), seed), "{} {seed}", fault.id());
            }
        }
    }
}

#[test]
fn no_event_is_older_than_an_hour_or_in_the_future_and_metrics_stay_small() {
    for fault in super::FAULTS {
        let world = staged(fault.id(), 4).world;
        assert!(
            world.metrics.len() < 3_500_000,
            "{} {}",
            fault.id(),
            world.metrics.len()
        );
        for event in world.of_kind("Event") {
            let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]
                .iter()
                .map(|pointer| text(event, pointer))
                .find(|found| !found.is_empty())
                .and_then(time::parse)
                .unwrap();
            assert!(
                last <= world.now && last >= time::before(world.now, 3_600),
                "{} {event}",
                fault.id()
            );
        }
    }
}

#[test]
fn every_fault_has_an_edit_that_heals_and_one_that_does_not() {
    for fault in super::FAULTS {
        let rendered = staged(fault.id(), 2);
        let remedies = fault.remedies(&rendered.world, &rendered.shop, &rendered.truth);
        for heals in [true, false] {
            let found = remedies
                .iter()
                .filter(|remedy| remedy.heals == heals && !remedy.steps.is_empty());
            assert!(found.count() > 0, "{} heals: {heals}", fault.id());
        }
    }
}
