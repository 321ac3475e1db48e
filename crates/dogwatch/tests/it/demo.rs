//! `demo --once`: from the alert over HTTP to a report that matches.

use playground::cases::{Opening, cases};

use crate::program::run;

#[test]
fn an_alert_that_comes_in_over_http_leads_to_the_expected_report() {
    matches_case(cases()[0].id);
}

#[test]
fn a_question_leads_to_the_expected_report() {
    matches_case(opened_by(Opening::Question));
}

#[test]
fn a_named_workload_leads_to_the_expected_report() {
    matches_case(opened_by(Opening::Workload));
}

#[test]
fn the_watchdog_is_not_an_issue() {
    matches_case(opened_by(Opening::Alert("Watchdog")));
}

#[test]
fn the_text_says_that_no_model_was_asked_and_where_the_report_is() {
    let ended = run(&["demo", "--once"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("triage report"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("/api/v1/investigations/"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.stderr, "", "it is quiet in a pipe");
}

fn opened_by(opening: Opening) -> &'static str {
    cases().iter().find(|case| case.opening == opening).unwrap().id
}

fn matches_case(id: &str) {
    let answer = run(&["demo", "--case", id, "--once", "-o", "json"]).json();
    assert_eq!(answer["case"], id);
    assert_eq!(answer["matched"], true, "{answer:#}");
    assert_eq!(answer["report"]["kind"], "triage");
    assert_eq!(answer["report"]["verdict"], answer["expected"]["verdict"]);
}
