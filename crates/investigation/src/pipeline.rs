//! One investigation from its opening to its report, over the event log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use agents::{Budget, Crew, Journal, Outcome};
use cluster::ClusterView;
use domain::event::EventBody;
use domain::{Brief, Event, Evidence, Finding, Redacted, Report, StreamName, Subject, Usage};
use jiff::Timestamp;
use llm::ChatModel;
use store::Lease;
use tools::Workspace;

use crate::engine::{EngineError, EngineParts};
use crate::gate::LedgerGate;
use crate::journal::StoreJournal;
use crate::report::{self, Agreed, Frame};

/// What an earlier attempt left.
struct Past {
    subject: Subject,
    cluster: String,
    opened_at: Timestamp,
    brief: Option<Brief>,
    briefed_at: Option<Timestamp>,
    evidence: Vec<Evidence>,
    findings: BTreeMap<String, Finding>,
}

#[tracing::instrument(name = "investigation", skip_all, fields(investigation = %lease.investigation, epoch = lease.epoch))]
pub(crate) async fn run(parts: &EngineParts, lease: Lease) -> Result<Report, EngineError> {
    let start = Instant::now();
    let id = lease.investigation;
    let events = parts.store.events(id).await?;
    let past = past(&events).ok_or(EngineError::NotClaimable(id))?;
    let journal = Arc::new(StoreJournal::new(parts.store.clone(), lease.clone(), &events));
    let main = StreamName::main();
    journal
        .append(&main, EventBody::Started { epoch: lease.epoch })
        .await?;
    let (brief, evidence, view) = brief(parts, &past, &journal).await?;
    let brief_ms = past
        .briefed_at
        .map_or_else(|| millis(start), |at| between(past.opened_at, at));
    metrics::histogram!("dogwatch_time_to_brief_seconds").record(start.elapsed().as_secs_f64());
    let frame = |elapsed_ms| Frame {
        investigation: id,
        subject: &past.subject,
        cluster: parts.reader.cluster(),
        clock: parts.clock,
        started_at: past.opened_at,
        brief: &brief,
        time_to_brief_ms: brief_ms,
        elapsed_ms,
    };
    let report = match &parts.model {
        None => report::from_triage(
            &frame(millis(start)),
            vec![Redacted::trusted(
                "No model is configured: this is a triage report, made by code alone.",
            )],
            Usage::default(),
        ),
        Some(model) => {
            with_agents(
                parts, model, &past, &journal, &brief, evidence, view, &frame, start,
            )
            .await?
        }
    };
    journal
        .append(
            &main,
            EventBody::Reported {
                report: Box::new(report.clone()),
            },
        )
        .await?;
    metrics::counter!("dogwatch_investigations_total", "verdict" => report.verdict.to_string()).increment(1);
    metrics::histogram!("dogwatch_time_to_report_seconds").record(start.elapsed().as_secs_f64());
    Ok(report)
}

fn past(events: &[Event]) -> Option<Past> {
    let (subject, cluster, opened_at) = events.iter().find_map(|event| match &event.body {
        EventBody::Opened { subject, cluster } => Some((subject.clone(), cluster.clone(), event.at)),
        _ => None,
    })?;
    let briefed = events.iter().find_map(|event| match &event.body {
        EventBody::Briefed { brief } => Some(((**brief).clone(), event.at)),
        _ => None,
    });
    let evidence = events.iter().filter_map(|event| match &event.body {
        EventBody::EvidenceStored { evidence } => Some((**evidence).clone()),
        _ => None,
    });
    let findings = events.iter().filter_map(|event| match &event.body {
        EventBody::FindingReported { finding } => Some((event.stream.0.clone(), (**finding).clone())),
        _ => None,
    });
    Some(Past {
        subject,
        cluster,
        opened_at,
        briefed_at: briefed.as_ref().map(|(_, at)| *at),
        brief: briefed.map(|(brief, _)| brief),
        evidence: evidence.collect(),
        findings: findings.collect(),
    })
}

/// Triage, or what an earlier attempt stored of it. The brief is stored first; its evidence follows from it.
async fn brief(
    parts: &EngineParts,
    past: &Past,
    journal: &StoreJournal,
) -> Result<(Brief, Vec<Evidence>, Option<ClusterView>), EngineError> {
    let (brief, evidence, view) = match &past.brief {
        Some(brief) => {
            let mut signals = brief.signals.clone();
            let at = past.briefed_at.unwrap_or(past.opened_at);
            (brief.clone(), triage::evidence::store(&mut signals, at), None)
        }
        None => {
            let options = triage::Options {
                clock: parts.clock,
                metrics: parts.metrics.clone(),
            };
            let triage = triage::triage(&parts.reader, &past.subject, &options).await;
            journal
                .append(
                    &StreamName::main(),
                    EventBody::Briefed {
                        brief: Box::new(triage.brief.clone()),
                    },
                )
                .await?;
            (triage.brief, triage.evidence, Some(triage.view))
        }
    };
    let stream = StreamName("triage".to_owned());
    for item in &evidence {
        if !past.evidence.iter().any(|known| known.id == item.id) {
            journal
                .append(
                    &stream,
                    EventBody::EvidenceStored {
                        evidence: Box::new(item.clone()),
                    },
                )
                .await?;
        }
    }
    Ok((brief, evidence, view))
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one pipeline run, handed on once"
)]
async fn with_agents<'a>(
    parts: &EngineParts,
    model: &Arc<dyn ChatModel>,
    past: &Past,
    journal: &Arc<StoreJournal>,
    brief: &Brief,
    evidence: Vec<Evidence>,
    view: Option<ClusterView>,
    frame: &impl Fn(u64) -> Frame<'a>,
    start: Instant,
) -> Result<Report, EngineError> {
    let workspace = Arc::new(Workspace::new(
        parts.reader.clone(),
        parts.metrics.clone(),
        parts.clock,
        view.clone(),
    ));
    evidence
        .iter()
        .chain(&past.evidence)
        .for_each(|item| workspace.remember(item));
    let gate = Arc::new(LedgerGate::new(
        Arc::clone(&workspace),
        view.map(Arc::new),
        past.subject.onset(),
    ));
    let crew = Crew {
        agents: Arc::clone(&parts.agents),
        model: Arc::clone(model),
        journal: Arc::clone(journal) as Arc<dyn Journal>,
        gate: Arc::clone(&gate) as Arc<dyn agents::Gate>,
        workspace,
        budget: Arc::new(Budget::new(parts.settings)),
        subject: past.subject.clone(),
        brief: Arc::new(brief.clone()),
        evidence: Arc::new(evidence),
        clock: parts.clock,
        cluster: past.cluster.clone(),
        findings: std::sync::Mutex::new(past.findings.clone()),
    };
    let lead = if parts.settings.single {
        "generalist"
    } else {
        "orchestrator"
    };
    let Some(agent) = parts.agents.get(lead) else {
        return Ok(report::from_triage(
            &frame(millis(start)),
            vec![Redacted::trusted("The lead agent is not defined.")],
            Usage::default(),
        ));
    };
    let stream = StreamName(lead.to_owned());
    let mut outcome = crew.run(agent, stream.clone(), None).await?;
    outcome.usage = usage(&parts.store.events(journal.investigation()).await?);
    let causes = outcome
        .conclusion
        .as_ref()
        .map(|conclusion| conclusion.causes.clone())
        .unwrap_or_default();
    let (causes, cut) = gate.sift(&stream, &causes);
    if outcome.conclusion.is_some() {
        journal
            .append(
                &StreamName::main(),
                EventBody::Gated {
                    cut: cut.clone(),
                    clean: cut.is_empty(),
                },
            )
            .await?;
    }
    let findings = crew.findings();
    let agreed = Agreed {
        outcome: &outcome,
        causes,
        cut,
        findings: &findings,
    };
    Ok(report::from_agents(
        &frame(millis(start)),
        agreed,
        notes(&outcome),
    ))
}

/// What all agents of an investigation used, over all attempts.
fn usage(events: &[Event]) -> Usage {
    let mut sum = Usage::default();
    for event in events {
        match &event.body {
            EventBody::ModelAnswered { usage, .. } => sum.add(usage),
            EventBody::ToolAnswered { .. } => sum.tool_calls += 1,
            _ => {}
        }
    }
    sum
}

/// What a reader should know of how the agents ended.
fn notes(outcome: &Outcome) -> Vec<Redacted> {
    if outcome.conclusion.is_some() {
        return Vec::new();
    }
    let text = match outcome.reason.as_str() {
        "budget" | "done" => {
            "The agents used up their budget without a conclusion; this report rests on triage alone."
                .to_owned()
        }
        "deadline" => {
            "The agents ran out of time without a conclusion; this report rests on triage alone.".to_owned()
        }
        kind => format!("The model could not be asked ({kind}); this report rests on triage alone."),
    };
    vec![Redacted::trusted(&text)]
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default()
}
