//! Deleting: dependents, finalizers, preconditions.

use serde_json::json;

use super::{DEPLOYMENT, JSON, patch};
use crate::http::{frozen, get, send};

#[tokio::test]
async fn deleting_takes_dependents_along_unless_orphaned() {
    let playground = frozen().await;
    let orphaned = json!({"propagationPolicy": "Orphan"});
    let set = "/apis/apps/v1/namespaces/shop/statefulsets/db";
    assert_eq!(
        send(&playground, "DELETE", set, JSON, &orphaned).await.status,
        200
    );
    assert_eq!(
        playground
            .world()
            .get("Pod", "shop", "db-0")
            .expect("still there")["metadata"]["ownerReferences"],
        json!([])
    );
    let status = send(&playground, "DELETE", DEPLOYMENT, JSON, &json!({}))
        .await
        .json();
    assert_eq!(
        (status["status"].as_str(), status["details"]["group"].as_str()),
        (Some("Success"), Some("apps"))
    );
    let world = playground.world();
    assert_eq!(world.of_kind("ReplicaSet").count(), 0);
    assert_eq!(world.of_kind("Pod").count(), 1);
}

#[tokio::test]
async fn finalizers_keep_a_deleted_object_until_they_are_gone() {
    let playground = frozen().await;
    let path = "/api/v1/namespaces/shop/configmaps/settings";
    let merge = "application/merge-patch+json";
    patch(
        &playground,
        path,
        merge,
        json!({"metadata": {"finalizers": ["example.com/wait"]}}),
    )
    .await;
    let waiting = send(&playground, "DELETE", path, JSON, &json!({})).await.json();
    assert_eq!(waiting["metadata"]["deletionTimestamp"], "2026-03-01T12:00:00Z");
    assert_eq!(get(&playground, path).await.status, 200);
    patch(
        &playground,
        path,
        merge,
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    assert_eq!(get(&playground, path).await.status, 404);
    let wrong = json!({"preconditions": {"uid": "other"}});
    assert_eq!(
        send(&playground, "DELETE", DEPLOYMENT, JSON, &wrong).await.status,
        409
    );
}
