//! Secrets that are kept in files of their own. Must not know what they open.

use std::path::Path;

use secrecy::SecretString;

/// The secret of a key: given in place, or in the file beside it.
pub(super) fn resolve(
    name: &str,
    given: Option<SecretString>,
    file: Option<&Path>,
    problems: &mut Vec<String>,
) -> Option<SecretString> {
    match (given, file) {
        (Some(_), Some(_)) => {
            problems.push(format!("{name} and {name}_file are both set; keep one"));
            None
        }
        (given, None) => given,
        (None, Some(file)) => match read(file) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                problems.push(format!("{name}_file: {} {problem}", file.display()));
                None
            }
        },
    }
}

fn read(file: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    match text.trim() {
        "" => Err("is empty".to_owned()),
        secret => Ok(SecretString::from(secret)),
    }
}
