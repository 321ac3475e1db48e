//! Evaluates PromQL expressions at one moment: selectors, subqueries, and dispatch to operators and functions.

use promql_parser::parser::{Expr, MatrixSelector, Offset, SubqueryExpr, VectorSelector};

use crate::api::prometheus::series::{Database, Labels, NAME, Series};
use crate::api::prometheus::{QueryError, aggregate, binary, function};

/// How long a sample stays current, as in Prometheus.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// Step of a subquery that names none (Prometheus' default evaluation interval).
const DEFAULT_STEP_MS: i64 = 60 * 1000;

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

impl Sample {
    /// The sample without its metric name, as most operations leave it.
    pub(crate) fn nameless(mut self) -> Self {
        self.labels.remove(NAME);
        self
    }
}

/// What an expression is at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Scalar(f64),
    Vector(Vec<Sample>),
    Matrix(Vec<Series>),
    Text(String),
}

impl Outcome {
    pub(crate) fn vector(self) -> Result<Vec<Sample>, QueryError> {
        match self {
            Self::Vector(samples) => Ok(samples),
            _ => Err(QueryError::bad_data("expected type instant vector")),
        }
    }

    pub(crate) fn scalar(self) -> Result<f64, QueryError> {
        match self {
            Self::Scalar(value) => Ok(value),
            _ => Err(QueryError::bad_data("expected type scalar")),
        }
    }

    pub(crate) fn matrix(self) -> Result<Vec<Series>, QueryError> {
        match self {
            Self::Matrix(series) => Ok(series),
            _ => Err(QueryError::bad_data("expected type range vector")),
        }
    }
}

/// Evaluates at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    pub(crate) database: &'a Database,
    pub(crate) at_ms: i64,
}

impl Evaluator<'_> {
    /// The expression's value.
    pub(crate) fn run(&self, expression: &Expr) -> Result<Outcome, QueryError> {
        match expression {
            Expr::NumberLiteral(number) => Ok(Outcome::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Outcome::Text(text.val.clone())),
            Expr::Paren(inner) => self.run(&inner.expr),
            Expr::Unary(inner) => self.negate(&inner.expr),
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(selector) => self.select_range(selector),
            Expr::Subquery(subquery) => self.subquery(subquery),
            Expr::Aggregate(aggregate) => aggregate::run(self, aggregate),
            Expr::Binary(binary) => binary::run(self, binary),
            Expr::Call(call) => function::run(self, call),
            Expr::Extension(_) => Err(QueryError::execution("extensions are not supported")),
        }
    }

    fn negate(&self, inner: &Expr) -> Result<Outcome, QueryError> {
        Ok(match self.run(inner)? {
            Outcome::Scalar(value) => Outcome::Scalar(-value),
            other => Outcome::Vector(
                other
                    .vector()?
                    .into_iter()
                    .map(|sample| Sample {
                        value: -sample.value,
                        ..sample.nameless()
                    })
                    .collect(),
            ),
        })
    }

    fn select(&self, selector: &VectorSelector) -> Result<Outcome, QueryError> {
        let at_ms = self.moment(selector.offset.as_ref(), selector.at.is_some())?;
        let current = |series: &Series| {
            let (_, value) = *series.between(at_ms - LOOKBACK_MS, at_ms).last()?;
            Some(Sample {
                labels: series.labels.clone(),
                value,
            })
        };
        let chosen = self
            .database
            .series()
            .iter()
            .filter(|series| series.selected_by(selector));
        Ok(Outcome::Vector(chosen.filter_map(current).collect()))
    }

    fn select_range(&self, selector: &MatrixSelector) -> Result<Outcome, QueryError> {
        let at_ms = self.moment(selector.vs.offset.as_ref(), selector.vs.at.is_some())?;
        let from_ms = at_ms - millis(selector.range);
        let window = |series: &Series| {
            let samples = series.between(from_ms, at_ms).to_vec();
            (!samples.is_empty()).then(|| Series {
                labels: series.labels.clone(),
                samples,
            })
        };
        let chosen = self
            .database
            .series()
            .iter()
            .filter(|series| series.selected_by(&selector.vs));
        Ok(Outcome::Matrix(chosen.filter_map(window).collect()))
    }

    fn subquery(&self, subquery: &SubqueryExpr) -> Result<Outcome, QueryError> {
        let end_ms = self.moment(subquery.offset.as_ref(), subquery.at.is_some())?;
        let step = subquery.step.map_or(DEFAULT_STEP_MS, millis).max(1);
        let start_ms = end_ms - millis(subquery.range);
        // Steps are aligned to the epoch, and the start itself is left out.
        let mut at_ms = (start_ms.div_euclid(step) + 1) * step;
        let mut found: std::collections::BTreeMap<Labels, Vec<(i64, f64)>> =
            std::collections::BTreeMap::new();
        while at_ms <= end_ms {
            let samples = match (Self { at_ms, ..*self }).run(&subquery.expr)? {
                Outcome::Scalar(value) => vec![Sample {
                    labels: Labels::new(),
                    value,
                }],
                other => other.vector()?,
            };
            for sample in samples {
                found
                    .entry(sample.labels)
                    .or_default()
                    .push((at_ms, sample.value));
            }
            at_ms += step;
        }
        Ok(Outcome::Matrix(
            found
                .into_iter()
                .map(|(labels, samples)| Series { labels, samples })
                .collect(),
        ))
    }

    fn moment(&self, offset: Option<&Offset>, pinned: bool) -> Result<i64, QueryError> {
        if pinned {
            return Err(QueryError::execution(
                "the @ modifier is not supported by this server",
            ));
        }
        Ok(match offset {
            None => self.at_ms,
            Some(Offset::Pos(by)) => self.at_ms - millis(*by),
            Some(Offset::Neg(by)) => self.at_ms + millis(*by),
        })
    }
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
