//! The two lists that the rules consult: excused paths and registry folders. Knows only their format.

use super::tree::SourceFile;
use super::{Finding, Severity};

/// Paths that are excused from the size limits.
pub(super) const ALLOWED: &str = "xtask/tidy-allow.txt";
/// Folders that may hold many files of one kind.
pub(super) const REGISTRIES: &str = "xtask/registries.txt";

/// A list of `path: reason` lines; `#` starts a comment line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct List {
    /// The entries, in order.
    pub(super) entries: Vec<Entry>,
    /// Lines that are no entries.
    pub(super) complaints: Vec<Finding>,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path from the repository's root.
    pub(super) path: String,
    /// Line in the list, counted from 1.
    pub(super) line: usize,
}

impl List {
    /// The list at `path`; empty when there is none.
    pub(super) fn read(files: &[SourceFile], path: &str) -> Self {
        let file = files.iter().find(|file| file.path == path);
        file.map_or_else(Self::default, |file| Self::parse(path, &file.text))
    }

    /// True when `path` has an entry.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.entries.iter().any(|entry| entry.path == path)
    }

    fn parse(list: &str, text: &str) -> Self {
        let mut parsed = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let line_number = index + 1;
            match line.split_once(": ") {
                Some((path, reason)) if !reason.trim().is_empty() => parsed.entries.push(Entry {
                    path: path.trim().to_owned(),
                    line: line_number,
                }),
                _ => parsed.complaints.push(Finding::new(
                    Severity::Failure,
                    list,
                    Some(line_number),
                    "expected `path: reason`",
                )),
            }
        }
        parsed
    }
}
