//! A rollout brings an init container whose step fails, so the application never starts. Must not know how it is
//! found. `params.form`: `migration`, `flag` or `script`.

use serde_json::{Value, json};

use super::edits::{in_vain, undo};
use crate::build::json::{items, push, set};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::init::{InitCrash, init_crash};
use crate::simulate::lives::Lives;
use crate::simulate::pods::Exit;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `image-and-deployment/init-container-failing`.
pub struct InitContainerFailing;

const ID: &str = "image-and-deployment/init-container-failing";

/// An init step that fails.
struct Part {
    name: &'static str,
    command: Value,
    code: i64,
    said: Vec<String>,
}

impl Fault for InitContainerFailing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 48);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let step = draw(ctx, &workload);
        let image = workload.image_at(workload.next_version());
        let container = container(&workload, &step, &image);
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(image));
            push(template, "/spec/initContainers", container);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let life_s = ctx.rng.range(1, 6);
        for pod in &rolled.new_pods {
            let failing = InitCrash {
                namespace: &workload.namespace,
                pod,
                lives: Lives::since(time::after(at, 3), life_s, ctx.shop.now()),
                exit: Exit {
                    code: step.code,
                    reason: "Error",
                },
                said: &step.said,
            };
            init_crash(world, &ctx.shop, &failing);
            ctx.metrics
                .forget(&[("namespace", &workload.namespace), ("pod", pod)]);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, 5),
        );
        let params = json!({
            "field": format!("spec.template.spec.initContainers[{}]", step.name),
            "found": step.command, "expected": null
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| {
                items(object, "/spec/template/spec/initContainers")
                    .iter()
                    .any(|container| container.get("command") == cause.params.get("found"))
            })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = cause.object.clone();
        let path = "/spec/template/spec/initContainers/0/command";
        let fix = Step::JsonPatch {
            object: object.clone(),
            patch: json!([{ "op": "replace", "path": path, "value": ["/bin/true"] }]),
        };
        let mut out: Vec<Remedy> = undo(world, &object).into_iter().collect();
        out.push(Remedy::heals("fix-init-container", vec![fix]));
        out.extend(in_vain(world, &object));
        out
    }
}

fn container(workload: &Workload, step: &Part, image: &str) -> Value {
    json!({
        "name": step.name, "image": image, "imagePullPolicy": "IfNotPresent", "command": step.command,
        "resources": {
            "limits": { "memory": "128Mi" },
            "requests": { "cpu": "50m", "memory": format!("{}Mi", workload.memory_request_mi.min(64)) }
        },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"
    })
}

/// Lines as Alembic and psycopg, Go's `flag`/pflag and the shell print them.
fn draw(ctx: &mut FaultContext, workload: &Workload) -> Part {
    let form = ctx.text_param("form").map(str::to_owned);
    let table = ["line_items", "sessions", "price_history", "audit_entries"];
    let table = ctx.rng.pick(&table).copied().unwrap_or("sessions");
    let number = ctx.rng.range(18, 64);
    match (form.as_deref(), ctx.rng.below(3)) {
        (Some("migration"), _) | (None, 0) => Part {
            name: "migrate",
            command: json!(["/app/migrate", "up", "--to", number.to_string()]),
            code: 1,
            said: vec![
                format!("applying {number:04}_{table}.sql"),
                format!("ERROR: column \"region\" of relation \"{table}\" already exists (SQLSTATE 42701)"),
                format!("migration {number:04}_{table} failed, rolled back; 1 of 1 pending not applied"),
            ],
        },
        (Some("flag"), _) | (None, 1) => Part {
            name: "prepare",
            command: json!(["/app/prepare", "--warmup-cache", "--out", "/data/prepared"]),
            code: 2,
            said: vec![
                "Error: unknown flag: --warmup-cache".to_owned(),
                "Usage:".to_owned(),
                "  prepare [flags]".to_owned(),
                "Flags:".to_owned(),
                "      --out string     directory for the result".to_owned(),
                "      --warm string    names of caches to warm".to_owned(),
            ],
        },
        _ => Part {
            name: "render-config",
            command: json!([
                "/bin/sh",
                "-ec",
                format!("envsubst < /templates/{}.tmpl > /data/app.conf", workload.port)
            ]),
            code: 2,
            said: vec![format!(
                "/bin/sh: 1: cannot open /templates/{}.tmpl: No such file",
                workload.port
            )],
        },
    }
}
