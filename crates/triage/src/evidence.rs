//! Puts signals into the ledger: each becomes evidence that agents can cite.

use domain::{Evidence, Outcome, Redacted, Signal, StreamName};
use jiff::Timestamp;

/// Most bytes of a signal's text.
const TEXT_LIMIT: usize = 3000;

/// Gives every signal an id and returns the evidence, in the same order. The same signals give the same evidence,
/// so that a resumed investigation can make it anew from its brief.
pub fn store(signals: &mut [Signal], at: Timestamp) -> Vec<Evidence> {
    let stream = StreamName("triage".to_owned());
    signals
        .iter_mut()
        .enumerate()
        .map(|(index, signal)| {
            let id = stream.evidence(index + 1);
            signal.evidence = Some(id.clone());
            Evidence {
                id,
                tool: format!("triage.{}", signal.detector),
                arguments: Redacted::trusted("{}"),
                outcome: Outcome::Found,
                at,
                facts: signal.facts.clone(),
                lookups: signal.lookups.clone(),
                shown: shown(signal),
                truncated: false,
            }
        })
        .collect()
}

/// The text form: the sentence, then facts and looks as tools show them.
fn shown(signal: &Signal) -> Redacted {
    let (facts, _) =
        domain::evidence::render(&Outcome::Found, &signal.facts, &signal.lookups, &[], TEXT_LIMIT);
    Redacted::join([&signal.message, &facts], "\n")
}
