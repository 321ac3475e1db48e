//! Functions of range vectors: `rate` and its like, and `…_over_time`.

use promql_parser::parser::{Call, Expr};

use crate::api::prometheus::QueryError;
use crate::api::prometheus::aggregate::quantile;
use crate::api::prometheus::eval::{Evaluator, Outcome, Sample, millis};

/// One series' samples within the range, and the range itself.
struct Window<'a> {
    samples: &'a [(i64, f64)],
    from_ms: i64,
    to_ms: i64,
}

/// Evaluates a function whose argument is a range vector.
pub(crate) fn run(evaluator: &Evaluator<'_>, call: &Call) -> Result<Outcome, QueryError> {
    let name = call.func.name;
    let range_index = usize::from(name == "quantile_over_time");
    let unsupported = || QueryError::execution(format!("function {name:?} is not supported by this server"));
    let expression = call.args.args.get(range_index).ok_or_else(unsupported)?;
    let (range_ms, offset_ms) = extent(expression).ok_or_else(unsupported)?;
    let parameter_index = if range_index == 1 { 0 } else { 1 };
    let parameter = match call.args.args.get(parameter_index) {
        Some(expression) => evaluator.run(expression)?.scalar()?,
        None => f64::NAN,
    };
    let to_ms = evaluator.at_ms - offset_ms;
    let mut result = Vec::new();
    for series in evaluator.run(expression)?.matrix()? {
        let window = Window {
            samples: &series.samples,
            from_ms: to_ms - range_ms,
            to_ms,
        };
        let Some(value) = window.apply(name, parameter).ok_or_else(unsupported)? else {
            continue;
        };
        let sample = Sample {
            labels: series.labels,
            value,
        };
        result.push(if name == "last_over_time" {
            sample
        } else {
            sample.nameless()
        });
    }
    Ok(Outcome::Vector(result))
}

/// Range and offset of a range vector expression, in milliseconds.
fn extent(expression: &Expr) -> Option<(i64, i64)> {
    use promql_parser::parser::Offset;
    let offset_ms = |offset: &Option<Offset>| match offset {
        None => 0,
        Some(Offset::Pos(by)) => millis(*by),
        Some(Offset::Neg(by)) => -millis(*by),
    };
    match expression {
        Expr::MatrixSelector(selector) => Some((millis(selector.range), offset_ms(&selector.vs.offset))),
        Expr::Subquery(subquery) => Some((millis(subquery.range), offset_ms(&subquery.offset))),
        Expr::Paren(inner) => extent(&inner.expr),
        _ => None,
    }
}

impl Window<'_> {
    /// The function's value; outer `None` when there is no such function, inner when it has no value here.
    fn apply(&self, name: &str, parameter: f64) -> Option<Option<f64>> {
        let values = || self.samples.iter().map(|(_, value)| *value);
        let count = self.samples.len() as f64;
        let mean = || values().sum::<f64>() / count;
        Some(match name {
            "rate" => self.extrapolated(true, true),
            "increase" => self.extrapolated(true, false),
            "delta" => self.extrapolated(false, false),
            "irate" => self.last_step(true),
            "idelta" => self.last_step(false),
            "deriv" => self.regression().map(|(slope, _)| slope),
            "predict_linear" => self
                .regression()
                .map(|(slope, at_end)| at_end + slope * parameter),
            "changes" => Some(self.steps().filter(|(before, after)| before != after).count() as f64),
            "resets" => Some(self.steps().filter(|(before, after)| after < before).count() as f64),
            "avg_over_time" => Some(mean()),
            "sum_over_time" => Some(values().sum()),
            "count_over_time" => Some(count),
            "min_over_time" => values().reduce(f64::min),
            "max_over_time" => values().reduce(f64::max),
            "last_over_time" => values().next_back(),
            "present_over_time" => Some(1.0),
            "quantile_over_time" => Some(quantile(parameter, values().collect())),
            "stddev_over_time" => {
                let mean = mean();
                Some((values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
            }
            _ => return None,
        })
    }

    fn steps(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.samples.windows(2).filter_map(|pair| match pair {
            [(_, before), (_, after)] => Some((*before, *after)),
            _ => None,
        })
    }

    /// `extrapolatedRate` of Prometheus: the change over the samples, stretched to the range where they reach
    /// near its edges.
    fn extrapolated(&self, counter: bool, per_second: bool) -> Option<f64> {
        let [(first_ms, first), .., (last_ms, last)] = self.samples else {
            return None;
        };
        let resets: f64 = if counter {
            self.steps()
                .filter(|(before, after)| after < before)
                .map(|(before, _)| before)
                .sum()
        } else {
            0.0
        };
        let change = last - first + resets;
        let seconds = |from: i64, to: i64| (to - from) as f64 / 1000.0;
        let sampled = seconds(*first_ms, *last_ms);
        let mut to_start = seconds(self.from_ms, *first_ms);
        let mut to_end = seconds(*last_ms, self.to_ms);
        let spacing = sampled / (self.samples.len() as f64 - 1.0);
        let threshold = spacing * 1.1;
        if to_start >= threshold {
            to_start = spacing / 2.0;
        }
        if counter && change > 0.0 && *first >= 0.0 {
            // A counter cannot have been below zero.
            to_start = to_start.min(sampled * (first / change));
        }
        if to_end >= threshold {
            to_end = spacing / 2.0;
        }
        let stretched = change * (sampled + to_start + to_end) / sampled;
        Some(if per_second {
            stretched / seconds(self.from_ms, self.to_ms)
        } else {
            stretched
        })
    }

    fn last_step(&self, per_second: bool) -> Option<f64> {
        let [.., (before_ms, before), (after_ms, after)] = self.samples else {
            return None;
        };
        if !per_second {
            return Some(after - before);
        }
        let change = if after < before { *after } else { after - before };
        Some(change / ((after_ms - before_ms) as f64 / 1000.0))
    }

    /// Least squares: slope per second, and the line's value at the end of the range.
    fn regression(&self) -> Option<(f64, f64)> {
        let [_, .., _] = self.samples else { return None };
        let count = self.samples.len() as f64;
        let at = |at_ms: i64| (at_ms - self.to_ms) as f64 / 1000.0;
        let (mut sum_x, mut sum_y, mut sum_xy, mut sum_xx) = (0.0, 0.0, 0.0, 0.0);
        for (at_ms, y) in self.samples {
            let x = at(*at_ms);
            sum_x += x;
            sum_y += y;
            sum_xy += x * y;
            sum_xx += x * x;
        }
        let slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
        Some((slope, sum_y / count - slope * sum_x / count))
    }
}
