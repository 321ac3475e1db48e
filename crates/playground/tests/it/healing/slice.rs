//! One rollout in detail: what a person sees who raises a memory limit.

use std::time::Duration;

use playground::faults::by_id;
use serde_json::Value;

use super::{apply, complaints, serve, staged, text};
use crate::http::get;

const FAULT: &str = "resource-exhaustion/memory-limit-too-low";

#[tokio::test]
async fn a_raised_limit_rolls_out_step_by_step() {
    let rendered = staged(FAULT, 5);
    let workload = rendered.truth.root_causes[0].object.clone();
    let playground = serve(&rendered).await;
    let fault = by_id(FAULT).expect("registered");
    let remedies = fault.remedies(&rendered.world, &rendered.shop, &rendered.truths[0]);
    let raise = remedies
        .iter()
        .find(|remedy| remedy.name == "raise-limit")
        .expect("a remedy");
    apply(&playground, raise).await.expect("accepted");
    let path = format!(
        "/apis/apps/v1/namespaces/{}/deployments/{}",
        workload.namespace, workload.name
    );
    let mut seen: Vec<String> = Vec::new();
    let mut last_version = 0;
    for _ in 0..240 {
        let object = get(&playground, &path).await.json();
        let version: u64 = text(&object, "/metadata/resourceVersion")
            .parse()
            .expect("a number");
        assert!(version >= last_version);
        last_version = version;
        let status = &object["status"];
        let line = format!(
            "{} of {} updated, {} available",
            status["updatedReplicas"].as_i64().unwrap_or(0),
            object["spec"]["replicas"],
            status["availableReplicas"].as_i64().unwrap_or(0)
        );
        if seen.last() != Some(&line) {
            seen.push(line);
        }
        playground.advance(Duration::from_secs(1));
    }
    let world = playground.world();
    assert_eq!(complaints(&rendered, &world), Vec::<String>::new(), "{seen:#?}");
    assert_eq!(playground.faults_present(), [(FAULT.to_owned(), false)]);
    let reasons: Vec<&str> = world
        .of_kind("Event")
        .filter(|event| {
            text(event, "/metadata/creationTimestamp") > format!("{:.0}", rendered.world.now).as_str()
        })
        .filter(|event| text(event, "/involvedObject/name").starts_with(&workload.name))
        .map(|event| text(event, "/reason"))
        .collect();
    for reason in [
        "ScalingReplicaSet",
        "SuccessfulCreate",
        "SuccessfulDelete",
        "Scheduled",
        "Pulled",
        "Created",
        "Started",
        "Killing",
    ] {
        assert!(reasons.contains(&reason), "no {reason} in {reasons:?}");
    }
    let last = seen.last().cloned().unwrap_or_default();
    let object = world.object(&workload).expect("still there");
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(0);
    assert_eq!(last, format!("{wanted} of {wanted} updated, {wanted} available"));
    assert!(seen.len() > 2, "all at once: {seen:?}");
    let progressing = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Progressing")
        .cloned()
        .unwrap_or(Value::Null);
    assert_eq!(progressing["reason"], "NewReplicaSetAvailable");
    playground.shutdown().await;
}
