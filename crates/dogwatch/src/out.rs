//! Writes results to stdout and remarks to stderr. A reader that went away (`| head`) is no failure. Must not know
//! what is written.

use std::io::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;

use crate::failure::Failure;

/// Writes text and ends its last line.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    match write(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(
            anyhow::Error::new(error).context("cannot write to stdout"),
        )),
        _ => Ok(()),
    }
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value)
        .context("cannot write the result as JSON")
        .map_err(Failure::Failed)?;
    text(&json)
}

/// Writes a remark to stderr; nobody has to read it.
pub(crate) fn remark(line: &str) {
    writeln!(io::stderr().lock(), "{line}").ok();
}

/// Writes why the program fails, in one line.
pub(crate) fn complain(message: &str) {
    let words: Vec<&str> = message.split_whitespace().collect();
    remark(&format!("dogwatch: {}", words.join(" ")));
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}
