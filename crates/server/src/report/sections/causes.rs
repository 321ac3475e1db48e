//! What is asserted, what is only supposed, and what was cut.

use domain::{Citation, Claim, CutClaim, EvidenceId, Hypothesis, MechanismId, Params, Report, RootCause};

use super::VALUE_LIMIT;
use crate::report::outline::{Block, Line, code, foreign, object, own};

pub(super) fn root_causes(report: &Report) -> Vec<Block> {
    report.root_causes.iter().flat_map(root_cause).collect()
}

fn root_cause(cause: &RootCause) -> Vec<Block> {
    let mut blocks = vec![Block::item(named(object(&cause.object), &cause.mechanism))];
    blocks.extend(fields(&cause.params));
    blocks.push(Block::detail(own("why: ").foreign(&cause.why)));
    blocks.extend(cause.claims.iter().map(claim));
    blocks.extend(evidence(&cause.evidence));
    blocks
}

pub(super) fn hypotheses(report: &Report) -> Vec<Block> {
    report.hypotheses.iter().flat_map(hypothesis).collect()
}

fn hypothesis(hypothesis: &Hypothesis) -> Vec<Block> {
    let line = named(object(&hypothesis.object), &hypothesis.mechanism);
    let mut blocks = vec![Block::item(line.own(format!(", score {:.2}", hypothesis.score)))];
    blocks.extend(fields(&hypothesis.params));
    blocks.push(Block::detail(own("why: ").foreign(&hypothesis.why)));
    blocks.extend(evidence(&hypothesis.evidence));
    blocks
}

pub(super) fn cut(report: &Report) -> Vec<Block> {
    report.cut.iter().map(cut_claim).collect()
}

fn cut_claim(cut: &CutClaim) -> Block {
    let line = foreign(&cut.statement)
        .own(" (")
        .object(&cut.object)
        .own(", by ")
        .code(&cut.stream);
    let line = line.own(format!("): {}: ", cut.reason));
    Block::item(line.foreign(&cut.detail))
}

fn named(line: Line, mechanism: &MechanismId) -> Line {
    let title = mechanism.entry().map_or("", |entry| entry.title);
    line.own(format!(": {title} (")).code(mechanism.as_str()).own(")")
}

/// Field, found and expected in one line, then what else identifies the fault.
fn fields(params: &Params) -> Vec<Block> {
    let shown = |value: &domain::Redacted| value.truncated(VALUE_LIMIT).as_str().to_owned();
    let parts = [
        ("field ", params.field.clone()),
        ("found ", params.found.as_ref().map(shown)),
        ("expected ", params.expected.as_ref().map(shown)),
    ];
    let given = parts.into_iter().filter_map(|(word, value)| Some((word, value?)));
    let line = given.fold(Line::default(), |line, (word, value)| {
        let line = if line.spans.is_empty() {
            line
        } else {
            line.own(", ")
        };
        line.own(word).code(value)
    });
    let mut blocks = Vec::new();
    if !line.spans.is_empty() {
        blocks.push(Block::detail(line));
    }
    let more = params.more.iter();
    blocks.extend(more.map(|(name, value)| Block::detail(code(name).own(": ").code(shown(value)))));
    blocks
}

fn claim(claim: &Claim) -> Block {
    let line = foreign(&claim.statement).own(" (").object(&claim.object).own(")");
    let line = claim.cites.iter().enumerate().fold(line, |line, (index, cited)| {
        let line = line.own(if index == 0 { ", see " } else { "; " });
        citation(line, cited)
    });
    Block::detail(line)
}

fn citation(line: Line, cited: &Citation) -> Line {
    let mut line = line.code(&cited.evidence.0);
    if !cited.path.is_empty() {
        line = line.own(" ").code(&cited.path).own(" = ");
        line = line.code(cited.value.truncated(VALUE_LIMIT).as_str());
    }
    match &cited.quote {
        Some(quote) => line.own(", “").foreign(&quote.truncated(VALUE_LIMIT)).own("”"),
        None => line,
    }
}

fn evidence(ids: &[EvidenceId]) -> Option<Block> {
    let names = ids.iter().map(EvidenceId::to_string);
    (!ids.is_empty()).then(|| Block::detail(own("evidence: ").codes(names, ", ")))
}
