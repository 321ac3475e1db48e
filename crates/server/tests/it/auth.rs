//! Who may use the API.

use secrecy::SecretString;
use server::{InvalidTokenHash, ServerError, TokenHash};

use crate::http::Request;
use crate::service::{Options, SECRET, Service, TOKEN};

const PATH: &str = "/api/v1/investigations";

#[tokio::test]
async fn the_api_needs_a_token() {
    let service = Service::start().await;
    let right = format!("Bearer {TOKEN}");
    let webhook = format!("Bearer {SECRET}");
    for (header, status) in [
        ("Bearer wrong", 401),
        (TOKEN, 401),
        (webhook.as_str(), 401),
        (right.as_str(), 200),
    ] {
        let request = Request::get(PATH).with("authorization", header);
        assert_eq!(request.send(service.addr).await.status, status, "{header}");
    }
    for request in [Request::get(PATH), Request::post(PATH, "{\"question\": \"why\"}")] {
        let answer = request.send(service.addr).await;
        assert_eq!(answer.error(), (401, "unauthorized".to_owned(), String::new()));
    }
    let page = service.get(PATH).await.json();
    assert_eq!(page["investigations"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn everybody_may_come_in_only_where_that_is_allowed() {
    let options = Options {
        allow_unauthenticated: true,
        ..Options::default()
    };
    let service = Service::start_with(options).await;
    assert_eq!(Request::get(PATH).send(service.addr).await.status, 200);
    // A secret that is configured stays needed.
    let request = Request::post("/webhooks/alertmanager", "{}");
    assert_eq!(request.send(service.addr).await.status, 401);
}

#[test]
fn a_token_is_known_by_its_hash_alone() {
    let token = TokenHash::of("ci", &SecretString::from("abc"));
    assert_eq!(token.name(), "ci");
    assert_eq!(format!("{token:?}"), "TokenHash { name: \"ci\", .. }");
    let refused = TokenHash::new("ci", "abc").unwrap_err();
    let expected = InvalidTokenHash {
        name: "ci".to_owned(),
    };
    assert_eq!(refused, expected);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let service = Service::start().await;
    let options = Options {
        addr: service.addr,
        ..Options::default()
    };
    let error = Service::try_start(options).await.err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on {}", service.addr));
}

#[tokio::test]
async fn a_blank_secret_is_refused() {
    let options = Options {
        webhook_secret: Some(" "),
        ..Options::default()
    };
    let error = Service::try_start(options).await.err().unwrap();
    assert!(matches!(error, ServerError::BlankSecret), "{error}");
}
