use domain::{Redacted, Subject};

#[test]
fn a_question_may_report_that_something_ended() {
    let reports = |question: &str| {
        super::of(&Subject::Question {
            namespace: None,
            text: Redacted::trusted(question),
        })
        .reports_an_end()
    };
    assert!(reports("A pod of orders was killed a while ago. Why?"));
    assert!(reports("why does checkout keep getting OOMKilled"));
    assert!(reports("two pods disappeared last night"));
    assert!(!reports(
        "all pods of orders were replaced today, is something broken?"
    ));
    assert!(!reports("Is orders ok? A customer complained yesterday."));
}
