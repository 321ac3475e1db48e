//! Rates with their uncertainty. Must not know what is counted.

use serde::Serialize;

/// A rate with its Wilson score interval at 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// How many hits.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
    /// `hits / of`; `null` when there was nothing to count.
    pub rate: Option<f64>,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// Two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.959_964;

impl Rate {
    /// The rate of hits among trials (Wilson, "Probable inference", 1927).
    pub fn of(hits: usize, of: usize) -> Self {
        if of == 0 {
            return Self {
                hits,
                of,
                rate: None,
                low: 0.0,
                high: 1.0,
            };
        }
        let n = f64::from(u32::try_from(of).unwrap_or(u32::MAX));
        let p = f64::from(u32::try_from(hits).unwrap_or(u32::MAX)) / n;
        let z2 = Z * Z;
        let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        Self {
            hits,
            of,
            rate: Some(round(p)),
            low: round((centre - half).max(0.0)),
            high: round((centre + half).min(1.0)),
        }
    }

    /// The rate of items for which something holds.
    pub fn among<T>(items: &[T], holds: impl Fn(&T) -> bool) -> Self {
        Self::of(items.iter().filter(|item| holds(item)).count(), items.len())
    }
}

fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_bounds_are_those_of_the_textbook() {
        let rate = Rate::of(8, 10);
        assert_eq!((rate.low, rate.high), (0.4902, 0.9433));
        assert_eq!(Rate::of(0, 20).low, 0.0);
        assert_eq!(Rate::of(0, 0).rate, None);
    }
}
