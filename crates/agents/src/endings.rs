//! The tools that end a run and the one that asks another agent: their arguments, and what becomes of them.

use std::collections::BTreeMap;

use domain::mechanism;
use domain::{
    Citation, Claim, ClaimKind, Conclusion, CutClaim, EvidenceId, Finding, FindingStatus, IncidentState,
    MechanismId, ObjectRef, Params, ProposedCause, Redacted, Redactor, Verdict,
};
use llm::{ToolSpec, tool_schema};
use schemars::JsonSchema;
use serde::Deserialize;

/// A question to another agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsultArgs {
    /// Name of the agent.
    pub(crate) agent: String,
    /// What to verify or find, with the names of the objects.
    pub(crate) question: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ObjectArgs {
    kind: String,
    #[serde(default)]
    namespace: String,
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CiteArgs {
    /// e.g. storage-1.e2
    evidence: String,
    /// Left of the = (not for absent claims)
    #[serde(default)]
    path: String,
    /// Right of the =
    #[serde(default)]
    value: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClaimArgs {
    statement: String,
    object: ObjectArgs,
    /// True when you claim that the object does not exist.
    #[serde(default)]
    absent: bool,
    cites: Vec<CiteArgs>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CauseArgs {
    claims: Vec<ClaimArgs>,
    /// The one whose edit heals; Helm releases are kind Release.
    object: ObjectArgs,
    /// category/slug
    mechanism: String,
    /// The wrong field of that object.
    #[serde(default)]
    field: String,
    #[serde(default)]
    found: String,
    #[serde(default)]
    expected: String,
    /// How it led to the symptoms.
    explanation: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindingArgs {
    status: FindingStatus,
    #[serde(default)]
    cause: Option<CauseArgs>,
    summary: String,
    /// Alternatives you refuted, with evidence ids.
    #[serde(default)]
    ruled_out: Vec<String>,
    /// What you could not see.
    #[serde(default)]
    gaps: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConcludeArgs {
    verdict: Verdict,
    state: IncidentState,
    /// Findings whose causes you take over with fields and claims, e.g. storage-1; leave `causes` out then.
    #[serde(default)]
    adopt: Vec<String>,
    /// Causes in your own words.
    #[serde(default)]
    causes: Vec<CauseArgs>,
    /// Workloads and services that suffer without being at fault.
    #[serde(default)]
    victims: Vec<ObjectArgs>,
    /// One sentence for the person on call.
    headline: String,
    next_steps: Vec<String>,
    #[serde(default)]
    open_questions: Vec<String>,
}

/// The spec of a tool of this module.
pub(crate) fn spec(name: &str) -> Option<ToolSpec> {
    let (description, parameters) = match name {
        "consult" => (
            "Ask another agent; it looks and reports a finding.",
            tool_schema::<ConsultArgs>(),
        ),
        "report_finding" => ("Ends your work.", tool_schema::<FindingArgs>()),
        "conclude" => ("Ends the investigation.", tool_schema::<ConcludeArgs>()),
        _ => return None,
    };
    Some(ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
    })
}

/// Parses arguments; the error is written for the model.
pub(crate) fn parse<T: for<'de> Deserialize<'de>>(arguments: &Redacted) -> Result<T, String> {
    serde_json::from_str(arguments.as_str()).map_err(|error| format!("the arguments do not fit: {error}"))
}

/// Turns a model's words into vocabulary, redacting its free text.
pub(crate) struct Reader<'a> {
    pub(crate) redactor: &'a Redactor,
    /// Findings so far, for adoption.
    pub(crate) findings: &'a BTreeMap<String, Finding>,
}

impl Reader<'_> {
    fn text(&self, text: &str) -> Redacted {
        self.redactor.redact(text).truncated(1200)
    }

    fn object(&self, args: &ObjectArgs) -> ObjectRef {
        let kind = cluster::kinds::find(&args.kind).map_or(args.kind.as_str(), |kind| kind.kind);
        let kind = if kind.eq_ignore_ascii_case("helmrelease") || kind.eq_ignore_ascii_case("release") {
            "Release"
        } else {
            kind
        };
        let namespaced = cluster::kinds::find(kind).is_none_or(|kind| kind.namespaced);
        ObjectRef::of(kind, if namespaced { &args.namespace } else { "" }, &args.name)
    }

    fn claim(&self, args: &ClaimArgs) -> Claim {
        let cite = |cite: &CiteArgs| Citation {
            evidence: EvidenceId(cite.evidence.clone()),
            path: cite.path.clone(),
            value: self.text(&cite.value),
            quote: None,
        };
        Claim {
            statement: self.text(&args.statement),
            kind: if args.absent {
                ClaimKind::Absent
            } else {
                ClaimKind::Present
            },
            object: self.object(&args.object),
            cites: args.cites.iter().map(cite).collect(),
        }
    }

    fn cause(&self, args: &CauseArgs) -> Result<ProposedCause, String> {
        let mechanism: MechanismId = args
            .mechanism
            .parse()
            .map_err(|_| unknown_mechanism(&args.mechanism))?;
        let set = |text: &str| (!text.is_empty()).then(|| self.text(text));
        Ok(ProposedCause {
            object: self.object(&args.object),
            mechanism,
            params: Params {
                field: (!args.field.is_empty()).then(|| args.field.clone()),
                found: set(&args.found),
                expected: set(&args.expected),
                more: BTreeMap::new(),
            },
            explanation: self.text(&args.explanation),
            claims: args.claims.iter().map(|claim| self.claim(claim)).collect(),
            cause_time: None,
            effect_time: None,
        })
    }

    /// Reads `report_finding`.
    pub(crate) fn finding(&self, arguments: &Redacted) -> Result<Finding, String> {
        let args: FindingArgs = parse(arguments)?;
        let cause = args.cause.as_ref().map(|cause| self.cause(cause)).transpose()?;
        if args.status == FindingStatus::Cause && cause.is_none() {
            return Err("status is cause, but `cause` is missing".to_owned());
        }
        Ok(Finding {
            status: args.status,
            summary: self.text(&args.summary),
            claims: Vec::new(),
            cause: cause.filter(|_| args.status == FindingStatus::Cause),
            ruled_out: args.ruled_out.iter().map(|text| self.text(text)).collect(),
            gaps: args.gaps.iter().map(|text| self.text(text)).collect(),
        })
    }

    /// Reads `conclude`.
    pub(crate) fn conclusion(&self, arguments: &Redacted) -> Result<Conclusion, String> {
        let args: ConcludeArgs = parse(arguments)?;
        let mut causes: Vec<ProposedCause> = Vec::new();
        for name in &args.adopt {
            let finding = self.findings.get(name).ok_or_else(|| {
                let known = self.findings.keys().cloned().collect::<Vec<_>>().join(", ");
                format!("adopt: there is no finding `{name}`; there are: {known}")
            })?;
            let cause = finding
                .cause
                .clone()
                .ok_or_else(|| format!("adopt: the finding `{name}` proposes no cause"))?;
            if !causes
                .iter()
                .any(|known| known.object == cause.object && known.mechanism == cause.mechanism)
            {
                causes.push(cause);
            }
        }
        for cause in &args.causes {
            let cause = self.cause(cause)?;
            match causes
                .iter_mut()
                .find(|known| known.object == cause.object && known.mechanism == cause.mechanism)
            {
                Some(known) => known.claims.extend(cause.claims),
                None => causes.push(cause),
            }
        }
        match (args.verdict, causes.is_empty()) {
            (Verdict::RootCause, true) => {
                return Err(
                    "verdict is root_cause, but there is no cause: adopt a finding or give `causes`"
                        .to_owned(),
                );
            }
            (Verdict::NotAnIssue | Verdict::Inconclusive, false) => causes.clear(),
            _ => {}
        }
        Ok(Conclusion {
            verdict: args.verdict,
            state: args.state,
            headline: self.text(&args.headline),
            causes,
            victims: args.victims.iter().map(|victim| self.object(victim)).collect(),
            next_steps: args.next_steps.iter().map(|text| self.text(text)).collect(),
            open_questions: args.open_questions.iter().map(|text| self.text(text)).collect(),
        })
    }
}

/// The complaint about an unknown mechanism: the ids of its category, or all categories.
fn unknown_mechanism(id: &str) -> String {
    let category = id.split('/').next().unwrap_or_default();
    let known: Vec<&str> = mechanism::catalogue()
        .map(|entry| entry.id)
        .filter(|known| known.starts_with(category))
        .collect();
    if known.is_empty() {
        let mut categories: Vec<&str> = mechanism::catalogue()
            .filter_map(|entry| entry.id.split('/').next())
            .collect();
        categories.dedup();
        format!(
            "`{id}` is no mechanism; categories are: {}",
            categories.join(", ")
        )
    } else {
        format!(
            "`{id}` is no mechanism; in that category there are: {}",
            known.join(", ")
        )
    }
}

/// What the gate cut, for the model.
pub(crate) fn complaint(cut: &[CutClaim]) -> Redacted {
    let mut text = Redacted::trusted(
        "Code checked your claims and cuts these; correct them or leave them out, then call again:",
    );
    for cut in cut {
        text.push(&Redacted::trusted("\n- "));
        text.push(&cut.statement);
        text.push(&Redacted::trusted(&format!(
            " ({}): {}. ",
            cut.object, cut.reason
        )));
        text.push(&cut.detail);
    }
    text
}

fn params(params: &Params) -> Redacted {
    let field = params.field.as_deref().unwrap_or_default();
    let value = |value: &Option<Redacted>| {
        value
            .as_ref()
            .map(|value| value.truncated(120).to_string())
            .unwrap_or_default()
    };
    if field.is_empty() {
        return Redacted::empty();
    }
    Redacted::trusted(&format!(
        " ({field}: found {}, expected {})",
        value(&params.found),
        value(&params.expected)
    ))
}

/// A finding as the orchestrator reads it.
pub(crate) fn show(stream: &str, finding: &Finding) -> Redacted {
    let status = match finding.status {
        FindingStatus::Cause => "cause",
        FindingStatus::NothingFound => "nothing found",
        FindingStatus::Unclear => "unclear",
    };
    let mut text = Redacted::trusted(&format!("finding {stream}: {status}. "));
    text.push(&finding.summary);
    if let Some(cause) = &finding.cause {
        text.push(&Redacted::trusted(&format!(
            "\ncause: {} on {}. ",
            cause.mechanism, cause.object
        )));
        text.push(&cause.explanation);
        text.push(&params(&cause.params));
        for claim in &cause.claims {
            let cites = claim.cites.iter().map(|cite| match claim.kind {
                ClaimKind::Absent => format!("{} ABSENT", cite.evidence),
                ClaimKind::Present => {
                    format!("{} {} = {}", cite.evidence, cite.path, cite.value.truncated(160))
                }
            });
            text.push(&Redacted::trusted("\n- "));
            text.push(&claim.statement);
            text.push(&Redacted::trusted(&format!(
                " [{}; {}]",
                claim.object,
                cites.collect::<Vec<_>>().join("; ")
            )));
        }
    }
    for (label, list) in [
        ("ruled out", &finding.ruled_out),
        ("could not see", &finding.gaps),
    ] {
        if !list.is_empty() {
            text.push(&Redacted::trusted(&format!("\n{label}: ")));
            text.push(&Redacted::join(list, "; "));
        }
    }
    text
}
