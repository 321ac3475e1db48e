//! Puts signals into the ledger: each becomes evidence that agents can cite.

use domain::{Evidence, LookupOutcome, Outcome, Redacted, Signal, StreamName};
use jiff::Timestamp;

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

/// The text form: the sentence, then one line per fact and look.
pub(crate) fn shown(signal: &Signal) -> Redacted {
    let mut text = signal.message.as_str().to_owned();
    for fact in &signal.facts {
        let time = fact.time.map_or_else(String::new, |time| {
            format!(" @ {}", time.strftime("%Y-%m-%dT%H:%M:%SZ"))
        });
        text.push_str(&format!(
            "\n{} · {} = {}{time}",
            fact.object,
            fact.path,
            fact.value.truncated(300)
        ));
    }
    for lookup in &signal.lookups {
        let outcome = match lookup.outcome {
            LookupOutcome::Found => "found",
            LookupOutcome::Empty => "absent (complete list)",
            LookupOutcome::CouldNotLook => "could not look",
        };
        text.push_str(&format!("\nlook: {} → {outcome}", lookup.scope));
    }
    Redacted::trusted(&text)
}
