//! The transcripts that are shipped with the program: `<case>.multi.json`. Must not know how they were made.

use std::sync::Arc;

use llm::{Replay, Transcript};
use rust_embed::RustEmbed;

use crate::compose::model::Model;
use crate::failure::Failure;

const ENDING: &str = ".multi.json";

#[derive(RustEmbed)]
#[folder = "../../evals/transcripts"]
#[include = "*.multi.json"]
#[allow_missing = true]
struct Shipped;

/// A model that repeats the recorded run of a case.
pub(super) fn replay(case: &str) -> Result<Model, Failure> {
    let Some(file) = Shipped::get(&format!("{case}{ENDING}")) else {
        return Err(Failure::usage(format!(
            "no run of the case `{case}` is recorded; recorded are: {}",
            recorded().join(", ")
        )));
    };
    let text = String::from_utf8_lossy(&file.data);
    let transcript = Transcript::from_json(&text).map_err(Failure::failed)?;
    Ok(Arc::new(Replay::new(transcript)))
}

/// Ids of the cases of which a run is recorded, sorted.
pub(super) fn recorded() -> Vec<String> {
    let mut cases: Vec<String> = Shipped::iter()
        .filter_map(|file| file.strip_suffix(ENDING).map(str::to_owned))
        .collect();
    cases.sort();
    cases
}
