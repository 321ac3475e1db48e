//! Who the caller is and what it may do: bearer tokens, rules, and the reviews that tell callers about themselves.

use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::api::call::Call;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::write::{json_body, reply};
use crate::build::json::text;
use crate::serve::{AccessRule, Identity, Weather};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    groups: Vec<String>,
    /// `None`: may do everything.
    rules: Option<Vec<AccessRule>>,
}

/// What a caller wants to do.
#[derive(Debug, Clone, Copy)]
struct Attempt<'a> {
    verb: &'a str,
    group: &'a str,
    resource: &'a str,
    namespace: &'a str,
}

/// Finds the caller by its bearer token; with no identities configured anyone is an administrator.
pub(crate) fn authenticate(identities: &[Identity], headers: &HeaderMap) -> Result<User, ApiError> {
    if identities.is_empty() {
        let groups = vec!["system:masters".to_owned(), "system:authenticated".to_owned()];
        return Ok(User {
            name: "kubernetes-admin".to_owned(),
            groups,
            rules: None,
        });
    }
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = sent
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim);
    let identity = identities
        .iter()
        .find(|identity| Some(identity.token.as_str()) == token)
        .ok_or_else(ApiError::unauthorized)?;
    let mut groups = identity.groups.clone();
    groups.push("system:authenticated".to_owned());
    Ok(User {
        name: identity.user.clone(),
        groups,
        rules: identity.rules.clone(),
    })
}

/// Refuses what the caller's rules do not grant and what the weather forbids.
pub(crate) fn authorize(weather: &Weather, call: &Call, endpoint: &Endpoint) -> Result<(), ApiError> {
    let resource = &endpoint.resource;
    let review = resource.group.starts_with("auth") && resource.kind.starts_with("SelfSubject");
    let wanted = full_resource(&resource.plural, &endpoint.subresource);
    let attempt = Attempt {
        verb: endpoint.verb(call),
        group: &resource.group,
        resource: &wanted,
        namespace: own_namespace(endpoint),
    };
    if review || (call.user.may(attempt) && !weather.forbids(&wanted)) {
        return Ok(());
    }
    let place = if attempt.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", attempt.namespace)
    };
    let why = format!(
        "User {:?} cannot {} resource {wanted:?} in API group {:?} {place}",
        call.user.name, attempt.verb, attempt.group
    );
    Err(ApiError::forbidden(resource, &endpoint.name, &why))
}

/// The namespace that RBAC sees: a namespace object is in itself.
fn own_namespace(endpoint: &Endpoint) -> &str {
    if endpoint.resource.kind == "Namespace" && endpoint.namespace.is_empty() {
        &endpoint.name
    } else {
        &endpoint.namespace
    }
}

fn full_resource(plural: &str, subresource: &str) -> String {
    if subresource.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}/{subresource}")
    }
}

impl User {
    fn may(&self, attempt: Attempt<'_>) -> bool {
        self.rules
            .as_ref()
            .is_none_or(|rules| rules.iter().any(|rule| rule.grants(attempt)))
    }
}

impl AccessRule {
    fn grants(&self, attempt: Attempt<'_>) -> bool {
        let lists = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        lists(&self.verbs, attempt.verb)
            && lists(&self.api_groups, attempt.group)
            && lists(&self.resources, attempt.resource)
            && (self.namespaces.is_empty() || lists(&self.namespaces, attempt.namespace))
    }
}

/// Answers a `SelfSubject…Review`.
pub(crate) fn review(weather: &Weather, call: &Call, endpoint: &Endpoint) -> Result<Response, ApiError> {
    let mut body = json_body(call)?;
    body["kind"] = json!(endpoint.resource.kind);
    body["apiVersion"] = json!(endpoint.resource.api_version());
    body["status"] = match endpoint.resource.kind.as_str() {
        "SelfSubjectReview" => json!({ "userInfo": {
            "username": call.user.name, "groups": call.user.groups,
        }}),
        "SelfSubjectAccessReview" => access_review(weather, &call.user, &body),
        _ => rules_review(&call.user, text(&body, "/spec/namespace")),
    };
    Ok(reply(StatusCode::CREATED, &body))
}

fn access_review(weather: &Weather, user: &User, review: &Value) -> Value {
    let Some(attributes) = review.pointer("/spec/resourceAttributes") else {
        // Paths that are no resources (discovery, health) are open to every authenticated caller.
        let open = user.rules.is_none() || matches!(text(review, "/spec/nonResourceAttributes/verb"), "get");
        return json!({ "allowed": open });
    };
    let resource = full_resource(text(attributes, "/resource"), text(attributes, "/subresource"));
    let attempt = Attempt {
        verb: text(attributes, "/verb"),
        group: text(attributes, "/group"),
        resource: &resource,
        namespace: text(attributes, "/namespace"),
    };
    json!({ "allowed": user.may(attempt) && !weather.forbids(&resource) })
}

fn rules_review(user: &User, namespace: &str) -> Value {
    let everything = AccessRule {
        verbs: vec!["*".to_owned()],
        api_groups: vec!["*".to_owned()],
        resources: vec!["*".to_owned()],
        namespaces: Vec::new(),
    };
    let rules = user.rules.clone().unwrap_or_else(|| vec![everything]);
    let granted: Vec<Value> = rules
        .iter()
        .filter(|rule| {
            rule.namespaces.is_empty() || rule.namespaces.iter().any(|item| item == "*" || item == namespace)
        })
        .map(|rule| json!({ "verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources }))
        .chain([
            json!({ "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"] }),
            json!({ "verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"] }),
        ])
        .collect();
    let paths = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
    ];
    let verbs = if user.rules.is_none() {
        json!(["*"])
    } else {
        json!(["get"])
    };
    let urls = if user.rules.is_none() {
        json!(["*"])
    } else {
        json!(paths)
    };
    json!({
        "resourceRules": granted, "incomplete": false,
        "nonResourceRules": [{ "verbs": verbs, "nonResourceURLs": urls }],
    })
}
