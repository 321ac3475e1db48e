//! Objects through the types of the real API: a field that the API does not know is lost, a wrong type is an error.

use playground::world::schema::round_trip;
use serde_json::Value;

use super::{report, worlds};

/// Fields that say nothing: an explicit null, an empty list or map where the API leaves the field out.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, below)| (key.clone(), bare(below)))
                .filter(|(_, below)| {
                    !(below.is_null()
                        || below.as_array().is_some_and(Vec::is_empty)
                        || below.as_object().is_some_and(serde_json::Map::is_empty))
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(bare).collect()),
        other => other.clone(),
    }
}

fn differences(before: &Value, after: &Value, path: &str, out: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, below) in a {
                match b.get(key) {
                    Some(other) => differences(below, other, &format!("{path}.{key}"), out),
                    None => out.push(format!("{path}.{key} is lost")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (one, other) in a.iter().zip(b) {
                differences(one, other, &format!("{path}[]"), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: {a} becomes {b}")),
    }
}

#[test]
fn every_object_survives_a_round_trip_through_the_types_of_the_api() {
    let mut findings = Vec::new();
    for (place, world) in worlds() {
        for (key, object) in world.objects() {
            match round_trip(object) {
                None => {}
                Some(Err(error)) => findings.push(format!("{place}: {} {}: {error}", key.kind, key.name)),
                Some(Ok(after)) => {
                    let mut lost = Vec::new();
                    differences(&bare(object), &bare(&after), "", &mut lost);
                    findings.extend(
                        lost.into_iter()
                            .map(|what| format!("{place}: {} {}: {what}", key.kind, key.name)),
                    );
                }
            }
        }
    }
    report(&findings);
}
