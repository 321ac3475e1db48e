//! Messages of real components and what they may mean.

use crate::wording::{Place, Words, classify};

fn of(place: Place, reason: &str, message: &str) -> Vec<&'static str> {
    classify(Words {
        place,
        reason,
        message,
    })
    .into_iter()
    .filter_map(|id| id.strip_prefix("image-and-deployment/"))
    .collect()
}

fn failed(message: &str) -> Vec<&'static str> {
    of(Place::Event, "Failed", message)
}

#[test]
fn the_runtime_s_words_tell_failed_pulls_apart() {
    let cases = [
        (
            "Failed to pull image \"r/a:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"r/a:1\": failed to resolve reference \"r/a:1\": r/a:1: not found",
            "image-reference-wrong",
        ),
        (
            "Failed to pull image \"r/a:1\": rpc error: code = Unknown desc = reading manifest 1 in r/a: manifest unknown",
            "image-reference-wrong",
        ),
        (
            "Failed to apply default image tag \"r/A:1\": couldn't parse image name \"r/A:1\": invalid reference format: repository name must be lowercase",
            "image-reference-wrong",
        ),
        (
            "failed to do request: Head \"https://r/v2/a/manifests/1\": dial tcp: lookup r on 10.0.0.10:53: no such host",
            "registry-unreachable",
        ),
        (
            "Failed to pull image \"r/a\": rpc error: code = Unknown desc = initializing source docker://r/a:latest: pinging container registry r: Get \"https://r/v2/\": net/http: TLS handshake timeout",
            "registry-unreachable",
        ),
        (
            "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/a/manifests/sha256:1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
            "registry-rate-limited",
        ),
        (
            "rpc error: code = Unknown desc = choosing image instance: no image found in manifest list for architecture arm64, variant \"v8\", OS linux",
            "image-wrong-architecture",
        ),
        (
            "rpc error: code = FailedPrecondition desc = failed to pull and unpack image \"r/a:1\": failed commit on ref \"layer-sha256:18\": unexpected commit digest sha256:e3, expected sha256:18: failed precondition",
            "image-layer-corrupt",
        ),
        (
            "rpc error: code = NotFound desc = failed to pull and unpack image \"r/a:1\": failed to extract layer sha256:1: failed to get reader from content store: content digest sha256:2: not found",
            "image-layer-corrupt",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(failed(message), [expected], "{message}");
    }
}

#[test]
fn a_refusal_may_hide_a_wrong_name() {
    let message = "failed to resolve reference \"r/a:1\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";
    let found = failed(message);
    assert!(found.contains(&"image-pull-secret-missing") && found.contains(&"image-reference-wrong"));
}

#[test]
fn commands_that_cannot_be_run_are_told_from_foreign_binaries() {
    let missing = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"serve\": executable file not found in $PATH: unknown";
    assert_eq!(of(Place::Terminated, "StartError", missing), ["bad-command"]);
    let foreign = "exec /usr/local/bin/app: exec format error";
    assert_eq!(of(Place::Log, "", foreign), ["image-wrong-architecture"]);
    let shell = "/bin/sh: 1: exec: gunicron: not found";
    assert_eq!(of(Place::Log, "", shell), ["bad-command"]);
    let mount = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting \"/x\" to rootfs at \"/y\": not a directory: unknown: Are you trying to mount a directory onto a file";
    assert!(of(Place::Waiting, "RunContainerError", mount).len() <= 1);
}

#[test]
fn the_scheduler_s_reasons_are_told_apart() {
    let cases: &[(&str, &[&str])] = &[
        (
            "0/6 nodes are available: 6 node(s) didn't match Pod's node affinity/selector. preemption: 0/6 nodes are available: 6 Preemption is not helpful for scheduling.",
            &[
                "scheduling-constraint-node-selector",
                "scheduling-constraint-affinity",
            ],
        ),
        (
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) had untolerated taint {dedicated: gpu}.",
            &["scheduling-constraint-taint"],
        ),
        (
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu.",
            &[],
        ),
        (
            "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules.",
            &["scheduling-constraint-anti-affinity"],
        ),
        (
            "0/4 nodes are available: 4 node(s) didn't match pod topology spread constraints (missing required label).",
            &["scheduling-constraint-topology-spread"],
        ),
        (
            "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.",
            &["scheduling-constraint-host-port"],
        ),
        (
            "0/2 nodes are available: 2 node(s) were unschedulable.",
            &["scheduling-constraint-cordon"],
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(
            of(Place::Event, "FailedScheduling", message),
            *expected,
            "{message}"
        );
    }
}
