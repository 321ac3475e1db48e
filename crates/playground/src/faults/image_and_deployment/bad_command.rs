//! A rollout names a command that cannot be run. Must not know how it is found. `params.form`: `missing` (not in
//! `$PATH`), `denied` (no execute permission) or `shell` (a shell does not find it: exit 127).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{in_vain, undo};
use super::image_reference_wrong::attempts;
use crate::build::event::{Happening, record};
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{Exit, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `image-and-deployment/bad-command`.
pub struct BadCommand;

const ID: &str = "image-and-deployment/bad-command";
const COMMAND: &str = "/spec/containers/0/command";

/// What is started, and how that ends.
struct Attempt {
    command: Value,
    exit: Exit,
    /// The runtime's error, where the container does not start at all.
    error: Option<String>,
    /// What a shell says, where one runs.
    line: Option<String>,
}

impl Fault for BadCommand {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 48);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let attempt = draw(ctx, &workload);
        let change = Change::of(&workload, at, false);
        let image = workload.image_at(workload.next_version());
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(image));
            set(template, COMMAND, attempt.command.clone());
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        for pod in &rolled.new_pods {
            fail(world, ctx, &workload, pod, &attempt, time::after(at, 3));
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, 6),
        );
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].command", workload.name),
            "found": attempt.command, "expected": null
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
                object.pointer(&format!("/spec/template{COMMAND}")) == cause.params.get("found")
            })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let fix = Step::JsonPatch {
            object: cause.object.clone(),
            patch: json!([{ "op": "remove", "path": format!("/spec/template{COMMAND}") }]),
        };
        let mut out: Vec<Remedy> = undo(world, &cause.object).into_iter().collect();
        out.push(Remedy::heals("fix-command", vec![fix]));
        out.extend(in_vain(world, &cause.object));
        out
    }
}

/// runc `libcontainer/init_linux.go` and `standard_init_linux.go` under containerd's `failed to create containerd
/// task`; Go `os/exec` (`executable file not found in $PATH`).
fn draw(ctx: &mut FaultContext, workload: &Workload) -> Attempt {
    let start_error = Exit {
        code: 128,
        reason: "StartError",
    };
    let oci = |what: &str| {
        Some(format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
             failed: unable to start container process: error during container init: exec: {what}: unknown"
        ))
    };
    let form = ctx.text_param("form").map(str::to_owned);
    let program = mistyped(workload.voice, ctx.rng.below(2));
    match (form.as_deref(), ctx.rng.below(3)) {
        (Some("missing"), _) | (None, 0) => Attempt {
            command: json!([program, "--port", workload.port.to_string()]),
            exit: start_error,
            error: oci(&format!("\"{program}\": executable file not found in $PATH")),
            line: None,
        },
        (Some("denied"), _) | (None, 1) => Attempt {
            command: json!(["/opt/app/entrypoint.sh"]),
            exit: start_error,
            error: oci("\"/opt/app/entrypoint.sh\": permission denied"),
            line: None,
        },
        _ => Attempt {
            command: json!([
                "/bin/sh",
                "-c",
                format!("exec {program} --port {}", workload.port)
            ]),
            exit: Exit {
                code: 127,
                reason: "Error",
            },
            error: None,
            line: Some(format!("/bin/sh: 1: exec: {program}: not found")),
        },
    }
}

/// A program of the language with a slip of the finger.
fn mistyped(voice: Voice, which: u64) -> &'static str {
    match (voice, which) {
        (Voice::Node, 0) => "nodejs-server",
        (Voice::Node, _) => "npn",
        (Voice::Python, 0) => "gunicron",
        (Voice::Python, _) => "uvicron",
        (Voice::Java, _) => "jva",
        (_, 0) => "sever",
        _ => "serv",
    }
}

fn fail(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    attempt: &Attempt,
    start: Timestamp,
) {
    let shop = &ctx.shop;
    let namespace = workload.namespace.as_str();
    let lives = Lives::since(start, 0, shop.now());
    crash(world, shop, namespace, pod, &lives, attempt.exit);
    ctx.metrics.forget(&[("namespace", namespace), ("pod", pod)]);
    if let Some(error) = &attempt.error {
        never_started(world, shop, (namespace, pod), error, start);
    }
    let mut lines = Lines::default();
    if let (Some(line), Some((_, end))) = (&attempt.line, lives.finished.last()) {
        lines.add(*end, line);
    }
    let log = world.log_mut(namespace, pod, &workload.name);
    log.current = Some(lines.to_text());
    log.previous = Some(lines.to_text());
}

/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`: event `Failed` (`Error: …`) in place of
/// `Started`; containerd `internal/cri/server/container_start.go`: reason `StartError`, exit code 128, no start time.
fn never_started(
    world: &mut World,
    shop: &Shop,
    (namespace, pod): (&str, &str),
    error: &str,
    first: Timestamp,
) {
    let started: Vec<String> = world
        .of_kind("Event")
        .filter(|event| text(event, "/involvedObject/name") == pod && text(event, "/reason") == "Started")
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for name in started {
        world.remove("Event", namespace, &name);
    }
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    let last = "/status/containerStatuses/0/lastState/terminated";
    set(object, &format!("{last}/message"), json!(error));
    set(
        object,
        &format!("{last}/startedAt"),
        json!("1970-01-01T00:00:00Z"),
    );
    let object = object.clone();
    let tries = attempts(first, shop.now());
    let happening = Happening {
        object: ("Pod", namespace, pod),
        container: Some(text(&object, "/spec/containers/0/name")),
        kind: "Warning",
        reason: "Failed",
        message: format!("Error: {error}"),
        component: "kubelet",
        node: text(&object, "/spec/nodeName"),
        first,
        last: tries.last().copied().unwrap_or(first),
        count: i64::try_from(tries.len()).unwrap_or(1),
    };
    record(&shop.stamp, world, &happening);
}
