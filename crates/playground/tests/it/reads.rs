//! Discovery, get, list, selectors, paging, representations and logs.

use serde_json::json;

use crate::http::{Ask, ask, frozen, get, send};

const PODS: &str = "/api/v1/namespaces/shop/pods";

#[tokio::test]
async fn discovery_is_classic_or_aggregated_as_asked() {
    let playground = frozen().await;
    let groups = get(&playground, "/apis").await.json();
    assert_eq!(groups["kind"], "APIGroupList");
    let apps = get(&playground, "/apis/apps/v1").await.json();
    let names: Vec<&str> = apps["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    assert!(names.contains(&"deployments/scale"), "{names:?}");
    let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let answer = ask(
        &playground,
        Ask {
            method: "GET",
            path: "/apis",
            headers: &[("accept", media)],
            ..Ask::default()
        },
    )
    .await;
    assert!(answer.head.contains(media), "{}", answer.head);
    assert_eq!(answer.json()["kind"], "APIGroupDiscoveryList");
    playground.shutdown().await;
}

#[tokio::test]
async fn a_kind_that_only_the_world_has_is_served_with_a_guessed_plural() {
    let playground = frozen().await;
    let list = get(
        &playground,
        "/apis/argoproj.io/v1alpha1/namespaces/shop/applications",
    )
    .await;
    assert_eq!(list.names(), ["shop-app"]);
    assert_eq!(
        list.json()["items"][0]["kind"],
        "Application",
        "custom items carry their kind"
    );
}

#[tokio::test]
async fn built_in_list_items_leave_out_what_the_list_says() {
    let playground = frozen().await;
    let list = get(&playground, PODS).await.json();
    assert_eq!(list["kind"], "PodList");
    assert_eq!(list["items"][0].get("kind"), None);
    assert_eq!(list["metadata"]["resourceVersion"], "41000");
}

#[tokio::test]
async fn selectors_choose_by_label_and_field() {
    let playground = frozen().await;
    let cases = [
        ("labelSelector=app%3Dweb", vec!["web-22aa-crash", "web-22aa-fine"]),
        (
            "labelSelector=app%20in%20(db,web),pod-template-hash",
            vec!["web-22aa-crash", "web-22aa-fine"],
        ),
        (
            "labelSelector=app%20notin%20(web),!pod-template-hash",
            vec!["db-0", "web-22aa-init"],
        ),
        ("labelSelector=app!%3Dweb", vec!["db-0", "web-22aa-init"]),
        ("fieldSelector=spec.nodeName%3Dnode-a", vec!["web-22aa-crash"]),
        (
            "fieldSelector=status.phase!%3DRunning,metadata.name!%3Ddb-0",
            vec!["web-22aa-init"],
        ),
    ];
    for (query, wanted) in cases {
        assert_eq!(
            get(&playground, &format!("{PODS}?{query}")).await.names(),
            wanted,
            "{query}"
        );
    }
    let refused = get(&playground, &format!("{PODS}?fieldSelector=spec.foo%3D1")).await;
    assert_eq!(
        (refused.status, refused.message()),
        (400, "field label not supported: spec.foo".to_owned())
    );
    let events = "/api/v1/namespaces/shop/events?fieldSelector=involvedObject.kind%3DPod,reason%3DBackOff";
    assert_eq!(get(&playground, events).await.names(), ["web.1"]);
}

#[tokio::test]
async fn a_paged_list_stays_consistent_while_the_cluster_changes() {
    let playground = frozen().await;
    let first = get(&playground, &format!("{PODS}?limit=2")).await;
    assert_eq!(first.names(), ["db-0", "web-22aa-crash"]);
    assert_eq!(first.json()["metadata"]["remainingItemCount"], 2);
    let token = first.json()["metadata"]["continue"]
        .as_str()
        .expect("a token")
        .to_owned();
    send(
        &playground,
        "DELETE",
        &format!("{PODS}/web-22aa-fine"),
        "application/json",
        &json!({}),
    )
    .await;
    let second = get(&playground, &format!("{PODS}?limit=2&continue={token}")).await;
    assert_eq!(
        second.names(),
        ["web-22aa-fine", "web-22aa-init"],
        "as it was when the first page was read"
    );
    assert_eq!(second.json()["metadata"].get("continue"), None);
    assert_eq!(get(&playground, PODS).await.names().len(), 3);
}

#[tokio::test]
async fn a_continue_token_from_before_the_journal_is_expired() {
    use base64::Engine;
    let playground = frozen().await;
    let old = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(json!({"v": "meta.k8s.io/v1", "rv": 7, "start": "shop/db-0\u{0}"}).to_string());
    let answer = get(&playground, &format!("{PODS}?limit=2&continue={old}")).await;
    assert_eq!(
        (answer.status, answer.json()["reason"].as_str()),
        (410, Some("Expired"))
    );
    let garbage = get(&playground, &format!("{PODS}?continue=x")).await;
    assert_eq!(garbage.status, 400);
}

#[tokio::test]
async fn tables_have_the_columns_of_the_real_printers() {
    let playground = frozen().await;
    let accept = [(
        "accept",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    )];
    let table = ask(
        &playground,
        Ask {
            method: "GET",
            path: PODS,
            headers: &accept,
            ..Ask::default()
        },
    )
    .await
    .json();
    let names: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "Name",
            "Ready",
            "Status",
            "Restarts",
            "Age",
            "IP",
            "Node",
            "Nominated Node",
            "Readiness Gates"
        ]
    );
    let rows = table["rows"].as_array().expect("rows");
    assert_eq!(
        rows[1]["cells"].as_array().expect("cells")[..5],
        [
            json!("web-22aa-crash"),
            json!("1/2"),
            json!("CrashLoopBackOff"),
            json!("7 (5m ago)"),
            json!("24h")
        ]
    );
    assert_eq!(rows[3]["cells"][2], "Init:0/1");
    assert_eq!(rows[0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn metadata_alone_can_be_asked_for() {
    let playground = frozen().await;
    let accept = [(
        "accept",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    )];
    let list = ask(
        &playground,
        Ask {
            method: "GET",
            path: PODS,
            headers: &accept,
            ..Ask::default()
        },
    )
    .await;
    assert_eq!(list.json()["kind"], "PartialObjectMetadataList");
    assert_eq!(list.json()["items"][0].get("spec"), None);
    assert_eq!(list.names().len(), 4);
}

#[tokio::test]
async fn events_are_the_same_in_both_groups() {
    let playground = frozen().await;
    let path = "/apis/events.k8s.io/v1/namespaces/shop/events/web.1";
    let event = get(&playground, path).await.json();
    assert_eq!(event["apiVersion"], "events.k8s.io/v1");
    assert_eq!(event["regarding"]["name"], "web-22aa-crash");
    assert_eq!(event["deprecatedCount"], 12);
}

#[tokio::test]
async fn errors_are_worded_as_the_api_server_words_them() {
    let playground = frozen().await;
    let cases = [
        (
            "/api/v1/namespaces/shop/pods/nope",
            404,
            "pods \"nope\" not found",
        ),
        (
            "/apis/apps/v1/namespaces/shop/deployments/nope",
            404,
            "deployments.apps \"nope\" not found",
        ),
        (
            "/api/v1/foos",
            404,
            "the server could not find the requested resource",
        ),
        ("/api/v1/namespaces/shop/pods?limit=x", 400, ""),
        (
            "/api/v1/namespaces/shop/pods?resourceVersion=99999999",
            504,
            "Timeout: Too large resource version: 99999999, current: 41000",
        ),
    ];
    for (path, status, message) in cases {
        let answer = get(&playground, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(
            message.is_empty() || answer.message() == message,
            "{path}: {}",
            answer.message()
        );
    }
    assert_eq!(
        get(&playground, "/apis/nope/v1/foos").await.body,
        "404 page not found\n"
    );
    let wrong = ask(
        &playground,
        Ask {
            method: "PUT",
            path: PODS,
            ..Ask::default()
        },
    )
    .await;
    assert_eq!(wrong.status, 405);
}
