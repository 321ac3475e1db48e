//! Worlds as directories: reads and writes our own layout and reads what `kubectl cluster-info dump` writes.
//! Knows no HTTP.

use std::path::{Path, PathBuf};

pub use load::load_world;
pub use save::save_world;

mod dump;
mod gather;
mod load;
mod manifest;
mod save;

/// Why a world directory could not be read or written. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The file or directory could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's content is not what it should be.
    #[error("{}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The directory has neither objects nor the layout of a cluster dump.
    #[error(
        "{} is no world: expected objects/*.yaml, files of `kubectl get -o yaml`, or the directories that `kubectl \
         cluster-info dump --output-directory` or `oc adm must-gather` write",
        path.display()
    )]
    NotAWorld {
        /// The directory.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl WorldError {
    fn invalid(path: &Path, reason: impl Into<String>) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Entries of a directory in name order; none when it does not exist.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, WorldError> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let failed = |source| WorldError::Read {
        path: dir.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, WorldError> {
    let bytes = std::fs::read(path).map_err(|source| WorldError::Read {
        path: path.to_owned(),
        source,
    })?;
    // Logs of real programs are not always UTF-8.
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// The last part of a path, `""` when there is none.
fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
