//! Errors as the API server words them: `Status` objects. Owns the wording, knows no endpoint.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::api::resource::Resource;

pub(crate) use cause::Cause;

mod cause;

/// An error answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    code: u16,
    reason: &'static str,
    message: String,
    details: Value,
    plain: bool,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Self {
            code,
            reason,
            message,
            details: Value::Null,
            plain: false,
        }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        let mut details = json!({ "kind": resource.plural });
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        self.details = details;
        self
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::new(404, "NotFound", message).about(resource, name)
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// The conflict of a write with an outdated resourceVersion.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let named = if name.is_empty() {
            String::new()
        } else {
            format!(" {name:?}")
        };
        let message = format!("{}{named} is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// An error of the cluster that a world was captured from.
    pub(crate) fn captured(code: u16, message: String) -> Self {
        let reason = match code {
            403 => "Forbidden",
            404 => "NotFound",
            _ => "InternalError",
        };
        Self::new(code, reason, message)
    }

    /// Forbidden for a path that is no resource.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".to_owned())
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into())
    }

    /// 422 with one cause per problem.
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let listed: Vec<String> = causes.iter().map(Cause::sentence).collect();
        let joined = match listed.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let kind = if resource.group.is_empty() {
            resource.kind.clone()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        };
        let mut error = Self::new(422, "Invalid", format!("{kind} {name:?} is invalid: {joined}"));
        error = error.about(resource, name);
        error.details["kind"] = json!(resource.kind);
        error.details["causes"] = causes.iter().map(Cause::json).collect();
        error
    }

    /// 422 for request options (`ListOptions`, `PatchOptions`) that do not go together.
    pub(crate) fn invalid_options(kind: &str, resource: &Resource, causes: &[Cause]) -> Self {
        let options = Resource {
            group: "meta.k8s.io".to_owned(),
            kind: kind.to_owned(),
            ..resource.clone()
        };
        Self::invalid(&options, "", causes)
    }

    /// A patch that cannot be applied to the object.
    pub(crate) fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self {
            details: json!({}),
            ..Self::new(422, "Invalid", message.to_owned())
        }
    }

    /// The outcome of a patch does not fit the type (`NewInvalid` without kind and name, about the field `patch`).
    pub(crate) fn invalid_patch(patch: &str, why: &str) -> Self {
        let cause = Cause::value("patch", &json!(patch), why);
        let mut error = Self::new(422, "Invalid", format!(" \"\" is invalid: {}", cause.sentence()));
        error.details = json!({ "causes": [cause.json()] });
        error
    }

    /// Server-side apply would change fields of other managers: (manager, apiVersion, path) each.
    pub(crate) fn apply_conflict(resource: &Resource, conflicts: &[(String, String, String)]) -> Self {
        let listed: Vec<String> = conflicts
            .iter()
            .map(|(manager, version, path)| format!("conflict with {manager:?} using {version}: {path}"))
            .collect();
        let plural = if conflicts.len() == 1 {
            "conflict"
        } else {
            "conflicts"
        };
        let message = format!(
            "Apply failed with {} {plural}: {}",
            conflicts.len(),
            listed.join("\n")
        );
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(manager, version, path)| {
                let message = format!("conflict with {manager:?} using {version}");
                json!({ "reason": "FieldManagerConflict", "message": message, "field": path })
            })
            .collect();
        let mut error = Self::new(409, "Conflict", message).about(resource, "");
        error.details = json!({ "causes": causes });
        error
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self {
            details: json!({}),
            ..Self::new(405, "MethodNotAllowed", message.to_owned())
        }
    }

    pub(crate) fn unknown_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self {
            details: json!({}),
            ..Self::new(404, "NotFound", message.to_owned())
        }
    }

    /// The plain text with which the server answers paths outside any API group.
    pub(crate) fn unknown_path() -> Self {
        Self {
            plain: true,
            ..Self::new(404, "NotFound", "404 page not found\n".to_owned())
        }
    }

    pub(crate) fn expired(message: &str) -> Self {
        Self::new(410, "Expired", message.to_owned())
    }

    /// A resourceVersion that the server has yet to see.
    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let causes = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
        Self {
            details: json!({ "causes": causes, "retryAfterSeconds": 1 }),
            ..Self::new(504, "Timeout", message)
        }
    }

    pub(crate) fn unsupported_media_type(found: &str, supported: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            supported.join(", ")
        );
        tracing::debug!(found, "unsupported media type");
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn not_acceptable(supported: &str) -> Self {
        let message = format!("only the following media types are accepted: {supported}");
        Self::new(406, "NotAcceptable", message)
    }

    /// What a failing server says; the injected weather speaks through this.
    pub(crate) fn injected(code: u16) -> Self {
        let (reason, message) = match code {
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden"),
            404 => ("NotFound", "the server could not find the requested resource"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            503 => (
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
            504 => (
                "Timeout",
                "the server was unable to return a response in the time allotted",
            ),
            _ => (
                "InternalError",
                "an error on the server (\"\") has prevented the request from succeeding",
            ),
        };
        Self::new(code, reason, message.to_owned())
    }

    /// The `Status` object.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            body["details"] = self.details.clone();
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.plain {
            return (code, self.message).into_response();
        }
        let body = self.body().to_string();
        (code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
