//! Limits on the length of files and functions. Tests are spared the warnings, not the failures.

use super::functions;
use super::tree::SourceFile;
use super::{Finding, Severity};

/// Lines above which a thing is worth a look, and above which it must be split.
struct Limits {
    warn: usize,
    fail: usize,
}

const FILE: Limits = Limits { warn: 350, fail: 500 };
const FUNCTION: Limits = Limits { warn: 60, fail: 100 };
/// A `main.rs` only composes.
const MAIN_LINES: usize = 80;

/// Findings about one Rust file.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let lines = file.text.lines().count();
    let mut findings: Vec<Finding> = measure(file, &FILE, lines, None, "file").into_iter().collect();
    if file.path.ends_with("src/main.rs") && lines > MAIN_LINES {
        let message = format!("main.rs has {lines} lines, the limit is {MAIN_LINES}");
        findings.push(Finding::new(Severity::Excusable, &file.path, None, message));
    }
    for function in functions::find(&file.text) {
        let what = format!("function `{}`", function.name);
        findings.extend(measure(
            file,
            &FUNCTION,
            function.lines,
            Some(function.line),
            &what,
        ));
    }
    findings
}

fn measure(
    file: &SourceFile,
    limits: &Limits,
    lines: usize,
    line: Option<usize>,
    what: &str,
) -> Option<Finding> {
    let (severity, limit) = if lines > limits.fail {
        (Severity::Excusable, limits.fail)
    } else if lines > limits.warn && !file.is_test() {
        (Severity::Warning, limits.warn)
    } else {
        return None;
    };
    let message = format!("{what} has {lines} lines, the limit is {limit}");
    Some(Finding::new(severity, &file.path, line, message))
}
