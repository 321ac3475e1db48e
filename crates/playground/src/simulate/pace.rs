//! Which Events `client-go` lets a component write. Must not know what they say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::event::TTL_SECONDS;
use crate::build::json::{number, set, text};
use crate::build::object::Stamp;
use crate::build::time;
use crate::world::{ObjectKey, World};

/// Writes of one source about one object that go through at once (`client-go/tools/record/events_cache.go`,
/// `maxTokens` of the spam filter).
const BURST: i32 = 25;
/// Seconds until one more goes through (`defaultSpamQPS`, 1/300).
const REFILL_S: f64 = 300.0;

/// A repeated Event: its key, first occurrence, length in seconds, and count.
struct Line {
    key: ObjectKey,
    first: i64,
    lasted: i64,
    count: i64,
    /// Count and moment of the last write that went through.
    written: Option<(i64, i64)>,
}

/// Freezes Events at the last write that went through: the count goes on in the component's memory alone. An Event that was
/// not written again within the time to live is gone.
pub fn hold_back(world: &mut World, stamp: &Stamp) {
    for mut lines in sources(world).into_values() {
        if lines.iter().map(|line| line.count).sum::<i64>() <= i64::from(BURST) {
            continue;
        }
        write(&mut lines);
        for line in lines {
            show(world, stamp, &line);
        }
    }
}

/// Events by source and object. The scheduler's recorder has no such filter and names no source.
fn sources(world: &World) -> BTreeMap<String, Vec<Line>> {
    let mut sources: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for (key, event) in world.objects_of("", "Event", None) {
        let at = |pointer: &str| time::parse(text(event, pointer)).map(Timestamp::as_second);
        let (Some(first), Some(last)) = (at("/firstTimestamp"), at("/lastTimestamp")) else {
            continue;
        };
        let source = [
            "/source/component",
            "/source/host",
            "/involvedObject/kind",
            "/involvedObject/namespace",
            "/involvedObject/name",
            "/involvedObject/uid",
        ]
        .map(|pointer| text(event, pointer))
        .join("/");
        sources.entry(source).or_default().push(Line {
            key: key.clone(),
            first,
            lasted: last - first,
            count: number(event, "/count").max(1),
            written: None,
        });
    }
    sources
}

/// Lets through what the token bucket lets through; occurrences are spread evenly.
fn write(lines: &mut [Line]) {
    let mut occurrences: Vec<(i64, usize, i64)> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for nth in 0..line.count {
            let at = line.first + line.lasted * nth / (line.count - 1).max(1);
            occurrences.push((at, index, nth + 1));
        }
    }
    occurrences.sort_unstable();
    let burst = f64::from(BURST);
    let (mut tokens, mut looked) = (burst, occurrences.first().map_or(0, |first| first.0));
    for (at, index, nth) in occurrences {
        let passed = i32::try_from(at - looked).map_or(f64::MAX, f64::from);
        tokens = (tokens + passed / REFILL_S).min(burst);
        looked = at;
        if tokens >= 1.0 {
            tokens -= 1.0;
            if let Some(line) = lines.get_mut(index) {
                line.written = Some((nth, at));
            }
        }
    }
}

fn show(world: &mut World, stamp: &Stamp, line: &Line) {
    let oldest = stamp.now.as_second() - TTL_SECONDS;
    let written = line
        .written
        .filter(|(_, at)| *at >= oldest)
        .and_then(|(count, at)| Some((count, Timestamp::from_second(at).ok()?)));
    let Some((count, last)) = written else {
        world.remove_object(&line.key);
        return;
    };
    let Some(event) = world.get_mut("Event", &line.key.namespace, &line.key.name) else {
        return;
    };
    if number(event, "/count") == count {
        return;
    }
    set(event, "/count", json!(count));
    set(event, "/lastTimestamp", json!(time::seconds(last)));
    let version: Value = json!(stamp.version_at(last));
    set(event, "/metadata/resourceVersion", version);
}

#[cfg(test)]
mod tests;
