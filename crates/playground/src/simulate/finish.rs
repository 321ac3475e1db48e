//! The last strokes on a staged world: what `client-go` calls its Events, what Calico notes on pods, the order of
//! conditions. Must not know which fault is in it.

use serde_json::{Value, json};

use super::pace::hold_back;
use super::settle::keys;
use crate::build::controller::in_order_of_change;
use crate::build::event::event_name;
use crate::build::json::{set, text};
use crate::build::object::Stamp;
use crate::build::pod::note_address;
use crate::build::time;
use crate::world::World;

/// Makes a world look as if each component had written its part.
pub fn finish(world: &mut World, stamp: &Stamp) {
    hold_back(world, stamp);
    name_events(world, stamp);
    for (key, object) in world.objects_mut() {
        match key.kind.as_str() {
            "Pod" => note_address(stamp, object),
            "Deployment" => {
                if let Some(conditions) = object
                    .pointer_mut("/status/conditions")
                    .and_then(Value::as_array_mut)
                {
                    in_order_of_change(conditions);
                }
            }
            _ => {}
        }
    }
}

/// Events are built under a digest, by which a repetition finds them; in the end each has the name of its moment.
fn name_events(world: &mut World, stamp: &Stamp) {
    for key in keys(world, "Event") {
        let Some(mut event) = world.remove_object(&key) else {
            continue;
        };
        let first = ["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"]
            .into_iter()
            .find_map(|pointer| time::parse(text(&event, pointer)))
            .unwrap_or(stamp.now);
        let name = event_name(stamp, &event, first);
        set(&mut event, "/metadata/name", json!(name));
        world.insert(event);
    }
}
