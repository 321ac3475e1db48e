//! A golden scenario as its file says it: world, stimulus, truth, what a sound answer rests on. Must not know how it
//! is staged or scored.

mod load;
mod staging;
mod truth;

use playground::stage::stimulus::Stimulus as Said;
use serde::Deserialize;
use serde_json::{Map, Value};

pub use load::{LoadError, load, parse};
pub use staging::{StageError, Staged};
pub use truth::{Accusation, Expected, ExpectedCause};

/// One scenario: the folder's name and what its `scenario.yaml` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name of the folder; it must not hint at the fault.
    pub slug: String,
    /// The file.
    pub spec: Spec,
}

/// `scenario.yaml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// For people; never shown to an agent.
    pub title: String,
    /// `twins:<pair>`, `healthy`, `recovered`, `flapping`, `forbidden`, `unanswerable`, `multi-fault`, `cascade`, `decoy`, `injection`, ….
    #[serde(default)]
    pub tags: Vec<String>,
    /// Which split it belongs to.
    pub split: Split,
    /// What is staged.
    pub world: WorldSpec,
    /// What is said of it.
    pub stimulus: Stimulus,
    /// What is true.
    pub truth: TruthSpec,
    /// What a sound answer rests on.
    #[serde(default)]
    pub evidence: Vec<Decisive>,
    /// What heals and what does not.
    #[serde(default)]
    pub remediation: Remediation,
    /// Yes-or-no statements for a judge.
    #[serde(default)]
    pub rubric: Vec<RubricItem>,
    /// What an investigation may use.
    #[serde(default)]
    pub budget: Budget,
    /// Where it comes from.
    pub provenance: String,
}

/// Scenarios that are looked at while developing, and those that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For development.
    Dev,
    /// For gates.
    Gate,
}

/// A simulated world.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// The healthy world; `shop` is the only one.
    pub baseline: Baseline,
    /// Default seed.
    pub seed: u64,
    /// What goes wrong, in order.
    pub faults: Vec<FaultSpec>,
    /// Names of noises.
    #[serde(default = "standard_noise")]
    pub noise: Vec<String>,
}

/// Names of baselines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// The online shop.
    Shop,
}

/// A fault and what is chosen of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// `category/slug` or `situation/slug`.
    pub id: String,
    /// Role of the workload to strike.
    pub target: Option<String>,
    /// Choices that the fault documents.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What is said; exactly one form. Texts may hold `{workload}`, `{namespace}`, `{pod}`, `{front}`, ….
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stimulus {
    alert: Option<String>,
    question: Option<String>,
    namespace: Option<String>,
    workload: Option<String>,
    slack: Option<String>,
    pagerduty: Option<Page>,
}

/// A page of PagerDuty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    title: String,
    #[serde(default)]
    details: String,
}

/// What is true of the world, with roles in place of names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruthSpec {
    /// The only right verdict.
    pub verdict: domain::Verdict,
    /// All causes.
    #[serde(default)]
    pub root_causes: Vec<CauseSpec>,
    /// Objects that suffer.
    #[serde(default)]
    pub victims: Vec<ObjectSpec>,
    /// Decoys that a hasty engineer would blame.
    #[serde(default)]
    pub not_causes: Vec<ObjectSpec>,
}

/// A cause.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseSpec {
    /// The object whose change heals.
    pub object: ObjectSpec,
    /// Further objects that are as right.
    #[serde(default)]
    pub aliases: Vec<ObjectSpec>,
    /// The mechanism.
    pub mechanism: domain::MechanismId,
    /// Honest synonyms of the mechanism.
    #[serde(default)]
    pub also: Vec<domain::MechanismId>,
}

/// An object by kind, and by role or name; with neither, the one that the fault chose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSpec {
    /// Kind in CamelCase.
    pub kind: String,
    /// Role in the shop.
    pub role: Option<String>,
    /// Literal name.
    pub name: Option<String>,
}

/// A decisive fact, in an object `must_cite`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decisive {
    /// The fact.
    pub must_cite: Cite,
}

/// Names facts in a world: a field of objects of a kind, Events of a reason, log lines, a metric, an absence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cite {
    /// Kind of the objects that hold `field`.
    pub kind: Option<String>,
    /// Role or name prefix of the objects; all of the kind without it.
    pub role: Option<String>,
    /// Path of the field with dots; lists are gone through.
    pub field: Option<String>,
    /// Reason of Events.
    pub event: Option<String>,
    /// Regular expression of log lines.
    pub log: Option<String>,
    /// Name of a metric.
    pub metric: Option<String>,
    /// A kind of which something is provably not there.
    pub absent: Option<String>,
}

/// Names of a fault's remedies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    /// Those that heal.
    #[serde(default)]
    pub accept: Vec<String>,
    /// Those that do not.
    #[serde(default)]
    pub reject: Vec<String>,
    /// Whether an accepted one heals the world by itself.
    #[serde(default)]
    pub heals: bool,
}

/// A statement that a judge says yes or no to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RubricItem {
    /// Id within the scenario.
    pub id: String,
    /// The statement.
    pub text: String,
    /// Whether a no fails the answer.
    #[serde(default)]
    pub gate: bool,
}

/// Limits of an investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Turns over all agents.
    pub turns: u32,
    /// Prompt tokens.
    pub tokens: u64,
    /// Seconds.
    pub seconds: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            turns: 12,
            tokens: 25_000,
            seconds: 120,
        }
    }
}

impl Scenario {
    /// Whether it carries a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.spec.tags.iter().any(|known| known == tag)
    }

    /// The pair of twins that it belongs to.
    pub fn pair(&self) -> Option<&str> {
        self.spec.tags.iter().find_map(|tag| tag.strip_prefix("twins:"))
    }

    /// Whether nothing is to be accused: the verdict is not `root_cause`.
    pub fn is_quiet(&self) -> bool {
        self.spec.truth.verdict != domain::Verdict::RootCause
    }
}

impl Stimulus {
    /// What is said, as the playground stages it; `None` unless exactly one form is given.
    pub fn said(&self) -> Option<Said> {
        let forms = [
            self.alert.clone().map(Said::Alert),
            self.question.clone().map(|text| Said::Question {
                text,
                namespace: self.namespace.clone().unwrap_or_default(),
            }),
            self.workload.clone().map(Said::Workload),
            self.slack.clone().map(|text| Said::Question {
                text,
                namespace: self.namespace.clone().unwrap_or_default(),
            }),
            self.pagerduty.as_ref().map(|page| Said::Question {
                text: format!("{}\n{}", page.title, page.details).trim().to_owned(),
                namespace: self.namespace.clone().unwrap_or_default(),
            }),
        ];
        let mut given = forms.into_iter().flatten();
        let said = given.next()?;
        given.next().is_none().then_some(said)
    }

    /// All texts of the stimulus.
    pub fn texts(&self) -> Vec<&str> {
        let page = self
            .pagerduty
            .iter()
            .flat_map(|page| [&page.title, &page.details]);
        [&self.alert, &self.question, &self.workload, &self.slack]
            .into_iter()
            .flatten()
            .chain(page)
            .map(String::as_str)
            .collect()
    }
}

fn standard_noise() -> Vec<String> {
    vec!["standard".to_owned()]
}
