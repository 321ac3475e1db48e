//! A volume of one node is wanted on a second while the earlier pod still holds it: a rolling update of a workload
//! that must be recreated, or a drained pod that does not end. Must not know how it is found.
//! `params.kind`: `rollout` or `terminating`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{edits, waiting};
use crate::build::controller::TEMPLATE_HASH;
use crate::build::json::{items, set, text, unset};
use crate::build::log::Lines;
use crate::build::log::merge;
use crate::build::log::voice::{Level, line};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::{Workload, tag};
use crate::faults::app_vs_infra::edits::delete_node;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::storage::{claim_name, volume_name};
use crate::shop::{Node, Shop};
use crate::simulate::callers::pods_of;
use crate::simulate::pods::failing_readiness;
use crate::simulate::rollout::{Change, active_set, controller_event, rollout, stopping_event};
use crate::simulate::spawn;
use crate::world::World;

/// `storage-and-persistence/pvc-conflict`.
pub struct PvcConflict;

const ID: &str = "storage-and-persistence/pvc-conflict";
const GRACE: &str = "/spec/terminationGracePeriodSeconds";
const IMAGE: &str = "/spec/containers/0/image";

impl Fault for PvcConflict {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        self.stage(world, ctx)
            .unwrap_or_else(|| Truth::without_cause("inconclusive"))
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let namespace = cause.object.namespace.as_str();
        let (Some(holder), Some(claim), Some(owner)) = (
            world.get("Pod", namespace, text(&cause.params, "/holder")),
            world.get("PersistentVolumeClaim", namespace, text(&cause.params, "/claim")),
            world.get("Deployment", namespace, &cause.object.name),
        ) else {
            return false;
        };
        let exclusive = items(claim, "/spec/accessModes")
            .iter()
            .all(|mode| mode == "ReadWriteOnce");
        let wanted_again = text(&cause.params, "/kind") == "terminating"
            || (text(owner, "/spec/strategy/type") != "Recreate"
                && text(owner, &format!("/spec/template{IMAGE}")) != text(holder, IMAGE));
        exclusive && wanted_again
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return Vec::new();
        };
        let holder = key("", "Pod", &workload.namespace, text(&cause.params, "/holder"));
        let mut out = edits::hasty(shop, truth);
        if text(&cause.params, "/kind") == "terminating" {
            let node = world
                .object(&holder)
                .map(|pod| text(pod, "/spec/nodeName"))
                .unwrap_or_default();
            out.push(Remedy::heals("delete-node", delete_node(node)));
            out.push(Remedy::heals("force-delete-old-pod", vec![Step::Delete(holder)]));
            return out;
        }
        let before = world
            .get("Pod", &holder.namespace, &holder.name)
            .map(|pod| text(pod, "/metadata/ownerReferences/0/name"))
            .and_then(|set| world.get("ReplicaSet", &holder.namespace, set))
            .and_then(|set| set.pointer("/spec/template").cloned());
        if let Some(mut template) = before {
            unset(&mut template, "/metadata/labels", TEMPLATE_HASH);
            out.push(Remedy::heals(
                "rollout-undo",
                vec![Step::JsonPatch {
                    object: workload_key(workload),
                    patch: json!([{ "op": "replace", "path": "/spec/template", "value": template }]),
                }],
            ));
        }
        let recreate = Step::MergePatch {
            object: workload_key(workload),
            patch: json!({ "spec": { "strategy": { "type": "Recreate", "rollingUpdate": null } } }),
        };
        out.push(Remedy::heals("recreate-strategy", vec![recreate]));
        out
    }
}

impl PvcConflict {
    fn stage(&self, world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
        let at = ctx.minutes_ago(19, 45);
        let workload = ctx.pick_role(&["media", "reports"])?;
        let node = waiting::sibling(world, &ctx.shop, &workload)?;
        let terminating = match ctx.text_param("kind") {
            Some(kind) => kind == "terminating",
            None => ctx.rng.chance(50),
        };
        let old = pods_of(world, &workload).into_iter().next()?;
        let holder = text(&old, "/metadata/name").to_owned();
        let earlier = text(&old, "/spec/nodeName").to_owned();
        let pod = if terminating {
            drain(world, ctx, &workload, &holder, &node, at)?
        } else {
            surge(world, ctx, &workload, &node, at)?
        };
        let stuck = conflict(world, &ctx.shop, &workload, (&holder, &earlier), &pod, &node, at);
        waiting::gives_up(world, &ctx.shop, &workload, &stuck);
        let mut victims = vec![key("", "Pod", &workload.namespace, &pod)];
        if terminating {
            victims = waiting::silence(world, ctx, &workload, &pod, time::after(at, 9));
            victims.retain(|victim| *victim != workload_key(&workload));
        } else {
            ctx.shows(&workload, Some(&pod), time::after(at, 2));
        }
        let mut params = if terminating {
            json!({ "field": "metadata.deletionTimestamp", "found": "still there", "expected": "gone" })
        } else {
            json!({ "field": "spec.strategy.type", "found": "RollingUpdate", "expected": "Recreate" })
        };
        params["kind"] = json!(if terminating { "terminating" } else { "rollout" });
        params["holder"] = json!(holder);
        params["claim"] = json!(stuck.claim);
        Some(Truth::cause(workload_key(&workload), ID, params, victims))
    }
}

/// A new version is rolled out with a strategy that starts the new pod before the old one ends.
fn surge(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &Node,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let author = workload.delivery.author();
    let owner = world.get_mut("Deployment", namespace, &workload.name)?;
    let strategy =
        json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } });
    set(owner, "/spec/strategy", strategy);
    ctx.shop.stamp.touch(owner, author, at, &["/spec/strategy"]);
    let change = Change {
        namespace,
        name: &workload.name,
        author,
        at,
        completes: false,
    };
    let next = workload.next_version();
    let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(template, IMAGE, json!(workload.image_at(next)));
        for variable in template
            .pointer_mut("/spec/containers/0/env")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter(|variable| text(variable, "/name") == "APP_VERSION")
        {
            set(variable, "/value", json!(tag(next)));
        }
    })?;
    let pod = rolled.new_pods.first()?.clone();
    ctx.metrics.forget(&[("namespace", namespace), ("pod", &pod)]);
    waiting::settle_on(world, &ctx.shop, namespace, &pod, node);
    waiting::creating(world, &ctx.shop, workload, &pod, time::after(at, 1));
    Some(pod)
}

/// The node of the old pod is drained; the pod takes its long grace and the ReplicaSet starts another.
fn drain(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    holder: &str,
    node: &Node,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let grace = *ctx.rng.pick(&[7_200_i64, 10_800, 21_600])?;
    let set_name = text(&active_set(world, namespace, &workload.name)?, "/metadata/name").to_owned();
    for (kind, name) in [("Deployment", workload.name.as_str()), ("ReplicaSet", &set_name)] {
        if let Some(owner) = world.get_mut(kind, namespace, name) {
            set(owner, &format!("/spec/template{GRACE}"), json!(grace));
        }
    }
    let old = world.get_mut("Pod", namespace, holder)?;
    set(old, GRACE, json!(grace));
    set(
        old,
        "/metadata/deletionTimestamp",
        json!(time::seconds(time::after(at, grace))),
    );
    set(old, "/metadata/deletionGracePeriodSeconds", json!(grace));
    let earlier = text(old, "/spec/nodeName").to_owned();
    if let Some(drained) = world.get_mut("Node", "", &earlier) {
        set(drained, "/spec/unschedulable", json!(true));
        ctx.shop.stamp.touch(
            drained,
            KUBECTL_EDIT,
            time::before(at, 20),
            &["/spec/unschedulable"],
        );
    }
    stopping_event(world, &ctx.shop, namespace, holder, at);
    failing_readiness(world, &ctx.shop, namespace, holder, time::after(at, 8));
    let mut lines = Lines::default();
    let said = "received signal 15, no longer accepting requests, waiting for 1 running task";
    lines.add(
        time::after(at, 1),
        &line(workload, holder, Level::Info, time::after(at, 1), said),
    );
    let log = world.log_mut(namespace, holder, &workload.name);
    let until = crate::build::log::until(log.current.as_deref().unwrap_or_default(), at);
    log.current = Some(merge(&until, &lines));
    let set = active_set(world, namespace, &workload.name)?;
    let pod = spawn::replica(world, &ctx.shop, &set, node, time::after(at, 1));
    let parent = ("ReplicaSet", namespace, set_name.as_str());
    controller_event(
        world,
        &ctx.shop,
        parent,
        "replicaset-controller",
        "SuccessfulCreate",
        format!("Created pod: {pod}"),
        time::after(at, 1),
    );
    waiting::creating(world, &ctx.shop, workload, &pod, time::after(at, 1));
    Some(pod)
}

/// `pkg/controller/volume/attachdetach/reconciler/reconciler.go`, `reportMultiAttachError`: once per pod.
fn conflict(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    (holder, earlier): (&str, &str),
    pod: &str,
    node: &Node,
    at: Timestamp,
) -> waiting::Stuck {
    let claim = claim_name(workload, 0);
    let volume = volume_name(shop, &workload.namespace, &claim);
    let message =
        format!("Multi-Attach error for volume \"{volume}\" Volume is already used by pod(s) {holder}");
    waiting::attach_failed(world, shop, workload, pod, message, (time::after(at, 2), 1));
    waiting::Stuck {
        pod: pod.to_owned(),
        node: node.clone(),
        earlier: earlier.to_owned(),
        claim,
        volume,
        since: time::after(at, 1),
    }
}
