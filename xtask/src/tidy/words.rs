//! Words that must not appear in the repository: paths of the machine on which somebody worked.

use super::tree::SourceFile;
use super::{Finding, Severity};

/// Split, so that this file does not contain them itself.
const FORBIDDEN: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("..", "/shared"),
];

/// Findings about one text file.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for word in FORBIDDEN.iter().filter(|word| contains_path(line, word)) {
            let message = format!("`{word}` names a path of one machine");
            findings.push(Finding::new(
                Severity::Failure,
                &file.path,
                Some(index + 1),
                message,
            ));
        }
    }
    findings
}

/// True when `path` starts somewhere in `line`, rather than continuing a longer path or an address.
fn contains_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '}'))
    })
}
