//! Label and field selectors: parsing with the server's error words, and matching.

use serde_json::Value;

use crate::api::call::Call;
use crate::api::read::selector::label::LabelSelector;
use crate::api::resource::Resource;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::build::json::scalar;

pub(crate) mod label;

/// Both selectors of a request and the name that it addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: LabelSelector,
    fields: Vec<FieldRequirement>,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldRequirement {
    field: String,
    value: String,
    negated: bool,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector` for a resource.
    pub(crate) fn of(call: &Call, endpoint: &Endpoint) -> Result<Self, ApiError> {
        let labels = LabelSelector::parse(call.param("labelSelector").unwrap_or_default())?;
        let fields = parse_fields(
            call.param("fieldSelector").unwrap_or_default(),
            &endpoint.resource,
        )?;
        Ok(Self {
            labels,
            fields,
            name: endpoint.name.clone(),
        })
    }

    /// Whether anything is left out.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Whether the object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let named = self.name.is_empty() || scalar(object, "/metadata/name") == self.name;
        named
            && self
                .fields
                .iter()
                .all(|wanted| (field_value(object, &wanted.field) == wanted.value) != wanted.negated)
            && self.labels.matches(object.pointer("/metadata/labels"))
    }
}

fn parse_fields(text: &str, resource: &Resource) -> Result<Vec<FieldRequirement>, ApiError> {
    let mut requirements = Vec::new();
    for term in text.split(',').map(str::trim).filter(|term| !term.is_empty()) {
        let split = ["!=", "==", "="]
            .iter()
            .find_map(|op| Some((term.split_once(op)?, *op)));
        let Some(((field, value), operator)) = split else {
            return Err(ApiError::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{term}'"
            )));
        };
        let field = check_field(field, resource)?;
        requirements.push(FieldRequirement {
            field,
            value: value.to_owned(),
            negated: operator == "!=",
        });
    }
    Ok(requirements)
}

/// Fields that a kind can be selected by, besides name and namespace; as the API server's conversions have them.
fn selectable(resource: &Resource) -> Option<&'static [&'static str]> {
    Some(match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        ("", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("events.k8s.io", "Event") => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Namespace") => &["status.phase"],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("", "ReplicationController") | ("apps", "ReplicaSet") => &["status.replicas"],
        ("batch", "Job") => &["status.successful"],
        _ => return None,
    })
}

fn check_field(field: &str, resource: &Resource) -> Result<String, ApiError> {
    let field = match (resource.kind.as_str(), field) {
        ("Pod", "spec.host") => "spec.nodeName",
        (_, field) => field,
    };
    if matches!(field, "metadata.name" | "metadata.namespace") {
        return Ok(field.to_owned());
    }
    match selectable(resource) {
        Some(known) if known.contains(&field) => Ok(field.to_owned()),
        Some(_) => Err(ApiError::bad_request(format!(
            "field label not supported: {field}"
        ))),
        None if resource.built_in => Err(ApiError::bad_request(format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ))),
        None => Err(ApiError::bad_request(format!(
            "field label not supported: {field}"
        ))),
    }
}

fn field_value(object: &Value, field: &str) -> String {
    let path = match field {
        "source" => {
            let component = scalar(object, "/source/component");
            return if component.is_empty() {
                scalar(object, "/reportingComponent")
            } else {
                component
            };
        }
        "reportingController" => "reportingComponent".to_owned(),
        "status.successful" => "status.succeeded".to_owned(),
        "status.podIPs" => "status.podIPs.0.ip".to_owned(),
        _ => field.replacen("regarding.", "involvedObject.", 1),
    };
    let value = scalar(object, &format!("/{}", path.replace('.', "/")));
    match field {
        "spec.unschedulable" | "spec.hostNetwork" if value.is_empty() => "false".to_owned(),
        "status.replicas" | "status.successful" if value.is_empty() => "0".to_owned(),
        _ => value,
    }
}
