//! Label selectors, evaluated as the API does.

use serde_json::Value;

use crate::object::Object;
use crate::path;

/// Whether a plain map selector (a Service's) selects the labels. An empty selector selects nothing.
pub fn map_selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|selector| {
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    })
}

/// Whether a LabelSelector (`matchLabels` and `matchExpressions`) selects the labels. An empty one selects
/// everything.
pub fn label_selects(selector: &Value, labels: &Value) -> bool {
    let by_map = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)));
    let by_expressions = selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .is_none_or(|expressions| {
            expressions
                .iter()
                .all(|expression| expression_selects(expression, labels))
        });
    by_map && by_expressions
}

fn expression_selects(expression: &Value, labels: &Value) -> bool {
    let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
    let value = labels.get(key);
    let among = || {
        let values = expression.get("values").and_then(Value::as_array);
        value.is_some_and(|value| values.is_some_and(|values| values.contains(value)))
    };
    match expression
        .get("operator")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "In" => among(),
        "NotIn" => !among(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// The labels of an object, or null.
pub fn labels(object: &Object) -> &Value {
    object.at("metadata.labels").unwrap_or(&Value::Null)
}

/// The labels of a workload's pod template, or null.
pub fn template_labels(workload: &Object) -> &Value {
    workload
        .at("spec.template.metadata.labels")
        .unwrap_or(&Value::Null)
}

/// `a=b,c=d` for people.
pub fn show(selector: &Value) -> String {
    selector
        .as_object()
        .map(|map| {
            map.iter()
                .map(|(key, value)| format!("{key}={}", path::text(value)))
                .collect::<Vec<_>>()
                .join(",")
        })
        .unwrap_or_default()
}
