//! House rules that no lint knows: sizes, module heads, thin roots, words that do not belong, READMEs of data
//! folders. Owns the order of the checks and what is excused; each rule lives in its own file.

mod folders;
mod functions;
mod heads;
mod lists;
mod masking;
mod sizes;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use std::fmt;
use std::io;
use std::path::Path;

use lists::{ALLOWED, List, REGISTRIES};
use tree::SourceFile;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Worth a look.
    Warning,
    /// Breaks the check, unless the path is excused.
    Excusable,
    /// Breaks the check.
    Failure,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    severity: Severity,
    path: String,
    line: Option<usize>,
    message: String,
}

impl Finding {
    fn new(severity: Severity, path: &str, line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            severity,
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Excusable | Severity::Failure => "error",
        };
        write!(f, "{severity}: {}", self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What a run found, excused findings left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    findings: Vec<Finding>,
    files: usize,
}

impl Summary {
    /// Number of findings that break the check.
    pub(crate) fn failures(&self) -> usize {
        self.findings.len() - self.warnings()
    }

    fn warnings(&self) -> usize {
        let is_warning = |finding: &&Finding| finding.severity == Severity::Warning;
        self.findings.iter().filter(is_warning).count()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let (files, failures, warnings) = (self.files, self.failures(), self.warnings());
        writeln!(
            f,
            "tidy: files: {files}, failures: {failures}, warnings: {warnings}"
        )
    }
}

/// Checks the files that Git knows below `root`, and new ones that it does not ignore.
///
/// # Errors
/// When Git or a file cannot be read.
pub(crate) fn check(root: &Path) -> io::Result<Summary> {
    Ok(examine(&tree::files(root)?))
}

fn examine(files: &[SourceFile]) -> Summary {
    let allowed = List::read(files, ALLOWED);
    let registries = List::read(files, REGISTRIES);
    let mut findings = Vec::new();
    for file in files {
        findings.extend(words::check(file));
        if file.is_rust() {
            findings.extend(sizes::check(file));
            findings.extend(heads::check(file));
        }
    }
    findings.extend(folders::check(files, &registries));
    let mut findings = excuse(findings, &allowed);
    findings.extend(allowed.complaints.into_iter().chain(registries.complaints));
    Summary {
        findings,
        files: files.len(),
    }
}

/// Leaves out what the list excuses, and complains of entries that excuse nothing.
fn excuse(findings: Vec<Finding>, allowed: &List) -> Vec<Finding> {
    let excused =
        |finding: &Finding| finding.severity == Severity::Excusable && allowed.contains(&finding.path);
    let (used, mut kept): (Vec<_>, Vec<_>) = findings.into_iter().partition(excused);
    for entry in &allowed.entries {
        if !used.iter().any(|finding| finding.path == entry.path) {
            let message = format!("`{}` no longer needs to be excused, remove the entry", entry.path);
            kept.push(Finding::new(
                Severity::Failure,
                ALLOWED,
                Some(entry.line),
                message,
            ));
        }
    }
    kept
}
