//! Events in their two API groups: stored as core/v1, served as events.k8s.io/v1 too.

use serde_json::{Map, Value};

/// Field names in core/v1 and in events.k8s.io/v1.
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// The core/v1 event as events.k8s.io/v1.
pub(crate) fn to_events_group(event: Value) -> Value {
    convert(event, "events.k8s.io/v1", |name| {
        RENAMED
            .iter()
            .find(|(core, _)| *core == name)
            .map(|(_, modern)| *modern)
    })
}

/// The events.k8s.io/v1 event as core/v1.
pub(crate) fn to_core(event: Value) -> Value {
    convert(event, "v1", |name| {
        RENAMED
            .iter()
            .find(|(_, modern)| *modern == name)
            .map(|(core, _)| *core)
    })
}

fn convert(event: Value, api_version: &str, rename: impl Fn(&str) -> Option<&'static str>) -> Value {
    let Value::Object(fields) = event else {
        return event;
    };
    let mut converted = Map::new();
    for (name, value) in fields {
        let name = rename(&name).map_or(name, str::to_owned);
        converted.insert(name, value);
    }
    converted.insert("apiVersion".to_owned(), Value::from(api_version));
    Value::Object(converted)
}
