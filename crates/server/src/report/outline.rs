//! The shape of a written report, before it has a format: blocks of lines of spans. Each span says whose words it
//! holds.

use domain::{ObjectRef, Redacted};

/// Part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// Words of this program.
    Own(String),
    /// Words from logs, alerts, models or people.
    Foreign(String),
    /// A name, path, value or command, shown as it is.
    Code(String),
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) spans: Vec<Span>,
}

/// One block of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// The headline.
    Title(Line),
    /// Opens a section.
    Section(&'static str),
    /// A paragraph of one line.
    Paragraph(Line),
    /// An item of a list.
    Item {
        /// 0 for the outermost list.
        depth: usize,
        /// What it says.
        line: Line,
    },
}

impl Block {
    /// An item of the outermost list.
    pub(super) fn item(line: Line) -> Self {
        Self::Item { depth: 0, line }
    }

    /// An item below an item.
    pub(super) fn detail(line: Line) -> Self {
        Self::Item { depth: 1, line }
    }
}

/// A line that begins with words of this program.
pub(super) fn own(text: impl Into<String>) -> Line {
    Line::default().own(text)
}

/// A line that begins with words of others.
pub(super) fn foreign(text: &Redacted) -> Line {
    Line::default().foreign(text)
}

/// A line that begins with a name, path, value or command.
pub(super) fn code(text: impl Into<String>) -> Line {
    Line::default().code(text)
}

/// A line that begins with an object.
pub(super) fn object(object: &ObjectRef) -> Line {
    code(object.to_string())
}

impl Line {
    /// Appends words of this program.
    pub(super) fn own(mut self, text: impl Into<String>) -> Self {
        self.spans.push(Span::Own(text.into()));
        self
    }

    /// Appends words of others.
    pub(super) fn foreign(mut self, text: &Redacted) -> Self {
        self.spans.push(Span::Foreign(text.as_str().to_owned()));
        self
    }

    /// Appends a name, path, value or command.
    pub(super) fn code(mut self, text: impl Into<String>) -> Self {
        self.spans.push(Span::Code(text.into()));
        self
    }

    /// Appends an object.
    pub(super) fn object(self, object: &ObjectRef) -> Self {
        self.code(object.to_string())
    }

    /// Appends several names with a separator between them.
    pub(super) fn codes(self, names: impl IntoIterator<Item = String>, separator: &str) -> Self {
        let append = |line: Self, (index, name): (usize, String)| match index {
            0 => line.code(name),
            _ => line.own(separator).code(name),
        };
        names.into_iter().enumerate().fold(self, append)
    }
}

/// Joins written blocks: items follow each other, everything else stands between empty lines.
pub(super) fn lay_out(blocks: &[Block], write: impl Fn(&Block) -> String) -> String {
    let mut text = String::new();
    let mut after_item = false;
    for block in blocks {
        let is_item = matches!(block, Block::Item { .. });
        let continues = is_item && after_item;
        if !(text.is_empty() || continues) {
            text.push('\n');
        }
        text.push_str(&write(block));
        text.push('\n');
        after_item = is_item;
    }
    text
}
