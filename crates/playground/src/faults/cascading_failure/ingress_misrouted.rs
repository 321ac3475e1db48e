//! An edit of an Ingress names a backend, a port or a class that is not there. Must not know how it is found.
//!
//! ingress-nginx words it so: `Error obtaining Endpoints for Service "ns/name": no object matching key "ns/name" in
//! local store` (`internal/ingress/controller/controller.go`, `serviceEndpoints`), and `Ignoring ingress because of
//! error while validating ingress class` (`internal/ingress/controller/store/store.go`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{items, set, text};
use crate::build::log::voice::{CallFailure, Level, klog};
use crate::build::log::{Lines, merge};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Shop, network};
use crate::simulate::callers::{self, Silence, pods_of};
use crate::world::{ObjectKey, World};

/// `cascading-failure/ingress-misrouted`. `params.how` is `backend`, `port` or `class`.
pub struct IngressMisrouted;

const ID: &str = "cascading-failure/ingress-misrouted";

impl Fault for IngressMisrouted {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(15, 48);
        let Some(workload) = ctx.pick_role(&["storefront", "search", "checkout", "payments-api"]) else {
            return Truth::without_cause("inconclusive");
        };
        let name = network::ingress_name(&ctx.shop);
        let object = key("networking.k8s.io", "Ingress", &workload.namespace, &name);
        let how = match ctx.text_param("how") {
            Some(how) => how.to_owned(),
            None => (*ctx.rng.pick(&["backend", "port", "class"]).unwrap_or(&"backend")).to_owned(),
        };
        let Some(ingress) = world.get_mut("Ingress", &workload.namespace, &name) else {
            return Truth::without_cause("inconclusive");
        };
        let Some((pointer, found)) = edit(ingress, &workload, &how) else {
            return Truth::without_cause("inconclusive");
        };
        let expected = ingress.pointer(&pointer).cloned().unwrap_or_default();
        set(ingress, &pointer, found.clone());
        ctx.shop.stamp.touch(ingress, KUBECTL_EDIT, at, &["/spec"]);
        let from = time::after(at, 3);
        let status = if how == "class" { 404 } else { 503 };
        answer(
            world,
            ctx,
            &object,
            &workload,
            (status, from),
            &said(&object, &how, &found, &workload),
        );
        ctx.shows(&workload, None, from);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        let params = json!({ "field": pointer, "found": found, "expected": expected });
        Truth::cause(object, ID, params, vec![workload_key(&workload)])
    }

    /// The class is not there, or the workload's Service is not reached by any path.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(ingress) = world.object(&cause.object) else {
            return true;
        };
        let class = text(ingress, "/spec/ingressClassName");
        let class_ok = class.is_empty() || world.get("IngressClass", "", class).is_some();
        let leads = items(ingress, "/spec/rules/0/http/paths").iter().all(|path| {
            let backend = path.pointer("/backend/service").unwrap_or(&Value::Null);
            world
                .get("Service", &cause.object.namespace, text(backend, "/name"))
                .is_some_and(|service| {
                    items(service, "/spec/ports").iter().any(|port| {
                        port.get("port") == backend.pointer("/port/number")
                            || port.get("name") == backend.pointer("/port/name")
                    })
                })
        });
        !(class_ok && leads)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let expected = cause.params.pointer("/expected").cloned().unwrap_or_default();
        let mut spec = world
            .object(&cause.object)
            .and_then(|ingress| ingress.pointer("/spec"))
            .cloned()
            .unwrap_or_default();
        let field = text(&cause.params, "/field");
        set(&mut spec, field.trim_start_matches("/spec"), expected.clone());
        let whole = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": spec }),
        };
        let mut out = vec![
            Remedy::heals("fix-route", vec![edits::replace(&cause.object, field, &expected)]),
            Remedy::heals("apply-manifest", vec![whole]),
        ];
        if let Some(controller) = shop.role("ingress") {
            out.push(Remedy::fails(
                "restart-ingress",
                vec![edits::restart(shop, &workload_key(controller))],
            ));
        }
        if let Some(front) = shop.role("storefront") {
            out.push(Remedy::fails(
                "restart",
                vec![edits::restart(shop, &workload_key(front))],
            ));
            out.push(Remedy::fails("scale-up", vec![edits::scale(front, 8)]));
        }
        out
    }
}

/// Which field of the Ingress gets which value.
fn edit(ingress: &Value, workload: &Workload, how: &str) -> Option<(String, Value)> {
    let place = items(ingress, "/spec/rules/0/http/paths")
        .iter()
        .position(|path| text(path, "/backend/service/name") == workload.name)?;
    let backend = format!("/spec/rules/0/http/paths/{place}/backend/service");
    Some(match how {
        "class" => ("/spec/ingressClassName".to_owned(), json!("nginx-public")),
        "port" => (
            format!("{backend}/port/number"),
            json!(u32::from(workload.port) + 1000),
        ),
        _ => (format!("{backend}/name"), json!(format!("{}-web", workload.name))),
    })
}

/// What the controller says about it.
fn said(object: &ObjectKey, how: &str, found: &Value, workload: &Workload) -> String {
    let namespace = &object.namespace;
    match how {
        "class" => format!(
            "\"Ignoring ingress because of error while validating ingress class\" ingress=\"{namespace}/{}\" error=\"no object matching key \\\"{}\\\" in local store\"",
            object.name,
            found.as_str().unwrap_or_default()
        ),
        "port" => format!(
            "Service \"{namespace}/{}\" does not have any active Endpoint.",
            workload.name
        ),
        _ => {
            let name = found.as_str().unwrap_or_default();
            format!(
                "Error obtaining Endpoints for Service \"{namespace}/{name}\": no object matching key \"{namespace}/{name}\" in local store"
            )
        }
    }
}

/// What the edge answers: all routes of the Ingress for a wrong class, else the one that was edited.
fn answer(
    world: &mut World,
    ctx: &mut FaultContext,
    object: &ObjectKey,
    workload: &Workload,
    (status, from): (u16, Timestamp),
    message: &str,
) {
    let shop = ctx.shop.clone();
    let routed = shop.workloads.iter().filter(|found| {
        found.path.is_some()
            && found.namespace == object.namespace
            && (status == 404 || found.role == workload.role)
    });
    for backend in routed {
        let silence = Silence {
            callee: backend,
            why: CallFailure::Refused,
            from,
            until: shop.now(),
            only: &[],
        };
        callers::edge(
            world,
            &shop,
            &mut ctx.metrics,
            backend,
            (status, 0.99),
            &silence,
            &mut ctx.rng,
        );
    }
    let Some(controller) = shop.role("ingress") else {
        return;
    };
    for pod in pods_of(world, controller) {
        let mut lines = Lines::default();
        let mut at = from;
        while at < shop.now() {
            let (level, place) = if status == 404 {
                (Level::Info, "store.go:436")
            } else {
                (Level::Warn, "controller.go:1126")
            };
            lines.add(at, &klog(level, at, place, message));
            at = time::after(at, ctx.rng.range(240, 700));
        }
        let log = world.log_mut(
            &controller.namespace,
            text(&pod, "/metadata/name"),
            &controller.name,
        );
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}
