//! The columns of Events.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, duration, name};
use crate::build::json::{number, text, time};

/// The printer of Events in both groups; the cells read the stored core form.
pub(crate) fn printer(_group: &str, kind: &str) -> Option<(Columns, Cells)> {
    (kind == "Event").then_some((
        "Last Seen,Type,Reason,Object,*Subobject,*Source,Message,*First Seen,*Count:integer,*Name",
        cells as Cells,
    ))
}

fn cells(event: &Value, now: Timestamp) -> Vec<Value> {
    let first = first_seen(event);
    let last = last_seen(event).or(first);
    let ago =
        |at: Option<Timestamp>| at.map_or_else(|| "<unknown>".to_owned(), |at| duration::since(at, now));
    let object = match text(event, "/involvedObject/name") {
        "" => text(event, "/involvedObject/kind").to_lowercase(),
        object => format!("{}/{object}", text(event, "/involvedObject/kind").to_lowercase()),
    };
    vec![
        json!(ago(last)),
        json!(text(event, "/type")),
        json!(text(event, "/reason")),
        json!(object),
        json!(text(event, "/involvedObject/fieldPath")),
        json!(source(event)),
        json!(text(event, "/message").trim()),
        json!(ago(first)),
        json!(count(event)),
        name(event),
    ]
}

fn first_seen(event: &Value) -> Option<Timestamp> {
    time(event, "/firstTimestamp").or_else(|| time(event, "/eventTime"))
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    time(event, "/series/lastObservedTime").or_else(|| time(event, "/lastTimestamp"))
}

fn count(event: &Value) -> i64 {
    match (number(event, "/series/count"), number(event, "/count")) {
        (0, 0) => 1,
        (0, count) => count,
        (series, _) => series,
    }
}

fn source(event: &Value) -> String {
    let component = text(event, "/source/component");
    let component = if component.is_empty() {
        text(event, "/reportingComponent")
    } else {
        component
    };
    let host = text(event, "/source/host");
    let host = if host.is_empty() {
        text(event, "/reportingInstance")
    } else {
        host
    };
    let joined = format!("{component}, {host}");
    joined.trim_matches([',', ' ']).to_owned()
}
