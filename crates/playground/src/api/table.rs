//! Server-side Tables: which columns a kind has and what stands in them, as the API server's printers do it.
//! Knows no HTTP.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::resource::Resource;
use crate::build::json::{items, text};
use crate::world::World;

mod access;
mod custom;
mod duration;
mod event;
mod network;
mod node;
mod plain;
mod pod;
mod scaling;
mod storage;
mod workload;

/// Fills the cells of one row.
type Cells = fn(&Value, Timestamp) -> Vec<Value>;

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    name: String,
    kind: &'static str,
    format: &'static str,
    /// 0 is always shown, 1 only with `-o wide`.
    priority: u8,
}

/// How a kind is printed.
#[derive(Debug)]
pub(crate) struct Printer {
    columns: Vec<Column>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    BuiltIn(Cells),
    Custom(Vec<custom::Path>),
}

/// Columns in short form: `Name`, `Count:integer`; a leading `*` or a place after `|` makes one wide.
type Columns = &'static str;

/// The printer of a resource: built in, by its CRD's `additionalPrinterColumns`, or name and age.
pub(crate) fn printer(resource: &Resource, world: &World) -> Printer {
    let built_in = [
        pod::printer,
        workload::printer,
        scaling::printer,
        network::printer,
        node::printer,
        storage::printer,
        event::printer,
        access::printer,
        plain::printer,
    ]
    .iter()
    .find_map(|find| find(&resource.group, &resource.kind));
    match built_in {
        Some((columns, cells)) => Printer {
            columns: parse_columns(columns),
            source: Source::BuiltIn(cells),
        },
        None => custom::printer(resource, world),
    }
}

fn parse_columns(spec: Columns) -> Vec<Column> {
    let (usual, wide) = spec.split_once('|').unwrap_or((spec, ""));
    let column = |text: &str, priority| {
        let (name, kind) = match text.trim().split_once(':') {
            Some((name, "integer")) => (name, "integer"),
            Some((name, "boolean")) => (name, "boolean"),
            _ => (text.trim(), "string"),
        };
        let format = if name == "Name" { "name" } else { "" };
        let priority = if name.starts_with('*') { 1 } else { priority };
        Column {
            name: name.trim_start_matches('*').to_owned(),
            kind,
            format,
            priority,
        }
    };
    let usual = usual.split(',').map(|text| column(text, 0));
    let wide = wide
        .split(',')
        .filter(|text| !text.trim().is_empty())
        .map(|text| column(text, 1));
    usual.chain(wide).collect()
}

impl Printer {
    /// The `columnDefinitions` of the Table.
    pub(crate) fn definitions(&self) -> Value {
        self.columns
            .iter()
            .map(|column| {
                json!({
                    "name": column.name, "type": column.kind, "format": column.format, "description": "",
                    "priority": column.priority,
                })
            })
            .collect()
    }

    /// The row without its object.
    pub(crate) fn row(&self, object: &Value, now: Timestamp) -> Value {
        let cells = match &self.source {
            Source::BuiltIn(cells) => cells(object, now),
            Source::Custom(paths) => custom::cells(paths, object, now),
        };
        let mut row = json!({ "cells": cells });
        if let Some(conditions) = pod::row_conditions(object) {
            row["conditions"] = conditions;
        }
        row
    }
}

/// The `NAME` cell.
fn name(object: &Value) -> Value {
    json!(text(object, "/metadata/name"))
}

/// The `AGE` cell.
fn age(object: &Value, now: Timestamp) -> Value {
    json!(duration::since_field(object, "/metadata/creationTimestamp", now))
}

/// The text, or `<none>` when it is empty.
fn or_none(text: impl Into<String>) -> Value {
    let text: String = text.into();
    if text.is_empty() {
        json!("<none>")
    } else {
        json!(text)
    }
}

/// `a=b,c=d` of a map of strings, sorted by key; empty when there is none.
fn labels(object: &Value, pointer: &str) -> String {
    let mut pairs: Vec<String> = crate::build::json::entries(object, pointer)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    pairs.join(",")
}

/// A `LabelSelector` as `FormatLabelSelector` prints it.
fn label_selector(object: &Value, pointer: &str) -> String {
    let mut terms = labels(object, &format!("{pointer}/matchLabels"));
    for expression in items(object, &format!("{pointer}/matchExpressions")) {
        let key = text(expression, "/key");
        let values: Vec<&str> = items(expression, "/values")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let term = match text(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        if !terms.is_empty() {
            terms.push(',');
        }
        terms.push_str(&term);
    }
    terms
}

/// Names and images of a pod template's containers, as the two wide columns show them.
fn containers(object: &Value, pointer: &str) -> [Value; 2] {
    let join = |field: &str| {
        let parts: Vec<&str> = items(object, pointer)
            .iter()
            .map(|container| text(container, field))
            .collect();
        json!(parts.join(","))
    };
    [join("/name"), join("/image")]
}
