//! Argo CD cannot render the source of an application any more: its path or revision is not in the repository. What runs
//! goes on as it is, and no release arrives. Must not know how it is found. `params.what`: `path` or `revision`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::in_vain;
use crate::build::event::{Happening, record};
use crate::build::json::{items, set, text};
use crate::build::object::{Author, INSTALLER};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::definitions::{Definition, define};
use crate::shop::{Shop, nodes};
use crate::world::World;

/// `image-and-deployment/gitops-source-broken`.
pub struct GitOpsSourceBroken;

const ID: &str = "image-and-deployment/gitops-source-broken";
const GROUP: &str = "argoproj.io";
const HOME: &str = "argocd";
/// The API server of Argo CD writes for its users.
const SERVER: Author = Author {
    manager: "argocd-server",
    operation: "Update",
};

impl Fault for GitOpsSourceBroken {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 58);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let chosen = ctx.text_param("what").map(str::to_owned);
        let by_path = match chosen.as_deref() {
            Some(what) => what == "path",
            None => ctx.rng.chance(60),
        };
        let (field, found, expected, why) = if by_path {
            let (found, expected) = (
                format!("apps/{}-v2", workload.name),
                format!("apps/{}", workload.name),
            );
            // reposerver/repository/repository.go; util/app/path.
            let why = format!("Manifest generation error (cached): {found}: app path does not exist");
            ("path", found, expected, why)
        } else {
            let found = format!("release-{}.{}", workload.version.0, workload.version.1 + 1);
            // util/git/client.go, `LsRemote`.
            let why = format!("unable to resolve '{found}' to a commit SHA");
            ("targetRevision", found, "main".to_owned(), why)
        };
        let home = nodes::namespace(&ctx.shop, HOME, time::days_before(ctx.shop.now(), 300));
        ctx.shop
            .stamp
            .put(world, home, INSTALLER, time::days_before(ctx.shop.now(), 300));
        let kind = Definition {
            group: GROUP,
            version: "v1alpha1",
            kind: "Application",
            plural: "applications",
            short: &["app", "apps"],
        };
        define(world, &ctx.shop, &kind);
        application(world, ctx, &workload, (field, &found), (&why, at));
        ctx.shows(&workload, None, at);
        ctx.label("version", &crate::build::workload::tag(workload.next_version()));
        let params = json!({ "field": format!("spec.source.{field}"), "found": found, "expected": expected });
        let object = key(GROUP, "Application", HOME, &workload.name);
        Truth::cause(object, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        // An Application that is gone delivers nothing either.
        world.object(&cause.object).is_none_or(|object| !renders(object))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let field = text(&cause.params, "/field")
            .rsplit('.')
            .next()
            .unwrap_or_default();
        let mut patch = json!({});
        set(
            &mut patch,
            &format!("/spec/source/{field}"),
            json!(text(&cause.params, "/expected")),
        );
        let merge = |patch: Value| {
            vec![Step::MergePatch {
                object: cause.object.clone(),
                patch,
            }]
        };
        let mut out = vec![Remedy::heals("fix-source", merge(patch))];
        let synced = world
            .object(&cause.object)
            .and_then(|object| object.pointer("/status/history/0").cloned())
            .unwrap_or_default();
        if let Some(source) = synced.get("source") {
            // `argocd app rollback` deploys what was synced last and needs automatic syncing off.
            let mut back = source.clone();
            set(&mut back, "/targetRevision", json!(text(&synced, "/revision")));
            let patch = json!({ "spec": { "source": back, "syncPolicy": { "automated": null } } });
            out.push(Remedy::heals("pin-last-synced", merge(patch)));
        }
        out.extend(
            in_vain(world, workload)
                .into_iter()
                .filter(|remedy| !remedy.steps.is_empty()),
        );
        out
    }
}

/// Whether the path and the revision of an Application are ones that were synced before; the head of the repository is one,
/// too.
fn renders(application: &Value) -> bool {
    let path = text(application, "/spec/source/path");
    let revision = text(application, "/spec/source/targetRevision");
    items(application, "/status/history").iter().any(|synced| {
        let known = [
            "",
            "HEAD",
            text(synced, "/source/targetRevision"),
            text(synced, "/revision"),
        ];
        path == text(synced, "/source/path") && known.contains(&revision)
    })
}

/// The Application as Argo CD 2.14 keeps it: `controller/state.go`, `CompareAppState`; `controller/appcontroller.go`.
fn application(
    world: &mut World,
    ctx: &FaultContext,
    workload: &Workload,
    (field, found): (&str, &str),
    (why, at): (&str, Timestamp),
) {
    let shop = &ctx.shop;
    let created = time::days_before(shop.now(), 210);
    let synced = time::days_before(at, 3);
    let mut source = json!({
        "repoURL": format!("https://git.{}/deploy/{}.git", shop.names.host, workload.namespace),
        "path": format!("apps/{}", workload.name), "targetRevision": "main"
    });
    let revision = shop.stamp.digest(&format!("commit/{}", workload.name));
    let revision = revision.get(..40).unwrap_or_default();
    let before = source.clone();
    set(&mut source, &format!("/{field}"), json!(found));
    let message = format!(
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = {why}"
    );
    let destination = json!({ "server": "https://kubernetes.default.svc", "namespace": workload.namespace });
    let mut object = json!({
        "apiVersion": format!("{GROUP}/v1alpha1"), "kind": "Application",
        "metadata": shop.stamp.meta("Application", HOME, &workload.name, created),
        "spec": {
            "project": "default", "source": before, "destination": destination,
            "syncPolicy": { "automated": { "prune": true, "selfHeal": true } }
        },
        "status": {
            "health": { "status": "Healthy", "lastTransitionTime": time::seconds(synced) },
            "sync": {
                "status": "Unknown", "comparedTo": { "source": source, "destination": destination }
            },
            "conditions": [{
                "type": "ComparisonError", "message": message, "lastTransitionTime": time::seconds(time::after(at, 9))
            }],
            "history": [{
                "id": 41, "revision": revision, "source": before, "deployedAt": time::seconds(synced),
                "deployStartedAt": time::seconds(time::before(synced, 2))
            }],
            "operationState": {
                "phase": "Succeeded", "message": "successfully synced (all tasks run)",
                "startedAt": time::seconds(time::before(synced, 2)), "finishedAt": time::seconds(synced),
                "operation": { "sync": { "revision": revision } }
            },
            "resources": managed(workload),
            "reconciledAt": time::seconds(time::before(shop.now(), 71)), "sourceType": "Kustomize"
        }
    });
    set(
        &mut object,
        "/metadata/finalizers",
        json!(["resources-finalizer.argocd.argoproj.io"]),
    );
    shop.stamp.put(world, object, INSTALLER, created);
    if let Some(object) = world.get_mut("Application", HOME, &workload.name) {
        set(object, &format!("/spec/source/{field}"), json!(found));
        shop.stamp
            .touch(object, SERVER, at, &[&format!("/spec/source/{field}")]);
        shop.stamp.touch_status(object, time::before(shop.now(), 71));
    }
    note(world, shop, workload, time::after(at, 9));
}

/// What the application controller records of the change (`controller/appcontroller.go`, `logAppEvent`).
fn note(world: &mut World, shop: &Shop, workload: &Workload, at: Timestamp) {
    let happening = Happening {
        object: ("Application", HOME, &workload.name),
        container: None,
        kind: "Normal",
        reason: "ResourceUpdated",
        message: "Updated sync status: Synced -> Unknown".to_owned(),
        component: "argocd-application-controller",
        node: "",
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

/// What the application manages, each out of comparison.
fn managed(workload: &Workload) -> Value {
    let one = |group: &str, version: &str, kind: &str, name: &str| {
        let mut entry = json!({
            "kind": kind, "name": name, "namespace": workload.namespace, "version": version, "status": "Unknown"
        });
        if !group.is_empty() {
            set(&mut entry, "/group", json!(group));
        }
        entry
    };
    json!([
        one("", "v1", "ConfigMap", &format!("{}-config", workload.name)),
        one("", "v1", "Service", &workload.name),
        one("apps", "v1", "Deployment", &workload.name)
    ])
}
