//! How many ways to heal each fault has, and edits that look like one and are none.

use std::time::Duration;

use playground::faults::{Fault, Remedy, Step};
use playground::stage::Rendered;
use serde_json::json;

use super::{apply, serve, staged};

/// Faults that cannot be mended in two ways through the API server: an index that lacks, and what a cloud permits.
const FEWER: &[&str] = &[
    "app-vs-infra/slow-query",
    "storage-and-persistence/snapshot-failed",
];

/// What to complain of when a fault has fewer than two ways to heal.
pub(super) fn too_few(fault: &dyn Fault, remedies: &[Remedy]) -> Option<String> {
    let count = remedies
        .iter()
        .filter(|remedy| remedy.heals && !remedy.steps.is_empty())
        .count();
    (count < 2 && !FEWER.contains(&fault.id())).then(|| format!("{}: {count} ways to heal", fault.id()))
}

/// Whether the fault is still there some minutes after an edit.
async fn lasts(rendered: &Rendered, steps: Vec<Step>) -> bool {
    let playground = serve(rendered).await;
    let edit = Remedy::fails("edit", steps);
    apply(&playground, &edit).await.expect("applied");
    playground.advance(Duration::from_secs(600));
    let present = playground.faults_present().iter().all(|(_, present)| *present);
    playground.shutdown().await;
    present
}

#[tokio::test]
async fn deleting_what_suffers_heals_nothing() {
    for fault in [
        "app-vs-infra/app-crash",
        "image-and-deployment/scaled-to-zero",
        "image-and-deployment/job-failing",
        "config-and-secrets/config-invalid",
        "storage-and-persistence/volume-full",
    ] {
        let rendered = staged(fault, 3);
        let truth = &rendered.truth;
        let workload = [&truth.root_causes[0].object]
            .into_iter()
            .chain(&truth.victims)
            .find(|key| matches!(key.kind.as_str(), "Deployment" | "StatefulSet" | "CronJob"))
            .expect("a workload");
        assert!(
            lasts(&rendered, vec![Step::Delete(workload.clone())]).await,
            "{fault}"
        );
    }
}

#[tokio::test]
async fn deleting_a_greedy_neighbour_heals() {
    let rendered = staged("resource-exhaustion/node-cpu-starvation", 3);
    let neighbour = rendered.truth.root_causes[0].object.clone();
    assert!(!lasts(&rendered, vec![Step::Delete(neighbour)]).await);
}

#[tokio::test]
async fn an_image_that_nobody_has_seen_heals_nothing() {
    for fault in [
        "app-vs-infra/app-crash",
        "image-and-deployment/bad-release",
        "image-and-deployment/image-reference-wrong",
        "resource-exhaustion/memory-leak",
    ] {
        let rendered = staged(fault, 3);
        let object = rendered.truth.root_causes[0].object.clone();
        let image = rendered
            .world
            .get("Deployment", &object.namespace, &object.name)
            .and_then(|found| found.pointer("/spec/template/spec/containers/0/image"))
            .and_then(|found| found.as_str())
            .and_then(|found| found.rsplit_once(':'))
            .map(|(repository, _)| format!("{repository}:v99.0.1"))
            .expect("an image");
        let container = json!({ "name": object.name, "image": image });
        let patch = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
        assert!(
            lasts(&rendered, vec![Step::StrategicPatch { object, patch }]).await,
            "{fault}"
        );
    }
}
