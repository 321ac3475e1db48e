//! Faults of the category `image-and-deployment`.

pub mod helm_values_regression;
pub mod image_pull_secret_missing;
pub mod image_reference_wrong;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &image_reference_wrong::ImageReferenceWrong,
    &image_pull_secret_missing::ImagePullSecretMissing,
    &helm_values_regression::HelmValuesRegression,
];
