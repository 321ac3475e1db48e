//! The model of an investigation: an endpoint, a recorded run, or none. Must not know what it is asked.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use llm::{ChatModel, OpenAiModel, Recorder, Replay, SettingsError, Transcript};

use crate::config::ModelConfig;
use crate::failure::Failure;

/// A model that anybody may hold.
pub(crate) type Model = Arc<dyn ChatModel>;

/// The configured model, if there is one. Nothing is sent yet.
pub(crate) fn configured(config: &ModelConfig) -> Result<Option<Model>, Failure> {
    let Some(settings) = config.settings() else {
        return Ok(None);
    };
    match OpenAiModel::new(settings) {
        Ok(model) => Ok(Some(Arc::new(model))),
        Err(error @ SettingsError::Client(_)) => Err(Failure::infrastructure(error)),
        Err(error) => Err(Failure::usage(format!("configuration: {error}"))),
    }
}

/// A model that repeats the transcript of a file.
pub(crate) fn replayed(file: &Path) -> Result<Model, Failure> {
    let refuse = |problem: String| Failure::Usage(format!("{}: {problem}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    let transcript = Transcript::from_json(&text).map_err(|error| refuse(error.to_string()))?;
    Ok(Arc::new(Replay::new(transcript)))
}

/// A model whose answers are written down.
pub(crate) type Recording = Arc<Recorder<Model>>;

/// Writes what was recorded to a file.
pub(crate) fn save(recording: &Recording, file: &Path) -> Result<(), Failure> {
    let transcript = recording.transcript().to_json().map_err(Failure::failed)?;
    std::fs::write(file, transcript)
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::Failed)
}
