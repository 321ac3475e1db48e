//! Telemetry of the process: logs to stderr, traces over OTLP when an endpoint is configured, metrics for whoever
//! scrapes them. Started and ended outside of the async runtime. Must not know what is observed.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, anyhow};
use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{LogFormat, TelemetryConfig};
use crate::failure::Failure;

/// Targets that stay out of traces: the exporter's own requests would trace themselves.
const UNTRACED: &[&str] = &["hyper", "hyper_util", "h2", "reqwest", "opentelemetry", "rustls"];

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// What was started and must be ended.
pub(crate) struct Telemetry {
    metrics: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logs, traces and metrics. Call it once. `default_filter` holds when none is configured.
    pub(crate) fn start(config: &TelemetryConfig, default_filter: &str) -> Result<Self, Failure> {
        let traces = config
            .otlp_endpoint
            .as_deref()
            .map(exporting)
            .transpose()
            .map_err(Failure::Infrastructure)?;
        let mut layers = vec![log_layer(config, default_filter)?];
        layers.extend(traces.as_ref().map(trace_layer));
        tracing_subscriber::registry()
            .with(layers)
            .try_init()
            .context("cannot start logging")
            .map_err(Failure::Infrastructure)?;
        let metrics = server::install_prometheus()
            .map_err(|error| Failure::infrastructure(anyhow!("cannot start metrics: {error}")))?;
        llm::describe_metrics();
        Ok(Self { metrics, traces })
    }

    /// Renders the metrics.
    pub(crate) fn metrics(&self) -> PrometheusHandle {
        self.metrics.clone()
    }

    /// Sends what is left. Waits, so it must be called outside of the runtime.
    pub(crate) fn shutdown(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

fn log_layer(config: &TelemetryConfig, default_filter: &str) -> Result<BoxedLayer, Failure> {
    // The client's own complaints repeat what reports list as gaps.
    let quiet = format!("{default_filter},kube_client=off");
    let directives = config.filter.as_deref().unwrap_or(&quiet);
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| Failure::usage(format!("telemetry.filter `{directives}`: {error}")))?;
    let layer = tracing_subscriber::fmt::layer::<Registry>().with_writer(io::stderr);
    Ok(match config.log {
        LogFormat::Text => layer
            .with_ansi(io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    })
}

fn trace_layer(provider: &SdkTracerProvider) -> BoxedLayer {
    let untraced = UNTRACED.iter().map(|target| (*target, LevelFilter::OFF));
    let filter = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(untraced);
    tracing_opentelemetry::layer::<Registry>()
        .with_tracer(provider.tracer("dogwatch"))
        .with_filter(filter)
        .boxed()
}

/// Traces to `<endpoint>/v1/traces`, as the OTLP specification has it for a base endpoint
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>).
fn exporting(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|error| anyhow!("cannot export traces to {endpoint}: {error}"))?;
    let resource = Resource::builder()
        .with_service_name("dogwatch")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}
