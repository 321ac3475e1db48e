//! An agent run as a pure machine: a fold over its events that says what to do next. It performs nothing.

use std::collections::BTreeMap;

use domain::event::{EventBody, RequestedCall};
use domain::{Conclusion, Finding, Redacted, Usage};
use llm::Message;
use serde::{Deserialize, Serialize};

use crate::definition::Guardrails;

/// Share of a budget from which on the agent is told to conclude.
const WARN_SHARE: f64 = 0.8;

/// State of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentRun {
    system: Redacted,
    task: Redacted,
    started: bool,
    turns: Vec<Turn>,
    failure: Option<String>,
    finding: Option<Finding>,
    conclusion: Option<Conclusion>,
    gated: bool,
    ended: bool,
    usage: Usage,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Turn {
    text: Option<Redacted>,
    calls: Vec<RequestedCall>,
    answers: BTreeMap<String, Answer>,
    forced: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    shown: Redacted,
    refused: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Append the start with the rendered prompts.
    Start,
    /// Ask the model for this turn; `forced`: only the ending tool may be called.
    CallModel {
        /// Turn, from 1.
        turn: u32,
        /// Whether it is the last chance.
        forced: bool,
    },
    /// Answer these calls of the turn; the number is the call's place in the run, from 1.
    CallTools {
        /// Turn, from 1.
        turn: u32,
        /// Calls without an answer.
        calls: Vec<(usize, RequestedCall)>,
    },
    /// The run is over.
    Done,
}

impl AgentRun {
    /// Takes in one event of the run's stream.
    pub fn apply(&mut self, event: &EventBody) {
        match event {
            EventBody::AgentStarted { system, task, .. } => {
                self.system = system.clone();
                self.task = task.clone();
                self.started = true;
            }
            EventBody::ModelAnswered {
                text,
                calls,
                usage,
                forced,
                ..
            } => {
                self.usage.add(usage);
                self.turns.push(Turn {
                    text: text.clone(),
                    calls: calls.clone(),
                    answers: BTreeMap::new(),
                    forced: *forced,
                });
            }
            EventBody::ModelFailed { kind, .. } => self.failure = Some(kind.clone()),
            EventBody::ToolAnswered {
                turn,
                call_id,
                shown,
                refused,
                ..
            } => {
                let index = usize::try_from(*turn).unwrap_or(1).saturating_sub(1);
                if let Some(turn) = self.turns.get_mut(index) {
                    turn.answers.insert(
                        call_id.clone(),
                        Answer {
                            shown: shown.clone(),
                            refused: *refused,
                        },
                    );
                    self.usage.tool_calls += 1;
                }
            }
            EventBody::FindingReported { finding } => self.finding = Some((**finding).clone()),
            EventBody::Concluded { conclusion, .. } => self.conclusion = Some((**conclusion).clone()),
            EventBody::Gated { .. } => self.gated = true,
            EventBody::AgentEnded { .. } => self.ended = true,
            _ => {}
        }
    }

    /// What to do next under these limits; `tight` when a budget outside the run is used up.
    pub fn next_step(&self, limits: &Guardrails, tight: bool) -> Step {
        if !self.started {
            return Step::Start;
        }
        if self.ended || self.failure.is_some() || self.finding.is_some() || self.conclusion.is_some() {
            return Step::Done;
        }
        let turn = u32::try_from(self.turns.len()).unwrap_or(u32::MAX);
        if let Some(last) = self.turns.last() {
            let open = self.open_calls(last);
            if !open.is_empty() {
                return Step::CallTools { turn, calls: open };
            }
        }
        let spent = turn >= limits.max_turns || self.usage.tokens() >= limits.max_tokens || tight;
        let used_calls = self.usage.tool_calls >= u64::from(limits.max_tool_calls);
        let last_turn = turn + 1 >= limits.max_turns;
        match (self.turns.last().is_some_and(|last| last.forced), spent) {
            (true, _) => Step::Done,
            (false, true) => Step::CallModel {
                turn: turn + 1,
                forced: true,
            },
            (false, false) => Step::CallModel {
                turn: turn + 1,
                forced: used_calls || last_turn,
            },
        }
    }

    fn open_calls(&self, last: &Turn) -> Vec<(usize, RequestedCall)> {
        let before: usize = self.turns.iter().map(|turn| turn.calls.len()).sum::<usize>() - last.calls.len();
        last.calls
            .iter()
            .enumerate()
            .filter(|(_, call)| !last.answers.contains_key(&call.id))
            .map(|(index, call)| (before + index + 1, call.clone()))
            .collect()
    }

    /// The conversation so far. Older results are replaced by a pointer once the whole exceeds `bytes`.
    pub fn messages(&self, limits: &Guardrails, ending: &str, bytes: usize) -> Vec<Message> {
        let size: usize = self
            .turns
            .iter()
            .flat_map(|turn| turn.answers.values())
            .map(|answer| answer.shown.as_str().len())
            .sum();
        let trim = size > bytes;
        let mut messages = vec![
            Message::System(self.system.clone()),
            Message::User(self.task.clone()),
        ];
        for (index, turn) in self.turns.iter().enumerate() {
            messages.push(Message::Assistant {
                text: turn.text.clone(),
                calls: turn.calls.clone(),
            });
            let old = trim && index + 2 < self.turns.len();
            for call in &turn.calls {
                let Some(answer) = turn.answers.get(&call.id) else {
                    continue;
                };
                let text = if old {
                    answer.shown.truncated(300)
                } else {
                    answer.shown.clone()
                };
                messages.push(Message::Tool {
                    call_id: call.id.clone(),
                    text,
                });
            }
            if turn.calls.is_empty() {
                messages.push(Message::User(Redacted::trusted(&format!(
                    "Answer with tool calls; end with {ending}."
                ))));
            }
        }
        if let Some(hint) = self.hint(limits, ending) {
            messages.push(Message::User(hint));
        }
        messages
    }

    /// What is left, and from 80 % of turns or tokens on: conclude.
    fn hint(&self, limits: &Guardrails, ending: &str) -> Option<Redacted> {
        let turns = f64::from(u32::try_from(self.turns.len()).unwrap_or(u32::MAX))
            / f64::from(limits.max_turns.max(1));
        let share = |part: u64, whole: u64| {
            f64::from(u32::try_from(part).unwrap_or(u32::MAX))
                / f64::from(u32::try_from(whole.max(1)).unwrap_or(u32::MAX))
        };
        let tokens = share(self.usage.tokens(), limits.max_tokens);
        let left = u64::from(limits.max_tool_calls).saturating_sub(self.usage.tool_calls);
        (!self.turns.is_empty()).then(|| {
            Redacted::trusted(&if turns.max(tokens) >= WARN_SHARE || left == 0 {
                format!("Your budget is nearly used up: call {ending} now with what is proven.")
            } else {
                format!("Tool calls left: {left}.")
            })
        })
    }

    /// Whether the ending tool was refused before: the one repair turn is used.
    pub fn was_refused(&self, ending: &str) -> bool {
        self.turns.iter().any(|turn| {
            turn.calls.iter().any(|call| {
                call.name == ending && turn.answers.get(&call.id).is_some_and(|answer| answer.refused)
            })
        })
    }

    /// An earlier answer to the same call with the same arguments.
    pub fn earlier_answer(&self, call: &RequestedCall) -> Option<&Redacted> {
        self.turns.iter().find_map(|turn| {
            let same = turn.calls.iter().find(|known| {
                known.id != call.id && known.name == call.name && known.arguments == call.arguments
            })?;
            turn.answers
                .get(&same.id)
                .filter(|answer| !answer.refused)
                .map(|answer| &answer.shown)
        })
    }

    /// How often an agent was consulted before this call of the run.
    pub fn consults_before(&self, agent: &str, place: usize) -> usize {
        self.turns
            .iter()
            .flat_map(|turn| &turn.calls)
            .take(place.saturating_sub(1))
            .filter(|call| {
                call.name == "consult" && call.arguments.as_str().contains(&format!("\"{agent}\""))
            })
            .count()
    }

    /// What the run used.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Why the model could not be asked.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The finding, once reported.
    pub fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    /// The conclusion, once there.
    pub fn conclusion(&self) -> Option<&Conclusion> {
        self.conclusion.as_ref()
    }

    /// Whether the end was noted.
    pub fn ended(&self) -> bool {
        self.ended
    }
}
