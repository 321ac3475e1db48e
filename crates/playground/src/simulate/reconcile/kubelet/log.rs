//! Logs of containers that the kubelet starts and ends. Must not know why they end.

use jiff::Timestamp;
use serde_json::Value;

use super::Run;
use crate::build::json::{items, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, line};
use crate::build::time;
use crate::shop::chatter;
use crate::simulate::reconcile::ailment::{Ailment, Trouble};
use crate::simulate::reconcile::cluster::Cluster;
use crate::world::ContainerLog;

/// The log of an instance that starts.
pub(super) fn start(
    cluster: &mut Cluster<'_>,
    run: &Run,
    ailment: Option<&Ailment>,
    pod: &Value,
    at: Timestamp,
) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    for container in items(pod, "/spec/containers") {
        let container_name = text(container, "/name");
        let hello = greet(cluster, pod, container_name, at);
        let log = cluster.log(namespace, name, container_name);
        let previous = if run.restarts > 0 {
            log.current.take().or_else(|| log.previous.take())
        } else {
            None
        };
        *log = ContainerLog {
            current: Some(hello),
            previous,
            ..ContainerLog::default()
        };
    }
    if let Some(ailment) = ailment.filter(|ailment| ailment.trouble == Trouble::NotReady) {
        retell(cluster, ailment, pod, at);
    }
}

/// An instance that ends has said what the first one said that failed.
pub(super) fn end(cluster: &mut Cluster<'_>, ailment: &Ailment, pod: &Value) {
    let started = text(pod, "/status/containerStatuses/0/state/running/startedAt");
    let at = time::parse(started).unwrap_or(cluster.now());
    retell(cluster, ailment, pod, at);
}

fn retell(cluster: &mut Cluster<'_>, ailment: &Ailment, pod: &Value, at: Timestamp) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    for (container, told) in ailment.logs(pod, at) {
        cluster.log(namespace, name, &container).current = told.current;
    }
}

/// A pod whose containers do not come to be has refusals in place of logs.
pub(super) fn refuse(cluster: &mut Cluster<'_>, ailment: &Ailment, pod: &Value) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    for (container, told) in ailment.logs(pod, cluster.now()) {
        let log = cluster.log(namespace, name, &container);
        log.error = told.error;
        log.previous_error = told.previous_error;
    }
}

/// A pod that became well says what a healthy one says.
pub(super) fn settle(cluster: &mut Cluster<'_>, ailment: Option<&Ailment>, pod: &Value, since: Timestamp) {
    if ailment.is_some() {
        return;
    }
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    for container in items(pod, "/spec/containers") {
        let container_name = text(container, "/name");
        let Some(shop) = cluster.shop else { continue };
        let Some(workload) = shop.named(namespace, container_name) else {
            continue;
        };
        let lines = chatter::application(cluster.world(), shop, workload, name, (since, cluster.now()));
        let log = cluster.log(namespace, name, container_name);
        log.error = None;
        log.previous_error = None;
        if log.current.as_deref().unwrap_or_default().is_empty() {
            log.current = Some(lines.to_text());
        }
    }
}

fn greet(cluster: &Cluster<'_>, pod: &Value, container: &str, at: Timestamp) -> String {
    let named = cluster
        .shop
        .and_then(|shop| shop.named(text(pod, "/metadata/namespace"), container));
    let Some(workload) = named else {
        return String::new();
    };
    let mut lines = Lines::default();
    for message in greeting(workload, workload.version) {
        lines.add(
            at,
            &line(workload, text(pod, "/metadata/name"), Level::Info, at, &message),
        );
    }
    lines.to_text()
}
