//! A namespace is deleted after the operator of an add-on was uninstalled: one object in it waits for that operator's
//! finalizer, and the namespace stays Terminating. Must not know how it is found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::json::{items, set, text};
use crate::build::object::{CONTROLLER, PIPELINE};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Symptom, Truth, key};
use crate::names::words::WORDS;
use crate::shop::definitions::{Definition, define};
use crate::shop::{Shop, nodes};
use crate::world::{ObjectKey, World};

/// `config-and-secrets/finalizer-stuck`. Knows the parameter `of`, the add-on whose operator is gone: `autoscaling` (KEDA)
/// or `database` (Zalando's operator for PostgreSQL).
pub(super) struct FinalizerStuck;

const ID: &str = "config-and-secrets/finalizer-stuck";

/// An add-on: what it calls its kind, its finalizer and its operator.
struct AddOn {
    of: &'static str,
    definition: Definition<'static>,
    finalizer: &'static str,
    operator: &'static str,
    image: &'static str,
}

const ADD_ONS: &[AddOn] = &[
    // kedacore/keda, `controllers/keda/scaledobject_finalizer.go`.
    AddOn {
        of: "autoscaling",
        definition: Definition {
            group: "keda.sh",
            version: "v1alpha1",
            kind: "ScaledObject",
            plural: "scaledobjects",
            short: &["so"],
        },
        finalizer: "finalizer.keda.sh",
        operator: "keda-operator",
        image: "ghcr.io/kedacore/keda:2.16.1",
    },
    // zalando/postgres-operator, `pkg/cluster/cluster.go`, `finalizerName`.
    AddOn {
        of: "database",
        definition: Definition {
            group: "acid.zalan.do",
            version: "v1",
            kind: "postgresql",
            plural: "postgresqls",
            short: &["pg"],
        },
        finalizer: "postgres-operator.acid.zalan.do",
        operator: "postgres-operator",
        image: "ghcr.io/zalando/postgres-operator:v1.14.0",
    },
];

impl Fault for FinalizerStuck {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 300);
        let chosen = ctx.text_param("of").map(str::to_owned);
        let fitting: Vec<&AddOn> = ADD_ONS
            .iter()
            .filter(|add_on| chosen.as_deref().is_none_or(|of| of == add_on.of))
            .collect();
        let (Some(add_on), Some(word)) = (ctx.rng.pick(&fitting).copied(), ctx.rng.pick(WORDS).copied())
        else {
            return Truth::without_cause("inconclusive");
        };
        let name = format!("review-{word}");
        define(world, &ctx.shop, &add_on.definition);
        let created = time::days_before(at, ctx.rng.range(2, 9));
        remainder(world, &ctx.shop, (&name, word), add_on, (created, at));
        terminating(world, &ctx.shop, &name, add_on, (created, at));
        let namespace = key("", "Namespace", "", &name);
        ctx.symptom = Some(Symptom {
            workload: key("", "Namespace", &name, &name),
            pod: None,
            front: None,
            onset: at,
            labels: BTreeMap::new(),
        });
        let params = json!({
            "field": "metadata.finalizers", "found": add_on.finalizer, "expected": null,
            "operator": add_on.operator, "kind": add_on.definition.kind, "group": add_on.definition.group, "name": word
        });
        Truth::cause(namespace, ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let is_kept = world
            .object(&hanging(&cause.object.name, &cause.params))
            .is_some_and(|object| !items(object, "/metadata/finalizers").is_empty());
        let operator = text(&cause.params, "/operator");
        let is_run = world.of_kind("Deployment").any(|found| {
            text(found, "/metadata/name") == operator
                && crate::build::json::number(found, "/spec/replicas") > 0
        });
        world.object(&cause.object).is_some() && is_kept && !is_run
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let stuck = hanging(&cause.object.name, &cause.params);
        let operator = text(&cause.params, "/operator");
        let Some(add_on) = ADD_ONS.iter().find(|add_on| add_on.operator == operator) else {
            return Vec::new();
        };
        let mut out = vec![Remedy::heals(
            "reinstall-operator",
            vec![Step::Create(deployment(shop, add_on))],
        )];
        let released = Step::MergePatch {
            object: stuck.clone(),
            patch: json!({ "metadata": { "finalizers": null } }),
        };
        out.push(Remedy::heals("remove-finalizer", vec![released]));
        if world.object(&stuck).is_some() {
            out.push(Remedy::fails("delete-again", vec![Step::Delete(stuck)]));
        }
        out
    }
}

/// The object that carries the finalizer.
fn hanging(namespace: &str, params: &Value) -> ObjectKey {
    key(
        text(params, "/group"),
        text(params, "/kind"),
        namespace,
        text(params, "/name"),
    )
}

fn deployment(shop: &Shop, add_on: &AddOn) -> Value {
    let labels = json!({ "app.kubernetes.io/name": add_on.operator });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": add_on.operator, "namespace": shop.names.namespace("platform"), "labels": labels },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": add_on.operator, "image": add_on.image }] }
            }
        }
    })
}

/// What is left in the namespace: the namespace controller deleted it, its finalizer keeps it.
fn remainder(
    world: &mut World,
    shop: &Shop,
    (namespace, name): (&str, &str),
    add_on: &AddOn,
    (created, at): (Timestamp, Timestamp),
) {
    let Definition {
        group, version, kind, ..
    } = add_on.definition;
    let mut object = json!({
        "apiVersion": format!("{group}/{version}"), "kind": kind,
        "metadata": shop.stamp.meta(kind, namespace, name, created),
        "spec": match add_on.of {
            "autoscaling" => json!({
                "scaleTargetRef": { "name": name }, "minReplicaCount": 1, "maxReplicaCount": 4,
                "triggers": [{ "type": "cpu", "metricType": "Utilization", "metadata": { "value": "70" } }]
            }),
            _ => json!({
                "teamId": name, "numberOfInstances": 1, "volume": { "size": "5Gi" }, "postgresql": { "version": "16" }
            }),
        }
    });
    set(&mut object, "/metadata/finalizers", json!([add_on.finalizer]));
    shop.stamp.put(world, object, PIPELINE, created);
    if let Some(object) = world.get_mut(kind, namespace, name) {
        let deleted = time::after(at, 6);
        set(
            object,
            "/metadata/deletionTimestamp",
            json!(time::seconds(deleted)),
        );
        set(object, "/metadata/deletionGracePeriodSeconds", json!(0));
    }
}

/// A namespace that was deleted and is not gone.
fn terminating(
    world: &mut World,
    shop: &Shop,
    name: &str,
    add_on: &AddOn,
    (created, at): (Timestamp, Timestamp),
) {
    let mut object = nodes::namespace(shop, name, created);
    set(
        &mut object,
        "/metadata/deletionTimestamp",
        json!(time::seconds(at)),
    );
    let conditions = conditions(add_on, time::after(at, 7));
    set(
        &mut object,
        "/status",
        json!({ "phase": "Terminating", "conditions": conditions }),
    );
    shop.stamp.put(world, object, PIPELINE, created);
    if let Some(found) = world.get_mut("Namespace", "", name) {
        shop.stamp
            .touch(found, CONTROLLER, time::after(at, 7), &["/status"]);
    }
}

/// The five conditions of a namespace on its way out (`pkg/controller/namespace/deletion/status_condition_utils.go`).
fn conditions(add_on: &AddOn, at: Timestamp) -> Value {
    let turned = time::seconds(at);
    let one = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": turned
        })
    };
    let Definition { group, plural, .. } = add_on.definition;
    let remaining = format!("Some resources are remaining: {plural}.{group} has 1 resource instances");
    let finalizers = format!(
        "Some content in the namespace has finalizers remaining: {} in 1 resource instances",
        add_on.finalizer
    );
    json!([
        one(
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered"
        ),
        one(
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed"
        ),
        one(
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization"
        ),
        one(
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            &remaining
        ),
        one(
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            &finalizers
        )
    ])
}
