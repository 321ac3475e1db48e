//! Rules about folders: how many files one holds, and that data folders say what is in them.

use std::collections::BTreeMap;

use super::lists::{List, REGISTRIES};
use super::tree::SourceFile;
use super::{Finding, Severity};

/// Rust files that a folder may hold.
const MAX_FILES: usize = 12;

/// Folders at the root whose files are data that people write.
const DATA_FOLDERS: &[&str] = &[
    "agents",
    "deploy",
    "evals",
    "golden-scenarios",
    "knowledge",
    "migrations",
    "prompts",
];

/// Findings about the folders that hold `files`.
pub(super) fn check(files: &[SourceFile], registries: &List) -> Vec<Finding> {
    let mut findings = crowded(files, registries);
    findings.extend(undocumented(files));
    findings.extend(gone(files, registries));
    findings
}

fn crowded(files: &[SourceFile], registries: &List) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        *counts.entry(file.folder()).or_default() += 1;
    }
    let too_many = |(folder, count): &(&str, usize)| *count > MAX_FILES && !registries.contains(folder);
    let complain = |(folder, count)| {
        let message = format!("folder has {count} files, the limit is {MAX_FILES} outside of a registry");
        Finding::new(Severity::Excusable, folder, None, message)
    };
    counts.into_iter().filter(too_many).map(complain).collect()
}

fn undocumented(files: &[SourceFile]) -> Vec<Finding> {
    let exists = |folder: &&&str| contains_below(files, folder);
    let has_readme = |folder: &str| {
        files
            .iter()
            .any(|file| file.path == format!("{folder}/README.md"))
    };
    let complain = |folder: &&str| {
        Finding::new(
            Severity::Failure,
            folder,
            None,
            "a data folder needs a README.md with its schema",
        )
    };
    let undocumented = DATA_FOLDERS
        .iter()
        .filter(exists)
        .filter(|folder| !has_readme(folder));
    undocumented.map(complain).collect()
}

fn gone(files: &[SourceFile], registries: &List) -> Vec<Finding> {
    let gone = registries
        .entries
        .iter()
        .filter(|entry| !contains_below(files, &entry.path));
    gone.map(|entry| {
        let message = format!("`{}` does not exist, remove the entry", entry.path);
        Finding::new(Severity::Failure, REGISTRIES, Some(entry.line), message)
    })
    .collect()
}

fn contains_below(files: &[SourceFile], folder: &str) -> bool {
    let below = |path: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    files.iter().any(|file| below(&file.path))
}
