//! Drives agent runs: performs what the machine asks for and appends the event before the next step.

mod calls;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::event::{EventBody, RequestedCall};
use domain::{Brief, Clock, Conclusion, CutClaim, Evidence, Finding, Redacted, StreamName, Subject, Usage};
use futures::future::BoxFuture;
use llm::{CallKey, ChatModel, ChatRequest, ToolChoice, ToolSpec};
use tools::{Toolbox, Workspace};

use crate::definition::{AgentDefinition, Agents};
use crate::machine::{AgentRun, Step};
use crate::prompt;
use crate::settings::Budget;

/// Bytes of tool results in a conversation from which on older ones are shortened.
const RESULT_BYTES: usize = 48_000;

/// Where events go. The lease that fences them is the implementor's.
pub trait Journal: Send + Sync {
    /// Appends one event to a stream.
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        body: EventBody,
    ) -> BoxFuture<'a, Result<(), JournalError>>;
    /// The events of a stream that an earlier attempt left.
    fn earlier(&self, stream: &StreamName) -> Vec<EventBody>;
}

/// The event could not be appended: the lease is lost or the store is gone. The run stops at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// Checks claims. What it returns is cut.
pub trait Gate: Send + Sync {
    /// Checks the cause of a finding.
    fn finding(&self, stream: &StreamName, finding: &Finding) -> Vec<CutClaim>;
    /// Checks the causes of a conclusion.
    fn conclusion(&self, stream: &StreamName, conclusion: &Conclusion) -> Vec<CutClaim>;
}

/// Everything that the agents of one investigation share.
pub struct Crew {
    /// Definitions.
    pub agents: Arc<Agents>,
    /// The model.
    pub model: Arc<dyn ChatModel>,
    /// The event log.
    pub journal: Arc<dyn Journal>,
    /// The claim gate.
    pub gate: Arc<dyn Gate>,
    /// The cluster.
    pub workspace: Arc<Workspace>,
    /// The account.
    pub budget: Arc<Budget>,
    /// What is asked.
    pub subject: Subject,
    /// Triage's result.
    pub brief: Arc<Brief>,
    /// Evidence of the brief.
    pub evidence: Arc<Vec<Evidence>>,
    /// The clock of the cluster.
    pub clock: Clock,
    /// Name of the cluster.
    pub cluster: String,
    /// Findings so far, by stream.
    pub findings: Mutex<BTreeMap<String, Finding>>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `done`, `budget`, `deadline`, or the kind of the model's failure.
    pub reason: String,
    /// What the run and those that it consulted used.
    pub usage: Usage,
    /// The finding of a domain agent.
    pub finding: Option<Finding>,
    /// The conclusion of an orchestrator.
    pub conclusion: Option<Conclusion>,
}

/// One run under way.
struct Running<'a> {
    crew: &'a Crew,
    agent: &'a AgentDefinition,
    stream: StreamName,
    toolbox: Toolbox,
    specs: Vec<ToolSpec>,
    run: AgentRun,
    consulted: Usage,
    deadline: Instant,
}

impl Crew {
    /// Runs an agent to its end, or on from where an earlier attempt stopped.
    #[tracing::instrument(name = "invoke_agent", skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = %agent.name, stream = %stream))]
    pub async fn run(
        &self,
        agent: &AgentDefinition,
        stream: StreamName,
        question: Option<Redacted>,
    ) -> Result<Outcome, JournalError> {
        let toolbox = Toolbox::of(agent.tools.iter().map(String::as_str)).unwrap_or_default();
        let specs = agent.specs();
        let mut run = AgentRun::default();
        self.journal
            .earlier(&stream)
            .iter()
            .for_each(|event| run.apply(event));
        let patience = self.budget.settings().patience.max(0.01);
        let own = Duration::from_secs(agent.guardrails.deadline_s).mul_f64(patience);
        let deadline = Instant::now() + own.min(self.budget.time_left());
        let mut running = Running {
            crew: self,
            agent,
            stream,
            toolbox,
            specs,
            run,
            consulted: Usage::default(),
            deadline,
        };
        running.drive(question).await
    }

    /// The findings so far.
    pub fn findings(&self) -> BTreeMap<String, Finding> {
        self.findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Running<'_> {
    async fn drive(&mut self, question: Option<Redacted>) -> Result<Outcome, JournalError> {
        let mut reason = None;
        loop {
            let late = Instant::now() >= self.deadline || self.crew.budget.time_left().is_zero();
            let tight = late || self.crew.budget.share() >= 1.0;
            match self.run.next_step(&self.agent.guardrails, tight) {
                Step::Start => self.start(question.as_ref()).await?,
                Step::Done => break,
                Step::CallModel { .. } if late => {
                    reason = Some("deadline".to_owned());
                    break;
                }
                Step::CallModel { turn, forced } => {
                    if !self.ask(turn, forced).await? {
                        reason = Some("budget".to_owned());
                        break;
                    }
                }
                Step::CallTools { turn, calls } => self.answer(turn, calls).await?,
            }
        }
        self.end(reason).await
    }

    async fn append(&mut self, body: EventBody) -> Result<(), JournalError> {
        self.run.apply(&body);
        self.crew.journal.append(&self.stream, body).await
    }

    async fn start(&mut self, question: Option<&Redacted>) -> Result<(), JournalError> {
        let crew = self.crew;
        let rendered = prompt::system(self.agent, &crew.agents).and_then(|system| {
            let task = prompt::task(
                &crew.subject,
                &crew.brief,
                &crew.evidence,
                crew.clock.now(),
                &crew.cluster,
                question,
                &self.agent.skills,
            )?;
            Ok((system, task))
        });
        let (system, task) = match rendered {
            Ok(prompts) => prompts,
            Err(error) => {
                let message = Redacted::trusted(&error.to_string());
                self.append(EventBody::AgentStarted {
                    agent: self.agent.name.clone(),
                    system: Redacted::empty(),
                    task: Redacted::empty(),
                    tools: vec![],
                })
                .await?;
                return self
                    .append(EventBody::ModelFailed {
                        turn: 0,
                        kind: "prompt".to_owned(),
                        message,
                    })
                    .await;
            }
        };
        let tools = self.specs.iter().map(|spec| spec.name.clone()).collect();
        self.append(EventBody::AgentStarted {
            agent: self.agent.name.clone(),
            system,
            task,
            tools,
        })
        .await
    }

    /// Asks the model; `false` when the investigation's budget does not allow it.
    async fn ask(&mut self, turn: u32, forced: bool) -> Result<bool, JournalError> {
        let settings = *self.crew.budget.settings();
        let ending = self.agent.ending();
        let tools = if forced {
            self.specs
                .iter()
                .filter(|spec| spec.name == ending)
                .cloned()
                .collect()
        } else {
            self.specs.clone()
        };
        let left = self
            .deadline
            .saturating_duration_since(Instant::now())
            .min(self.crew.budget.time_left());
        let request = ChatRequest {
            model_alias: self.agent.model.clone(),
            messages: self.run.messages(&self.agent.guardrails, ending, RESULT_BYTES),
            tools,
            tool_choice: if forced {
                ToolChoice::Named(ending.to_owned())
            } else {
                ToolChoice::Auto
            },
            max_completion_tokens: Some(settings.max_completion_tokens),
            key: CallKey {
                stream: self.stream.clone(),
                turn,
            },
            deadline: settings.call_deadline.min(left),
        };
        let estimate = u64::try_from(llm::request_tokens(&request)).unwrap_or(u64::MAX);
        let reserved = estimate + u64::from(settings.max_completion_tokens);
        if !self.crew.budget.reserve(reserved) {
            return Ok(false);
        }
        let answered = self.crew.model.chat(&request).await;
        let used = answered.as_ref().map(|answer| answer.usage).unwrap_or_default();
        self.crew.budget.settle(reserved, &used);
        let redactor = self.crew.workspace.redactor();
        let body = match answered {
            Ok(answer) => EventBody::ModelAnswered {
                turn,
                text: answer.text.as_deref().map(|text| redactor.redact(text)),
                calls: unique(answer.calls.iter().map(|call| RequestedCall {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: calls::redact_arguments(redactor, &call.arguments),
                })),
                usage: answer.usage,
                forced,
            },
            Err(error) => EventBody::ModelFailed {
                turn,
                kind: error.kind().to_owned(),
                message: redactor.redact(&error.to_string()),
            },
        };
        self.append(body).await?;
        Ok(true)
    }

    async fn end(&mut self, reason: Option<String>) -> Result<Outcome, JournalError> {
        let complete = self.run.finding().is_some() || self.run.conclusion().is_some();
        let reason = match (complete, self.run.failure(), reason) {
            (true, ..) => "done".to_owned(),
            (false, Some(failure), _) => failure.to_owned(),
            (false, None, Some(reason)) => reason,
            (false, None, None) => "budget".to_owned(),
        };
        let mut usage = *self.run.usage();
        if !self.run.ended() {
            self.append(EventBody::AgentEnded {
                reason: reason.clone(),
                usage,
            })
            .await?;
        }
        usage.add(&self.consulted);
        metrics::counter!("dogwatch_agent_runs_total", "agent" => self.agent.name.clone(), "reason" => reason.clone()).increment(1);
        Ok(Outcome {
            reason,
            usage,
            finding: self.run.finding().cloned(),
            conclusion: self.run.conclusion().cloned(),
        })
    }
}

/// Gives repeated call ids of one answer a suffix: answers are matched by id.
fn unique(calls: impl Iterator<Item = RequestedCall>) -> Vec<RequestedCall> {
    let mut out: Vec<RequestedCall> = Vec::new();
    for mut call in calls {
        while out.iter().any(|known| known.id == call.id) {
            call.id.push('x');
        }
        out.push(call);
    }
    out
}
