//! stub
use std::sync::Arc;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use crate::api::ApiServer;
pub(crate) async fn answer(_server: &Arc<ApiServer>, _path: &str, _request: Request<Body>) -> Response {
    http::StatusCode::NOT_FOUND.into_response()
}
