//! Which of an endpoint's words may go into an error message: short ones that repeat neither key nor prompt.

use std::collections::HashSet;

use domain::Redacted;
use secrecy::{ExposeSecret, SecretString};

use crate::port::{ChatRequest, Message};

/// Longest quotation, in characters.
const QUOTE_CHARS: usize = 200;
/// Longest error code, in bytes.
const CODE_BYTES: usize = 48;
/// A run of this many bytes of the key is a piece of the key: providers show the first eight or the last four.
const KEY_RUN: usize = 4;
/// A run of this many bytes of the prompt is a piece of the prompt.
const PROMPT_RUN: usize = 24;

/// Quotes an endpoint's complaints about one request.
pub(super) struct Quoter<'a> {
    /// The key that was sent.
    pub(super) key: Option<&'a SecretString>,
    /// The request that was complained about.
    pub(super) request: &'a ChatRequest,
}

impl Quoter<'_> {
    /// The endpoint's message, or else its codes, or else nothing.
    pub(super) fn quote(&self, codes: &[String], message: &str) -> String {
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(QUOTE_CHARS).collect();
        if !short.is_empty() && !self.repeats(&short) {
            return short;
        }
        let code = codes.iter().find(|code| is_code(code) && !self.repeats(code));
        code.cloned().unwrap_or_default()
    }

    fn repeats(&self, text: &str) -> bool {
        self.key
            .is_some_and(|key| shares_run(text, key.expose_secret(), KEY_RUN))
            || prompt(self.request).any(|part| shares_run(text, part, PROMPT_RUN))
    }
}

/// Everything in a request that is not ours to repeat.
fn prompt(request: &ChatRequest) -> impl Iterator<Item = &str> {
    request.messages.iter().flat_map(|message| match message {
        Message::System(text) | Message::User(text) | Message::Tool { text, .. } => vec![text.as_str()],
        Message::Assistant { text, calls } => {
            let arguments = calls.iter().map(|call| call.arguments.as_str());
            arguments.chain(text.as_ref().map(Redacted::as_str)).collect()
        }
    })
}

/// Whether both texts contain the same run of bytes of this length.
fn shares_run(text: &str, other: &str, run: usize) -> bool {
    let runs: HashSet<&[u8]> = text.as_bytes().windows(run).collect();
    other.as_bytes().windows(run).any(|window| runs.contains(window))
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CODE_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
