//! Bad weather: injected failures reach exactly the requests that they name, and requests are logged.

use std::time::Duration;

use playground::{Playground, ServeOptions, Weather, WeatherRule};

use crate::http::{Lines, get};
use crate::world::small;

async fn under(rules: Vec<WeatherRule>) -> Playground {
    let options = ServeOptions {
        freeze: true,
        weather: Weather { rules },
        ..ServeOptions::default()
    };
    Playground::start(small(), options).await.expect("started")
}

#[tokio::test]
async fn a_forbidden_resource_and_a_failing_path_are_told_apart() {
    let playground = under(vec![
        WeatherRule::Forbid {
            resource: "secrets".to_owned(),
        },
        WeatherRule::Fail {
            path_contains: "/log".to_owned(),
            status: 500,
        },
    ])
    .await;
    assert_eq!(get(&playground, "/api/v1/secrets").await.status, 403);
    assert_eq!(
        get(&playground, "/api/v1/namespaces/shop/pods/db-0/log")
            .await
            .json()["reason"],
        "InternalError"
    );
    assert_eq!(get(&playground, "/api/v1/pods").await.status, 200);
    let log: Vec<(String, u16)> = playground
        .requests()
        .into_iter()
        .map(|request| (request.target, request.status))
        .collect();
    assert_eq!(log[0], ("/api/v1/secrets".to_owned(), 403));
    assert_eq!(log.len(), 3);
}

#[tokio::test]
async fn a_hanging_request_never_answers_but_does_not_hold_up_the_shutdown() {
    let playground = under(vec![WeatherRule::Hang {
        path_contains: "/log".to_owned(),
    }])
    .await;
    let waiting = get(&playground, "/api/v1/namespaces/shop/pods/db-0/log");
    assert!(
        tokio::time::timeout(Duration::from_millis(200), waiting)
            .await
            .is_err()
    );
    assert_eq!(playground.requests()[0].status, 0);
    tokio::time::timeout(Duration::from_secs(10), playground.shutdown())
        .await
        .expect("stopped in time");
}

#[tokio::test]
async fn a_broken_watch_is_cut_after_its_events() {
    let playground = under(vec![WeatherRule::BreakWatch { after_events: 2 }]).await;
    let mut watch = Lines::open(&playground, "/api/v1/namespaces/shop/pods?watch=1").await;
    assert!(watch.next().await.is_some());
    assert!(watch.next().await.is_some());
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn delayed_requests_are_answered_later() {
    let delay = Duration::from_millis(100);
    let playground = under(vec![WeatherRule::Delay {
        path_contains: "/nodes".to_owned(),
        duration: delay,
    }])
    .await;
    let begun = tokio::time::Instant::now();
    assert_eq!(get(&playground, "/api/v1/nodes").await.status, 200);
    assert!(begun.elapsed() >= delay);
}
