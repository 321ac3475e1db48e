//! Moves a whole world in time, so that its frozen moment becomes the wall clock. Knows timestamps, not kinds.

mod runs;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api::prometheus::sample_parts;
use crate::build::helm;
use crate::build::json::set;
use crate::stage::Staged;
use crate::world::{ObjectKey, World};

use self::runs::Runs;

/// Metric names with these endings carry a Unix time as their value.
const TIME_VALUED: [&str; 6] = [
    "_created",
    "_timestamp_seconds",
    "_time_seconds",
    "_start_time",
    "_completion_time",
    "_schedule_time",
];

/// Shifts every timestamp in objects, logs, metrics and the stimulus by whole seconds, so that `world.now` is `now`.
/// Names that carry a time follow, also in what is known of the staging.
pub(crate) fn shift_to(world: &mut World, staged: Option<&mut Staged>, now: Timestamp) {
    let seconds = now.as_second() - world.now.as_second();
    let whole = SignedDuration::from_secs(seconds);
    // What was captured answers only to the names under which it was read.
    let runs = world.captured.is_none().then(|| Runs::of(world, seconds));
    let of_run = SignedDuration::from_secs(runs.as_ref().map_or(seconds, Runs::seconds));
    let mut events = Vec::new();
    world.objects_mut().for_each(|(key, object)| {
        let is_run = runs.as_ref().is_some_and(|runs| runs.concern(key, object));
        let by = if is_run { of_run } else { whole };
        shift_value(object, by);
        shift_release(object, by);
        if key.kind == "Event" && runs.is_some() {
            events.push((key.clone(), by));
        }
    });
    for (key, by) in events {
        shift_event_name(world, &key, by);
    }
    for (key, log) in &mut world.logs {
        let is_run = runs.as_ref().is_some_and(|runs| runs.is_run(&key.pod));
        let by = if is_run { of_run } else { whole };
        for text in [&mut log.current, &mut log.previous].into_iter().flatten() {
            *text = text
                .split_inclusive('\n')
                .map(|line| shift_line(line, by))
                .collect();
        }
    }
    world.metrics = world
        .metrics
        .split_inclusive('\n')
        .map(|line| shift_sample(line, seconds))
        .collect();
    if let Some(captured) = &mut world.captured {
        captured.shift(whole);
    }
    if let Some(stimulus) = &mut world.stimulus {
        shift_value(stimulus, whole);
    }
    world.now = world.now.checked_add(whole).unwrap_or(world.now);
    if let Some(runs) = runs {
        runs.rename(world, staged);
    }
}

/// The name of an Event ends in the nanoseconds of its moment, in hex.
fn shift_event_name(world: &mut World, key: &ObjectKey, by: SignedDuration) {
    let moved = key.name.rsplit_once('.').and_then(|(object, moment)| {
        let nanos = i128::from_str_radix(moment, 16).ok()?;
        Some(format!("{object}.{:x}", nanos + by.as_nanos()))
    });
    let Some(moved) = moved else { return };
    if let Some(mut event) = world.remove_object(key) {
        set(&mut event, "/metadata/name", Value::String(moved));
        world.insert(event);
    }
}

/// The times inside a Helm release, which its Secret carries packed.
fn shift_release(object: &mut Value, by: SignedDuration) {
    let Some(packed) = object.pointer_mut("/data/release") else {
        return;
    };
    if let Some(mut release) = packed.as_str().and_then(helm::decode) {
        shift_value(&mut release, by);
        *packed = Value::String(helm::encode(&release));
    }
}

fn shift_value(value: &mut Value, by: SignedDuration) {
    match value {
        Value::String(text) => {
            if let Some(shifted) = shift_text(text, by) {
                *text = shifted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shift_value(item, by)),
        Value::Object(map) => map.values_mut().for_each(|item| shift_value(item, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text moved in time with its precision kept, `None` when it is no RFC 3339 timestamp.
fn shift_text(text: &str, by: SignedDuration) -> Option<String> {
    let bytes = text.as_bytes();
    if !(20..=40).contains(&bytes.len()) || bytes[4] != b'-' || bytes[10] != b'T' || bytes[13] != b':' {
        return None;
    }
    let at: Timestamp = text.parse().ok()?;
    let digits = text
        .split_once('.')
        .map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    let moved = at.checked_add(by).ok()?;
    Some(with_precision(moved, digits))
}

/// The moment in UTC with exactly that many fractional digits (9 at most).
pub(crate) fn with_precision(at: Timestamp, digits: usize) -> String {
    let digits = u8::try_from(digits.min(9)).unwrap_or(9);
    format!("{at:.width$}", width = usize::from(digits))
}

/// Moves the timestamps that a log line starts with: the kubelet's, and the program's own right after it.
fn shift_line(line: &str, by: SignedDuration) -> String {
    let Some((first, rest)) = line.split_once(' ') else {
        return line.to_owned();
    };
    let Some(first) = shift_text(first, by) else {
        return line.to_owned();
    };
    match rest
        .split_once(' ')
        .and_then(|(second, tail)| Some((shift_text(second, by)?, tail)))
    {
        Some((second, tail)) => format!("{first} {second} {tail}"),
        None => format!("{first} {rest}"),
    }
}

/// Moves an OpenMetrics sample: its timestamp, and its value when the name says that it is a time.
fn shift_sample(line: &str, seconds: i64) -> String {
    let Some((series, value, at)) = sample_parts(line) else {
        return line.to_owned();
    };
    let name = series.split('{').next().unwrap_or_default();
    let value = if TIME_VALUED.iter().any(|ending| name.ends_with(ending)) {
        shift_number(value, seconds)
    } else {
        value.to_owned()
    };
    format!("{series} {value} {}\n", shift_number(at, seconds))
}

/// Adds whole seconds to the integer part of a decimal number; anything else stays as it is.
fn shift_number(number: &str, seconds: i64) -> String {
    let (whole, fraction) = number
        .split_once('.')
        .map_or((number, None), |(a, b)| (a, Some(b)));
    match (whole.parse::<i64>(), fraction) {
        (Ok(whole), None) => (whole + seconds).to_string(),
        (Ok(whole), Some(fraction)) => format!("{}.{fraction}", whole + seconds),
        (Err(_), _) => number.parse::<f64>().map_or_else(
            |_| number.to_owned(),
            |value| (value + seconds as f64).to_string(),
        ),
    }
}

/// Moves stamped lines so that the first begins at a moment.
pub(crate) fn start_at(log: &str, at: Timestamp) -> String {
    let first = log
        .split(' ')
        .next()
        .and_then(|stamp| stamp.parse::<Timestamp>().ok());
    let Some(first) = first else {
        return log.to_owned();
    };
    let by = SignedDuration::from_secs(at.duration_since(first).as_secs());
    log.split_inclusive('\n')
        .map(|line| shift_line(line, by))
        .collect()
}
