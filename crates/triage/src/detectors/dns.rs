//! Names that do not resolve: cluster DNS that does not run or serves another zone, a pod that asks another name
//! server, a Service that is not there.

use std::collections::BTreeSet;

use cluster::{ClusterView, Look, Object, selector};
use domain::{ObjectRef, Severity, Signal};

use super::complaints::{self, Complaint};
use super::finding::signal;
use super::{Context, Detector};

const BROKEN: &str = "cascading-failure/dns-broken";
const POLICY: &str = "cascading-failure/dns-policy-wrong";
const MISSING: &str = "cascading-failure/service-missing";

pub(super) const DETECTOR: Detector = Detector {
    name: "dns",
    mechanisms: &[BROKEN, POLICY, MISSING],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let complaints = complaints::about(context, BROKEN);
    let existing: Vec<Complaint<'_>> = complaints
        .iter()
        .filter(|complaint| complaint.call.exists == Some(true))
        .copied()
        .collect();
    let mut out = own_policy(context, &existing);
    let bypassing: BTreeSet<ObjectRef> = out.iter().map(|signal| signal.object.clone()).collect();
    let others: Vec<Complaint<'_>> = existing
        .into_iter()
        .filter(|complaint| !bypassing.contains(&complaint.call.from))
        .collect();
    out.extend(cluster_dns(context, &others));
    out.extend(missing(context, &complaints));
    out
}

/// A workload whose pods do not ask cluster DNS and cannot find a Service that is there.
fn own_policy(context: &Context<'_>, existing: &[Complaint<'_>]) -> Vec<Signal> {
    let view = context.view;
    complaints::callers(existing)
        .into_iter()
        .filter_map(|caller| {
            let workload = view.get_ref(&caller)?;
            let complaint = existing.iter().rev().find(|complaint| complaint.call.from == caller)?;
            let spec = "spec.template.spec";
            let policy = workload.str(&format!("{spec}.dnsPolicy"));
            let on_host = workload.is(&format!("{spec}.hostNetwork"));
            let found = match policy {
                "Default" => "Default",
                "None" if !asks_cluster(view, workload) => "None",
                "ClusterFirst" | "" if on_host => "ClusterFirst on the host's network",
                _ => return None,
            };
            let field = format!("{spec}.dnsPolicy");
            let message = format!(
                "{caller} has dnsPolicy {found} and so bypasses cluster DNS: it cannot resolve {}, although {} is there",
                complaint.call.host, complaint.call.service
            );
            let expected = if on_host { "ClusterFirstWithHostNet" } else { "ClusterFirst" };
            let built = signal("dns", &caller, &message)
                .mechanism(POLICY, 0.95)
                .severity(Severity::Critical)
                .onset(complaints::first(existing))
                .affects([complaint.pod()])
                .facts(workload, [field.as_str(), "spec.template.spec.hostNetwork", "spec.template.spec.dnsConfig"])
                .params(&field, found, Some(expected));
            Some(built.fact(Some(complaint.fact())).build())
        })
        .collect()
}

/// Whether the pods' own resolver configuration names cluster DNS.
fn asks_cluster(view: &ClusterView, workload: &Object) -> bool {
    let servers = workload.list("spec.template.spec.dnsConfig.nameservers");
    let addresses: Vec<&str> = services(view)
        .map(|service| service.str("spec.clusterIP"))
        .collect();
    addresses.is_empty()
        || servers
            .iter()
            .any(|server| server.as_str().is_some_and(|server| addresses.contains(&server)))
}

/// The Services of cluster DNS, by the label that kubeadm and the clouds give them, or OpenShift's name.
fn services(view: &ClusterView) -> impl Iterator<Item = &Object> {
    view.of_kind("Service").filter(|service| {
        service.str("metadata.labels[k8s-app]") == "kube-dns"
            || (service.namespace() == "openshift-dns" && service.name() == "dns-default")
    })
}

/// Cluster DNS with what it runs from.
struct Resolver<'a> {
    service: &'a Object,
    workload: &'a Object,
    config: Option<&'a Object>,
}

fn resolver(view: &ClusterView) -> Option<Resolver<'_>> {
    let service = services(view).next()?;
    let wanted = service.at("spec.selector")?;
    let workload = ["Deployment", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, service.namespace()))
        .find(|workload| selector::map_selects(wanted, selector::template_labels(workload)))?;
    let config = view
        .in_namespace("ConfigMap", service.namespace())
        .filter(|config| config.at("data.Corefile").is_some())
        .max_by_key(|config| config.name() == workload.name());
    Some(Resolver {
        service,
        workload,
        config,
    })
}

/// Several callers cannot find Services that are there: cluster DNS does not answer, or not for their zone.
fn cluster_dns(context: &Context<'_>, existing: &[Complaint<'_>]) -> Option<Signal> {
    let last = existing.last()?;
    let callers = complaints::callers(existing);
    let resolver = resolver(context.view)?;
    let found = wrong_zone(&resolver, existing).or_else(|| does_not_start(context.view, &resolver));
    let count = callers.len();
    let (object, why, certainty) = match &found {
        Some((object, why)) => (object.clone(), why.clone(), if count > 1 { 0.95 } else { 0.7 }),
        None if crate::network::ready_endpoints(context.view, resolver.service) == 0 => (
            resolver.workload.reference().clone(),
            format!("{} has no ready endpoint", resolver.service.reference()),
            if count > 1 { 0.75 } else { 0.5 },
        ),
        None => (
            resolver.workload.reference().clone(),
            "why is not known".to_owned(),
            if count > 1 { 0.55 } else { 0.3 },
        ),
    };
    let message = format!(
        "cluster DNS fails: {count} workloads cannot resolve Services that are there (such as {}); {why}",
        last.call.host
    );
    let mut built = signal("dns", &object, &message)
        .mechanism(BROKEN, certainty)
        .severity(Severity::Critical)
        .onset(complaints::first(existing))
        .ongoing(complaints::ongoing(context, existing))
        .affects(callers)
        .affects([
            resolver.service.reference().clone(),
            resolver.workload.reference().clone(),
        ])
        .facts(
            resolver.workload,
            ["status.readyReplicas", "status.unavailableReplicas"],
        );
    if let Some(config) = resolver.config {
        built = built.facts(config, ["data.Corefile"]);
        if &object == config.reference() {
            built = built.params("data.Corefile", &why, None);
        }
    }
    for (pod, path, text, at) in last_words(context.view, resolver.workload.reference()) {
        built = built.affects([pod.clone()]).computed(&pod, &path, &text, at);
    }
    Some(built.fact(Some(last.fact())).build())
}

/// A Corefile whose `kubernetes` plugin does not serve the zone of the names that are looked up.
fn wrong_zone(resolver: &Resolver<'_>, existing: &[Complaint<'_>]) -> Option<(ObjectRef, String)> {
    let config = resolver.config?;
    let corefile = config.str("data.Corefile");
    let zones: Vec<&str> = corefile
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("kubernetes "))
        .flat_map(|zones| zones.trim_end_matches('{').split_whitespace())
        .collect();
    let served = |zone: &str| {
        zones
            .iter()
            .any(|served| served.trim_end_matches('.') == zone || *served == ".")
    };
    let asked = existing
        .iter()
        .filter_map(|complaint| complaint.call.host.split_once(".svc."))
        .map(|(_, zone)| zone.trim_end_matches('.'))
        .find(|zone| !served(zone))?;
    let why = if zones.is_empty() {
        format!(
            "the Corefile of {} has no kubernetes plugin for {asked}",
            config.reference()
        )
    } else {
        format!(
            "the Corefile of {} serves {} and not {asked}",
            config.reference(),
            zones.join(" ")
        )
    };
    Some((config.reference().clone(), why))
}

/// The name server does not start because it cannot read its Corefile.
fn does_not_start(view: &ClusterView, resolver: &Resolver<'_>) -> Option<(ObjectRef, String)> {
    let config = resolver.config?;
    if crate::network::ready_endpoints(view, resolver.service) > 0 {
        return None;
    }
    let (_, _, text, _) = last_words(view, resolver.workload.reference())
        .into_iter()
        .find(|(_, _, text, _)| text.contains("Error during parsing"))?;
    Some((config.reference().clone(), format!("its pods exit: {text}")))
}

type Words = (ObjectRef, String, String, Option<jiff::Timestamp>);

/// The last line of each log of the name server's pods that speaks of broken DNS.
fn last_words(view: &ClusterView, workload: &ObjectRef) -> Vec<Words> {
    let pods: Vec<&Object> = view.pods_of(workload).collect();
    view.logs
        .iter()
        .filter(|(source, _)| {
            pods.iter()
                .any(|pod| pod.name() == source.pod && pod.namespace() == source.namespace)
        })
        .filter_map(|(source, log)| {
            let Look::Found(lines) = log else { return None };
            let line = lines
                .iter()
                .rev()
                .find(|line| complaints::says(line.text.as_str(), BROKEN))?;
            let previous = if source.previous { ".previous" } else { "" };
            Some((
                ObjectRef::of("Pod", &source.namespace, &source.pod),
                format!("log[{}]{previous}.line", source.container),
                line.text.truncated(300).as_str().to_owned(),
                line.at,
            ))
        })
        .collect()
}

/// Addresses of Services that do not exist. Certain where a workload of that very name waits for its traffic and the
/// callers cannot resolve the name; an address that was mistyped has neither.
fn missing(context: &Context<'_>, complaints: &[Complaint<'_>]) -> Vec<Signal> {
    let view = context.view;
    let absent = context.calls.iter().filter(|call| call.exists == Some(false));
    absent
        .map(|call| {
            let behind = ["Deployment", "StatefulSet", "DaemonSet"]
                .into_iter()
                .find_map(|kind| view.get(kind, &call.service.namespace, &call.service.name));
            let heard = complaints.iter().rev().find(|complaint| complaint.call == call);
            let certainty = match (behind, heard) {
                (Some(_), Some(_)) => 0.93,
                (Some(_), None) => 0.6,
                (None, _) => 0.4,
            };
            let but = behind.map_or_else(String::new, |behind| {
                format!("; {} is there and has no Service of its name", behind.reference())
            });
            let message = format!(
                "{} calls {}, but {} does not exist{but}",
                call.from, call.host, call.service
            );
            let mut built = signal("dns", &call.service, &message)
                .mechanism(MISSING, certainty)
                .severity(if heard.is_some() {
                    Severity::Critical
                } else {
                    Severity::Warning
                })
                .affects([call.from.clone()])
                .affects(behind.map(|behind| behind.reference().clone()))
                .lookup(view, &call.service)
                .params("metadata.name", "absent", Some(&call.service.name))
                .param("caller", &call.field);
            if let Some(source) = view.get_ref(&call.source) {
                built = built.facts(source, [call.field.as_str()]);
            }
            if let Some(complaint) = heard {
                let own: Vec<Complaint<'_>> = complaints
                    .iter()
                    .filter(|found| found.call == call)
                    .copied()
                    .collect();
                built = built.fact(Some(complaint.fact())).onset(complaints::first(&own));
            }
            built.build()
        })
        .collect()
}
