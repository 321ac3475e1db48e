//! What is told of Secrets, and that nothing else is.

use serde_json::json;

use super::*;

/// A self-signed certificate, valid from 2025-01-10 to 2046-01-10.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBCzCBsQIGTyoRwJ0+MAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHNob3AwHhcN\n\
MjUwMTEwMDAwMDAwWhcNNDYwMTEwMDAwMDAwWjAPMQ0wCwYDVQQDDARzaG9wMFkw\n\
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKh2qhpA5dzeDLuUO+SOUTWJQDIzy9hb7\n\
NxYJjmI0CA+4ktixBCq8GF1DQnFnqg3YOP/yrM6MvzX53QRHl4DUBTAKBggqhkjO\n\
PQQDAgNJADBGAiEA8A3eL2S2/OVqmPvmNa2eKAPmq/Nw2+14k0THg4vpHAACIQC6\n\
1uWIfnGUISlcyvsgiPsC3/noYv9xUeaaP+fu0SI3Jg==\n\
-----END CERTIFICATE-----\n";

fn of(value: &str) -> SecretFacts {
    facts(&json!({ "data": { "key": STANDARD.encode(value) } }))
}

fn oddities(value: &str) -> Vec<Oddity> {
    of(value).keys[0].oddities.clone()
}

#[test]
fn a_line_break_and_a_second_encoding_are_told_from_sound_values() {
    assert_eq!(oddities("s3cret-Word\n"), [Oddity::TrailingNewline]);
    assert_eq!(oddities(&STANDARD.encode("s3cret-Word")), [Oddity::DoubleBase64]);
    assert_eq!(
        oddities(&format!("{}\n", STANDARD.encode("s3cret-Word\n"))),
        [Oddity::TrailingNewline, Oddity::DoubleBase64]
    );
    assert_eq!(oddities("\"quoted-word\""), [Oddity::Quoted]);
    for sound in [
        "s3cret-Word",
        "0f1e2d3c4b5a69788796",
        "correcthorsebatterystaple",
        "",
        "{\n  \"a\": 1\n}\n",
    ] {
        assert_eq!(oddities(sound), [], "{sound}");
    }
}

#[test]
fn a_certificate_tells_its_validity_and_a_key_does_not() {
    let found = of(CERTIFICATE);
    assert_eq!(
        found.certificates[0].not_before.to_string(),
        "2025-01-10T00:00:00Z"
    );
    assert_eq!(
        found.certificates[0].not_after.to_string(),
        "2046-01-10T00:00:00Z"
    );
    assert!(
        of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
            .certificates
            .is_empty()
    );
    assert!(
        of("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
            .certificates
            .is_empty()
    );
}
