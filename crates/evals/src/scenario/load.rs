//! Reads scenarios from their folders. Must not know what they mean.

use std::path::{Path, PathBuf};

use super::{Scenario, Spec};

/// Why scenarios cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A folder or file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not a scenario; the error names field and line.
    #[error("{path}: {message}")]
    Parse {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The folder holds no scenario.
    #[error("{path} holds no scenario (a folder with a scenario.yaml)")]
    None {
        /// Where.
        path: PathBuf,
    },
}

/// All scenarios of a folder, by slug.
///
/// # Errors
/// When the folder cannot be read, holds none, or a file is not a scenario.
pub fn load(dir: &Path) -> Result<Vec<Scenario>, LoadError> {
    let read = |source| LoadError::Read {
        path: dir.to_owned(),
        source,
    };
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(read)? {
        let folder = entry.map_err(read)?.path();
        let file = folder.join("scenario.yaml");
        if file.is_file() {
            out.push(one(&folder, &file)?);
        }
    }
    out.sort_by(|a, b| a.slug.cmp(&b.slug));
    if out.is_empty() {
        return Err(LoadError::None { path: dir.to_owned() });
    }
    Ok(out)
}

fn one(folder: &Path, file: &Path) -> Result<Scenario, LoadError> {
    let text = std::fs::read_to_string(file).map_err(|source| LoadError::Read {
        path: file.to_owned(),
        source,
    })?;
    let slug = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    parse(&slug, &text).map_err(|message| LoadError::Parse {
        path: file.to_owned(),
        message,
    })
}

/// A scenario from the text of its file.
///
/// # Errors
/// What is wrong with the text, with its field and line.
pub fn parse(slug: &str, text: &str) -> Result<Scenario, String> {
    let spec: Spec = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    if spec.stimulus.said().is_none() {
        return Err("stimulus: give exactly one of alert, question, workload, slack or pagerduty".to_owned());
    }
    Ok(Scenario {
        slug: slug.to_owned(),
        spec,
    })
}
