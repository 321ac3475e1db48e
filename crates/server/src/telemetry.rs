//! A span and metrics for each request: method, route and status, never a path, a body or a token.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::field::Empty;
use tracing::{Instrument, info_span};

const REQUESTS: &str = "dogwatch_http_requests_total";
const SECONDS: &str = "dogwatch_http_request_duration_seconds";
pub(crate) const WEBHOOKS: &str = "dogwatch_webhooks_total";

/// What stands for the path of a request that no route matches, so that callers cannot make up labels.
const UNMATCHED: &str = "unmatched";

/// Upper bounds of the buckets of durations: from an answer out of memory to a model that thinks.
const BUCKETS_S: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// Makes a Prometheus recorder that of the process, with buckets for every metric in seconds.
///
/// # Errors
/// The process already has a recorder.
pub fn install_prometheus() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS_S)?
        .install_recorder()
}

/// Tells the metrics recorder what the metrics of this crate mean.
pub fn describe_metrics() {
    describe_counter!(REQUESTS, "HTTP requests by route and status code");
    describe_histogram!(
        SECONDS,
        Unit::Seconds,
        "Time until the answer's headers, by route"
    );
    describe_counter!(WEBHOOKS, "Webhook calls by source and outcome");
}

/// Runs a request inside its span and counts it.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let span = info_span!(
        "http_request",
        "otel.kind" = "server",
        "http.request.method" = request.method().as_str(),
        "http.route" = route.as_str(),
        "http.response.status_code" = Empty,
        "enduser.id" = Empty,
    );
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let code = response.status();
    span.record("http.response.status_code", code.as_u16());
    counter!(REQUESTS, "route" => route.clone(), "code" => code.as_str().to_owned()).increment(1);
    histogram!(SECONDS, "route" => route).record(started.elapsed().as_secs_f64());
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
