//! Whether NetworkPolicies admit a flow between two workloads, by the API's rules: a pod that no policy selects
//! for a direction is open in it; a selected one admits what at least one policy's rule admits.

use cluster::{ClusterView, Object, selector};
use serde_json::Value;

/// A direction of traffic, seen from the pods that a policy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the selected pods.
    Ingress,
    /// Out of them.
    Egress,
}

/// One side of a flow: a workload's pods.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The workload, whose pod template carries the labels.
    pub workload: &'a Object,
}

/// A flow that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Denial<'a> {
    /// Which side's policies refuse it.
    pub direction: Direction,
    /// All policies that select that side for the direction; none of them admits the flow.
    pub policies: Vec<&'a Object>,
}

/// The first direction in which policies refuse a TCP flow from `from` to `to` at `port`.
pub fn denial<'a>(view: &'a ClusterView, from: Side<'_>, to: Side<'_>, port: u16) -> Option<Denial<'a>> {
    [(Direction::Ingress, to, from), (Direction::Egress, from, to)]
        .into_iter()
        .find_map(|(direction, own, peer)| {
            let policies = selecting(view, own, direction);
            let admitted = policies.is_empty()
                || policies
                    .iter()
                    .any(|policy| admits(view, policy, direction, peer, to, port));
            (!admitted).then_some(Denial { direction, policies })
        })
}

/// The policies that select a side's pods for a direction.
pub fn selecting<'a>(view: &'a ClusterView, side: Side<'_>, direction: Direction) -> Vec<&'a Object> {
    let namespace = side.workload.reference().namespace.clone();
    let labels = selector::template_labels(side.workload);
    // Pods on the host's network are outside of what policies govern.
    let on_host = side.workload.is("spec.template.spec.hostNetwork");
    view.of_kind("NetworkPolicy")
        .filter(|_| !on_host)
        .filter(|policy| policy.namespace() == namespace)
        .filter(|policy| {
            policy
                .at("spec.podSelector")
                .is_none_or(|wanted| selector::label_selects(wanted, labels))
        })
        .filter(|policy| applies(policy, direction))
        .collect()
}

/// `policyTypes`; when absent, Ingress always and Egress if there are egress rules (API default).
fn applies(policy: &Object, direction: Direction) -> bool {
    let types = policy.list("spec.policyTypes");
    let name = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    if types.is_empty() {
        direction == Direction::Ingress || policy.at("spec.egress").is_some()
    } else {
        types.iter().any(|found| found == name)
    }
}

fn admits(
    view: &ClusterView,
    policy: &Object,
    direction: Direction,
    peer: Side<'_>,
    to: Side<'_>,
    port: u16,
) -> bool {
    let (rules, peers) = match direction {
        Direction::Ingress => ("spec.ingress", "from"),
        Direction::Egress => ("spec.egress", "to"),
    };
    policy.list(rules).iter().any(|rule| {
        let by_peer = rule.get(peers).and_then(Value::as_array).is_none_or(|list| {
            list.is_empty() || list.iter().any(|entry| peer_fits(view, policy, entry, peer))
        });
        let by_port = rule
            .get("ports")
            .and_then(Value::as_array)
            .is_none_or(|list| list.is_empty() || list.iter().any(|entry| port_fits(entry, to, port)));
        by_peer && by_port
    })
}

fn peer_fits(view: &ClusterView, policy: &Object, entry: &Value, peer: Side<'_>) -> bool {
    if let Some(block) = entry.get("ipBlock") {
        return view
            .pods_of(peer.workload.reference())
            .any(|pod| in_block(block, pod.str("status.podIP")));
    }
    let own_namespace = peer.workload.namespace() == policy.namespace();
    let by_namespace = match entry.get("namespaceSelector") {
        None => own_namespace,
        Some(wanted) => {
            let namespace = view.get("Namespace", "", peer.workload.namespace());
            namespace.is_some_and(|namespace| selector::label_selects(wanted, selector::labels(namespace)))
        }
    };
    let by_pod = entry
        .get("podSelector")
        .is_none_or(|wanted| selector::label_selects(wanted, selector::template_labels(peer.workload)));
    by_namespace && by_pod
}

fn port_fits(entry: &Value, to: Side<'_>, port: u16) -> bool {
    if entry
        .get("protocol")
        .and_then(Value::as_str)
        .is_some_and(|protocol| protocol != "TCP")
    {
        return false;
    }
    match entry.get("port") {
        None => true,
        Some(Value::Number(from)) => {
            let from = from.as_u64().unwrap_or_default();
            let end = entry.get("endPort").and_then(Value::as_u64).unwrap_or(from);
            (from..=end).contains(&u64::from(port))
        }
        Some(named) => to
            .workload
            .list("spec.template.spec.containers")
            .iter()
            .any(|container| {
                container
                    .get("ports")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .any(|declared| {
                        declared.get("name") == Some(named)
                            && declared.get("containerPort").and_then(Value::as_u64) == Some(u64::from(port))
                    })
            }),
    }
}

/// Whether an IPv4 address lies in an `ipBlock` and in none of its exceptions.
fn in_block(block: &Value, address: &str) -> bool {
    let Ok(address) = address.parse::<std::net::Ipv4Addr>() else {
        return false;
    };
    let inside = |cidr: &str| {
        let Some((base, bits)) = cidr.split_once('/') else {
            return false;
        };
        let (Ok(base), Ok(bits)) = (base.parse::<std::net::Ipv4Addr>(), bits.parse::<u32>()) else {
            return false;
        };
        let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
        u32::from(base) & mask == u32::from(address) & mask
    };
    let excepted = block
        .get("except")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|cidr| cidr.as_str().is_some_and(inside));
    block.get("cidr").and_then(Value::as_str).is_some_and(inside) && !excepted
}

/// Container port that a Service's port leads to on a workload; the port itself when nothing says otherwise.
pub fn target_port(service: &Object, port: Option<u16>, workload: &Object) -> Option<u16> {
    let ports = service.list("spec.ports");
    let entry = match port {
        Some(port) => ports
            .iter()
            .find(|entry| entry.get("port").and_then(Value::as_u64) == Some(u64::from(port)))?,
        None => ports.first()?,
    };
    match entry.get("targetPort").or(entry.get("port"))? {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        named => workload
            .list("spec.template.spec.containers")
            .iter()
            .flat_map(|container| {
                container
                    .get("ports")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
            })
            .find(|declared| declared.get("name") == Some(named))
            .and_then(|declared| u16::try_from(declared.get("containerPort")?.as_u64()?).ok()),
    }
}

/// A DaemonSet that is known to enforce NetworkPolicies. Absence proves nothing: CNIs differ.
pub fn enforcer(view: &ClusterView) -> Option<&Object> {
    const ENFORCERS: &[&str] = &[
        "calico",
        "cilium",
        "antrea",
        "kube-router",
        "weave",
        "ovn",
        "aws-eks-nodeagent",
        "aws-network-policy",
        "azure-npm",
        "kube-network-policies",
    ];
    view.of_kind("DaemonSet").find(|set| {
        let images = set
            .list("spec.template.spec.containers")
            .iter()
            .filter_map(|container| container.get("image")?.as_str());
        images
            .chain([set.name()])
            .any(|text| ENFORCERS.iter().any(|enforcer| text.contains(enforcer)))
    })
}

/// Ready addresses of a Service, by its EndpointSlices. An endpoint without a ready condition counts as ready.
pub fn ready_endpoints(view: &ClusterView, service: &Object) -> usize {
    slices(view, service)
        .flat_map(|slice| slice.list("endpoints"))
        .filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false)))
        .map(|endpoint| {
            endpoint
                .get("addresses")
                .and_then(Value::as_array)
                .map_or(0, Vec::len)
        })
        .sum()
}

/// The EndpointSlices of a Service.
pub(crate) fn slices<'a>(
    view: &'a ClusterView,
    service: &'a Object,
) -> impl Iterator<Item = &'a Object> + 'a {
    view.in_namespace("EndpointSlice", service.namespace())
        .filter(|slice| slice.str("metadata.labels[kubernetes.io/service-name]") == service.name())
}
