//! How a file opens and what a crate's root may hold: a `//!` sentence first, and in `lib.rs` nothing but
//! attributes, `mod` and `use`.

use super::masking::mask;
use super::tree::SourceFile;
use super::{Finding, Severity};

/// Findings about one Rust file.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let opens_with_doc = file.text.starts_with("//! ");
    if !opens_with_doc && !matches!(file.name(), "tests.rs" | "build.rs") {
        let message = "the first line must be a `//!` sentence that says what the file owns";
        findings.push(Finding::new(Severity::Failure, &file.path, Some(1), message));
    }
    if file.path.ends_with("src/lib.rs") {
        findings.extend(check_root(file));
    }
    findings
}

fn check_root(file: &SourceFile) -> Option<Finding> {
    let code: String = mask(&file.text).into_iter().collect();
    let mut line = 1;
    for statement in code.split_inclusive(';') {
        let blank = statement.len() - statement.trim_start().len();
        let starts_at = line + newlines(&statement[..blank]);
        line += newlines(statement);
        if !is_declaration(statement.trim().trim_end_matches(';')) {
            let message = "lib.rs holds only `//!`, attributes, `mod` and `use`";
            return Some(Finding::new(
                Severity::Failure,
                &file.path,
                Some(starts_at),
                message,
            ));
        }
    }
    None
}

/// True for `mod name`, `use path` and nothing, each with or without attributes and visibility.
fn is_declaration(statement: &str) -> bool {
    let item = without_visibility(without_attributes(statement));
    let is_module = item.starts_with("mod ") && !item.contains('{');
    item.is_empty() || is_module || item.starts_with("use ")
}

fn without_attributes(statement: &str) -> &str {
    let mut rest = statement;
    while rest.starts_with("#[") || rest.starts_with("#![") {
        let Some(end) = closing_bracket(rest) else {
            return rest;
        };
        rest = rest[end + 1..].trim_start();
    }
    rest
}

fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn without_visibility(item: &str) -> &str {
    let Some(rest) = item.strip_prefix("pub") else {
        return item;
    };
    let scope_end = if rest.starts_with('(') {
        rest.find(')').map_or(0, |at| at + 1)
    } else {
        0
    };
    rest[scope_end..].trim_start()
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}
