//! Does a memory series climb? Cut into lives at its drops, each life fitted by a line.

use jiff::{SignedDuration, Timestamp};

/// A drop below this share of the last sample starts a new life (a restart, or a big garbage collection).
const DROP: f64 = 0.75;
/// Growth by this factor over one life is a climb; less is warming up.
const GROWTH: f64 = 1.2;

/// One life of a container, as a fitted line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Climb {
    /// First sample.
    pub(super) start: Timestamp,
    /// From first to last sample.
    pub(super) duration: SignedDuration,
    /// Fitted value at the start.
    pub(super) from_bytes: f64,
    /// Fitted value at the end.
    pub(super) to_bytes: f64,
    /// Coefficient of determination, 0 to 1.
    pub(super) fit: f64,
}

impl Climb {
    /// Steady growth by a fifth or more over at least half an hour.
    pub(super) fn is_leak(&self) -> bool {
        self.duration >= SignedDuration::from_mins(30)
            && self.fit > 0.85
            && self.to_bytes > GROWTH * self.from_bytes.max(1.0)
    }
}

/// One life of a container by its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// First sample.
    pub start: Timestamp,
    /// Minutes from first to last sample.
    pub minutes: i64,
    /// First value in bytes.
    pub first: f64,
    /// Last value in bytes.
    pub last: f64,
    /// Highest value in bytes.
    pub peak: f64,
}

/// The series cut into lives at its drops, oldest first.
pub fn lives(samples: &[(Timestamp, f64)]) -> Vec<Life> {
    let life = |samples: &[(Timestamp, f64)]| {
        let (first, last) = (samples.first()?, samples.last()?);
        let peak = samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
        Some(Life {
            start: first.0,
            minutes: last.0.duration_since(first.0).as_mins(),
            first: first.1,
            last: last.1,
            peak,
        })
    };
    cut(samples, &[]).into_iter().filter_map(life).collect()
}

/// The longest life that climbs, or else the longest life. `restarts` are known beginnings of lives.
pub(super) fn longest_climb(samples: &[(Timestamp, f64)], restarts: &[Timestamp]) -> Option<Climb> {
    let climbs = cut(samples, restarts).into_iter().filter_map(fit);
    climbs.max_by(|a, b| (a.is_leak(), a.duration).cmp(&(b.is_leak(), b.duration)))
}

fn cut<'a>(samples: &'a [(Timestamp, f64)], restarts: &[Timestamp]) -> Vec<&'a [(Timestamp, f64)]> {
    let mut lives = Vec::new();
    let mut from = 0;
    for at in 1..samples.len() {
        let restarted = restarts
            .iter()
            .any(|restart| samples[at - 1].0 < *restart && *restart <= samples[at].0);
        if restarted || samples[at].1 < samples[at - 1].1 * DROP {
            lives.push(&samples[from..at]);
            from = at;
        }
    }
    lives.extend(samples.get(from..));
    lives
}

/// Least squares over one life; `None` below five samples.
fn fit(life: &[(Timestamp, f64)]) -> Option<Climb> {
    let (start, end) = (life.first()?.0, life.last()?.0);
    if life.len() < 5 {
        return None;
    }
    let points: Vec<(f64, f64)> = life
        .iter()
        .map(|(at, value)| (at.duration_since(start).as_secs_f64(), *value))
        .collect();
    let n = f64::from(u32::try_from(points.len()).ok()?);
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let sxx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    let syy: f64 = points.iter().map(|p| (p.1 - mean_y).powi(2)).sum();
    let sxy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let slope = if sxx > 0.0 { sxy / sxx } else { 0.0 };
    let value = |x: f64| mean_y + slope * (x - mean_x);
    let duration = end.duration_since(start);
    Some(Climb {
        start,
        duration,
        from_bytes: value(0.0),
        to_bytes: value(duration.as_secs_f64()),
        fit: if sxx > 0.0 && syy > 0.0 {
            sxy * sxy / (sxx * syy)
        } else {
            0.0
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = f64>) -> Vec<(Timestamp, f64)> {
        values
            .into_iter()
            .zip(0i64..)
            .map(|(value, minute)| (Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute), value))
            .collect()
    }

    #[test]
    fn a_saw_of_long_climbs_is_a_leak() {
        let saw = series((0..240).map(|minute| 100.0 + f64::from(minute % 120) * 4.0));
        assert!(longest_climb(&saw, &[]).is_some_and(|climb| climb.is_leak()));
    }

    #[test]
    fn a_high_start_hides_no_climb() {
        let saw = series((0..240).map(|minute| 600.0 + f64::from(minute % 120) * 3.3));
        assert!(longest_climb(&saw, &[]).is_some_and(|climb| climb.is_leak()));
        let restart = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(120);
        let higher = series((0..240).map(|minute| 780.0 + f64::from(minute % 120) * 1.8));
        assert!(longest_climb(&higher, &[restart]).is_some_and(|climb| climb.is_leak()));
    }

    #[test]
    fn a_flat_line_with_noise_is_none() {
        let flat = series((0..240).map(|minute| 100.0 + f64::from(minute * 37 % 11)));
        assert!(!longest_climb(&flat, &[]).is_some_and(|climb| climb.is_leak()));
    }

    #[test]
    fn a_process_that_fills_its_limit_at_once_is_none() {
        let quick = series((0..20).map(|minute| if minute % 4 == 0 { 10.0 } else { 60.0 }));
        assert!(!longest_climb(&quick, &[]).is_some_and(|climb| climb.is_leak()));
    }
}
