//! Reads quantities and times as Kubernetes writes them.

/// A resource quantity in bytes (or units): `512Mi`, `1G`, `500m`; `None` when it is none.
pub(crate) fn quantity(text: &str) -> Option<f64> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let factor = match &text[end..] {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number * factor)
}

/// A duration for people: `45s`, `12m`, `3h`, `2d`.
pub(crate) fn ago(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 if seconds % 3600 < 1800 => format!("{}h", seconds / 3600),
        7200..172_800 => format!("{}h30m", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_by_value() {
        assert_eq!(quantity("512Mi"), Some(536_870_912.0));
        assert!(quantity("1G") < quantity("1Gi"));
        assert_eq!(quantity("500m"), Some(0.5));
        assert_eq!(quantity("much"), None);
    }
}
