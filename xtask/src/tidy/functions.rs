//! Finds functions and their length by matching braces. Not a parser: it needs only that code is well-formed.

use super::masking::mask;

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name.
    pub(super) name: String,
    /// Line of the `fn` keyword, counted from 1.
    pub(super) line: usize,
    /// Lines from the `fn` keyword to the closing brace, both included.
    pub(super) lines: usize,
}

/// Every function of a source text, nested ones too; declarations without a body are left out.
pub(super) fn find(source: &str) -> Vec<Function> {
    let code = mask(source);
    (0..code.len()).filter_map(|at| function_at(&code, at)).collect()
}

fn function_at(code: &[char], at: usize) -> Option<Function> {
    let is_keyword = code[at..].starts_with(&['f', 'n'])
        && code.get(at + 2).is_some_and(|c| c.is_whitespace())
        && !at.checked_sub(1).is_some_and(|before| is_word(code[before]));
    if !is_keyword {
        return None;
    }
    let name: String = code[at + 2..]
        .iter()
        .skip_while(|c| c.is_whitespace())
        .take_while(|c| is_word(**c) || **c == '#')
        .collect();
    if name.is_empty() {
        return None;
    }
    let open = body_start(code, at + 2)?;
    let close = matching_brace(code, open)?;
    Some(Function {
        name,
        line: 1 + newlines(&code[..at]),
        lines: 1 + newlines(&code[at..close]),
    })
}

/// The first `{` outside parentheses and brackets; `None` when a `;` ends the declaration before.
fn body_start(code: &[char], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, c) in code[from..].iter().enumerate() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => return Some(from + offset),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(code: &[char], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, c) in code[open..].iter().enumerate() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(open + offset),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn newlines(code: &[char]) -> usize {
    code.iter().filter(|c| **c == '\n').count()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
