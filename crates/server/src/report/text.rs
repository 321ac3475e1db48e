//! Blocks as plain text for a terminal.

use super::clean::one_line;
use super::outline::{Block, Line, Span, lay_out};

/// Writes the blocks.
pub(super) fn render(blocks: &[Block]) -> String {
    lay_out(blocks, |block| match block {
        Block::Title(line) | Block::Paragraph(line) => inline(line),
        Block::Section(title) => format!("{title}:"),
        Block::Item { depth, line } => format!("{}- {}", "  ".repeat(depth + 1), inline(line)),
    })
}

fn inline(line: &Line) -> String {
    line.spans.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Own(text) => text.clone(),
        Span::Foreign(text) => one_line(text),
        Span::Code(text) => {
            let text = one_line(text);
            if text.is_empty() {
                "(empty)".to_owned()
            } else {
                text
            }
        }
    }
}
