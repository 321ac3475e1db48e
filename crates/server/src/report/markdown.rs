//! Blocks as CommonMark, safe also where bare addresses and mentions become links (GitHub, chats).

use super::clean::one_line;
use super::outline::{Block, Line, Span, lay_out};

/// Writes the blocks.
pub(super) fn render(blocks: &[Block]) -> String {
    lay_out(blocks, |block| match block {
        Block::Title(line) => format!("# {}", inline(line)),
        Block::Section(title) => format!("## {title}"),
        Block::Paragraph(line) => inline(line),
        Block::Item { depth, line } => format!("{}- {}", "  ".repeat(*depth), inline(line)),
    })
}

fn inline(line: &Line) -> String {
    line.spans.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Own(text) => text.clone(),
        Span::Foreign(text) => prose(text),
        Span::Code(text) => code(text),
    }
}

/// Foreign words without markup. Words that a reader could turn into a link become code.
fn prose(text: &str) -> String {
    let text = one_line(text);
    let word = |word: &str| {
        if is_linkish(word) {
            code(word)
        } else {
            escape(word)
        }
    };
    let words: Vec<String> = text.split(' ').map(word).collect();
    without_block_marker(words.join(" "))
}

fn is_linkish(word: &str) -> bool {
    word.contains("://") || word.contains('@') || word.to_ascii_lowercase().contains("www.")
}

fn escape(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '$' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Escapes what would begin a heading, a list or a rule at the start of a line.
fn without_block_marker(text: String) -> String {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text[digits..].chars().next() {
        Some('#' | '+' | '-' | '=') if digits == 0 => format!("\\{text}"),
        Some('.' | ')') if digits > 0 => format!("{}\\{}", &text[..digits], &text[digits..]),
        _ => text,
    }
}

/// A code span, with more backticks around it than inside.
fn code(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    if text.starts_with('`') || text.ends_with('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c: char| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}
