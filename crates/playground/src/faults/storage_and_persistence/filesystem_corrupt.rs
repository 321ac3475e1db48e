//! A volume's filesystem is damaged: it cannot be mounted, or the kernel turned it read-only under a running
//! application. Must not know how it is found.
//! `params.kind`: `mount` or `remounted`; `params.fs`: `ext4` or `xfs`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{edits, waiting, writes};
use crate::build::event::{Happening, record};
use crate::build::json::{push, set, text};
use crate::build::object::CONTROLLER;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::storage::{attachment, claim_name, volume_name};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// `storage-and-persistence/filesystem-corrupt`.
pub struct FilesystemCorrupt;

const ID: &str = "storage-and-persistence/filesystem-corrupt";

impl Fault for FilesystemCorrupt {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let remounted = match ctx.text_param("kind") {
            Some(kind) => kind == "remounted",
            None => ctx.rng.chance(40),
        };
        let staged = if remounted {
            remount(world, ctx)
        } else {
            unmountable(world, ctx)
        };
        staged.unwrap_or_else(|| Truth::without_cause("inconclusive"))
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::struck(truth)) else {
            return false;
        };
        edits::claims_in_use(world, workload)
            .iter()
            .any(|claim| claim.is_none_or(|claim| text(claim, "/spec/volumeName") == cause.object.name))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut out = edits::hasty(shop, truth);
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return out;
        };
        let restore = |claim: &mut Value| {
            let source = json!({ "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "last-good" });
            set(claim, "/spec/dataSource", source);
        };
        let claim = text(&cause.params, "/claim");
        let restored = edits::renew_claim(world, workload, claim, restore);
        out.push(Remedy::heals("restore-claim", restored));
        let moved = edits::move_to_claim(world, workload, claim, restore);
        out.push(Remedy::heals("restore-to-new-claim", moved));
        out
    }
}

fn truth(
    ctx: &FaultContext,
    workload: &Workload,
    (volume, claim): (&str, &str),
    found: &str,
    victims: Vec<crate::world::ObjectKey>,
) -> Truth {
    let _ = ctx;
    let params = json!({
        "field": "filesystem", "found": found, "expected": "clean", "claim": claim, "namespace": workload.namespace
    });
    Truth::cause(key("", "PersistentVolume", "", volume), ID, params, victims)
}

/// After its node went down, the workload's pod starts elsewhere and the volume does not mount.
fn unmountable(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(19, 45);
    let workload = ctx.pick_role(&["media", "reports", "redis"])?;
    let node = waiting::sibling(world, &ctx.shop, &workload)?;
    let stuck = waiting::relocate(world, ctx, &workload, &node, at)?;
    let xfs = match ctx.text_param("fs") {
        Some(fs) => fs == "xfs",
        None => ctx.rng.chance(40),
    };
    if xfs && let Some(volume) = world.get_mut("PersistentVolume", "", &stuck.volume) {
        set(volume, "/spec/csi/fsType", json!("xfs"));
    }
    attach(world, &ctx.shop, &workload, &stuck, at);
    let message = format!(
        "MountVolume.MountDevice failed for volume \"{}\" : {}",
        stuck.volume,
        mount_error(ctx, &stuck, xfs)
    );
    let first = time::after(at, 17);
    let count = (ctx.shop.now().as_second() - first.as_second()) / 122 + 6;
    waiting::mount_failed(world, &ctx.shop, &workload, &stuck, message, (first, count));
    let victims = waiting::silence(world, ctx, &workload, &stuck.pod, time::after(at, 5));
    let found = if xfs {
        "structure needs cleaning"
    } else {
        "errors that fsck cannot correct"
    };
    Some(truth(
        ctx,
        &workload,
        (&stuck.volume, &stuck.claim),
        found,
        victims,
    ))
}

/// The volume is attached (`pkg/volume/util/operationexecutor`, `SuccessfulAttachVolume`).
fn attach(world: &mut World, shop: &Shop, workload: &Workload, stuck: &waiting::Stuck, at: Timestamp) {
    let done = attachment(
        shop,
        &stuck.volume,
        &stuck.node.name,
        time::after(at, 2),
        &json!({ "attached": true }),
    );
    shop.stamp.put(world, done, CONTROLLER, time::after(at, 12));
    let happening = Happening {
        object: ("Pod", &workload.namespace, &stuck.pod),
        container: None,
        kind: "Normal",
        reason: "SuccessfulAttachVolume",
        message: format!("AttachVolume.Attach succeeded for volume \"{}\"", stuck.volume),
        component: "attachdetach-controller",
        node: "",
        first: time::after(at, 13),
        last: time::after(at, 13),
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

/// `k8s.io/mount-utils`, `mount_linux.go`: `checkAndRepairFilesystem` and `doMount`, in the drivers' envelope.
fn mount_error(ctx: &mut FaultContext, stuck: &waiting::Stuck, xfs: bool) -> String {
    let driver = ctx.shop.names.platform.driver;
    let device = device(driver, ctx.rng.range(1, 4));
    let digest = ctx.shop.stamp.digest(&format!("globalmount/{}", stuck.volume));
    let target = format!("/var/lib/kubelet/plugins/kubernetes.io/csi/{driver}/{digest}/globalmount");
    let envelope = match driver {
        "pd.csi.storage.gke.io" => {
            format!(
                "rpc error: code = Internal desc = Failed to format and mount device from (\"{device}\") to (\"{target}\") with fstype (\"ext4\") and options ([]): "
            )
        }
        "disk.csi.azure.com" => {
            format!(
                "rpc error: code = Internal desc = could not format {device}(lun: 0), and mount it at {target}, failed with "
            )
        }
        _ => format!(
            "rpc error: code = Internal desc = could not format \"{device}\" and mount it at \"{target}\": "
        ),
    };
    if xfs {
        return format!(
            "{}mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t xfs -o nouuid,defaults \
             {device} {target}\nOutput: mount: {target}: mount(2) system call failed: Structure needs cleaning.\n       \
             dmesg(1) may have more information after failed mount system call.\n",
            envelope.replace("(\"ext4\")", "(\"xfs\")")
        );
    }
    let inode = ctx.rng.range(131_073, 900_000);
    format!(
        "{envelope}'fsck' found errors on device {device} but could not correct them: fsck from util-linux 2.38.1\n\
         {device} contains a file system with errors, check forced.\n{device}: Inode {inode} extent tree (at level 1) \
         could be shorter.\n{device}: Unattached inode {inode}\n\n{device}: UNEXPECTED INCONSISTENCY; RUN fsck \
         MANUALLY.\n\t(i.e., without -a or -p options)\n"
    )
}

fn device(driver: &str, index: i64) -> String {
    match driver {
        "ebs.csi.aws.com" => format!("/dev/nvme{index}n1"),
        "pd.csi.storage.gke.io" => "/dev/disk/by-id/google-pvc-data".to_owned(),
        _ => "/dev/sdc".to_owned(),
    }
}

/// The kernel gives the filesystem up under a running pod; node-problem-detector reports it
/// (`config/kernel-monitor.json`: condition `ReadonlyFilesystem`, rules `FilesystemIsReadOnly` and `Ext4Error`).
fn remount(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(16, 50);
    let workload = ctx.pick_role(&["media", "reports", "redis"])?;
    let pod = pods_of(world, &workload).into_iter().next()?;
    let name = text(&pod, "/metadata/name").to_owned();
    let node = text(&pod, "/spec/nodeName").to_owned();
    let device = if ctx.shop.names.platform.driver == "ebs.csi.aws.com" {
        "nvme2n1"
    } else {
        "sdc"
    };
    let claim = claim_name(&workload, 0);
    let volume = volume_name(&ctx.shop, &workload.namespace, &claim);
    node_problem(world, &ctx.shop, &node, (device, &workload.name), at);
    writes::fail(
        world,
        ctx,
        &workload,
        &name,
        writes::Why::ReadOnly,
        time::after(at, 3),
    );
    ctx.shows(&workload, Some(&name), time::after(at, 3));
    let namespace = workload.namespace.as_str();
    let victims = vec![
        workload_key(&workload),
        key("", "Service", namespace, &workload.name),
        key("", "PersistentVolumeClaim", namespace, &claim),
        key("", "Pod", namespace, &name),
    ];
    Some(truth(ctx, &workload, (&volume, &claim), "read-only", victims))
}

fn node_problem(world: &mut World, shop: &Shop, node: &str, (device, process): (&str, &str), at: Timestamp) {
    if let Some(object) = world.get_mut("Node", "", node) {
        let condition = json!({
            "type": "ReadonlyFilesystem", "status": "True", "reason": "FilesystemIsReadOnly",
            "message": format!("EXT4-fs ({device}): Remounting filesystem read-only"),
            "lastHeartbeatTime": time::seconds(time::before(shop.now(), 51)),
            "lastTransitionTime": time::seconds(time::after(at, 1))
        });
        push(object, "/status/conditions", condition);
        shop.stamp.touch_status(object, time::before(shop.now(), 51));
    }
    let comm: String = process.chars().take(15).collect();
    let rows = [
        (
            "Ext4Error",
            format!(
                "EXT4-fs error (device {device}): ext4_journal_check_start:83: comm {comm}: Detected aborted journal"
            ),
            0,
        ),
        (
            "FilesystemIsReadOnly",
            format!("EXT4-fs ({device}): Remounting filesystem read-only"),
            1,
        ),
    ];
    for (reason, message, delay) in rows {
        let moment = time::after(at, delay);
        let happening = Happening {
            object: ("Node", "", node),
            container: None,
            kind: "Warning",
            reason,
            message,
            component: "kernel-monitor",
            node,
            first: moment,
            last: moment,
            count: 1,
        };
        record(&shop.stamp, world, &happening);
    }
}
