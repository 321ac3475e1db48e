//! Kubeconfig files for playgrounds, and the command that uses one. Must not know what a world holds.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use playground::Playground;

use crate::failure::Failure;

/// Writes a kubeconfig that only its owner may read, since it may hold a token.
pub(crate) fn write(file: &Path, playground: &Playground) -> Result<(), Failure> {
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut opened| opened.write_all(playground.kubeconfig().as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::Failed)
}

/// A command to begin with.
pub(crate) fn command(file: &Path) -> String {
    format!("kubectl --kubeconfig {} get pods -A", quoted(file))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
