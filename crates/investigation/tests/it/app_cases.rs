//! Faults that tell application from infrastructure, and situations without a fault, through triage: the expected causes
//! and no other, for several seeds.

use playground::stage::stimulus::Stimulus;
use playground::stage::{FaultSpec, RenderOptions, Staging, render};
use serde_json::{Map, Value, json};
use triage::{Options, triage};

use crate::world::{Stage, serve};

/// A fault or situation, how it is brought up, and the verdict.
struct Row {
    fault: &'static str,
    target: Option<&'static str>,
    params: Value,
    stimulus: fn() -> Stimulus,
    verdict: &'static str,
}

fn alert(rule: &str) -> Stimulus {
    Stimulus::Alert(rule.to_owned())
}

fn question(text: &str) -> Stimulus {
    Stimulus::Question {
        text: text.to_owned(),
        namespace: "{namespace}".to_owned(),
    }
}

fn row(fault: &'static str, params: Value, stimulus: fn() -> Stimulus, verdict: &'static str) -> Row {
    Row {
        fault,
        target: None,
        params,
        stimulus,
        verdict,
    }
}

const FINE: &str = "not_an_issue";
const OPEN: &str = "inconclusive";

fn situations() -> Vec<Row> {
    healthy().into_iter().chain(unhealthy()).collect()
}

fn healthy() -> Vec<Row> {
    vec![
        row("situation/healthy", json!({}), || alert("Watchdog"), FINE),
        row(
            "situation/healthy",
            json!({}),
            || alert("KubePodCrashLooping"),
            FINE,
        ),
        row(
            "situation/healthy",
            json!({}),
            || question("Is {workload} all right?"),
            FINE,
        ),
    ]
}

fn unhealthy() -> Vec<Row> {
    vec![
        row(
            "situation/recovered",
            json!({}),
            || alert("Kube{kind}ReplicasMismatch"),
            FINE,
        ),
        row("situation/replaced", json!({}), || alert("KubePodNotReady"), FINE),
        row(
            "situation/spiked",
            json!({"times": 1, "last": 40}),
            || alert("HighErrorRate"),
            FINE,
        ),
        row(
            "situation/spiked",
            json!({"times": 3, "last": 19}),
            || alert("HighErrorRate"),
            FINE,
        ),
        row(
            "situation/spiked",
            json!({"of": "latency", "times": 1, "last": 50}),
            || alert("HighLatency"),
            FINE,
        ),
        row(
            "situation/spiked",
            json!({"of": "latency", "times": 4, "last": 17}),
            || alert("HighLatency"),
            FINE,
        ),
        row(
            "situation/maintenance",
            json!({}),
            || question("The pods of {workload} are all new. What happened?"),
            FINE,
        ),
        row(
            "situation/maintenance",
            json!({}),
            || alert("KubeNodeNotReady"),
            FINE,
        ),
        row(
            "situation/no-such-object",
            json!({}),
            || alert("Kube{kind}ReplicasMismatch"),
            OPEN,
        ),
        row(
            "situation/deleted",
            json!({}),
            || alert("Kube{kind}ReplicasMismatch"),
            OPEN,
        ),
        row(
            "situation/forbidden",
            json!({"resources": ["pods"]}),
            || alert("KubePodNotReady"),
            OPEN,
        ),
        row(
            "situation/forbidden",
            json!({"resources": ["networkpolicies"]}),
            || alert("HighErrorRate"),
            OPEN,
        ),
        row(
            "situation/forbidden",
            json!({"resources": ["events"]}),
            || question("Is {workload} healthy?"),
            OPEN,
        ),
        row("situation/outside", json!({}), || alert("HighErrorRate"), OPEN),
        row(
            "situation/outside",
            json!({}),
            || question("{workload} fails a lot. Why?"),
            OPEN,
        ),
        row(
            "situation/silent",
            json!({}),
            || alert("KubePodCrashLooping"),
            OPEN,
        ),
    ]
}

const CAUSE: &str = "root_cause";

fn faults() -> Vec<Row> {
    vec![
        row(
            "app-vs-infra/app-crash",
            json!({}),
            || alert("KubePodCrashLooping"),
            CAUSE,
        ),
        row(
            "app-vs-infra/startup-slower-than-probe",
            json!({}),
            || alert("KubePodCrashLooping"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({}),
            || alert("KubeDeploymentRolloutStuck"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({"part": "path"}),
            || alert("KubePodNotReady"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({"part": "scheme"}),
            || alert("KubePodNotReady"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({"probe": "liveness"}),
            || alert("KubePodCrashLooping"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({"probe": "liveness", "part": "path"}),
            || alert("KubePodCrashLooping"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({"probe": "liveness", "part": "scheme"}),
            || alert("KubePodCrashLooping"),
            CAUSE,
        ),
        row(
            "app-vs-infra/probe-misconfigured",
            json!({"probe": "liveness", "part": "timeout"}),
            || alert("KubePodCrashLooping"),
            CAUSE,
        ),
        row(
            "app-vs-infra/gpu-xid-error",
            json!({"xid": 79}),
            || alert("KubeJobFailed"),
            CAUSE,
        ),
        row(
            "app-vs-infra/gpu-xid-error",
            json!({"xid": 48}),
            || question("Our training {workload} died. Why?"),
            CAUSE,
        ),
        row(
            "app-vs-infra/gpu-xid-error",
            json!({"xid": 31}),
            || alert("KubeJobFailed"),
            CAUSE,
        ),
    ]
}

async fn check(row: &Row, seed: u64, randomize: bool) -> Result<(), String> {
    let params: Map<String, Value> = row.params.as_object().cloned().unwrap_or_default();
    let staging = Staging {
        name: format!("{} {}", row.fault, row.params),
        faults: vec![FaultSpec {
            id: row.fault.to_owned(),
            target: row.target.map(str::to_owned),
            params,
        }],
        noise: vec!["standard".to_owned()],
        stimulus: (row.stimulus)(),
    };
    let rendered = render(&staging, RenderOptions { seed, randomize }).map_err(|error| error.to_string())?;
    let stage = serve(
        rendered,
        playground::ServeOptions {
            freeze: true,
            ..Default::default()
        },
    )
    .await;
    let verdict = judge(&stage, row).await;
    stage.playground.shutdown().await;
    verdict.map_err(|why| {
        format!(
            "{} {} seed {seed} randomize {randomize}: {why}",
            row.fault, row.params
        )
    })
}

async fn judge(stage: &Stage, row: &Row) -> Result<(), String> {
    let options = Options {
        clock: stage.clock,
        metrics: stage.metrics.clone(),
    };
    let brief = triage(&stage.reader, &stage.subject, &options).await.brief;
    let mut found: Vec<String> = brief
        .root_causes
        .iter()
        .map(|cause| format!("{} {}", cause.object, cause.mechanism))
        .collect();
    let mut expected: Vec<String> = stage
        .rendered
        .truth
        .root_causes
        .iter()
        .map(|cause| {
            let at = &cause.object;
            let object = domain::ObjectRef::new(&at.group, &at.kind, &at.namespace, &at.name);
            format!("{object} {}", cause.mechanism)
        })
        .collect();
    found.sort();
    expected.sort();
    if found == expected && brief.verdict.to_string() == row.verdict {
        return Ok(());
    }
    let signals: Vec<String> = brief
        .signals
        .iter()
        .map(|signal| {
            format!(
                "\n    [{}] {:.2} {:?} {}",
                signal.detector, signal.certainty, signal.mechanism, signal.message
            )
        })
        .collect();
    Err(format!(
        "{} {found:?}, expected {} {expected:?}\n  {}\n  signals:{}",
        brief.verdict,
        row.verdict,
        brief.headline,
        signals.concat()
    ))
}

async fn check_all(rows: &[Row], seeds: impl IntoIterator<Item = (u64, bool)>) {
    let wanted = std::env::var("DOGWATCH_FAULT").unwrap_or_default();
    let mut failures = Vec::new();
    let mut runs = 0;
    for (seed, randomize) in seeds {
        for row in rows.iter().filter(|row| row.fault.contains(&wanted)) {
            runs += 1;
            failures.extend(check(row, seed, randomize).await.err());
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures of {runs}\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test]
async fn a_situation_without_a_cause_gets_its_verdict_and_no_cause() {
    check_all(&situations(), [(0, false), (5, true)]).await;
}

#[tokio::test]
async fn a_fault_gets_its_cause_and_no_other() {
    check_all(&faults(), [(0, false), (5, true)]).await;
}

/// `DOGWATCH_SEEDS=100-140 DOGWATCH_FAULT=situation cargo nextest run -p investigation --run-ignored only app_sweep`
#[tokio::test]
#[ignore = "minutes; for changes of detectors or worlds"]
async fn app_sweep_over_many_seeds() {
    let range = std::env::var("DOGWATCH_SEEDS").unwrap_or_else(|_| "100-106".to_owned());
    let (from, to) = range.split_once('-').expect("FROM-TO");
    let seeds = from.parse::<u64>().expect("a number")..to.parse().expect("a number");
    let rows: Vec<Row> = situations().into_iter().chain(faults()).collect();
    check_all(&rows, seeds.map(|seed| (seed, seed % 4 != 0))).await;
}
