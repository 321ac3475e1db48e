//! `dogwatch mechanisms`: the catalogue of what can go wrong. Must not know who finds it.

use domain::mechanism;
use serde_json::{Value, json};

use crate::cli::{Format, OutputArgs};
use crate::failure::Failure;
use crate::out;

/// Lists the catalogue.
pub(crate) fn run(args: OutputArgs) -> Result<(), Failure> {
    match args.output {
        Format::Json => {
            let entries: Vec<Value> = mechanism::catalogue()
                .map(|entry| json!({ "id": entry.id, "title": entry.title, "meaning": entry.meaning }))
                .collect();
            out::json(&entries)
        }
        Format::Text => {
            let lines: Vec<String> = mechanism::catalogue()
                .map(|entry| format!("{:<56} {}", entry.id, entry.meaning))
                .collect();
            out::text(&lines.join("\n"))
        }
    }
}
