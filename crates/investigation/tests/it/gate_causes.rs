//! The gate on whole causes: existence, order in time, the right kind of root object.

use std::sync::Arc;

use domain::{
    Citation, Claim, ClaimKind, CutReason, Evidence, EvidenceId, Fact, ObjectRef, Outcome, ProposedCause,
    Redacted, StreamName,
};
use investigation::gate::LedgerGate;
use jiff::{SignedDuration, Timestamp};
use tools::Workspace;
use triage::{Options, triage};

use crate::world::{Stage, stage};

struct Bench {
    gate: LedgerGate,
    workspace: Arc<Workspace>,
    noticed: Timestamp,
    deployment: ObjectRef,
}

async fn bench(stage: &Stage) -> Bench {
    let options = Options {
        clock: stage.clock,
        metrics: stage.metrics.clone(),
    };
    let view = triage(&stage.reader, &stage.subject, &options).await.view;
    let deployment = view
        .of_kind("Deployment")
        .next()
        .expect("a Deployment")
        .reference()
        .clone();
    let workspace = Arc::new(Workspace::new(
        stage.reader.clone(),
        stage.metrics.clone(),
        stage.clock,
        Some(view.clone()),
    ));
    let noticed = stage.clock.now() - SignedDuration::from_mins(30);
    let gate = LedgerGate::new(Arc::clone(&workspace), Some(Arc::new(view)), Some(noticed));
    Bench {
        gate,
        workspace,
        noticed,
        deployment,
    }
}

impl Bench {
    fn store(&self, object: &ObjectRef, path: &str, time: Option<Timestamp>) {
        self.workspace.remember(&Evidence {
            id: EvidenceId("t.e1".to_owned()),
            tool: "changes".to_owned(),
            arguments: Redacted::empty(),
            outcome: Outcome::Found,
            at: self.noticed,
            facts: vec![Fact {
                object: object.clone(),
                path: path.to_owned(),
                value: Redacted::trusted("rolled out"),
                time,
            }],
            lookups: vec![],
            shown: Redacted::empty(),
            truncated: false,
        });
    }

    fn reasons(&self, object: &ObjectRef, path: &str, mechanism: &str) -> (usize, Vec<CutReason>) {
        let cite = Citation {
            evidence: EvidenceId("t.e1".to_owned()),
            path: path.to_owned(),
            value: Redacted::trusted("rolled out"),
            quote: None,
        };
        let claim = Claim {
            statement: Redacted::trusted("it changed"),
            kind: ClaimKind::Present,
            object: object.clone(),
            cites: vec![cite],
        };
        let cause = ProposedCause {
            object: object.clone(),
            mechanism: mechanism.parse().expect("a mechanism"),
            params: domain::Params::default(),
            explanation: Redacted::trusted("therefore"),
            claims: vec![claim],
            cause_time: None,
            effect_time: None,
        };
        let (stand, cut) = self.gate.sift(&StreamName("t".to_owned()), &[cause]);
        (stand.len(), cut.into_iter().map(|cut| cut.reason).collect())
    }
}

const LEAK: &str = "resource-exhaustion/memory-leak";

#[tokio::test]
async fn a_cause_before_its_effect_stands_and_one_after_it_is_cut() {
    let bench = bench(&stage("oom-after-rollout", 1, true).await).await;
    let object = bench.deployment.clone();
    bench.store(
        &object,
        "change",
        Some(bench.noticed - SignedDuration::from_mins(5)),
    );
    assert_eq!(bench.reasons(&object, "change", LEAK), (1, vec![]));
    bench.store(
        &object,
        "change",
        Some(bench.noticed + SignedDuration::from_secs(50)),
    );
    assert_eq!(
        bench.reasons(&object, "change", LEAK),
        (1, vec![]),
        "clocks differ by less than a minute"
    );
    bench.store(
        &object,
        "change",
        Some(bench.noticed + SignedDuration::from_mins(5)),
    );
    assert_eq!(
        bench.reasons(&object, "change", LEAK),
        (0, vec![CutReason::CauseAfterEffect])
    );
}

#[tokio::test]
async fn a_claim_about_an_object_that_is_provably_not_there_is_cut() {
    let bench = bench(&stage("oom-after-rollout", 1, true).await).await;
    let ghost = ObjectRef::of("Deployment", &bench.deployment.namespace, "ghost");
    bench.store(&ghost, "change", None);
    let (stand, cut) = bench.reasons(&ghost, "change", LEAK);
    assert_eq!(
        (stand, cut),
        (0, vec![CutReason::ObjectAbsent, CutReason::NoClaimLeft])
    );
}

#[tokio::test]
async fn a_mechanism_has_a_root_of_its_kind() {
    let bench = bench(&stage("oom-after-rollout", 1, true).await).await;
    let object = bench.deployment.clone();
    bench.store(&object, "change", None);
    let (stand, cut) = bench.reasons(&object, "change", "cascading-failure/network-policy-blocks");
    assert_eq!((stand, cut), (0, vec![CutReason::WrongRootKind]));
}
