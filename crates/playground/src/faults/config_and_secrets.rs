//! Faults of the category `config-and-secrets`.

mod admission;
mod certificate_expired;
mod config_invalid;
mod configmap_drift;
mod credentials_rejected;
mod env_injection_failed;
mod environment;
mod feature_flag;
mod finalizer_stuck;
mod key_missing;
mod login;
mod object_missing;
mod rbac_denied;
pub(super) mod scene;
mod secret_encoding_wrong;
mod secret_rotated_stale;
mod service_address_wrong;
#[cfg(test)]
mod tests;
mod volume_permission_denied;
pub(super) mod webhook;
mod webhook_mutating;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &secret_rotated_stale::SecretRotatedStale,
    &credentials_rejected::CredentialsRejected,
    &secret_encoding_wrong::SecretEncodingWrong,
    &configmap_drift::ConfigMapDrift,
    &config_invalid::ConfigInvalid,
    &env_injection_failed::EnvInjectionFailed,
    &volume_permission_denied::VolumePermissionDenied,
    &object_missing::ConfigMapMissing,
    &object_missing::SecretMissing,
    &key_missing::KeyMissing,
    &service_address_wrong::ServiceAddressWrong,
    &rbac_denied::RbacDenied,
    &certificate_expired::CertificateExpired,
    &admission::ServiceAccountMissing,
    &admission::SecurityContextRejected,
    &admission::WebhookBlocking,
    &admission::WebhookCaMismatch,
    &finalizer_stuck::FinalizerStuck,
    &webhook_mutating::WebhookMutating,
    &feature_flag::FeatureFlag,
];
