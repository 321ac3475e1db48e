//! What a written report says, section by section, in the order in which the person on call needs it. It must not
//! know formats.

mod causes;
mod words;

use domain::{Change, Existence, Gap, ObjectRef, Redacted, Report, Usage};

use super::outline::{Block, Line, code, foreign, object, own};
use words::{change, confidence, kind, seconds, state, time, verdict};

/// Bytes of a changed value that are shown.
const VALUE_LIMIT: usize = 200;

/// The whole report.
pub(super) fn outline(report: &Report) -> Vec<Block> {
    let mut blocks = head(report);
    let mut section = |title: &'static str, items: Vec<Block>| {
        if !items.is_empty() {
            blocks.push(Block::Section(title));
            blocks.extend(items);
        }
    };
    section("Root causes", causes::root_causes(report));
    section("Hypotheses, not confirmed", causes::hypotheses(report));
    section("From cause to symptom", chain(&report.chain));
    section(
        "Affected",
        report.victims.iter().map(|o| Block::item(object(o))).collect(),
    );
    section("Named but not seen", unseen(report));
    section("Timeline", timeline(report));
    section(
        "Recent changes",
        report.changes.iter().flat_map(changed).collect(),
    );
    section("Next steps", said(&report.next_steps));
    section("Not seen", report.gaps.iter().flat_map(gap).collect());
    section("Left undone", said(&report.notes));
    section("Claims that were cut", causes::cut(report));
    section("Usage", usage(report));
    blocks
}

fn head(report: &Report) -> Vec<Block> {
    let told = own("Verdict: ")
        .own(verdict(report.verdict))
        .own(". State: ")
        .own(state(report.state))
        .own(". Confidence: ")
        .own(confidence(report.confidence.level))
        .own(".");
    let asked = own("Asked: ")
        .foreign(&report.title)
        .own(", in cluster ")
        .code(&report.cluster)
        .own(", at ")
        .own(time(report.started_at))
        .own(". ")
        .own(kind(report.kind));
    let mut blocks = vec![
        Block::Title(foreign(&report.headline)),
        Block::Paragraph(told),
        Block::Paragraph(asked),
    ];
    if !report.confidence.because.is_empty() {
        blocks.push(Block::Paragraph(own("The confidence follows from:")));
        let reasons = report.confidence.because.iter();
        blocks.extend(reasons.map(|reason| Block::item(foreign(&Redacted::trusted(reason)))));
    }
    blocks
}

fn chain(objects: &[ObjectRef]) -> Vec<Block> {
    if objects.is_empty() {
        return Vec::new();
    }
    let names = objects.iter().map(ObjectRef::to_string);
    vec![Block::Paragraph(Line::default().codes(names, " → "))]
}

/// Objects that the subject names and that are not there, or could not be looked for.
fn unseen(report: &Report) -> Vec<Block> {
    let tell = |existence| match existence {
        Existence::Exists => None,
        Existence::Absent => Some(" does not exist"),
        Existence::Unknown => Some(" could not be looked for"),
    };
    let subjects = report.subjects.iter();
    subjects
        .filter_map(|subject| Some(Block::item(object(&subject.object).own(tell(subject.existence)?))))
        .collect()
}

fn timeline(report: &Report) -> Vec<Block> {
    let entry = |entry: &domain::TimelineEntry| {
        let line = own(time(entry.at)).own(" ").object(&entry.object);
        Block::item(line.own(": ").foreign(&entry.what))
    };
    report.timeline.iter().map(entry).collect()
}

fn changed(changed: &Change) -> Vec<Block> {
    let at = changed.at.map_or_else(|| "time unknown".to_owned(), time);
    let mut line = own(at)
        .own(" ")
        .object(&changed.object)
        .own(format!(", {}: ", change(changed.kind)))
        .foreign(&changed.summary);
    if let Some(actor) = &changed.actor {
        line = line.own(", by ").code(actor);
    }
    let mut blocks = vec![Block::item(line)];
    for diff in &changed.diff {
        let line = code(&diff.field).own(": ");
        let line = value(line, diff.before.as_ref()).own(" → ");
        blocks.push(Block::detail(value(line, diff.after.as_ref())));
    }
    blocks
}

fn value(line: Line, value: Option<&Redacted>) -> Line {
    match value {
        Some(value) => line.code(value.truncated(VALUE_LIMIT).as_str()),
        None => line.own("(not set)"),
    }
}

fn said(texts: &[Redacted]) -> Vec<Block> {
    texts.iter().map(|text| Block::item(foreign(text))).collect()
}

fn gap(gap: &Gap) -> Vec<Block> {
    let what = Redacted::trusted(&gap.what);
    let line = foreign(&what).own(format!(" ({}): ", gap.reason));
    let mut blocks = vec![Block::item(line.foreign(&gap.message))];
    if let Some(command) = &gap.next_command {
        blocks.push(Block::detail(own("this would tell: ").code(command)));
    }
    blocks
}

fn usage(report: &Report) -> Vec<Block> {
    let Usage {
        model_calls,
        tool_calls,
        prompt_tokens,
        cached_tokens,
        completion_tokens,
        cost_micro_usd,
    } = report.usage;
    let brief = seconds(report.time_to_brief_ms);
    let whole = seconds(report.time_to_report_ms);
    let mut blocks = vec![Block::item(own(format!(
        "{brief} to the first answer, {whole} to the report"
    )))];
    if model_calls > 0 {
        let cost = cost_micro_usd.map_or_else(|| "price unknown".to_owned(), words::dollars);
        blocks.push(Block::item(own(format!(
            "{model_calls} model calls ({prompt_tokens} tokens sent, of them {cached_tokens} cached; \
             {completion_tokens} received), {tool_calls} tool calls, {cost}"
        ))));
    }
    let id = report.investigation.to_string();
    blocks.push(Block::item(own("investigation ").code(id)));
    blocks
}
