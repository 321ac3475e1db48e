//! Ages as `k8s.io/apimachinery/pkg/util/duration` prints them.

use jiff::Timestamp;
use serde_json::Value;

use crate::build::json::time;

/// The time since the timestamp at the pointer, `<unknown>` when there is none.
pub(crate) fn since_field(object: &Value, pointer: &str, now: Timestamp) -> String {
    time(object, pointer).map_or_else(|| "<unknown>".to_owned(), |at| since(at, now))
}

/// The time from one moment to another.
pub(crate) fn since(at: Timestamp, now: Timestamp) -> String {
    human(now.duration_since(at).as_secs())
}

/// `HumanDuration`: at most two units, fewer the longer it is.
pub(crate) fn human(seconds: i64) -> String {
    let two = |whole: i64, unit: &str, rest: i64, smaller: &str| {
        if rest == 0 {
            format!("{whole}{unit}")
        } else {
            format!("{whole}{unit}{rest}{smaller}")
        }
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => two(days, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{days}d"),
        _ if hours < 24 * 365 * 8 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests;
