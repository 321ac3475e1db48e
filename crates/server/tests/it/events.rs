//! The event stream: from any position on, live, until the end.

use domain::Clock;
use serde_json::{Value, json};

use crate::http::Request;
use crate::samples::{gap, reported, sent_events};
use crate::service::Service;

/// Ids and names of the events of a stream.
fn names(events: &[(String, String, Value)]) -> Vec<(&str, &str)> {
    let names = events.iter().map(|(id, name, _)| (id.as_str(), name.as_str()));
    names.collect()
}

#[tokio::test]
async fn a_finished_log_is_sent_whole_and_ends() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    service.append(&lease, 2, gap("events in shop")).await;
    let body = reported(lease.investigation, "it is the image", Clock::System.now());
    service.append(&lease, 3, body).await;
    let path = format!("/api/v1/investigations/{}/events", lease.investigation);
    let answer = service.get(&path).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events = sent_events(&answer.body);
    let expected = [
        ("1", "opened"),
        ("2", "gap_noted"),
        ("3", "reported"),
        ("", "end"),
    ];
    assert_eq!(names(&events), expected, "{answer:?}");
    assert_eq!(events[1].2["gap"]["what"], json!("events in shop"));
    assert_eq!(events[1].2["seq"], json!(2));
    assert_eq!(events[3].2, json!({"status": "finished"}));
}

#[tokio::test]
async fn a_reader_resumes_after_the_last_event_that_it_saw() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    service.append(&lease, 2, gap("events in shop")).await;
    let body = reported(lease.investigation, "it is the image", Clock::System.now());
    service.append(&lease, 3, body).await;
    let path = format!("/api/v1/investigations/{}/events", lease.investigation);
    let after = format!("{path}?after=2");
    for (path, last, expected) in [
        (
            &path,
            Some("1"),
            vec![("2", "gap_noted"), ("3", "reported"), ("", "end")],
        ),
        (&after, None, vec![("3", "reported"), ("", "end")]),
        (&after, Some("3"), vec![("", "end")]),
    ] {
        let request = Request::get(path);
        let request = match last {
            Some(last) => request.with("last-event-id", last),
            None => request,
        };
        let answer = service.api(request).await;
        assert_eq!(names(&sent_events(&answer.body)), expected, "{answer:?}");
    }
}

#[tokio::test]
async fn events_arrive_as_they_are_appended() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    let path = format!("/api/v1/investigations/{}/events", lease.investigation);
    let mut open = service.with_token(Request::get(&path)).open(service.addr).await;
    open.until("event: opened").await;
    service.append(&lease, 2, gap("events in shop")).await;
    open.until("event: gap_noted").await;
    service.store.cancel(lease.investigation).await.unwrap();
    let answer = open.finish().await;
    let expected = [("1", "opened"), ("2", "gap_noted"), ("", "end")];
    let events = sent_events(&answer.body);
    assert_eq!(names(&events), expected, "{answer:?}");
    assert_eq!(events[2].2, json!({"status": "cancelled"}));
}

#[tokio::test]
async fn a_position_that_is_none_is_named() {
    let service = Service::start().await;
    let id = service.question("why").await;
    let path = format!("/api/v1/investigations/{id}/events");
    let bad = format!("{path}?after=-1");
    let answer = service.get(&bad).await;
    let expected = (400, "invalid_parameter".to_owned(), "after".to_owned());
    assert_eq!(answer.error(), expected);
    let request = Request::get(&path).with("last-event-id", "latest");
    let answer = service.api(request).await;
    let expected = (400, "invalid_parameter".to_owned(), "Last-Event-ID".to_owned());
    assert_eq!(answer.error(), expected);
}

#[tokio::test]
async fn a_shutdown_ends_open_streams_without_an_end() {
    let service = Service::start().await;
    let id = service.question("why").await;
    let path = format!("/api/v1/investigations/{id}/events");
    let mut open = service.with_token(Request::get(&path)).open(service.addr).await;
    open.until("event: opened").await;
    service.stop.cancel();
    let answer = open.finish().await;
    assert_eq!(names(&sent_events(&answer.body)), [("1", "opened")]);
    service.running.join.wait().await;
}
