//! The files of the repository as Git sees them. Knows nothing of the rules.

use std::io;
use std::path::Path;
use std::process::Command;

/// One text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceFile {
    /// Path from the repository's root, with slashes.
    pub(super) path: String,
    /// Content.
    pub(super) text: String,
}

impl SourceFile {
    /// True for Rust sources of the workspace.
    pub(super) fn is_rust(&self) -> bool {
        let ours = self.path.starts_with("crates/") || self.path.starts_with("xtask/");
        ours && self.path.ends_with(".rs")
    }

    /// True for unit tests (`tests.rs`, `tests/`) and integration tests (`tests/` beside `src/`).
    pub(super) fn is_test(&self) -> bool {
        self.name() == "tests.rs" || self.path.contains("/tests/")
    }

    /// Last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or(self.path.as_str(), |(_, name)| name)
    }

    /// Folder that holds the file, empty for the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Reads every text file that is tracked, or untracked and not ignored. Binary files are left out.
pub(super) fn files(root: &Path) -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for path in paths(root)? {
        let full = root.join(&path);
        if !full.is_file() {
            continue;
        }
        if let Ok(text) = String::from_utf8(std::fs::read(&full)?) {
            files.push(SourceFile { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn paths(root: &Path) -> io::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("git ls-files: {reason}")));
    }
    let listing = String::from_utf8_lossy(&output.stdout);
    let listed = listing.split('\0').filter(|path| !path.is_empty());
    Ok(listed.map(str::to_owned).collect())
}
