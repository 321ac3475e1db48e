//! Watches: what they tell, in which order, and how they end.

use serde_json::json;

use crate::http::{Lines, frozen, get, send};

const PODS: &str = "/api/v1/namespaces/shop/pods";
const MERGE: &str = "application/merge-patch+json";

#[tokio::test]
async fn a_watch_from_a_list_tells_what_changed_since() {
    let playground = frozen().await;
    let version = get(&playground, PODS).await.json()["metadata"]["resourceVersion"]
        .as_str()
        .expect("one")
        .to_owned();
    let label = json!({"metadata": {"labels": {"tier": "front"}}});
    send(
        &playground,
        "PATCH",
        &format!("{PODS}/web-22aa-fine"),
        MERGE,
        &label,
    )
    .await;
    let mut watch = Lines::open(
        &playground,
        &format!("{PODS}?watch=true&resourceVersion={version}"),
    )
    .await;
    assert_eq!(
        watch.next_pair().await,
        Some(("MODIFIED".to_owned(), "web-22aa-fine".to_owned()))
    );
    send(
        &playground,
        "DELETE",
        &format!("{PODS}/db-0"),
        "application/json",
        &json!({}),
    )
    .await;
    assert_eq!(
        watch.next_pair().await,
        Some(("DELETED".to_owned(), "db-0".to_owned()))
    );
    playground.shutdown().await;
    assert_eq!(watch.next().await, None, "shutdown ends the watch");
}

#[tokio::test]
async fn an_object_that_enters_or_leaves_the_selection_is_added_or_deleted() {
    let playground = frozen().await;
    let path = format!("{PODS}?watch=1&labelSelector=tier%3Dfront&resourceVersion=41000");
    let mut watch = Lines::open(&playground, &path).await;
    for (label, wanted) in [(json!("front"), "ADDED"), (json!("back"), "DELETED")] {
        let patch = json!({"metadata": {"labels": {"tier": label}}});
        send(
            &playground,
            "PATCH",
            &format!("{PODS}/web-22aa-fine"),
            MERGE,
            &patch,
        )
        .await;
        assert_eq!(
            watch.next_pair().await,
            Some((wanted.to_owned(), "web-22aa-fine".to_owned()))
        );
    }
}

#[tokio::test]
async fn initial_events_end_with_a_marked_bookmark() {
    let playground = frozen().await;
    let path = format!(
        "{PODS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut watch = Lines::open(&playground, &path).await;
    for _ in 0..4 {
        assert_eq!(watch.next().await.expect("an event")["type"], "ADDED");
    }
    let bookmark = watch.next().await.expect("a bookmark");
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(
        bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    let refused = get(&playground, &format!("{PODS}?watch=1&sendInitialEvents=true")).await;
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn a_version_that_is_too_old_is_gone() {
    let playground = frozen().await;
    let mut watch = Lines::open(&playground, &format!("{PODS}?watch=1&resourceVersion=5")).await;
    let event = watch.next().await.expect("an event");
    assert_eq!(
        (event["type"].as_str(), event["object"]["code"].as_i64()),
        (Some("ERROR"), Some(410))
    );
    assert_eq!(event["object"]["message"], "too old resource version: 5 (41000)");
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_watch_ends_with_its_timeout_and_a_bookmark() {
    let playground = frozen().await;
    let path = format!("{PODS}?watch=1&resourceVersion=41000&timeoutSeconds=1&allowWatchBookmarks=true");
    let mut watch = Lines::open(&playground, &path).await;
    assert_eq!(watch.next().await.expect("a bookmark")["type"], "BOOKMARK");
    assert_eq!(watch.next().await, None);
}
