use super::*;

fn redactor() -> Redactor {
    Redactor::from_passphrase("test")
}

#[test]
fn secrets_of_known_shapes_disappear() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    let cases = [
        (format!("got token {jwt} from client"), jwt),
        ("key AKIAIOSFODNN7EXAMPLE used".into(), "AKIAIOSFODNN7EXAMPLE"),
        (
            "postgres://shop:hunter2secret@db:5432/shop".into(),
            "hunter2secret",
        ),
        ("postgres://shop:p@ss@db:5432/shop".into(), "p@ss@db"),
        ("redis://:s3cr3tpw@redis:6379".into(), "s3cr3tpw"),
        ("DB_PASSWORD=correct-horse".into(), "correct-horse"),
        ("password: \"tr0ub4dor&3\"".into(), "tr0ub4dor"),
        (r#"{"apiToken": "abc123def"}"#.into(), "abc123def"),
        (r#"{\"password\":\"abc123def\"}"#.into(), "abc123def"),
        (
            r#"{"name":"DB_PASSWORD","value":"abc123def"}"#.into(),
            "abc123def",
        ),
        (
            "Authorization: Bearer abcdef0123456789".into(),
            "abcdef0123456789",
        ),
        ("Authorization: Basic dXNlcjpwYXNz".into(), "dXNlcjpwYXNz"),
        ("run --password hunter22 now".into(), "hunter22"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----".into(),
            "MIIabc",
        ),
        (
            "ghp_0123456789abcdefghijABCDEFGHIJ012345".into(),
            "ghp_0123456789",
        ),
        ("xoxb-123456789012-abcdefghijkl".into(), "xoxb-1234"),
        (
            "https://hooks.slack.com/services/T000/B000/XXXXXXXX".into(),
            "T000/B000",
        ),
        (
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYa1".into(),
            "wJalrXUtnFEMI",
        ),
        (
            "sk-proj-abcdefghij0123456789ABCDEFGHIJ".into(),
            "abcdefghij0123456789",
        ),
    ];
    for (text, secret) in cases {
        let shown = redactor().redact(&text);
        assert!(!shown.as_str().contains(secret), "{secret} survived in {shown}");
        assert!(shown.as_str().contains("[redacted:"), "{shown}");
    }
}

#[test]
fn ordinary_text_stays() {
    for text in [
        r#"Failed to pull image "registry.example.com/shop/cart:1.4.2": not found"#,
        "password authentication failed for user \"shop\"",
        "Readiness probe failed: Get \"http://10.1.2.3:8080/healthz\": dial tcp 10.1.2.3:8080: connect: connection refused",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "pvc-0b7f1c9e-6d0b-4d57-9d2c-3d9a3f6c8f11",
        "storefront-web-deployment-6b8f9d7c5d-x2x9z in namespace production-frontend-services",
        "secretName: cart-db",
        "tokenExpirationSeconds: 3607",
        "secretKeyRef: {name: cart-db, key: password}",
        "automountServiceAccountToken: false",
    ] {
        assert_eq!(redactor().redact(text).as_str(), text);
    }
}

#[test]
fn placeholders_are_stable_per_secret_and_differ_between_keys() {
    let (a, b) = (
        redactor().redact("password=abcd1234"),
        redactor().redact("pwd=abcd1234"),
    );
    assert_eq!(a.as_str().split('=').nth(1), b.as_str().split('=').nth(1));
    assert_ne!(a, Redactor::from_passphrase("other").redact("password=abcd1234"));
    assert_ne!(a, redactor().redact("password=abcd1235"));
}

#[test]
fn redacting_twice_changes_nothing() {
    let once = redactor().redact("url=postgres://a:bcdefgh@h/d password=xyzzy1 token: abcdefgh1");
    assert_eq!(redactor().redact(once.as_str()), once);
}

#[test]
fn values_under_secret_names_are_hidden_whole() {
    assert!(
        redactor()
            .redact_value("DB_PASSWORD", "hi there")
            .as_str()
            .starts_with("[redacted:value:")
    );
    assert!(
        redactor()
            .redact_value("apiKey", "abc")
            .as_str()
            .starts_with("[redacted:value:")
    );
    assert_eq!(
        redactor().redact_value("DB_HOST", "postgres").as_str(),
        "postgres"
    );
    assert_eq!(
        redactor().redact_value("SECRET_NAME", "cart-db").as_str(),
        "cart-db"
    );
}

#[test]
fn truncation_respects_characters() {
    assert_eq!(Redacted::trusted("äöüäöü").truncated(6).as_str(), "ä…");
}
