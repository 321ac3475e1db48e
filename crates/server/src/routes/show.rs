//! `GET /api/v1/investigations/{id}`: where an investigation stands, with its report, or with its brief until there
//! is one. As JSON, or the report alone as Markdown or plain text.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::{Brief, EventBody, InvestigationId, Report};
use serde::Serialize;
use store::{Store, StoreError};

use super::list::Summary;
use crate::error::ApiError;
use crate::extract::{InvestigationPath, no_investigation};
use crate::report;
use crate::state::Server;

/// Events that are read at once in search of the brief.
const PAGE: u32 = 100;

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: Summary,
    report: Option<Report>,
    /// Triage's result, until there is a report.
    brief: Option<Box<Brief>>,
}

/// Forms that a report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Markdown,
    Text,
}

pub(crate) async fn show(
    State(server): State<Arc<Server>>,
    InvestigationPath(id): InvestigationPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let store = &server.app.store;
    let row = store.investigation(id).await?.ok_or_else(no_investigation)?;
    let report = store.report(id).await?;
    let status = row.status;
    let mut response = match (form(&headers), report) {
        (Form::Json, report) => {
            let brief = match &report {
                Some(_) => None,
                None => brief(store, id).await?,
            };
            let summary = Summary::from(row);
            Json(Shown {
                summary,
                report,
                brief,
            })
            .into_response()
        }
        (_, None) => return Err(ApiError::NoReport { status }),
        (Form::Markdown, Some(report)) => typed("text/markdown; charset=utf-8", report::markdown(&report)),
        (Form::Text, Some(report)) => typed("text/plain; charset=utf-8", report::text(&report)),
    };
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}

/// The first form of the `Accept` header that there is; JSON without one.
fn form(headers: &HeaderMap) -> Form {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(','));
    types
        .find_map(|range| match range.split(';').next().unwrap_or_default().trim() {
            "text/markdown" => Some(Form::Markdown),
            "text/plain" => Some(Form::Text),
            "application/json" | "application/*" | "*/*" => Some(Form::Json),
            _ => None,
        })
        .unwrap_or(Form::Json)
}

fn typed(content_type: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Triage's result; it is among the first events.
async fn brief(store: &Store, id: InvestigationId) -> Result<Option<Box<Brief>>, StoreError> {
    let mut cursor = 0;
    loop {
        let page = store.events_after(id, cursor, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(None);
        };
        cursor = *last;
        let found = page.into_iter().find_map(|(_, event)| match event.body {
            EventBody::Briefed { brief } => Some(brief),
            _ => None,
        });
        if found.is_some() {
            return Ok(found);
        }
    }
}
