//! Adversarial tests of the claim gate: each lie is cut for its own reason, and the honest opposite stands.

use domain::{
    Citation, Claim, ClaimKind, CutReason, Evidence, EvidenceId, Fact, Lookup, LookupOutcome, NotLooked,
    ObjectRef, Outcome, Redacted, Scope,
};
use jiff::Timestamp;

use super::check;

fn pod() -> ObjectRef {
    ObjectRef::of("Pod", "shop", "cart-1")
}

fn class() -> ObjectRef {
    ObjectRef::of("StorageClass", "", "fast")
}

fn evidence(outcome: Outcome, facts: Vec<Fact>, lookups: Vec<Lookup>) -> Evidence {
    Evidence {
        id: EvidenceId("x.e1".to_owned()),
        tool: "t".to_owned(),
        arguments: Redacted::empty(),
        outcome,
        at: Timestamp::UNIX_EPOCH,
        facts,
        lookups,
        shown: Redacted::trusted("reason = OOMKilled"),
        truncated: false,
    }
}

fn oom() -> Evidence {
    let fact = Fact {
        object: pod(),
        path: "reason".to_owned(),
        value: Redacted::trusted("OOMKilled"),
        time: None,
    };
    evidence(Outcome::Found, vec![fact], vec![])
}

fn look(outcome: LookupOutcome, object: &ObjectRef) -> Evidence {
    evidence(
        Outcome::Empty,
        vec![],
        vec![Lookup {
            scope: Scope::object(object),
            outcome,
        }],
    )
}

fn claim(kind: ClaimKind, object: &ObjectRef, path: &str, value: &str) -> Claim {
    Claim {
        statement: Redacted::trusted("it is so"),
        kind,
        object: object.clone(),
        cites: vec![Citation {
            evidence: EvidenceId("x.e1".to_owned()),
            path: path.to_owned(),
            value: Redacted::trusted(value),
            quote: None,
        }],
    }
}

fn verdict(claim: &Claim, evidence: &Evidence) -> Result<(), CutReason> {
    check(claim, |id| (id == &evidence.id).then(|| evidence.clone())).map_err(|fault| fault.reason)
}

#[test]
fn a_true_claim_stands() {
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &pod(), "reason", "OOMKilled"), &oom()),
        Ok(())
    );
}

#[test]
fn an_invented_evidence_id_is_cut() {
    let mut lie = claim(ClaimKind::Present, &pod(), "reason", "OOMKilled");
    lie.cites[0].evidence = EvidenceId("x.e9".to_owned());
    assert_eq!(verdict(&lie, &oom()), Err(CutReason::UnknownEvidence));
}

#[test]
fn an_invented_fact_is_cut() {
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &pod(), "exitCode", "137"), &oom()),
        Err(CutReason::UnknownFact)
    );
}

#[test]
fn a_misread_value_is_cut() {
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &pod(), "reason", "Error"), &oom()),
        Err(CutReason::ValueDiffers)
    );
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &pod(), "reason", ""), &oom()),
        Err(CutReason::ValueDiffers)
    );
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &pod(), "reason", "OOM"), &oom()),
        Err(CutReason::ValueDiffers)
    );
}

#[test]
fn an_invented_quote_is_cut() {
    let mut lie = claim(ClaimKind::Present, &pod(), "reason", "OOMKilled");
    lie.cites[0].quote = Some(Redacted::trusted("out of memory since Monday"));
    assert_eq!(verdict(&lie, &oom()), Err(CutReason::QuoteNotShown));
}

#[test]
fn a_fact_of_another_object_is_cut() {
    let other = ObjectRef::of("Pod", "shop", "orders-1");
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &other, "reason", "OOMKilled"), &oom()),
        Err(CutReason::OtherObject)
    );
}

#[test]
fn one_invented_citation_among_true_ones_taints_the_claim() {
    let mut lie = claim(ClaimKind::Present, &pod(), "reason", "OOMKilled");
    lie.cites.push(Citation {
        evidence: EvidenceId("x.e7".to_owned()),
        path: String::new(),
        value: Redacted::empty(),
        quote: None,
    });
    assert_eq!(verdict(&lie, &oom()), Err(CutReason::UnknownEvidence));
}

#[test]
fn a_claim_without_citation_is_cut() {
    let mut bare = claim(ClaimKind::Present, &pod(), "reason", "OOMKilled");
    bare.cites.clear();
    assert_eq!(verdict(&bare, &oom()), Err(CutReason::NothingCited));
}

#[test]
fn an_empty_result_proves_no_presence() {
    let empty = look(LookupOutcome::Empty, &class());
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &class(), "provisioner", "x"), &empty),
        Err(CutReason::EmptyIsNotPresence)
    );
}

#[test]
fn a_complete_permitted_look_proves_absence_of_exactly_its_scope() {
    let empty = look(LookupOutcome::Empty, &class());
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &empty),
        Ok(())
    );
    let other = ObjectRef::of("StorageClass", "", "slow");
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &other, "", ""), &empty),
        Err(CutReason::BeyondScope)
    );
    let elsewhere = ObjectRef::of("Pod", "payments", "cart-1");
    let here = look(LookupOutcome::Empty, &pod());
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &elsewhere, "", ""), &here),
        Err(CutReason::BeyondScope)
    );
}

#[test]
fn an_empty_list_of_a_whole_kind_proves_the_absence_of_each_member_but_a_selected_list_does_not() {
    let scope = |selector: Option<&str>| Scope {
        kind: "StorageClass".to_owned(),
        namespace: String::new(),
        name: None,
        selector: selector.map(str::to_owned),
    };
    let list = |selector| {
        evidence(
            Outcome::Empty,
            vec![],
            vec![Lookup {
                scope: scope(selector),
                outcome: LookupOutcome::Empty,
            }],
        )
    };
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &list(None)),
        Ok(())
    );
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &list(Some("app=x"))),
        Err(CutReason::BeyondScope)
    );
}

#[test]
fn a_complete_list_of_others_proves_absence_too() {
    let scope = Scope {
        kind: "StorageClass".to_owned(),
        namespace: String::new(),
        name: None,
        selector: None,
    };
    let member = |name: &str| Fact {
        object: ObjectRef::of("StorageClass", "", name),
        path: "metadata.name".to_owned(),
        value: Redacted::trusted(name),
        time: None,
    };
    let list = evidence(
        Outcome::Found,
        vec![member("slow")],
        vec![Lookup {
            scope,
            outcome: LookupOutcome::Found,
        }],
    );
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &list),
        Ok(())
    );
    let slow = ObjectRef::of("StorageClass", "", "slow");
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &slow, "", ""), &list),
        Err(CutReason::NotAbsent)
    );
}

#[test]
fn a_look_that_failed_proves_nothing() {
    let failed = look(LookupOutcome::CouldNotLook, &class());
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &failed),
        Err(CutReason::CouldNotLook)
    );
    let outcome = Outcome::CouldNotLook {
        reason: NotLooked::Forbidden,
        message: Redacted::trusted("no"),
    };
    let blind = evidence(outcome, vec![], vec![]);
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &blind),
        Err(CutReason::CouldNotLook)
    );
    assert_eq!(
        verdict(&claim(ClaimKind::Present, &class(), "a", "b"), &blind),
        Err(CutReason::CouldNotLook)
    );
}

#[test]
fn what_was_found_is_not_absent() {
    let found = look(LookupOutcome::Found, &class());
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &class(), "", ""), &found),
        Err(CutReason::NotAbsent)
    );
    assert_eq!(
        verdict(&claim(ClaimKind::Absent, &pod(), "reason", "OOMKilled"), &oom()),
        Err(CutReason::NotAbsent)
    );
}

#[test]
fn a_message_may_be_cited_in_part() {
    let long = "Failed to pull image \"r/a:1\": not found";
    let fact = Fact {
        object: pod(),
        path: "events[Failed].message".to_owned(),
        value: Redacted::trusted(long),
        time: None,
    };
    let event = evidence(Outcome::Found, vec![fact], vec![]);
    let cite = |value| claim(ClaimKind::Present, &pod(), "events[Failed].message", value);
    assert_eq!(verdict(&cite("Failed to pull image \"r/a:1\""), &event), Ok(()));
    assert_eq!(
        verdict(&cite("Failed to pull image \"r/b:1\""), &event),
        Err(CutReason::ValueDiffers)
    );
}
