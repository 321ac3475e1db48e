//! Functions of instant vectors and scalars, and dispatch to those of ranges.

use std::collections::BTreeMap;

use promql_parser::parser::{Call, Expr};

use crate::api::prometheus::QueryError;
use crate::api::prometheus::eval::{Evaluator, Outcome, Sample};
use crate::api::prometheus::range_function;
use crate::api::prometheus::series::Labels;

/// Evaluates a function call.
pub(crate) fn run(evaluator: &Evaluator<'_>, call: &Call) -> Result<Outcome, QueryError> {
    let name = call.func.name;
    let argument = |index: usize| -> Result<Outcome, QueryError> {
        let missing = || QueryError::bad_data(format!("expected more argument(s) in call to {name:?}"));
        evaluator.run(call.args.args.get(index).ok_or_else(missing)?)
    };
    let number = |index: usize| argument(index)?.scalar();
    let map = |function: &dyn Fn(f64) -> f64| -> Result<Outcome, QueryError> {
        let samples = argument(0)?.vector()?.into_iter();
        Ok(Outcome::Vector(
            samples
                .map(|sample| Sample {
                    value: function(sample.value),
                    ..sample.nameless()
                })
                .collect(),
        ))
    };
    match name {
        "time" => Ok(Outcome::Scalar(evaluator.at_ms as f64 / 1000.0)),
        "vector" => Ok(Outcome::Vector(vec![Sample {
            labels: Labels::new(),
            value: number(0)?,
        }])),
        "scalar" => Ok(Outcome::Scalar(match argument(0)?.vector()?.as_slice() {
            [only] => only.value,
            _ => f64::NAN,
        })),
        "abs" => map(&f64::abs),
        "ceil" => map(&f64::ceil),
        "floor" => map(&f64::floor),
        "round" => map(&|value| (value + 0.5).floor()),
        "sqrt" => map(&f64::sqrt),
        "ln" => map(&f64::ln),
        "exp" => map(&f64::exp),
        "clamp_min" => number(1).and_then(|bound| map(&|value| value.max(bound))),
        "clamp_max" => number(1).and_then(|bound| map(&|value| value.min(bound))),
        "sort" | "sort_desc" => {
            let mut samples = argument(0)?.vector()?;
            samples.sort_by(|a, b| a.value.total_cmp(&b.value));
            if name == "sort_desc" {
                samples.reverse();
            }
            Ok(Outcome::Vector(samples))
        }
        "absent" => Ok(Outcome::Vector(absent(&argument(0)?.vector()?, call))),
        "histogram_quantile" => Ok(Outcome::Vector(histogram_quantile(
            number(0)?,
            argument(1)?.vector()?,
        ))),
        _ => range_function::run(evaluator, call),
    }
}

/// One sample when there is none, with the labels that the selector fixes.
fn absent(found: &[Sample], call: &Call) -> Vec<Sample> {
    if !found.is_empty() {
        return Vec::new();
    }
    let labels = match call.args.args.first().map(AsRef::as_ref) {
        Some(Expr::VectorSelector(selector)) => selector
            .matchers
            .matchers
            .iter()
            .filter(|matcher| {
                matcher.op == promql_parser::label::MatchOp::Equal && matcher.name != "__name__"
            })
            .map(|matcher| (matcher.name.clone(), matcher.value.clone()))
            .collect(),
        _ => Labels::new(),
    };
    vec![Sample { labels, value: 1.0 }]
}

/// Quantiles of classic histograms (`le` buckets), interpolated within the bucket.
fn histogram_quantile(rank: f64, samples: Vec<Sample>) -> Vec<Sample> {
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in samples {
        let mut labels = sample.nameless();
        let Some(bound) = labels.labels.remove("le") else {
            continue;
        };
        let bound = if bound == "+Inf" {
            Some(f64::INFINITY)
        } else {
            bound.parse().ok()
        };
        if let Some(bound) = bound {
            histograms
                .entry(labels.labels)
                .or_default()
                .push((bound, labels.value));
        }
    }
    histograms
        .into_iter()
        .map(|(labels, mut buckets)| {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            Sample {
                labels,
                value: bucket_quantile(rank, &buckets),
            }
        })
        .collect()
}

fn bucket_quantile(rank: f64, buckets: &[(f64, f64)]) -> f64 {
    let Some((last_bound, total)) = buckets.last().copied() else {
        return f64::NAN;
    };
    if buckets.len() < 2 || last_bound.is_finite() || total <= 0.0 || rank.is_nan() {
        return f64::NAN;
    }
    let wanted = rank * total;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= wanted {
            if bound.is_infinite() {
                return lower;
            }
            let within = (wanted - below) / (count - below);
            return lower + (bound - lower) * if within.is_nan() { 0.0 } else { within };
        }
        (lower, below) = (*bound, *count);
    }
    lower
}
