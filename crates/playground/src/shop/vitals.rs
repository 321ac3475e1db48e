//! Series that tell how well machines and routes do when all is well: response times at the edge, TCP, clocks and disks of
//! the nodes. Must not know which of them a fault alters.

use super::{Shop, network};
use crate::build::metrics::{Metrics, Span};
use crate::build::time;
use crate::build::workload::Workload;
use crate::shop::telemetry::{aligned, request_rate, wave};

/// Segments sent, by node-exporter's netstat collector.
pub const SEGMENTS: &str = "node_netstat_Tcp_OutSegs";
/// Segments sent again.
pub const RETRANSMITS: &str = "node_netstat_Tcp_RetransSegs";
/// Frames received with an error.
pub const RECEIVE_ERRORS: &str = "node_network_receive_errs_total";
/// Frames that could not be sent.
pub const TRANSMIT_ERRORS: &str = "node_network_transmit_errs_total";
/// Offset of the clock in seconds, by node-exporter's timex collector.
pub const CLOCK_OFFSET: &str = "node_timex_offset_seconds";
/// 1 while the clock is synchronized to a reliable server.
pub const CLOCK_SYNC: &str = "node_timex_sync_status";

const DURATION_SUM: &str = "nginx_ingress_controller_request_duration_seconds_sum";
const DURATION_COUNT: &str = "nginx_ingress_controller_request_duration_seconds_count";

/// Adds them all.
pub fn build(shop: &Shop, metrics: &mut Metrics) {
    for backend in shop.workloads.iter().filter(|workload| workload.path.is_some()) {
        let usual = usual_latency_s(shop, backend);
        let rate = request_rate(shop, backend);
        latency(shop, metrics, backend, |_| (rate, usual));
    }
    for node in shop.nodes.iter().map(|node| node.name.as_str()) {
        let phase = shop.stamp.hash(&format!("vitals/{node}")) % 600;
        let sent = 900.0 + f64::from(u32::try_from(phase).unwrap_or(0));
        counter(shop, metrics, SEGMENTS, node, |at| {
            sent * (1.0 + 0.2 * wave(at, phase))
        });
        counter(shop, metrics, RETRANSMITS, node, |at| {
            sent * (0.0004 + 0.0001 * wave(at, phase))
        });
        for name in [RECEIVE_ERRORS, TRANSMIT_ERRORS] {
            counter(shop, metrics, name, node, |_| 0.0);
        }
        gauge(shop, metrics, CLOCK_OFFSET, node, |at| 0.000_02 * wave(at, phase));
        gauge(shop, metrics, CLOCK_SYNC, node, |_| 1.0);
    }
}

/// Usual mean response time of a route in seconds.
pub fn usual_latency_s(shop: &Shop, backend: &Workload) -> f64 {
    let spread = shop.stamp.hash(&format!("latency/{}", backend.role)) % 80;
    0.04 + f64::from(u32::try_from(spread).unwrap_or(0)) / 1_000.0
}

/// Sets a route's response times: requests per second and mean seconds at a moment.
pub fn latency(shop: &Shop, metrics: &mut Metrics, backend: &Workload, at: impl Fn(i64) -> (f64, f64)) {
    let ingress = network::ingress_name(shop);
    let controller = shop.names.namespace("edge");
    let labels = [
        ("namespace", controller.as_str()),
        ("ingress", ingress.as_str()),
        ("exported_namespace", backend.namespace.as_str()),
        ("exported_service", backend.name.as_str()),
    ];
    let span = aligned(time::before(shop.now(), 7_200), shop.now(), 60);
    metrics.counter(DURATION_COUNT, &labels, span, 40_000.0, |moment| at(moment).0);
    metrics.counter(DURATION_SUM, &labels, span, 3_000.0, |moment| {
        let (rate, mean) = at(moment);
        rate * mean
    });
}

/// Replaces a counter of a node.
pub fn counter(shop: &Shop, metrics: &mut Metrics, name: &str, node: &str, per_second: impl Fn(i64) -> f64) {
    metrics.counter(name, &labels(name, node), span(shop), 0.0, per_second);
}

/// Replaces a gauge of a node.
pub fn gauge(shop: &Shop, metrics: &mut Metrics, name: &str, node: &str, value: impl Fn(i64) -> f64) {
    metrics.gauge(name, &labels(name, node), span(shop), value);
}

/// kube-prometheus gives the node's name as `instance`.
fn labels<'a>(name: &str, node: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut labels = vec![("instance", node), ("job", "node-exporter")];
    if name.starts_with("node_network") {
        labels.push(("device", "eth0"));
    }
    labels
}

fn span(shop: &Shop) -> Span {
    aligned(time::before(shop.now(), 7_200), shop.now(), 120)
}
