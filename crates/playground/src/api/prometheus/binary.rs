//! Binary operators: arithmetic, comparison and sets, with label matching.

use std::collections::BTreeMap;

use promql_parser::parser::{BinaryExpr, LabelModifier, VectorMatchCardinality};

use crate::api::prometheus::QueryError;
use crate::api::prometheus::eval::{Evaluator, Outcome, Sample};
use crate::api::prometheus::series::{Labels, NAME};

/// An operator with its `bool` modifier.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Operator {
    symbol: String,
    comparison: bool,
    /// Whether a comparison answers 0 and 1 instead of filtering.
    as_bool: bool,
}

/// Evaluates a binary expression.
pub(crate) fn run(evaluator: &Evaluator<'_>, binary: &BinaryExpr) -> Result<Outcome, QueryError> {
    let operator = Operator {
        symbol: binary.op.to_string(),
        comparison: binary.op.is_comparison_operator(),
        as_bool: binary.return_bool(),
    };
    match (evaluator.run(&binary.lhs)?, evaluator.run(&binary.rhs)?) {
        (Outcome::Scalar(left), Outcome::Scalar(right)) => {
            Ok(Outcome::Scalar(operator.compute(left, right)?))
        }
        (Outcome::Vector(left), Outcome::Scalar(right)) => operator.each(left, |value| (value, right)),
        (Outcome::Scalar(left), Outcome::Vector(right)) => operator.each(right, |value| (left, value)),
        (Outcome::Vector(left), Outcome::Vector(right)) if binary.op.is_set_operator() => Ok(
            Outcome::Vector(set(&operator.symbol, left, right, matching(binary))),
        ),
        (Outcome::Vector(left), Outcome::Vector(right)) => join(&operator, left, right, binary),
        _ => Err(QueryError::bad_data(
            "binary expression must contain only scalar and instant vector types",
        )),
    }
}

fn matching(binary: &BinaryExpr) -> Option<&LabelModifier> {
    binary
        .modifier
        .as_ref()
        .and_then(|modifier| modifier.matching.as_ref())
}

impl Operator {
    fn compute(&self, left: f64, right: f64) -> Result<f64, QueryError> {
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        Ok(match self.symbol.as_str() {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => left / right,
            "%" => left % right,
            "^" => left.powf(right),
            "==" => truth(left == right),
            "!=" => truth(left != right),
            ">" => truth(left > right),
            "<" => truth(left < right),
            ">=" => truth(left >= right),
            "<=" => truth(left <= right),
            other => {
                return Err(QueryError::execution(format!(
                    "operator {other:?} is not supported by this server"
                )));
            }
        })
    }

    /// The sample after the operation on its value; `None` when a comparison filters it out.
    fn apply(&self, sample: Sample, left: f64, right: f64) -> Result<Option<Sample>, QueryError> {
        let value = self.compute(left, right)?;
        if self.comparison && !self.as_bool {
            return Ok((value == 1.0).then_some(sample));
        }
        Ok(Some(Sample {
            value,
            ..sample.nameless()
        }))
    }

    fn each(&self, samples: Vec<Sample>, sides: impl Fn(f64) -> (f64, f64)) -> Result<Outcome, QueryError> {
        let mut result = Vec::new();
        for sample in samples {
            let (left, right) = sides(sample.value);
            result.extend(self.apply(sample, left, right)?);
        }
        Ok(Outcome::Vector(result))
    }
}

/// The labels that decide which samples meet.
fn signature(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    let on = |name: &String| match matching {
        Some(LabelModifier::Include(listed)) => listed.labels.contains(name),
        Some(LabelModifier::Exclude(listed)) => name != NAME && !listed.labels.contains(name),
        None => name != NAME,
    };
    labels
        .iter()
        .filter(|(name, _)| on(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn set(
    operator: &str,
    left: Vec<Sample>,
    right: Vec<Sample>,
    matching: Option<&LabelModifier>,
) -> Vec<Sample> {
    let signatures = |samples: &[Sample]| -> Vec<Labels> {
        samples
            .iter()
            .map(|sample| signature(&sample.labels, matching))
            .collect()
    };
    let (in_left, in_right) = (signatures(&left), signatures(&right));
    let keep = |samples: Vec<Sample>, others: &[Labels], present: bool| {
        samples
            .into_iter()
            .filter(|sample| others.contains(&signature(&sample.labels, matching)) == present)
            .collect::<Vec<_>>()
    };
    match operator {
        "and" => keep(left, &in_right, true),
        "unless" => keep(left, &in_right, false),
        _ => {
            let added = keep(right, &in_left, false);
            left.into_iter().chain(added).collect()
        }
    }
}

fn join(
    operator: &Operator,
    left: Vec<Sample>,
    right: Vec<Sample>,
    binary: &BinaryExpr,
) -> Result<Outcome, QueryError> {
    let matching = matching(binary);
    let card = binary
        .modifier
        .as_ref()
        .map_or(&VectorMatchCardinality::OneToOne, |modifier| &modifier.card);
    let swapped = matches!(card, VectorMatchCardinality::OneToMany(_));
    let grouped = swapped || matches!(card, VectorMatchCardinality::ManyToOne(_));
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let partners = partners(one, matching)?;
    let mut result: Vec<Sample> = Vec::new();
    for sample in many {
        let key = signature(&sample.labels, matching);
        let Some(partner) = partners.get(&key) else {
            continue;
        };
        let (left, right) = if swapped {
            (partner.value, sample.value)
        } else {
            (sample.value, partner.value)
        };
        let Some(mut done) = operator.apply(sample, left, right)? else {
            continue;
        };
        if grouped {
            let extra = card
                .labels()
                .map(|labels| labels.labels.as_slice())
                .unwrap_or_default();
            for name in extra {
                match partner.labels.get(name) {
                    Some(value) => done.labels.insert(name.clone(), value.clone()),
                    None => done.labels.remove(name),
                };
            }
        } else if !operator.comparison || operator.as_bool {
            done.labels = key;
        }
        if result.iter().any(|other| other.labels == done.labels) {
            return Err(QueryError::execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ));
        }
        result.push(done);
    }
    Ok(Outcome::Vector(result))
}

/// The samples of the side that has one per match group.
fn partners(
    one: Vec<Sample>,
    matching: Option<&LabelModifier>,
) -> Result<BTreeMap<Labels, Sample>, QueryError> {
    let mut partners: BTreeMap<Labels, Sample> = BTreeMap::new();
    for sample in one {
        if partners
            .insert(signature(&sample.labels, matching), sample)
            .is_some()
        {
            return Err(QueryError::execution(
                "found duplicate series for the match group on the right hand-side of the operation; \
                 many-to-many matching not allowed: matching labels must be unique on one side",
            ));
        }
    }
    Ok(partners)
}
