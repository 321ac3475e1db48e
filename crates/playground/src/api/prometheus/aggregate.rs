//! Aggregations: `sum`, `max`, `topk` and their like, by and without labels.

use std::collections::BTreeMap;

use promql_parser::parser::{AggregateExpr, LabelModifier};

use crate::api::prometheus::QueryError;
use crate::api::prometheus::eval::{Evaluator, Outcome, Sample};
use crate::api::prometheus::series::{Labels, NAME};

/// Evaluates an aggregation.
pub(crate) fn run(evaluator: &Evaluator<'_>, aggregate: &AggregateExpr) -> Result<Outcome, QueryError> {
    let operator = aggregate.op.to_string();
    let samples = evaluator.run(&aggregate.expr)?.vector()?;
    let parameter = match &aggregate.param {
        Some(expression) => Some(evaluator.run(expression)?.scalar()?),
        None => None,
    };
    let mut groups: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        groups
            .entry(group_of(&sample.labels, aggregate.modifier.as_ref()))
            .or_default()
            .push(sample);
    }
    let mut result = Vec::new();
    for (labels, members) in groups {
        match operator.as_str() {
            "topk" | "bottomk" => result.extend(extremes(members, parameter, operator == "topk")),
            _ => {
                let values: Vec<f64> = members.iter().map(|sample| sample.value).collect();
                result.push(Sample {
                    labels,
                    value: reduce(&operator, &values, parameter)?,
                });
            }
        }
    }
    Ok(Outcome::Vector(result))
}

/// The labels that a sample keeps.
pub(crate) fn group_of(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    let Some(modifier) = modifier else {
        return Labels::new();
    };
    let listed = |name: &String| modifier.labels().labels.contains(name);
    let kept = |name: &String| {
        if modifier.is_include() {
            listed(name)
        } else {
            !listed(name) && name != NAME
        }
    };
    labels
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn extremes(mut members: Vec<Sample>, count: Option<f64>, largest: bool) -> Vec<Sample> {
    members.sort_by(|a, b| {
        let order = a.value.total_cmp(&b.value);
        if largest { order.reverse() } else { order }
    });
    members.truncate(count.unwrap_or(0.0).max(0.0) as usize);
    members
}

fn reduce(operator: &str, values: &[f64], parameter: Option<f64>) -> Result<f64, QueryError> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = || values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    Ok(match operator {
        "sum" => values.iter().sum(),
        "avg" => mean,
        "count" => count,
        "group" => 1.0,
        "min" => values.iter().copied().fold(f64::NAN, f64::min),
        "max" => values.iter().copied().fold(f64::NAN, f64::max),
        "stddev" => variance().sqrt(),
        "stdvar" => variance(),
        "quantile" => quantile(parameter.unwrap_or(f64::NAN), values.to_vec()),
        other => {
            return Err(QueryError::execution(format!(
                "aggregation {other:?} is not supported by this server"
            )));
        }
    })
}

/// The quantile with linear interpolation between neighbours.
pub(crate) fn quantile(rank: f64, mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(_), Some(_)) if rank < 0.0 => f64::NEG_INFINITY,
        (Some(_), Some(_)) if rank > 1.0 => f64::INFINITY,
        (Some(_), Some(last)) if !rank.is_nan() => {
            let place = rank * (values.len() as f64 - 1.0);
            let lower = place.floor() as usize;
            let weight = place - place.floor();
            let at = |index: usize| values.get(index).copied().unwrap_or(*last);
            at(lower) * (1.0 - weight) + at(lower + 1) * weight
        }
        _ => f64::NAN,
    }
}
