//! What a person should do about a cause, from typed values only. Proposals, never performed.

use domain::{ObjectRef, Redacted, RootCause};

/// One line per cause.
pub(super) fn next_steps(causes: &[RootCause]) -> Vec<Redacted> {
    causes
        .iter()
        .flat_map(|cause| [Some(fix(cause)), command(cause)])
        .flatten()
        .collect()
}

fn fix(cause: &RootCause) -> Redacted {
    let expected = cause
        .params
        .expected
        .as_ref()
        .map_or_else(String::new, |expected| format!(" (expected {expected})"));
    let field = cause
        .params
        .field
        .as_ref()
        .map_or_else(String::new, |field| format!(" `{field}`"));
    let object = &cause.object;
    let text = match cause.mechanism.as_str() {
        "resource-exhaustion/memory-limit-too-low" => {
            format!("Restore the memory limit of {object}{expected}; restarting does not help.")
        }
        "resource-exhaustion/memory-leak" => format!(
            "Roll {object} back to the version before the leak, or fix it; a higher limit only buys time."
        ),
        "image-and-deployment/image-reference-wrong" => {
            format!("Correct the image of {object}{expected}, or roll back.")
        }
        "image-and-deployment/image-pull-secret-missing" => format!("Create {object} again from its source."),
        "image-and-deployment/helm-values-regression" => {
            format!("Roll {object} back, or correct the value{field}{expected}.")
        }
        "storage-and-persistence/storage-class-missing" => format!(
            "Create {object}, or name an existing class in the claim (a claim's class cannot be changed: recreate the claim)."
        ),
        "storage-and-persistence/csi-driver-unavailable" => format!(
            "Bring the driver's pod of {object} back on the node; the waiting pod then mounts by itself."
        ),
        "cascading-failure/service-selector-mismatch" => {
            format!("Correct the selector of {object}{expected}.")
        }
        "cascading-failure/network-policy-blocks" => format!("Let {object} admit the flow{expected}."),
        "app-vs-infra/probe-misconfigured" => {
            format!("Correct the probe of {object}:{field}{expected}; the application is fine.")
        }
        _ => format!("Correct {object}{field}{expected}."),
    };
    Redacted::trusted(&text)
}

fn command(cause: &RootCause) -> Option<Redacted> {
    let ObjectRef {
        kind,
        namespace,
        name,
        ..
    } = &cause.object;
    let undo = matches!(
        cause.mechanism.as_str(),
        "resource-exhaustion/memory-limit-too-low"
            | "resource-exhaustion/memory-leak"
            | "image-and-deployment/image-reference-wrong"
            | "app-vs-infra/probe-misconfigured"
    );
    let text = match (kind.as_str(), undo) {
        ("Deployment", true) => format!("kubectl rollout undo deployment/{name} --namespace {namespace}"),
        ("Release", _) => format!("helm rollback {name} --namespace {namespace}"),
        ("Service", _) => format!("kubectl edit service/{name} --namespace {namespace}"),
        ("NetworkPolicy", _) => format!("kubectl edit networkpolicy/{name} --namespace {namespace}"),
        _ => return None,
    };
    Some(Redacted::trusted(&text))
}
