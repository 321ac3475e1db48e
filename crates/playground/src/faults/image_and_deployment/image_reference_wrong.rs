//! A rollout names an image tag that the registry does not hold. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits::{in_vain, set_image, undo};
use crate::build::event::{Happening, record};
use crate::build::json::{set, text};
use crate::build::time;
use crate::build::workload::tag;
use crate::faults::release::is_to_blame;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::pods::waiting;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `image-and-deployment/image-reference-wrong`.
pub struct ImageReferenceWrong;

const ID: &str = "image-and-deployment/image-reference-wrong";

impl Fault for ImageReferenceWrong {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(21, 44);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let expected = workload.image();
        let found = format!(
            "{}:{}",
            workload.repository,
            mistyped(workload.next_version(), &mut ctx.rng)
        );
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(found));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        for pod in &rolled.new_pods {
            fail_pull(world, ctx, &workload.namespace, pod, &not_found(&found), true);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, 4),
        );
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].image", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| is_to_blame(world, cause))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let fix = set_image(
            &cause.object,
            &cause.object.name,
            text(&cause.params, "/expected"),
        );
        let mut out: Vec<Remedy> = undo(world, &cause.object).into_iter().collect();
        out.push(Remedy::heals("fix-image", vec![fix]));
        out.extend(in_vain(world, &cause.object));
        out
    }
}

/// A tag with a slip of the finger.
fn mistyped(version: (u64, u64, u64), rng: &mut Rng) -> String {
    let right = tag(version);
    match rng.below(4) {
        0 => format!("v{right}"),
        1 => format!("{right}{}", version.2),
        2 => right.replacen('.', "", 1),
        _ => format!("{}.{}.{}", version.0, version.2, version.1 + 40),
    }
}

/// What containerd answers for a missing tag, as the kubelet passes it on: `core/remotes/docker/resolver.go`
/// (`Resolve`: "%s: not found") wrapped by `pull.go` of the CRI plugin; the gRPC code stays because it is not
/// Unknown (`pkg/kubelet/cri/remote/remote_image.go`).
pub fn not_found(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \
         \"{image}\": {image}: not found"
    )
}

/// Shows a pod whose image cannot be pulled, with the kubelet's events (`pkg/kubelet/images/image_manager.go`,
/// `EnsureImageExists`).
pub fn fail_pull(
    world: &mut World,
    ctx: &mut FaultContext,
    namespace: &str,
    pod: &str,
    error: &str,
    clean_log: bool,
) {
    let shop = &ctx.shop;
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(shop.now());
    let image = text(&object, "/spec/containers/0/image").to_owned();
    forget_start(world, namespace, pod);
    let since = time::after(created, 3);
    let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {error}");
    waiting(world, shop, namespace, pod, "ImagePullBackOff", &message, since);
    pull_events(world, shop, (namespace, pod), &image, error, since);
    let container = text(&object, "/spec/containers/0/name").to_owned();
    if clean_log {
        let log = world.log_mut(namespace, pod, &container);
        *log = crate::world::ContainerLog {
            error: Some(format!(
                "container \"{container}\" in pod \"{pod}\" is waiting to start: trying and failing to pull image"
            )),
            previous_error: Some(format!(
                "previous terminated container \"{container}\" in pod \"{pod}\" not found"
            )),
            ..crate::world::ContainerLog::default()
        };
    }
    ctx.metrics.forget(&[("namespace", namespace), ("pod", pod)]);
}

/// Removes the events of a start that did not happen, except that the pod was scheduled.
pub fn forget_start(world: &mut World, namespace: &str, pod: &str) {
    let names: Vec<String> = world
        .of_kind("Event")
        .filter(|event| {
            text(event, "/involvedObject/name") == pod
                && matches!(text(event, "/reason"), "Pulled" | "Created" | "Started")
        })
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for name in names {
        world.remove("Event", namespace, &name);
    }
}

/// Moments of the pulls that a kubelet tries: the back-off doubles from 10 s to 300 s.
pub fn attempts(first: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let (mut at, mut delay, mut moments) = (first, 10, Vec::new());
    while at < now {
        moments.push(at);
        at = time::after(at, delay + 2);
        delay = (delay * 2).min(300);
    }
    moments
}

fn pull_events(
    world: &mut World,
    shop: &Shop,
    (namespace, pod): (&str, &str),
    image: &str,
    error: &str,
    first: Timestamp,
) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let pulls = attempts(first, shop.now());
    let last = pulls.last().copied().unwrap_or(first);
    let tries = i64::try_from(pulls.len()).unwrap_or(1);
    let quiet = time::before(shop.now(), 9).max(last);
    let backs_off = (shop.now().as_second() - first.as_second()) / 14;
    let failed = format!("Failed to pull image \"{image}\": {error}");
    let rows = [
        (
            "Normal",
            "Pulling",
            format!("Pulling image \"{image}\""),
            first,
            last,
            tries,
        ),
        (
            "Warning",
            "Failed",
            failed,
            time::after(first, 1),
            time::after(last, 1),
            tries,
        ),
        (
            "Warning",
            "Failed",
            "Error: ErrImagePull".to_owned(),
            time::after(first, 1),
            time::after(last, 1),
            tries,
        ),
        (
            "Normal",
            "BackOff",
            format!("Back-off pulling image \"{image}\""),
            time::after(first, 2),
            quiet,
            backs_off,
        ),
        (
            "Warning",
            "Failed",
            "Error: ImagePullBackOff".to_owned(),
            time::after(first, 2),
            quiet,
            backs_off,
        ),
    ];
    for (kind, reason, message, first, last, count) in rows {
        let happening = Happening {
            object: ("Pod", namespace, pod),
            container: Some(text(&object, "/spec/containers/0/name")),
            kind,
            reason,
            message,
            component: "kubelet",
            node: text(&object, "/spec/nodeName"),
            first,
            last,
            count,
        };
        record(&shop.stamp, world, &happening);
    }
}
