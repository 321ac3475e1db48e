//! Answers the calls of one turn: tools and consultations in parallel, then the ending.

use domain::event::{EventBody, RequestedCall};
use domain::{Evidence, Redacted, Redactor, StreamName, Usage};
use futures::future::{BoxFuture, join_all};
use serde_json::Value;
use tools::ToolError;

use super::{JournalError, Running};
use crate::definition::Role;
use crate::endings::{self, ConsultArgs, Reader};

/// What became of one call.
struct Answered {
    shown: Redacted,
    refused: bool,
    evidence: Option<Evidence>,
    usage: Usage,
}

impl Answered {
    fn refused(text: &str) -> Self {
        Self {
            shown: Redacted::trusted(text),
            refused: true,
            evidence: None,
            usage: Usage::default(),
        }
    }
}

/// Redacts the texts inside a model's JSON arguments, so that they stay JSON.
pub(super) fn redact_arguments(redactor: &Redactor, arguments: &str) -> Redacted {
    fn walk(value: &mut Value, redactor: &Redactor) {
        match value {
            Value::String(text) => *text = redactor.redact(text).as_str().to_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, redactor)),
            Value::Object(map) => map.values_mut().for_each(|below| walk(below, redactor)),
            _ => {}
        }
    }
    match serde_json::from_str::<Value>(arguments) {
        Ok(mut value) => {
            walk(&mut value, redactor);
            Redacted::trusted(&value.to_string())
        }
        Err(_) => redactor.redact(arguments),
    }
}

impl Running<'_> {
    /// Answers the open calls of a turn. A run that asks for its end along with other calls gets those answered
    /// first and is asked to end again.
    pub(super) async fn answer(
        &mut self,
        turn: u32,
        calls: Vec<(usize, RequestedCall)>,
    ) -> Result<(), JournalError> {
        let ending = self.agent.ending();
        let budget_left =
            u64::from(self.agent.guardrails.max_tool_calls).saturating_sub(self.run.usage().tool_calls);
        let allowed = usize::try_from(budget_left).unwrap_or(usize::MAX);
        let (endings, others): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|(_, call)| call.name == ending);
        let (now, beyond) = others.split_at(others.len().min(allowed));
        let answers = join_all(now.iter().map(|(place, call)| self.perform(*place, call))).await;
        for ((_, call), answered) in now.iter().zip(answers) {
            let answered = answered?;
            self.consulted.add(&answered.usage);
            self.store(turn, call, answered).await?;
        }
        for (_, call) in beyond {
            let text = format!("your tool calls are used up; call {ending}");
            self.store(turn, call, Answered::refused(&text)).await?;
        }
        for (index, (_, call)) in endings.iter().enumerate() {
            if index > 0 {
                self.store(turn, call, Answered::refused("only one is needed"))
                    .await?;
            } else {
                self.finish(turn, call).await?;
            }
        }
        Ok(())
    }

    async fn store(
        &mut self,
        turn: u32,
        call: &RequestedCall,
        answered: Answered,
    ) -> Result<(), JournalError> {
        let id = answered.evidence.as_ref().map(|evidence| evidence.id.clone());
        if let Some(evidence) = answered.evidence {
            let known = self.crew.workspace.recall(&evidence.id.0).is_some();
            self.crew.workspace.remember(&evidence);
            if !known {
                self.append(EventBody::EvidenceStored {
                    evidence: Box::new(evidence),
                })
                .await?;
            }
        }
        let (call_id, tool) = (call.id.clone(), call.name.clone());
        self.append(EventBody::ToolAnswered {
            turn,
            call_id,
            tool,
            evidence: id,
            shown: answered.shown,
            refused: answered.refused,
        })
        .await
    }

    fn perform<'b>(
        &'b self,
        place: usize,
        call: &'b RequestedCall,
    ) -> BoxFuture<'b, Result<Answered, JournalError>> {
        Box::pin(async move {
            if let Some(earlier) = self.run.earlier_answer(call) {
                let mut shown = Redacted::trusted("you asked this before; the answer was:\n");
                shown.push(&earlier.truncated(800));
                return Ok(Answered {
                    shown,
                    refused: false,
                    evidence: None,
                    usage: Usage::default(),
                });
            }
            if call.name == "consult" && !self.agent.may_consult.is_empty() {
                return self.consult(place, call).await;
            }
            Ok(self.tool(place, call).await)
        })
    }

    async fn tool(&self, place: usize, call: &RequestedCall) -> Answered {
        let id = self.stream.evidence(place);
        if let Some(stored) = self.crew.workspace.recall(&id.0) {
            return shown(stored);
        }
        match self
            .toolbox
            .call(&call.name, &call.arguments, &self.crew.workspace)
            .await
        {
            Ok(called) => shown(Evidence {
                id,
                tool: call.name.clone(),
                arguments: call.arguments.clone(),
                outcome: called.outcome,
                at: self.crew.clock.now(),
                facts: called.facts,
                lookups: called.lookups,
                shown: called.shown,
                truncated: called.truncated,
            }),
            Err(ToolError::RespondToModel(text)) => Answered::refused(&text),
        }
    }

    async fn consult(&self, place: usize, call: &RequestedCall) -> Result<Answered, JournalError> {
        let args: ConsultArgs = match endings::parse(&call.arguments) {
            Ok(args) => args,
            Err(complaint) => return Ok(Answered::refused(&complaint)),
        };
        let permitted = self.agent.may_consult.iter().any(|name| name == &args.agent);
        let Some(other) = self.crew.agents.get(&args.agent).filter(|_| permitted) else {
            let text = format!(
                "there is no agent `{}` to consult; there are: {}",
                args.agent,
                self.agent.may_consult.join(", ")
            );
            return Ok(Answered::refused(&text));
        };
        let ordinal = self.run.consults_before(&args.agent, place) + 1;
        let stream = StreamName(format!("{}-{ordinal}", args.agent));
        let question = self
            .crew
            .workspace
            .redactor()
            .redact(&args.question)
            .truncated(1500);
        let outcome = self.crew.run(other, stream.clone(), Some(question)).await?;
        let shown = match &outcome.finding {
            Some(finding) => {
                if let Ok(mut findings) = self.crew.findings.lock() {
                    findings.insert(stream.0.clone(), finding.clone());
                }
                endings::show(&stream.0, finding)
            }
            None => Redacted::trusted(&format!("{stream} ended without a finding ({})", outcome.reason)),
        };
        Ok(Answered {
            shown,
            refused: false,
            evidence: None,
            usage: outcome.usage,
        })
    }

    /// The ending tool: what does not fit or does not stand is sent back once.
    async fn finish(&mut self, turn: u32, call: &RequestedCall) -> Result<(), JournalError> {
        let findings = self.crew.findings();
        let redactor = self.crew.workspace.redactor().clone();
        let reader = Reader {
            redactor: &redactor,
            findings: &findings,
        };
        let repaired = self.run.was_refused(self.agent.ending());
        if self.agent.role == Role::Domain {
            match reader.finding(&call.arguments) {
                Err(complaint) => self.store(turn, call, Answered::refused(&complaint)).await,
                Ok(finding) => {
                    let cut = self.crew.gate.finding(&self.stream, &finding);
                    if !cut.is_empty() && !repaired {
                        return self.send_back(turn, call, &cut).await;
                    }
                    self.append(EventBody::FindingReported {
                        finding: Box::new(finding),
                    })
                    .await
                }
            }
        } else {
            match reader.conclusion(&call.arguments) {
                Err(complaint) => self.store(turn, call, Answered::refused(&complaint)).await,
                Ok(conclusion) => {
                    let cut = self.crew.gate.conclusion(&self.stream, &conclusion);
                    let clean = cut.is_empty();
                    if !clean && !repaired {
                        self.append(EventBody::Gated {
                            cut: cut.clone(),
                            clean,
                        })
                        .await?;
                        return self.send_back(turn, call, &cut).await;
                    }
                    self.append(EventBody::Concluded {
                        conclusion: Box::new(conclusion),
                        repaired,
                    })
                    .await
                }
            }
        }
    }

    async fn send_back(
        &mut self,
        turn: u32,
        call: &RequestedCall,
        cut: &[domain::CutClaim],
    ) -> Result<(), JournalError> {
        let shown = endings::complaint(cut);
        self.store(
            turn,
            call,
            Answered {
                shown,
                refused: true,
                evidence: None,
                usage: Usage::default(),
            },
        )
        .await
    }
}

/// Evidence as the model sees it: fenced, under its id.
fn shown(evidence: Evidence) -> Answered {
    let mut text = Redacted::trusted(&format!("<data id=\"{}\">\n", evidence.id));
    text.push(&evidence.shown);
    text.push(&Redacted::trusted("\n</data>"));
    Answered {
        shown: text,
        refused: false,
        evidence: Some(evidence),
        usage: Usage::default(),
    }
}
