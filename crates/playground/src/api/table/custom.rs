//! The columns of custom resources: their CRD's `additionalPrinterColumns`, or name and age.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::resource::Resource;
use crate::api::table::{Column, Printer, Source, age, duration, name};
use crate::build::json::{items, number, text};
use crate::world::World;

/// Where a custom column finds its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    Name,
    Age,
    /// A JSON path reduced to field names and list positions, and whether the value is a date.
    Field(Vec<String>, bool),
}

/// The printer of a custom resource.
pub(crate) fn printer(resource: &Resource, world: &World) -> Printer {
    let column = |name: &str, kind, format, priority| Column {
        name: name.to_owned(),
        kind,
        format,
        priority,
    };
    let mut columns = vec![column("Name", "string", "name", 0)];
    let mut paths = vec![Path::Name];
    for wanted in declared(resource, world) {
        let kind = match text(wanted, "/type") {
            "integer" => "integer",
            "boolean" => "boolean",
            "number" => "number",
            "date" => "date",
            _ => "string",
        };
        let priority = u8::from(number(wanted, "/priority") > 0);
        columns.push(column(text(wanted, "/name"), kind, "", priority));
        paths.push(Path::Field(fields(text(wanted, "/jsonPath")), kind == "date"));
    }
    if paths.len() == 1 {
        columns.push(column("Age", "date", "", 0));
        paths.push(Path::Age);
    }
    Printer {
        columns,
        source: Source::Custom(paths),
    }
}

fn declared<'a>(resource: &Resource, world: &'a World) -> &'a [Value] {
    let name = format!("{}.{}", resource.plural, resource.group);
    let crd = world.get("CustomResourceDefinition", "", &name);
    let version = crd.and_then(|crd| {
        items(crd, "/spec/versions")
            .iter()
            .find(|version| text(version, "/name") == resource.version)
    });
    version.map_or(&[], |version| items(version, "/additionalPrinterColumns"))
}

/// `.status.conditions[0].type` as its steps; filters such as `[?(@.type=="Ready")]` stay one step.
fn fields(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut depth = 0;
    for character in path.chars() {
        match character {
            '[' => {
                depth += 1;
                steps.push(String::new());
            }
            ']' => depth -= 1,
            '.' if depth == 0 => steps.push(String::new()),
            other => {
                if let Some(last) = steps.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

/// The cells of one custom resource.
pub(crate) fn cells(paths: &[Path], object: &Value, now: Timestamp) -> Vec<Value> {
    paths
        .iter()
        .map(|path| match path {
            Path::Name => name(object),
            Path::Age => age(object, now),
            Path::Field(steps, date) => {
                let found = steps.iter().try_fold(object, |value, step| descend(value, step));
                match (found, date) {
                    (None | Some(Value::Null), _) => Value::Null,
                    (Some(value), true) => value
                        .as_str()
                        .and_then(|text| text.parse().ok())
                        .map_or(json!("<unknown>"), |at| json!(duration::since(at, now))),
                    (Some(value), false) => shown(value),
                }
            }
        })
        .collect()
}

fn descend<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    if let Some(condition) = step.strip_prefix("?(@.").and_then(|rest| rest.strip_suffix(')')) {
        let (field, wanted) = condition.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return value
            .as_array()?
            .iter()
            .find(|item| text(item, &format!("/{}", field.trim())) == wanted);
    }
    match value {
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    }
}

fn shown(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => json!(value.to_string()),
        scalar => scalar.clone(),
    }
}
