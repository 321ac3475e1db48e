//! Pod logs, and the shift of a whole world to the wall clock.

use crate::http::{frozen, get};

const PODS: &str = "/api/v1/namespaces/shop/pods";

#[tokio::test]
async fn logs_are_cut_and_refused_like_the_kubelet_does() {
    let playground = frozen().await;
    let log = |pod: &str, query: &str| format!("{PODS}/{pod}/log?{query}");
    let texts = [
        ("container=web&tailLines=2", "line 3\nline 4\n"),
        ("container=web&sinceSeconds=360", "line 4\n"),
        ("container=web&sinceTime=2026-03-01T11%3A53%3A30Z", "line 4\n"),
        ("container=web&limitBytes=6", "line 0"),
        (
            "container=web&tailLines=1&timestamps=true",
            "2026-03-01T11:54:00.000000000Z line 4\n",
        ),
        ("container=web&previous=true", "last words\n"),
    ];
    for (query, wanted) in texts {
        assert_eq!(
            get(&playground, &log("web-22aa-crash", query)).await.body,
            wanted,
            "{query}"
        );
    }
    let refusals = [
        (
            "web-22aa-crash",
            "",
            "a container name must be specified for pod web-22aa-crash, choose one of: [web proxy]",
        ),
        (
            "web-22aa-fine",
            "container=web&previous=true",
            "previous terminated container \"web\" in pod \"web-22aa-fine\" not found",
        ),
        (
            "web-22aa-init",
            "container=web",
            "container \"web\" in pod \"web-22aa-init\" is waiting to start: PodInitializing",
        ),
        (
            "web-22aa-fine",
            "container=x",
            "container x is not valid for pod web-22aa-fine",
        ),
    ];
    for (pod, query, wanted) in refusals {
        let answer = get(&playground, &log(pod, query)).await;
        assert_eq!((answer.status, answer.message().as_str()), (400, wanted));
    }
}

#[tokio::test]
async fn a_world_that_is_not_frozen_moves_to_the_wall_clock() {
    let playground =
        playground::Playground::start(crate::world::small(), playground::ServeOptions::default())
            .await
            .expect("started");
    let shifted = playground.world();
    let by = shifted.now.duration_since(crate::world::now());
    assert!(by.as_secs() > 0);
    let lease =
        shifted.get("Lease", "kube-node-lease", "node-a").expect("there")["spec"]["renewTime"].clone();
    let renewed: jiff::Timestamp = lease.as_str().expect("text").parse().expect("a time");
    assert_eq!(
        lease.as_str().map(str::len),
        Some("2026-03-01T11:59:55.123456Z".len()),
        "precision is kept"
    );
    assert_eq!(shifted.now.duration_since(renewed).as_secs(), 4);
    let log = get(
        &playground,
        &format!("{PODS}/web-22aa-crash/log?container=web&tailLines=1&timestamps=true"),
    )
    .await;
    let stamp: jiff::Timestamp = log
        .body
        .split(' ')
        .next()
        .expect("a stamp")
        .parse()
        .expect("a time");
    assert_eq!(shifted.now.duration_since(stamp).as_secs(), 360);
}
