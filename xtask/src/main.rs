//! Repository chores, run as `cargo xtask <chore>`. Knows nothing of the product's crates.

mod tidy;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};

const USAGE: &str = "usage: cargo xtask tidy";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy(),
        _ => bail!(USAGE),
    }
}

/// Checks the whole repository and fails when a rule is broken.
fn tidy() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask has no parent folder")?;
    let summary = tidy::check(root).context("tidy could not read the repository")?;
    write!(std::io::stdout(), "{summary}")?;
    if summary.failures() > 0 {
        bail!("the house rules above are broken (CONTRIBUTING.md, section Style)");
    }
    Ok(())
}
