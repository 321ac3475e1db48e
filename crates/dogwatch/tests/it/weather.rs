//! Bad weather ends in a report with gaps and exit code 0.

use std::process::Stdio;

use crate::program::{dogwatch, run};

/// Nobody listens on port 1.
const DEAD: &str = "http://127.0.0.1:1";

#[test]
fn a_dead_cluster_gives_a_brief_with_gaps() {
    let args = [
        "triage",
        "--cluster-url",
        DEAD,
        "--namespace",
        "shop",
        "-o",
        "json",
    ];
    let brief = run(&args).json();
    assert_eq!(brief["verdict"], "inconclusive");
    assert_eq!(brief["version"], 1);
    assert!(!brief["gaps"].as_array().unwrap().is_empty());
    assert_eq!(brief["root_causes"], serde_json::json!([]));
}

#[test]
fn a_dead_cluster_gives_a_report_with_gaps() {
    let args = [
        "investigate",
        "--cluster-url",
        DEAD,
        "--workload",
        "shop/deploy/cart",
        "-o",
        "json",
    ];
    let report = run(&args).json();
    assert_eq!(report["verdict"], "inconclusive");
    assert!(!report["gaps"].as_array().unwrap().is_empty());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = dogwatch(&["config", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
