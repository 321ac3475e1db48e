//! A case as a running playground with a reader.

use std::time::Duration;

use cluster::{ClusterReader, Limits, MetricsReader, Target};
use domain::{Clock, ObjectRef, Redactor, Subject};
use intake::FileStimulus;
use playground::cases::{self, RenderOptions, Rendered};
use playground::{Playground, ServeOptions};

pub(crate) struct Stage {
    pub(crate) playground: Playground,
    pub(crate) reader: ClusterReader,
    pub(crate) metrics: MetricsReader,
    pub(crate) clock: Clock,
    pub(crate) subject: Subject,
    pub(crate) rendered: Rendered,
}

pub(crate) fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(crate) fn render(case: &str, seed: u64, randomize: bool) -> Rendered {
    let case = cases::cases()
        .iter()
        .find(|known| known.id == case)
        .expect("the case exists");
    cases::render(case, RenderOptions { seed, randomize }).expect("it renders")
}

pub(crate) async fn stage(case: &str, seed: u64, randomize: bool) -> Stage {
    serve(
        render(case, seed, randomize),
        ServeOptions {
            freeze: true,
            ..ServeOptions::default()
        },
    )
    .await
}

pub(crate) async fn serve(rendered: Rendered, options: ServeOptions) -> Stage {
    install_crypto();
    let clock = Clock::Frozen(rendered.world.now);
    let subject = subject(&rendered);
    let playground = Playground::start(rendered.world.clone(), options)
        .await
        .expect("it starts");
    let redactor = Redactor::from_passphrase("a saved world");
    let limits = Limits {
        deadline: Duration::from_secs(20),
        ..Limits::default()
    };
    let reader = ClusterReader::connect(&Target::Url(playground.url()), redactor, limits)
        .await
        .expect("it connects");
    let metrics = MetricsReader::new(
        &format!("{}/prometheus", playground.url()),
        Duration::from_secs(20),
    )
    .expect("a client");
    Stage {
        playground,
        reader,
        metrics,
        clock,
        subject,
        rendered,
    }
}

pub(crate) fn subject(rendered: &Rendered) -> Subject {
    let stimulus = serde_json::to_vec(rendered.world.stimulus.as_ref().expect("a stimulus")).expect("JSON");
    let redactor = Redactor::from_passphrase("a saved world");
    match intake::parse_file(&stimulus, &redactor, rendered.world.now).expect("the stimulus parses") {
        FileStimulus::Notification(notification) => Subject::Alerts {
            alerts: notification.alerts,
        },
        FileStimulus::Alert(alert) => Subject::Alerts { alerts: vec![alert] },
        FileStimulus::Question { text, namespace } => Subject::Question { text, namespace },
        FileStimulus::Workload(named) => {
            let kind = cluster::kinds::find(&named.kind).expect("a known kind").kind;
            Subject::Workload {
                object: ObjectRef::of(kind, &named.namespace, &named.name),
            }
        }
    }
}
