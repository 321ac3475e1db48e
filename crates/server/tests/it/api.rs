//! Reading investigations, cancelling them, and routes that are not there.

use domain::Clock;
use serde_json::json;
use store::Status;

use crate::http::Request;
use crate::samples::{briefed, evidence_stored, gap, reported};
use crate::service::Service;

const UNKNOWN: &str = "/api/v1/investigations/01890000-0000-7000-8000-000000000000";

#[tokio::test]
async fn an_investigation_shows_its_brief_until_it_has_a_report() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    let id = lease.investigation;
    let path = format!("/api/v1/investigations/{id}");
    let shown = service.get(&path).await.json();
    assert_eq!(shown["id"], json!(id.to_string()));
    assert_eq!(shown["title"], json!("orders does not start"));
    assert_eq!(
        (&shown["status"], &shown["cluster"]),
        (&json!("running"), &json!("prod"))
    );
    assert_eq!((&shown["report"], &shown["brief"]), (&json!(null), &json!(null)));

    service.append(&lease, 2, gap("events in shop")).await;
    service.append(&lease, 3, briefed("it may be the image")).await;
    let shown = service.get(&path).await.json();
    assert_eq!(shown["brief"]["headline"], json!("it may be the image"));

    let body = reported(id, "it is the image", Clock::System.now());
    service.append(&lease, 4, body).await;
    let shown = service.get(&path).await.json();
    assert_eq!(shown["report"]["headline"], json!("it is the image"));
    assert_eq!(shown["brief"], json!(null));
    assert_eq!(
        (&shown["status"], &shown["verdict"]),
        (&json!("finished"), &json!("inconclusive"))
    );
}

#[tokio::test]
async fn a_report_comes_as_markdown_or_text_when_that_is_accepted() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    let path = format!("/api/v1/investigations/{}", lease.investigation);
    let accepting = |accept: &'static str| {
        let request = Request::get(&path).with("accept", accept);
        service.api(request)
    };
    let early = accepting("text/markdown").await;
    assert_eq!(early.error(), (404, "no_report".to_owned(), String::new()));
    assert!(early.body.contains("running"), "{early:?}");

    let body = reported(lease.investigation, "it is *the* image", Clock::System.now());
    service.append(&lease, 2, body).await;
    let markdown = accepting("text/markdown, application/json;q=0.5").await;
    assert_eq!(
        markdown.header("content-type"),
        Some("text/markdown; charset=utf-8")
    );
    assert!(
        markdown.body.starts_with("# it is \\*the\\* image\n"),
        "{markdown:?}"
    );
    let text = accepting("text/plain").await;
    assert!(text.body.starts_with("it is *the* image\n"), "{text:?}");
    let json = accepting("text/html, */*;q=0.8").await;
    assert_eq!(json.json()["status"], json!("finished"));
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest() {
    let service = Service::start().await;
    for text in ["first", "second", "third"] {
        service.question(text).await;
    }
    let page = service.get("/api/v1/investigations?limit=2").await.json();
    let titles = |page: &serde_json::Value| -> Vec<String> {
        let rows = page["investigations"].as_array().unwrap().iter();
        rows.map(|row| row["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(titles(&page), ["third", "second"]);
    let next = page["next"].as_str().unwrap();
    let path = format!("/api/v1/investigations?limit=2&status=queued&before={next}");
    let page = service.get(&path).await.json();
    assert_eq!(titles(&page), ["first"]);
    assert_eq!(page["next"], json!(null));
    let page = service.get("/api/v1/investigations?status=finished").await.json();
    assert_eq!(titles(&page), [""; 0]);
}

#[tokio::test]
async fn bad_query_parameters_are_named() {
    let service = Service::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("limit=1000", "limit"),
        ("status=asleep", "status"),
        ("before=yesterday", "before"),
        ("page=2", "page"),
    ] {
        let answer = service.get(&format!("/api/v1/investigations?{query}")).await;
        let expected = (400, "invalid_parameter".to_owned(), field.to_owned());
        assert_eq!(answer.error(), expected, "{query}");
    }
}

#[tokio::test]
async fn evidence_is_read_by_its_id() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    let body = evidence_stored("main.e1", Clock::System.now());
    service.append(&lease, 2, body).await;
    let path = format!("/api/v1/investigations/{}/evidence", lease.investigation);
    let found = service.get(&format!("{path}/main.e1")).await.json();
    assert_eq!(found["shown"], json!("no events"));
    let missing = service.get(&format!("{path}/main.e2")).await;
    assert_eq!(missing.error().0, 404);
}

#[tokio::test]
async fn an_investigation_is_cancelled_once() {
    let service = Service::start().await;
    let lease = service.leased("orders does not start").await;
    let id = lease.investigation;
    let path = format!("/api/v1/investigations/{id}/cancel");
    let answer = service.api(Request::post(&path, "")).await.json();
    assert_eq!(
        answer,
        json!({"id": id.to_string(), "status": "cancelled", "cancelled": true})
    );
    let row = service.store.investigation(id).await.unwrap().unwrap();
    assert_eq!(row.status, Status::Cancelled);
    let again = service.api(Request::post(&path, "")).await.json();
    assert_eq!(again["cancelled"], json!(false));
}

#[tokio::test]
async fn what_is_not_there_is_404_in_json() {
    let service = Service::start().await;
    for path in [
        UNKNOWN.to_owned(),
        format!("{UNKNOWN}/events"),
        format!("{UNKNOWN}/evidence/main.e1"),
        "/api/v1/investigations/seven".to_owned(),
        "/api/v1/investigations/%ff".to_owned(),
        "/api/v1/unknown".to_owned(),
        "/".to_owned(),
    ] {
        let answer = service.get(&path).await;
        assert_eq!(
            answer.error(),
            (404, "not_found".to_owned(), String::new()),
            "{path}"
        );
    }
    let cancelled = service.api(Request::post(&format!("{UNKNOWN}/cancel"), "")).await;
    assert_eq!(cancelled.error().0, 404);
}

#[tokio::test]
async fn a_wrong_method_is_405_in_json_and_names_the_right_one() {
    let service = Service::start().await;
    let answer = service.get("/webhooks/alertmanager").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("post")));
    let request = Request {
        method: "DELETE",
        ..Request::get("/api/v1/investigations")
    };
    let answer = service.api(request).await;
    assert_eq!(
        answer.error(),
        (405, "method_not_allowed".to_owned(), String::new())
    );
    assert_eq!(answer.header("allow"), Some("get,head,post"));
}
