//! What is odd about how a secret value is encoded. Must not keep, show or measure the value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest value that is a password or a token rather than a document.
const SHORT: usize = 512;
/// Shortest text that base64 is told from chance by.
const TELLING: usize = 8;

/// Something odd about a value's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// It ends in a line break, as `echo secret | base64` leaves it.
    TrailingNewline,
    /// It begins or ends with blanks.
    OuterBlank,
    /// It is the base64 form of printable text, as after encoding twice.
    DoubleBase64,
    /// It stands in quotes.
    Quoted,
    /// It begins with a byte order mark.
    ByteOrderMark,
}

impl Oddity {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::TrailingNewline => "ends in a line break",
            Self::OuterBlank => "begins or ends with a blank",
            Self::DoubleBase64 => "is encoded in base64 twice",
            Self::Quoted => "stands in quotes",
            Self::ByteOrderMark => "begins with a byte order mark",
        }
    }
}

/// What is odd about a decoded value. Documents (several lines, or long ones) end in line breaks by right.
pub(super) fn oddities(bytes: &[u8]) -> Vec<Oddity> {
    let mut out = Vec::new();
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        out.push(Oddity::ByteOrderMark);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return out;
    };
    let body = text.trim_end_matches(['\n', '\r']);
    if body.is_empty() || body.contains('\n') || text.len() > SHORT {
        return out;
    }
    if body.len() < text.len() {
        out.push(Oddity::TrailingNewline);
    }
    if body.trim() != body {
        out.push(Oddity::OuterBlank);
    }
    let quoted = |quote: char| body.len() > 2 && body.starts_with(quote) && body.ends_with(quote);
    if quoted('"') || quoted('\'') {
        out.push(Oddity::Quoted);
    }
    if is_base64_of_text(body) {
        out.push(Oddity::DoubleBase64);
    }
    out
}

/// A value with the same oddities that has nothing of the given one.
pub(super) fn stand_in(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let found = oddities(bytes);
    let has = |oddity| found.contains(&oddity);
    let mut text = if has(Oddity::DoubleBase64) {
        STANDARD.encode("stand-in value")
    } else {
        "stand-in value".to_owned()
    };
    if has(Oddity::Quoted) {
        text = format!("\"{text}\"");
    }
    if has(Oddity::OuterBlank) {
        text = format!(" {text}");
    }
    if has(Oddity::TrailingNewline) {
        text.push('\n');
    }
    if has(Oddity::ByteOrderMark) {
        text.insert(0, '\u{feff}');
    }
    text.into_bytes()
}

/// Whether a text decodes to printable text that is long enough for this to be no accident.
fn is_base64_of_text(body: &str) -> bool {
    let Ok(inner) = STANDARD.decode(body) else {
        return false;
    };
    let inner = inner.strip_suffix(b"\n").unwrap_or(&inner);
    inner.len() >= TELLING && inner.iter().all(|byte| (0x20..0x7f).contains(byte))
}
