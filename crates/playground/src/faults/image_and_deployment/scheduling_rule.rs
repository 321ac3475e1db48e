//! A rollout brings a placement rule that no node meets: its pods stay pending. Must not know how it is found.

use serde_json::{Value, json};

use super::edits::{in_vain, scale, undo};
use super::waiting_pods::{Preemption, hold, unavailable};
use crate::build::json::{push, set, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `image-and-deployment/scheduling-constraint-…`, for rules of the pod's own template.
pub struct SchedulingRule(pub Rule);

/// The rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `nodeSelector` with a label that no node has.
    NodeSelector,
    /// Required node affinity to a zone without nodes.
    Affinity,
    /// Required anti-affinity by zone, while the old pods occupy all zones.
    AntiAffinity,
    /// A hard spread constraint over a label that no node has.
    TopologySpread,
    /// A host port that the node agents use on every node.
    HostPort,
}

/// What is put into the template, where, and what the scheduler says.
struct Placed {
    pointer: &'static str,
    value: Value,
    reason: &'static str,
    preemption: Preemption,
    found: String,
    expected: Value,
}

impl Fault for SchedulingRule {
    fn id(&self) -> &'static str {
        match self.0 {
            Rule::NodeSelector => "image-and-deployment/scheduling-constraint-node-selector",
            Rule::Affinity => "image-and-deployment/scheduling-constraint-affinity",
            Rule::AntiAffinity => "image-and-deployment/scheduling-constraint-anti-affinity",
            Rule::TopologySpread => "image-and-deployment/scheduling-constraint-topology-spread",
            Rule::HostPort => "image-and-deployment/scheduling-constraint-host-port",
        }
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let placed = self.placed(world, ctx, &workload);
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            if placed.pointer.ends_with("Constraints") {
                push(template, placed.pointer, placed.value.clone());
            } else {
                set(template, placed.pointer, placed.value.clone());
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let nodes = ctx.shop.nodes.len();
        let message = unavailable(nodes, &[(nodes, placed.reason)], placed.preemption);
        for pod in &rolled.new_pods {
            hold(world, ctx, (&workload.namespace, pod), &message);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, 2),
        );
        let field = placed
            .pointer
            .trim_start_matches('/')
            .replace("/0", "")
            .replace('/', ".");
        let params = json!({
            "field": format!("spec.template.{field}"), "found": placed.found, "expected": placed.expected,
            "pointer": placed.pointer, "value": placed.value
        });
        Truth::cause(workload_key(&workload), self.id(), params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let wanted = cause.params.get("value");
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .and_then(|object| object.pointer(&format!("/spec/template{}", text(&cause.params, "/pointer"))))
            .is_some_and(|found| {
                Some(found) == wanted
                    || found
                        .as_array()
                        .is_some_and(|list| list.iter().any(|item| Some(item) == wanted))
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let pointer = text(&cause.params, "/pointer");
        let path = if pointer.ends_with("Constraints") {
            format!("/spec/template{pointer}/1")
        } else {
            format!("/spec/template{pointer}")
        };
        let operation = if pointer.ends_with("ports") {
            json!({ "op": "remove", "path": format!("{path}/0/hostPort") })
        } else {
            json!({ "op": "remove", "path": path })
        };
        let drop = Step::JsonPatch {
            object: cause.object.clone(),
            patch: json!([operation]),
        };
        let mut out: Vec<Remedy> = undo(world, &cause.object).into_iter().collect();
        out.push(Remedy::heals("drop-constraint", vec![drop]));
        out.extend(in_vain(world, &cause.object));
        if let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) {
            let more = scale(&cause.object, workload.replicas + 2);
            out.push(Remedy::fails("scale-up", vec![more]));
        }
        out
    }
}

impl SchedulingRule {
    /// Reasons by plugin: `pkg/scheduler/framework/plugins/nodeaffinity`, `interpodaffinity`, `podtopologyspread`,
    /// `nodeports`.
    fn placed(&self, world: &World, ctx: &mut FaultContext, workload: &Workload) -> Placed {
        let names = &ctx.shop.names.platform;
        let zone_key = "topology.kubernetes.io/zone";
        let zone = format!("{}c", names.region);
        match self.0 {
            Rule::NodeSelector => {
                let pools = [
                    ("node.kubernetes.io/pool", "general-v2"),
                    ("workload-tier", "standard"),
                    ("node.kubernetes.io/instance-type", "m7a.2xlarge"),
                ];
                let (key, value) = ctx.rng.pick(&pools).copied().unwrap_or(pools[0]);
                Placed {
                    pointer: "/spec/nodeSelector",
                    value: json!({ key: value }),
                    reason: "node(s) didn't match Pod's node affinity/selector",
                    preemption: Preemption::NotHelpful,
                    found: format!("{key}={value}"),
                    expected: Value::Null,
                }
            }
            Rule::Affinity => Placed {
                pointer: "/spec/affinity",
                value: json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{ "matchExpressions": [
                        { "key": zone_key, "operator": "In", "values": [zone] }
                    ] }]
                } } }),
                reason: "node(s) didn't match Pod's node affinity/selector",
                preemption: Preemption::NotHelpful,
                found: zone,
                expected: json!(names.zones),
            },
            Rule::AntiAffinity => Placed {
                pointer: "/spec/affinity",
                value: json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
                    { "labelSelector": { "matchLabels": workload.selector() }, "topologyKey": zone_key }
                ] } }),
                reason: "node(s) didn't match pod anti-affinity rules",
                preemption: Preemption::NoVictims,
                found: format!("required anti-affinity by {zone_key}"),
                expected: Value::Null,
            },
            Rule::TopologySpread => Placed {
                pointer: "/spec/topologySpreadConstraints",
                value: json!({
                    "maxSkew": 1, "topologyKey": "topology.kubernetes.io/rack", "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": { "matchLabels": workload.selector() }
                }),
                reason: "node(s) didn't match pod topology spread constraints (missing required label)",
                preemption: Preemption::NotHelpful,
                found: "topology.kubernetes.io/rack".to_owned(),
                expected: json!(zone_key),
            },
            Rule::HostPort => host_port(world, workload),
        }
    }
}

/// The port of an agent with host networking that runs on every node.
fn host_port(world: &World, workload: &Workload) -> Placed {
    let taken = world
        .get("DaemonSet", "kube-system", "kube-proxy")
        .and_then(|agent| agent.pointer("/spec/template/spec/containers/0/ports/0/containerPort"))
        .and_then(Value::as_u64)
        .unwrap_or(10_249);
    let name = crate::build::template::port_name(workload.voice);
    let mut port = json!({ "name": name, "containerPort": workload.port, "protocol": "TCP" });
    set(&mut port, "/hostPort", json!(taken));
    Placed {
        pointer: "/spec/containers/0/ports",
        value: json!([port]),
        reason: "node(s) didn't have free ports for the requested pod ports",
        preemption: Preemption::NoVictims,
        found: taken.to_string(),
        expected: Value::Null,
    }
}
