//! One answer to one staged world: the arm `triage`, which needs no model. Must not know the truth.

use std::time::Duration;

use cluster::{ClusterReader, Limits, MetricsReader, Target};
use domain::{Brief, Clock, ObjectRef, Redactor, Subject};
use intake::FileStimulus;
use playground::{Playground, ServeOptions, World};

/// Longest wait for one read.
const DEADLINE: Duration = Duration::from_secs(20);
/// Worlds of evals hold no real secret.
const PASSPHRASE: &str = "evals";

/// Why there is no answer; none of these is a wrong answer.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The world could not be served or reached.
    #[error("the world could not be served: {0}")]
    Serve(String),
    /// The stimulus is none.
    #[error("the stimulus cannot be read: {0}")]
    Stimulus(String),
}

/// Runs triage on a world, on its frozen clock.
///
/// # Errors
/// When the world cannot be served or its stimulus cannot be read.
pub async fn triage(world: World, options: ServeOptions) -> Result<Brief, TrialError> {
    triage_with(world, options, Redactor::from_passphrase(PASSPHRASE)).await
}

/// As [`triage`], with the redactor that made a captured world.
///
/// # Errors
/// When the world cannot be served or its stimulus cannot be read.
pub async fn triage_with(
    world: World,
    options: ServeOptions,
    redactor: Redactor,
) -> Result<Brief, TrialError> {
    let serve = |error: &dyn std::fmt::Display| TrialError::Serve(error.to_string());
    let clock = Clock::Frozen(world.now);
    let (name, has_metrics) = (world.cluster.clone(), world.has_metrics());
    let subject = subject(&world, &redactor)?;
    let options = ServeOptions {
        freeze: true,
        ..options
    };
    let playground = Playground::start(world, options)
        .await
        .map_err(|error| serve(&error))?;
    let limits = Limits {
        deadline: DEADLINE,
        ..Limits::default()
    };
    let reader = ClusterReader::connect(&Target::Url(playground.url()), redactor, limits)
        .await
        .map_err(|error| serve(&error))?
        .named(&name);
    let metrics = if has_metrics {
        MetricsReader::new(&format!("{}/prometheus", playground.url()), DEADLINE)
            .map_err(|error| serve(&error))?
    } else {
        MetricsReader::absent()
    };
    let options = ::triage::Options { clock, metrics };
    let answer = ::triage::triage(&reader, &subject, &options).await;
    playground.shutdown().await;
    Ok(answer.brief)
}

/// What a world's stimulus asks for.
fn subject(world: &World, redactor: &Redactor) -> Result<Subject, TrialError> {
    let wrong = |message: String| TrialError::Stimulus(message);
    let stimulus = world
        .stimulus
        .as_ref()
        .ok_or_else(|| wrong("there is none".to_owned()))?;
    let parsed = intake::parse_file(stimulus.to_string().as_bytes(), redactor, world.now)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(match parsed {
        FileStimulus::Notification(notification) => Subject::Alerts {
            alerts: notification.alerts,
        },
        FileStimulus::Alert(alert) => Subject::Alerts { alerts: vec![alert] },
        FileStimulus::Question { text, namespace } => Subject::Question { text, namespace },
        FileStimulus::Workload(named) => {
            let kind = cluster::kinds::find(&named.kind)
                .ok_or_else(|| wrong(format!("unknown kind {}", named.kind)))?;
            Subject::Workload {
                object: ObjectRef::of(kind.kind, &named.namespace, &named.name),
            }
        }
    })
}
