//! A live cluster becomes a world: what triage asked and was answered, redacted, as files that answer the same again.
//! Must not know how the files are laid out.

use std::path::Path;

use cluster::{Ask, ClusterReader, LogSource, MetricAnswer, MetricsReader, Recorder, Recording, Refusal};
use domain::{Brief, Clock, NotLooked, Redactor, Subject};
use playground::world::captured::{Captured, CapturedLook, CapturedMetric, CapturedSeries, Refused};
use playground::{World, load_world};
use serde_json::Value;

use crate::trial::{self, TrialError};

/// What the metrics source's error is put before.
const REFUSED: &str = "the metrics source refused the query: ";

/// A capture: the world, and the brief that it must replay to.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// The world.
    pub world: World,
    /// What triage said of the live cluster.
    pub brief: Brief,
}

/// Runs triage on a live cluster and keeps what it was answered. `stimulus` is that of the subject, as a world's
/// `stimulus.json` says it. Nothing that the redactor would hide is kept, and no value of a Secret.
pub async fn capture(
    reader: ClusterReader,
    metrics: MetricsReader,
    clock: Clock,
    subject: &Subject,
    stimulus: Value,
    name: &str,
) -> Capture {
    let recorder = Recorder::default();
    let now = clock.now();
    let redactor = reader.redactor().clone();
    let reader = reader.recorded(recorder.clone());
    let metrics = metrics.recorded(recorder.clone(), redactor);
    let options = ::triage::Options {
        clock: Clock::Frozen(now),
        metrics,
    };
    let brief = ::triage::triage(&reader, subject, &options).await.brief;
    let mut world = World::new(name, reader.cluster(), now);
    fill(&mut world, recorder.recording());
    world.stimulus = Some(stimulus);
    Capture { world, brief }
}

/// Loads a world from its folder, lets triage answer it, and says in which parts its brief differs from that of the
/// capture; none when it is the same but for its timings.
///
/// # Errors
/// When the world cannot be loaded or served.
pub async fn differences(dir: &Path, brief: &Brief, redactor: Redactor) -> Result<Vec<String>, TrialError> {
    let world = load_world(dir).map_err(|error| TrialError::Serve(error.to_string()))?;
    let again = trial::triage_with(world, Default::default(), redactor).await?;
    let (before, after) = (parts(brief), parts(&again));
    Ok(before
        .iter()
        .filter(|(part, value)| after.get(part.as_str()) != Some(value))
        .map(|(part, _)| part.clone())
        .collect())
}

/// The parts of a brief that must be the same again.
fn parts(brief: &Brief) -> serde_json::Map<String, Value> {
    let mut parts = match serde_json::to_value(brief) {
        Ok(Value::Object(parts)) => parts,
        _ => serde_json::Map::new(),
    };
    parts.remove("timings");
    parts
}

fn fill(world: &mut World, recording: Recording) {
    for object in recording.objects.into_values() {
        world.insert(object);
    }
    for (source, answer) in recording.logs {
        let LogSource {
            namespace,
            pod,
            container,
            previous,
        } = source;
        let log = world.log_mut(&namespace, &pod, &container);
        match (previous, answer) {
            (false, Ok(text)) => log.current = Some(text),
            (true, Ok(text)) => log.previous = Some(text),
            (false, Err(refusal)) => log.error = Some(refusal.message),
            (true, Err(refusal)) => log.previous_error = Some(refusal.message),
        }
    }
    world.captured = Some(Captured {
        looks: recording
            .looks
            .into_iter()
            .map(|(ask, ended)| look(ask, ended.err()))
            .collect(),
        metrics: metrics(recording.metrics),
    });
}

fn look(ask: Ask, refusal: Option<Refusal>) -> CapturedLook {
    CapturedLook {
        plural: ask.plural.to_owned(),
        namespace: ask.namespace,
        name: ask.name,
        labels: ask.labels,
        fields: ask.fields,
        refused: refusal.map(|refusal| Refused {
            code: code(refusal.reason),
            message: refusal.message,
        }),
    }
}

/// The HTTP status that an obstacle is told with.
fn code(reason: NotLooked) -> u16 {
    match reason {
        NotLooked::Forbidden => 403,
        NotLooked::NotConfigured => 404,
        _ => 500,
    }
}

/// Without a metrics source nothing was asked, so that there is none again.
fn metrics(answers: Vec<MetricAnswer>) -> Vec<CapturedMetric> {
    let answers = answers.into_iter().filter(|answer| {
        let reason = answer.refused.as_ref().map(|refusal| refusal.reason);
        !matches!(reason, Some(NotLooked::NotConfigured | NotLooked::Unreachable))
    });
    answers
        .map(|answer| CapturedMetric {
            query: answer.query,
            span_s: answer.span_s,
            step_s: answer.step_s,
            series: answer
                .series
                .into_iter()
                .map(|series| CapturedSeries {
                    labels: series.labels,
                    samples: series
                        .samples
                        .into_iter()
                        .map(|(at, value)| CapturedSeries::sample(at, value))
                        .collect(),
                })
                .collect(),
            refused: answer.refused.map(|refusal| {
                let message = refusal.message;
                message.strip_prefix(REFUSED).unwrap_or(&message).to_owned()
            }),
        })
        .collect()
}
