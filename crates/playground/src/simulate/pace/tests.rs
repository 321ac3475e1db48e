use jiff::Timestamp;

use super::hold_back;
use crate::build::event::{Happening, record};
use crate::build::json::{number, text};
use crate::build::object::Stamp;
use crate::build::time;
use crate::world::World;

fn stamp() -> Stamp {
    Stamp {
        seed: 1,
        now: "2026-03-01T12:00:00Z".parse().expect("a time"),
    }
}

/// What a kubelet says of one pod, so often between two moments.
fn said(world: &mut World, reason: &'static str, (from_s, to_s): (i64, i64), count: i64) {
    let stamp = stamp();
    let happening = Happening {
        object: ("Pod", "shop", "cart-0"),
        container: None,
        kind: "Warning",
        reason,
        message: format!("{reason} it is"),
        component: "kubelet",
        node: "node-1",
        first: time::before(stamp.now, from_s),
        last: time::before(stamp.now, to_s),
        count,
    };
    record(&stamp, world, &happening);
}

/// Count and age in seconds of the Event of a reason.
fn shown(world: &World, reason: &str) -> Option<(i64, i64)> {
    let event = world
        .of_kind("Event")
        .find(|event| text(event, "/reason") == reason)?;
    let last: Timestamp = time::parse(text(event, "/lastTimestamp"))?;
    Some((
        number(event, "/count"),
        stamp().now.as_second() - last.as_second(),
    ))
}

fn world() -> World {
    World::new("test", "test", stamp().now)
}

#[test]
fn a_burst_goes_through() {
    let mut world = world();
    said(&mut world, "BackOff", (600, 0), 25);
    hold_back(&mut world, &stamp());
    assert_eq!(shown(&world, "BackOff"), Some((25, 0)));
}

#[test]
fn after_the_burst_one_goes_through_in_five_minutes() {
    let mut world = world();
    // One in ten seconds: the burst is over after four minutes, the last that goes through is at 25 minutes.
    said(&mut world, "BackOff", (1_700, 0), 171);
    hold_back(&mut world, &stamp());
    let (count, age) = shown(&world, "BackOff").expect("an Event");
    assert!(
        count < 181 && (0..300).contains(&age),
        "{count} times, {age} s ago"
    );
}

#[test]
fn what_was_only_said_after_the_burst_may_never_be_seen() {
    let mut world = world();
    said(&mut world, "Unhealthy", (900, 300), 60);
    said(&mut world, "Killing", (299, 299), 1);
    hold_back(&mut world, &stamp());
    assert_eq!(shown(&world, "Killing"), None);
    assert!(shown(&world, "Unhealthy").is_some());
}
