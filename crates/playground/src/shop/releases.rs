//! Helm releases of the shop: values, manifests, revisions. Must not know which value is wrong.

use serde_json::{Value, json};

use super::{Shop, apps, config, network};
use crate::build::controller::{deployment, stateful_set};
use crate::build::helm::{Revision, store};
use crate::build::json::{items, set, text, unset};
use crate::build::workload::{Kind, Voice, Workload, tag};
use crate::world::World;

/// Stores the last three revisions of every release.
pub fn build(world: &mut World, shop: &Shop) {
    for workload in shop
        .workloads
        .iter()
        .filter(|workload| workload.delivery.is_helm())
    {
        for steps in [2, 1, 0] {
            store(&shop.stamp, world, &revision(shop, workload, steps));
        }
    }
}

/// The revision `steps` before the current one.
pub fn revision(shop: &Shop, workload: &Workload, steps: u64) -> Revision {
    let ages = apps::ages(shop, workload);
    let deployed = apps::rolled_out_before(ages, steps);
    let version = if steps == 0 {
        workload.version
    } else {
        workload.earlier_version(steps)
    };
    let template = shop.template(workload, version);
    Revision {
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        chart: workload.chart().to_owned(),
        app_version: tag(version),
        number: apps::revision(shop, workload) - steps,
        status: if steps == 0 { "deployed" } else { "superseded" },
        description: "Upgrade complete".to_owned(),
        first: ages.created,
        deployed,
        modified: if steps == 0 {
            deployed
        } else {
            apps::rolled_out_before(ages, steps - 1)
        },
        values: values(shop, workload, version),
        manifest: manifest(shop, workload, &template),
        delivery: workload.delivery,
    }
}

/// The user's values of a release.
pub fn values(shop: &Shop, workload: &Workload, version: (u64, u64, u64)) -> Value {
    let mut values = json!({
        "image": { "repository": workload.repository, "tag": tag(version) },
        "replicaCount": workload.replicas,
        "resources": {
            "limits": { "memory": format!("{}Mi", workload.memory_limit_mi) },
            "requests": { "cpu": format!("{}m", workload.cpu_m), "memory": format!("{}Mi", workload.memory_request_mi) }
        },
        "service": { "port": workload.port }
    });
    for callee in shop.callees(workload) {
        let callee = callee.workload;
        if callee.voice == Voice::Postgres {
            let database = json!({ "host": callee.host(), "port": callee.port, "name": workload.name.replace('-', "_") });
            set(&mut values, "/database", database);
        } else {
            let address = format!("http://{}:{}", callee.host(), callee.port);
            set(
                &mut values,
                &format!("/upstreams/{}", callee.name),
                json!(address),
            );
        }
    }
    values
}

/// The objects that a release's templates yield for a pod template.
pub fn manifest(shop: &Shop, workload: &Workload, template: &Value) -> Vec<(&'static str, Value)> {
    let ages = apps::ages(shop, workload);
    let controller = match workload.kind {
        Kind::StatefulSet => stateful_set(
            &shop.stamp,
            workload,
            template,
            shop.names.platform.storage_class,
            ages.created,
        ),
        Kind::Deployment | Kind::DaemonSet => deployment(&shop.stamp, workload, template, 1, ages.created),
    };
    let mut objects = vec![(
        "serviceaccount.yaml",
        plain(config::service_account(shop, workload)),
    )];
    if workload.voice.speaks_http() && workload.voice != Voice::Nginx {
        objects.push(("configmap.yaml", plain(config::config_map(shop, workload))));
    }
    objects.push(("service.yaml", plain(network::workload_service(shop, workload))));
    objects.push(("workload.yaml", plain(controller)));
    objects
}

/// An object as a chart renders it: without what the API server and controllers add.
fn plain(mut object: Value) -> Value {
    unset(&mut object, "", "status");
    for key in [
        "uid",
        "creationTimestamp",
        "generation",
        "annotations",
        "namespace",
    ] {
        unset(&mut object, "/metadata", key);
    }
    for key in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "internalTrafficPolicy",
        "sessionAffinity",
    ] {
        unset(&mut object, "/spec", key);
    }
    if text(&object, "/kind") == "Deployment" {
        for key in ["revisionHistoryLimit", "progressDeadlineSeconds"] {
            unset(&mut object, "/spec", key);
        }
    }
    let containers = items(&object, "/spec/template/spec/containers").len();
    for index in 0..containers {
        for key in ["terminationMessagePath", "terminationMessagePolicy"] {
            unset(
                &mut object,
                &format!("/spec/template/spec/containers/{index}"),
                key,
            );
        }
    }
    object
}
