//! Faults of the category `config-and-secrets`.

mod credentials_rejected;
mod login;
mod scene;
mod secret_encoding_wrong;
mod secret_rotated_stale;
#[cfg(test)]
mod tests;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &secret_rotated_stale::SecretRotatedStale,
    &credentials_rejected::CredentialsRejected,
    &secret_encoding_wrong::SecretEncodingWrong,
];
