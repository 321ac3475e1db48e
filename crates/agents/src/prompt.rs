//! Prompts: templates rendered with typed contexts. The system prompt of an agent is the same in every
//! investigation, so that providers can cache it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::{Brief, Evidence, Redacted, Subject};
use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::definition::{AgentDefinition, Agents, mechanisms};

#[derive(RustEmbed)]
#[folder = "../../prompts"]
#[include = "*.j2"]
struct Templates;

/// Signals whose evidence the brief shows in full.
const EVIDENCE_SHOWN: usize = 4;
/// Bytes of evidence text shown per signal.
const EVIDENCE_BYTES: usize = 1500;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    match SyntaxConfig::builder().trim_blocks(true).build() {
        Ok(syntax) => environment.set_syntax(syntax),
        Err(error) => tracing::error!(%error, "the template syntax is refused"),
    }
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    for name in Templates::iter() {
        if let Some(file) = Templates::get(&name) {
            let text = String::from_utf8_lossy(&file.data).into_owned();
            if let Err(error) = environment.add_template_owned(name.to_string(), text) {
                tracing::error!(template = %name, %error, "a shipped template does not parse");
            }
        }
    }
    environment
});

/// Why a prompt cannot be rendered.
#[derive(Debug, thiserror::Error)]
#[error("template {template}: {problem}")]
pub struct PromptError {
    /// Template.
    pub template: String,
    /// What is wrong.
    pub problem: String,
}

fn error(template: &str, error: &minijinja::Error) -> PromptError {
    PromptError {
        template: template.to_owned(),
        problem: error.to_string(),
    }
}

/// Whether a template exists and parses.
pub fn check(template: &str) -> Result<(), PromptError> {
    ENVIRONMENT
        .get_template(template)
        .map(|_| ())
        .map_err(|problem| error(template, &problem))
}

/// The text of a template.
pub(crate) fn source(template: &str) -> Option<String> {
    Templates::get(template).map(|file| String::from_utf8_lossy(&file.data).into_owned())
}

/// Names of all templates.
pub fn templates() -> Vec<String> {
    Templates::iter().map(|name| name.to_string()).collect()
}

#[derive(Serialize)]
struct Consultable<'a> {
    name: &'a str,
    description: &'a str,
}

/// The system prompt of an agent.
pub fn system(agent: &AgentDefinition, agents: &Agents) -> Result<Redacted, PromptError> {
    let consultable: Vec<Consultable<'_>> = agent
        .may_consult
        .iter()
        .filter_map(|name| agents.get(name))
        .map(|other| Consultable {
            name: &other.name,
            description: &other.description,
        })
        .collect();
    let mut by_category: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in mechanisms(&agent.handles) {
        if let Some((category, slug)) = id.split_once('/') {
            by_category.entry(category).or_default().push(slug);
        }
    }
    let by_category: BTreeMap<&str, String> = by_category
        .into_iter()
        .map(|(category, slugs)| (category, slugs.join(", ")))
        .collect();
    let context = context! { agent => Serde(agent), consultable => Serde(consultable), mechanisms => Serde(by_category) };
    render(&agent.prompt, context)
}

fn render(template: &str, context: minijinja::Value) -> Result<Redacted, PromptError> {
    let text = ENVIRONMENT
        .get_template(template)
        .and_then(|template| template.render(context))
        .map_err(|problem| error(template, &problem))?;
    Ok(Redacted::trusted(text.trim_end()))
}

#[derive(Serialize)]
struct ShownHypothesis {
    mechanism: String,
    object: String,
    score: f64,
    evidence: String,
    params: String,
}

#[derive(Serialize)]
struct ShownEvidence {
    id: String,
    shown: String,
}

/// The first user message: the brief, with the lead's question when there is one.
pub fn task(
    subject: &Subject,
    brief: &Brief,
    evidence: &[Evidence],
    now: Timestamp,
    cluster: &str,
    question: Option<&Redacted>,
    skills: &[String],
) -> Result<Redacted, PromptError> {
    let skills = crate::skills::called_for(skills, brief)
        .iter()
        .map(|template| render(template, context! {}).map(|text| text.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    let shown: Vec<ShownEvidence> = evidence
        .iter()
        .take(EVIDENCE_SHOWN)
        .map(|evidence| ShownEvidence {
            id: evidence.id.to_string(),
            shown: evidence.shown.truncated(EVIDENCE_BYTES).to_string(),
        })
        .collect();
    let hypotheses: Vec<ShownHypothesis> = brief.hypotheses.iter().take(5).map(shown_hypothesis).collect();
    let changes: Vec<String> = brief
        .changes
        .iter()
        .take(6)
        .map(|change| {
            let at = change
                .at
                .map_or_else(String::new, |at| format!("{} ", at.strftime("%m-%dT%H:%M:%SZ")));
            let diff = change.diff.iter().take(3).map(|field| {
                let text = |value: &Option<Redacted>| {
                    value
                        .as_ref()
                        .map_or_else(|| "(unset)".to_owned(), |value| value.truncated(80).to_string())
                };
                format!(
                    "; {}: {} -> {}",
                    field.field,
                    text(&field.before),
                    text(&field.after)
                )
            });
            format!(
                "{at}{}{}",
                change.summary.truncated(160),
                diff.collect::<String>()
            )
        })
        .collect();
    let context = context! {
        question => question.map(Redacted::as_str),
        title => subject.title().as_str(),
        labels => Serde(labels(subject)),
        now => now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        onset => subject.onset().map(|onset| onset.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        cluster => cluster,
        subjects => brief.subjects.iter().map(|subject| format!("{} ({})", subject.object, subject.how)).collect::<Vec<_>>(),
        verdict => brief.verdict.to_string(),
        state => serde_json::to_value(brief.state).ok().and_then(|state| state.as_str().map(str::to_owned)).unwrap_or_default(),
        headline => brief.headline.truncated(500).as_str(),
        hypotheses => Serde(hypotheses),
        changes => changes,
        edges => edges(brief),
        gaps => brief.gaps.iter().take(8).map(|gap| format!("{}: {}", gap.what, gap.reason)).collect::<Vec<_>>(),
        evidence => Serde(shown),
        skills => skills,
    };
    render("partials/brief.md.j2", context)
}

fn shown_hypothesis(hypothesis: &domain::Hypothesis) -> ShownHypothesis {
    let params = &hypothesis.params;
    let part = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
    let parts = [
        part("field", params.field.as_deref()),
        part("found", params.found.as_ref().map(Redacted::as_str)),
        part("expected", params.expected.as_ref().map(Redacted::as_str)),
    ];
    ShownHypothesis {
        mechanism: hypothesis.mechanism.to_string(),
        object: hypothesis.object.to_string(),
        score: hypothesis.score,
        evidence: hypothesis
            .evidence
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        params: parts.into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

/// Labels and annotations of the first alert that say something to a reader.
fn labels(subject: &Subject) -> BTreeMap<String, String> {
    const QUIET: &[&str] = &[
        "alertname",
        "runbook_url",
        "prometheus",
        "endpoint",
        "instance",
        "uid",
    ];
    let Subject::Alerts { alerts } = subject else {
        return BTreeMap::new();
    };
    let Some(alert) = alerts.first() else {
        return BTreeMap::new();
    };
    alert
        .labels
        .iter()
        .chain(&alert.annotations)
        .filter(|(name, _)| !QUIET.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.truncated(300).to_string()))
        .collect()
}

/// The dependencies as `a -> b, c`, one line per object.
fn edges(brief: &Brief) -> Vec<String> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for edge in &brief.topology.edges {
        if matches!(
            edge.kind,
            domain::EdgeKind::Calls
                | domain::EdgeKind::Selects
                | domain::EdgeKind::Routes
                | domain::EdgeKind::Mounts
                | domain::EdgeKind::ReleasedBy
        ) {
            lines
                .entry(edge.from.to_string())
                .or_default()
                .push(edge.to.to_string());
        }
    }
    lines
        .into_iter()
        .take(14)
        .map(|(from, to)| format!("{from} -> {}", to.join(", ")))
        .collect()
}
