//! GPUs that hold their clocks down for heat: the driver's own reasons, temperature and clock, by node.

use std::collections::BTreeMap;

use cluster::{ClusterView, Series};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::finding::signal;
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "gpu-heat",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/gpu-thermal-throttling";
/// `nvmlClocksEventReasonSwThermalSlowdown` and `nvmlClocksEventReasonHwThermalSlowdown` (`nvml.h`).
const THERMAL: u64 = 0x20 | 0x40;
/// Below this no data-centre GPU slows down for heat, in degrees Celsius.
const WARM: f64 = 78.0;
/// What counts as now.
const RECENT: SignedDuration = SignedDuration::from_mins(12);

/// A GPU that is held down now.
struct Slowed {
    gpu: String,
    since: Option<Timestamp>,
    temperature: Option<f64>,
    /// Clock now and the most before, in MHz.
    clock: Option<(f64, f64)>,
    pod: Option<ObjectRef>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_node: BTreeMap<String, Vec<Slowed>> = BTreeMap::new();
    for series in view.series("gpu_clock_reasons") {
        if let Some((node, slowed)) = slowed(view, series) {
            by_node.entry(node).or_default().push(slowed);
        }
    }
    by_node
        .into_iter()
        .filter_map(|(node, slowed)| explain(view, &node, &slowed))
        .collect()
}

fn is_thermal(value: f64) -> bool {
    value.is_finite() && value >= 0.0 && (value.round() as u64) & THERMAL != 0
}

fn slowed(view: &ClusterView, series: &Series) -> Option<(String, Slowed)> {
    let (at, value) = *series.samples.last()?;
    if !is_thermal(value) || view.now.duration_since(at) > RECENT {
        return None;
    }
    let since = series
        .samples
        .iter()
        .rev()
        .take_while(|(_, value)| is_thermal(*value))
        .last()
        .map(|(at, _)| *at);
    let same = |query: &'static str| {
        view.series(query).iter().find(|found| {
            found.label("UUID") == series.label("UUID") && found.label("gpu") == series.label("gpu")
        })
    };
    let clock = same("gpu_clock").and_then(|found| {
        let most = found.samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
        Some((found.last()?, most))
    });
    let (namespace, pod) = (series.label("namespace"), series.label("pod"));
    let slowed = Slowed {
        gpu: series.label("gpu").to_owned(),
        since,
        temperature: same("gpu_temperature").and_then(Series::last),
        clock,
        pod: (!pod.is_empty()).then(|| ObjectRef::of("Pod", namespace, pod)),
    };
    let host = [
        series.label("Hostname"),
        series.label("node"),
        series.label("instance"),
    ]
    .into_iter()
    .find(|name| view.get("Node", "", name).is_some())?;
    Some((host.to_owned(), slowed))
}

fn explain(view: &ClusterView, node: &str, slowed: &[Slowed]) -> Option<Signal> {
    let object = view.get("Node", "", node)?;
    let hottest = slowed.iter().filter_map(|gpu| gpu.temperature).reduce(f64::max);
    let drop = slowed
        .iter()
        .filter_map(|gpu| gpu.clock)
        .min_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let lower = drop.is_some_and(|(now, most)| now < most * 0.85);
    let hot = hottest.is_some_and(|degrees| degrees >= WARM);
    let certainty = match (hot, lower) {
        (true, true) => 0.95,
        (true, false) | (false, true) => 0.65,
        (false, false) => 0.4,
    };
    let clocks = drop.map_or_else(String::new, |(now, most)| {
        format!(", clocks went from {most:.0} to {now:.0} MHz")
    });
    let degrees = hottest.map_or_else(String::new, |degrees| format!(" at {degrees:.0} °C"));
    let message = format!(
        "{} holds {} of its GPUs down for heat{degrees}{clocks}",
        object.reference(),
        slowed.len()
    );
    let pods: Vec<ObjectRef> = slowed.iter().filter_map(|gpu| gpu.pod.clone()).collect();
    let workloads: Vec<ObjectRef> = pods
        .iter()
        .filter_map(|pod| view.get_ref(pod))
        .map(|pod| view.workload_of(pod))
        .collect();
    let onset = slowed.iter().filter_map(|gpu| gpu.since).min();
    let mut built = signal("gpu-heat", object.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(pods.into_iter().chain(workloads))
        .params(
            "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
            "thermal slowdown",
            Some("none"),
        );
    for gpu in slowed.iter().take(4) {
        let path = |what: &str| format!("metrics.gpu[{}].{what}", gpu.gpu);
        built = built.computed(
            object.reference(),
            &path("clock_reasons"),
            "thermal slowdown",
            gpu.since,
        );
        if let Some(degrees) = gpu.temperature {
            let value = format!("{degrees:.0} C");
            built = built.computed(object.reference(), &path("temperature"), &value, None);
        }
        if let Some((now, most)) = gpu.clock {
            let value = format!("{now:.0} MHz, before {most:.0} MHz");
            built = built.computed(object.reference(), &path("sm_clock"), &value, None);
        }
    }
    Some(built.build())
}
