//! The parameters of Prometheus requests: times, steps, queries. Knows no evaluation.

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request};
use http::Uri;
use jiff::Timestamp;
use promql_parser::parser::{Expr, parse};

use crate::api::prometheus::QueryError;

/// Largest form body.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// The parameters of a request, from query and form.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the whole request.
    pub(crate) async fn read(request: Request<Body>) -> Self {
        let mut all = pairs(request.uri());
        if let Ok(body) = to_bytes(request.into_body(), BODY_LIMIT_BYTES).await
            && let Ok(uri) = format!("/?{}", String::from_utf8_lossy(&body)).parse()
        {
            all.extend(pairs(&uri));
        }
        Self(all)
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A time parameter in milliseconds: Unix seconds or RFC 3339.
    pub(crate) fn time_ms(&self, name: &str) -> Result<Option<i64>, QueryError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let seconds = text
            .parse::<f64>()
            .ok()
            .map(|seconds| (seconds * 1000.0).round() as i64);
        seconds
            .or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond))
            .map(Some)
            .ok_or_else(|| {
                QueryError::bad_data(format!(
                    "invalid parameter {name:?}: cannot parse {text:?} to a valid timestamp"
                ))
            })
    }

    /// The parsed `query`.
    pub(crate) fn query(&self) -> Result<Expr, QueryError> {
        parse(self.get("query").unwrap_or_default()).map_err(|error| {
            QueryError::bad_data(format!("invalid parameter \"query\": 1:1: parse error: {error}"))
        })
    }
}

/// A step: seconds, or a duration such as `30s`.
pub(crate) fn step_ms(text: &str) -> Result<i64, QueryError> {
    let seconds = text.parse::<f64>().ok().map(|seconds| (seconds * 1000.0) as i64);
    let parsed = seconds.or_else(|| {
        let duration = promql_parser::util::parse_duration(text).ok()?;
        i64::try_from(duration.as_millis()).ok()
    });
    match parsed {
        Some(step) if step > 0 => Ok(step),
        Some(_) => Err(QueryError::bad_data(
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        )),
        None => Err(QueryError::bad_data(format!(
            "invalid parameter \"step\": cannot parse {text:?} to a valid duration"
        ))),
    }
}

fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map(|query| query.0)
        .unwrap_or_default()
}
