//! Makes a world harder to see, as houses differ: no metrics, no field managers, Events gone, kinds forbidden, lists in
//! another order. Must not know what is wrong in it.

use playground::rng::Rng;
use playground::stage::RenderOptions;
use playground::{ServeOptions, Weather, WeatherRule, World};
use serde::Serialize;
use serde_json::Value;

use crate::scenario::{Scenario, StageError};
use crate::score::score;
use crate::trial;

/// One way to see less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Degradation {
    /// Namespaces, workloads and images have names without meaning.
    Rename,
    /// Lists come in another order.
    Reorder(u64),
    /// `metadata.managedFields` is gone.
    DropManagedFields,
    /// There is no metrics source.
    DropMetrics,
    /// All Events have expired.
    ExpireEvents,
    /// A resource may not be read.
    Forbid(&'static str),
    /// No log may be read.
    ForbidLogs,
}

/// Resources that a house may forbid.
const FORBIDDABLE: &[&str] = &[
    "pods",
    "events",
    "nodes",
    "secrets",
    "configmaps",
    "services",
    "endpointslices",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "networkpolicies",
    "ingresses",
    "persistentvolumeclaims",
    "persistentvolumes",
    "storageclasses",
    "csinodes",
    "volumeattachments",
    "resourcequotas",
    "limitranges",
    "horizontalpodautoscalers",
    "serviceaccounts",
    "controllerrevisions",
    "priorityclasses",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "namespaces",
];

/// One to three degradations, chosen by a seed.
pub fn choose(seed: u64) -> Vec<Degradation> {
    let mut rng = Rng::new(seed).fork("degrade");
    let count = rng.range(1, 3);
    let mut out = Vec::new();
    for _ in 0..count {
        let chosen = match rng.below(8) {
            0 => Degradation::Rename,
            1 => Degradation::Reorder(seed),
            2 => Degradation::DropManagedFields,
            3 => Degradation::DropMetrics,
            4 => Degradation::ExpireEvents,
            5 => Degradation::ForbidLogs,
            _ => Degradation::Forbid(rng.pick(FORBIDDABLE).copied().unwrap_or("events")),
        };
        if !out.contains(&chosen) {
            out.push(chosen);
        }
    }
    out
}

/// How a degraded answer went wrong; none of these may ever happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The scenario, the seed and what was taken away.
    pub place: String,
    /// What was said.
    pub said: String,
}

/// Answers a scenario under degradations; `Some` when the answer is wrong rather than less certain.
///
/// # Errors
/// When the scenario cannot be staged or served.
pub async fn check(
    scenario: &Scenario,
    seed: u64,
    degradations: &[Degradation],
) -> Result<Option<Wrong>, DegradeError> {
    let options = RenderOptions {
        seed,
        randomize: degradations.contains(&Degradation::Rename),
    };
    let mut staged = scenario.stage(options)?;
    let mut weather = Weather::default();
    for degradation in degradations {
        apply(degradation, &mut staged.rendered.world, &mut weather);
    }
    let serve = ServeOptions {
        weather,
        ..ServeOptions::default()
    };
    let brief = trial::triage(staged.rendered.world, serve).await?;
    let score = score(&brief, &staged.expected);
    let denied = brief.verdict == domain::Verdict::NotAnIssue && !staged.expected.causes.is_empty();
    Ok((score.false_accusation || denied).then(|| Wrong {
        place: format!("{} seed {seed} {degradations:?}", scenario.slug),
        said: format!(
            "{} {:?}, expected {:?}",
            brief.verdict, score.asserted, score.expected
        ),
    }))
}

/// Why a degraded scenario has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DegradeError {
    /// It cannot be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// It cannot be served.
    #[error(transparent)]
    Trial(#[from] trial::TrialError),
}

fn apply(degradation: &Degradation, world: &mut World, weather: &mut Weather) {
    match degradation {
        Degradation::Rename => {}
        Degradation::Reorder(seed) => weather.rules.push(WeatherRule::Shuffle { seed: *seed }),
        Degradation::DropManagedFields => {
            for (_, object) in world.objects_mut() {
                if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.remove("managedFields");
                }
            }
        }
        Degradation::DropMetrics => world.metrics.clear(),
        Degradation::ExpireEvents => {
            let events: Vec<_> = world
                .objects()
                .filter(|(key, _)| key.kind == "Event")
                .map(|(key, _)| key.clone())
                .collect();
            for key in &events {
                world.remove_object(key);
            }
        }
        Degradation::Forbid(resource) => {
            world.unseen.insert((*resource).to_owned());
        }
        Degradation::ForbidLogs => {
            world.unseen.insert("pods/log".to_owned());
        }
    }
}
