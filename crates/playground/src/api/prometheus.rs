//! The Prometheus HTTP API over a world's metrics: queries, series and labels, with Prometheus' envelopes.
//! Knows nothing of Kubernetes.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use promql_parser::parser::{Expr, parse};
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::prometheus::eval::{Evaluator, Outcome};
use crate::api::prometheus::params::{Params, step_ms};
use crate::api::prometheus::series::{Labels, Series};

mod aggregate;
mod binary;
mod eval;
mod exposition;
mod function;
mod params;
mod range_function;
mod recorded;
mod series;

pub(crate) use exposition::sample_parts;
pub(crate) use series::Database;

/// Points per series that a range query may ask for, as in Prometheus.
const MAX_POINTS: i64 = 11_000;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct QueryError {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl QueryError {
    fn bad_data(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "bad_data",
            message: message.into(),
        }
    }

    fn execution(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            kind: "execution",
            message: message.into(),
        }
    }
}

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        let body = json!({ "status": "error", "errorType": self.kind, "error": self.message });
        (
            self.status,
            [(header::CONTENT_TYPE, "application/json")],
            body.to_string(),
        )
            .into_response()
    }
}

/// Answers a request below `/prometheus/api/v1/`.
pub(crate) async fn answer(server: &ApiServer, path: &str, request: Request<Body>) -> Response {
    let params = Params::read(request).await;
    let database = server
        .series
        .get_or_init(|| Database::parse(&server.read().world().metrics));
    let now_ms = server.clock.now().as_millisecond();
    let parts: Vec<&str> = path.split('/').collect();
    if let (Some(captured), ["query" | "query_range"]) = (&server.captured, parts.as_slice()) {
        return recorded::answer(captured, &params, now_ms).map_or_else(IntoResponse::into_response, success);
    }
    let result = match parts.as_slice() {
        ["query"] => instant(database, &params, now_ms),
        ["query_range"] => range(database, &params),
        ["series"] => series(database, &params),
        ["labels"] => label_names(database, &params),
        ["label", name, "values"] => label_values(database, &params, name),
        ["status", "buildinfo"] => Ok(json!({
            "version": "3.5.0", "revision": "8be3a9560fbdd18a94dedec4b747c35178177202", "branch": "HEAD",
            "buildUser": "root@playground", "buildDate": "20250714-16:15:23", "goVersion": "go1.24.5",
        })),
        _ => return (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
    };
    match result {
        Ok(data) => success(data),
        Err(error) => error.into_response(),
    }
}

fn success(data: Value) -> Response {
    let body = json!({ "status": "success", "data": data }).to_string();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn instant(database: &Database, params: &Params, now_ms: i64) -> Result<Value, QueryError> {
    let at_ms = params.time_ms("time")?.unwrap_or(now_ms);
    let outcome = Evaluator { database, at_ms }.run(&params.query()?)?;
    Ok(match outcome {
        Outcome::Scalar(value) => json!({ "resultType": "scalar", "result": point(at_ms, value) }),
        Outcome::Text(text) => json!({ "resultType": "string", "result": [seconds(at_ms), text] }),
        Outcome::Vector(samples) => {
            let result: Vec<Value> = samples
                .iter()
                .map(|sample| json!({ "metric": sample.labels, "value": point(at_ms, sample.value) }))
                .collect();
            json!({ "resultType": "vector", "result": result })
        }
        Outcome::Matrix(series) => json!({ "resultType": "matrix", "result": matrix(&series) }),
    })
}

fn range(database: &Database, params: &Params) -> Result<Value, QueryError> {
    let required = |name: &str| {
        params.time_ms(name)?.ok_or_else(|| {
            QueryError::bad_data(format!(
                "invalid parameter {name:?}: cannot parse \"\" to a valid timestamp"
            ))
        })
    };
    let (start, end) = (required("start")?, required("end")?);
    let step = step_ms(params.get("step").unwrap_or_default())?;
    if end < start {
        return Err(QueryError::bad_data(
            "invalid parameter \"end\": end timestamp must not be before start time",
        ));
    }
    if (end - start) / step > MAX_POINTS {
        return Err(QueryError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let expression = params.query()?;
    let mut found: std::collections::BTreeMap<Labels, Vec<(i64, f64)>> = std::collections::BTreeMap::new();
    let mut at_ms = start;
    while at_ms <= end {
        match (Evaluator { database, at_ms }).run(&expression)? {
            Outcome::Scalar(value) => found.entry(Labels::new()).or_default().push((at_ms, value)),
            Outcome::Vector(samples) => {
                for sample in samples {
                    found
                        .entry(sample.labels)
                        .or_default()
                        .push((at_ms, sample.value));
                }
            }
            Outcome::Matrix(_) | Outcome::Text(_) => {
                return Err(QueryError::bad_data(
                    "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be \
                     Scalar or instant Vector",
                ));
            }
        }
        at_ms += step;
    }
    let series: Vec<Series> = found
        .into_iter()
        .map(|(labels, samples)| Series { labels, samples })
        .collect();
    Ok(json!({ "resultType": "matrix", "result": matrix(&series) }))
}

/// The series that any `match[]` selects; all without one.
fn selected<'a>(database: &'a Database, params: &Params) -> Result<Vec<&'a Series>, QueryError> {
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        match parse(text) {
            Ok(Expr::VectorSelector(selector)) => selectors.push(selector),
            Ok(_) => {
                return Err(QueryError::bad_data(
                    "invalid parameter \"match[]\": expected a series selector",
                ));
            }
            Err(error) => {
                return Err(QueryError::bad_data(format!(
                    "invalid parameter \"match[]\": 1:1: parse error: {error}"
                )));
            }
        }
    }
    Ok(database
        .series()
        .iter()
        .filter(|series| {
            selectors.is_empty() || selectors.iter().any(|selector| series.selected_by(selector))
        })
        .collect())
}

fn series(database: &Database, params: &Params) -> Result<Value, QueryError> {
    if params.get("match[]").is_none() {
        return Err(QueryError::bad_data("no match[] parameter provided"));
    }
    Ok(selected(database, params)?
        .iter()
        .map(|series| json!(series.labels))
        .collect())
}

fn label_names(database: &Database, params: &Params) -> Result<Value, QueryError> {
    let found = selected(database, params)?;
    let names: std::collections::BTreeSet<&String> =
        found.iter().flat_map(|series| series.labels.keys()).collect();
    Ok(json!(names))
}

fn label_values(database: &Database, params: &Params, name: &str) -> Result<Value, QueryError> {
    let found = selected(database, params)?;
    let values: std::collections::BTreeSet<&String> = found
        .iter()
        .filter_map(|series| series.labels.get(name))
        .collect();
    Ok(json!(values))
}

fn seconds(at_ms: i64) -> Value {
    if at_ms % 1000 == 0 {
        json!(at_ms / 1000)
    } else {
        json!(at_ms as f64 / 1000.0)
    }
}

fn point(at_ms: i64, value: f64) -> Value {
    json!([seconds(at_ms), series::show(value)])
}

fn matrix(series: &[Series]) -> Vec<Value> {
    series
        .iter()
        .map(|series| {
            let values: Vec<Value> = series
                .samples
                .iter()
                .map(|(at_ms, value)| point(*at_ms, *value))
                .collect();
            json!({ "metric": series.labels, "values": values })
        })
        .collect()
}
