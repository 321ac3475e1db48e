//! Every case renders for any seed, deterministically, with its fault present and no word of it in the world.

use super::*;
use crate::build::json::text;
use crate::build::time;
use crate::faults::by_id;

fn options() -> impl Iterator<Item = RenderOptions> {
    (0..4).flat_map(|seed| [false, true].map(|randomize| RenderOptions { seed, randomize }))
}

#[test]
fn every_case_renders_for_any_seed_with_its_verdict_and_its_fault_present() {
    for case in cases() {
        for options in options() {
            let rendered = render(case, options).unwrap();
            assert_eq!(rendered.truth.verdict, case.verdict, "{} {options:?}", case.id);
            assert_eq!(
                rendered.truth.root_causes.is_empty(),
                case.verdict != "root_cause",
                "{}",
                case.id
            );
            if !case.fault.starts_with("situation/") {
                let fault = by_id(case.fault).unwrap();
                assert!(
                    fault.present(&rendered.world, &rendered.truth),
                    "{} {options:?}",
                    case.id
                );
            }
        }
    }
}

#[test]
fn the_same_options_give_the_same_world() {
    for case in cases() {
        let options = RenderOptions {
            seed: 7,
            randomize: true,
        };
        assert_eq!(
            render(case, options).unwrap(),
            render(case, options).unwrap(),
            "{}",
            case.id
        );
    }
}

#[test]
fn no_case_id_appears_in_its_world() {
    for case in cases() {
        let rendered = render(
            case,
            RenderOptions {
                seed: 3,
                randomize: true,
            },
        )
        .unwrap();
        let all: String = rendered
            .world
            .objects()
            .map(|(_, object)| object.to_string())
            .collect();
        assert!(!all.contains(case.id), "{}", case.id);
    }
}

#[test]
fn no_event_is_older_than_an_hour_or_in_the_future() {
    for case in cases() {
        let world = render(
            case,
            RenderOptions {
                seed: 5,
                randomize: false,
            },
        )
        .unwrap()
        .world;
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
                case.id
            );
        }
    }
}

#[test]
fn metrics_stay_small() {
    for case in cases() {
        let world = render(case, RenderOptions::default()).unwrap().world;
        assert!(
            world.metrics.len() < 2_400_000,
            "{} has {} bytes",
            case.id,
            world.metrics.len()
        );
    }
}
