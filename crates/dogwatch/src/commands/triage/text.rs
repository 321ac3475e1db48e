//! The brief as text for a terminal. Must not know where it comes from.

use std::fmt::Display;

use domain::{Brief, Change, Gap, Hypothesis, IncidentState, Params, Redacted};

/// Most entries of a section.
const LIMIT: usize = 6;
/// Most bytes of a line's free text.
const TEXT_LIMIT: usize = 300;

/// The brief, section by section; empty sections are left out.
pub(super) fn render(brief: &Brief) -> String {
    let state = match brief.state {
        IncidentState::Ongoing => "ongoing",
        IncidentState::Recovered => "recovered",
        IncidentState::Unknown => "state unknown",
    };
    let mut text = format!("{}\n{}, {state}\n", brief.headline, brief.verdict);
    section(&mut text, "Root causes", brief.root_causes.iter().map(hypothesis));
    let asserted = |candidate: &&Hypothesis| !brief.root_causes.contains(candidate);
    let others = brief.hypotheses.iter().filter(asserted);
    section(&mut text, "Other hypotheses", others.map(hypothesis));
    section(&mut text, "Victims", brief.victims.iter());
    section(&mut text, "Recent changes", brief.changes.iter().map(change));
    section(&mut text, "Not seen", brief.gaps.iter().map(gap));
    let timings = &brief.timings;
    text.push_str(&format!(
        "\n{} ms, {} requests; no model was asked\n",
        timings.total_ms, timings.api_requests
    ));
    text
}

fn section<T: Display>(text: &mut String, title: &str, lines: impl Iterator<Item = T>) {
    let lines: Vec<String> = lines.map(|line| line.to_string()).collect();
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}\n"));
    for line in lines.iter().take(LIMIT) {
        text.push_str(&format!("  {line}\n"));
    }
    if lines.len() > LIMIT {
        text.push_str(&format!("  and {} more\n", lines.len() - LIMIT));
    }
}

fn hypothesis(hypothesis: &Hypothesis) -> String {
    let Hypothesis {
        object,
        mechanism,
        params,
        why,
        ..
    } = hypothesis;
    format!("{object}: {mechanism}{}\n    {}", field(params), line(why))
}

fn field(params: &Params) -> String {
    let Some(field) = &params.field else {
        return String::new();
    };
    let part = |name: &str, value: &Option<Redacted>| {
        value
            .as_ref()
            .map_or_else(String::new, |value| format!(", {name} {}", line(value)))
    };
    format!(
        " ({field}{}{})",
        part("found", &params.found),
        part("expected", &params.expected)
    )
}

fn change(change: &Change) -> String {
    let at = change.at.map_or_else(String::new, |at| format!("{at} "));
    format!("{at}{}: {}", change.object, line(&change.summary))
}

fn gap(gap: &Gap) -> String {
    format!("{} ({}): {}", gap.what, gap.reason, line(&gap.message))
}

/// Text of others in one bounded line without control characters.
fn line(text: &Redacted) -> String {
    let short = text.truncated(TEXT_LIMIT);
    short
        .as_str()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
