//! The provisioner cannot make a volume: the class asks for a disk type that the cloud does not have, or the account's
//! quota is used up. Must not know how it is found.
//! `params.kind`: `parameter` or `quota`.

use jiff::Timestamp;
use serde_json::json;

use super::{edits, unplaced, waiting};
use crate::build::json::{set, text};
use crate::build::object::{INSTALLER, annotate};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::shop::Shop;
use crate::shop::storage::{claim, claim_name, volume_name};
use crate::shop::system::SYSTEM;
use crate::world::{ObjectKey, World};

/// `storage-and-persistence/provisioning-failed`.
pub struct ProvisioningFailed;

const ID: &str = "storage-and-persistence/provisioning-failed";

impl Fault for ProvisioningFailed {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 50);
        let Some(workload) = ctx.pick_role(&["media", "reports", "index"]) else {
            return Truth::without_cause("inconclusive");
        };
        let quota = match ctx.text_param("kind") {
            Some(kind) => kind == "quota",
            None => ctx.rng.chance(40),
        };
        unplaced::drop_volumes(world, ctx, &workload, at);
        let platform = ctx.shop.names.platform.clone();
        let wrong = wrong_type(platform.driver);
        let class = if quota {
            platform.storage_class.to_owned()
        } else {
            add_class(world, ctx, wrong, time::before(at, 1_900))
        };
        if workload.kind == Kind::StatefulSet {
            unplaced::recreate_set(world, &ctx.shop, &workload, &class, at);
        }
        let claim = claim_name(&workload, 0);
        let cause = if quota {
            quota_error(ctx, &workload, &claim)
        } else {
            type_error(&ctx.shop, &workload, &claim, wrong)
        };
        add_claim(world, &ctx.shop, &workload, (&claim, &class), &cause, at);
        let message = format!(
            "running PreBind plugin \"VolumeBinding\": binding volumes: provisioning failed for PVC \"{claim}\""
        );
        let pod = unplaced::add_pod(world, &ctx.shop, &workload, &message, at);
        let mut victims = waiting::silence(world, ctx, &workload, &pod, time::after(at, 8));
        let (object, params) = if quota {
            let size = format!("{}Gi", workload.volume_gi.unwrap_or(10));
            let params = json!({ "field": "spec.storageClassName", "found": class, "expected": "a class with quota left", "size": size });
            (
                key("", "PersistentVolumeClaim", &workload.namespace, &claim),
                params,
            )
        } else {
            let params =
                json!({ "field": "parameters.type", "found": wrong, "expected": platform.disk_type });
            (key("storage.k8s.io", "StorageClass", "", &class), params)
        };
        victims.retain(|victim| *victim != object);
        Truth::cause(object, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let found = text(&cause.params, "/found");
        let ObjectKey { kind, name, .. } = &cause.object;
        if kind == "PersistentVolumeClaim" {
            let used = edits::struck(truth).map(|workload| edits::claims_in_use(world, workload));
            return used.unwrap_or_default().iter().any(|claim| {
                claim.is_none_or(|claim| {
                    text(claim, "/spec/storageClassName") == found
                        && text(claim, "/spec/volumeName").is_empty()
                })
            });
        }
        // Without the class its claims wait just the same.
        world
            .object(&cause.object)
            .is_none_or(|class| text(class, "/parameters/type") == found)
            && world.of_kind("PersistentVolumeClaim").any(|claim| {
                text(claim, "/spec/storageClassName") == name && text(claim, "/status/phase") != "Bound"
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return Vec::new();
        };
        let platform = &shop.names.platform;
        let mut out = edits::hasty(shop, truth);
        let is_quota = cause.object.kind == "PersistentVolumeClaim";
        let other = if is_quota {
            platform.other_class
        } else {
            platform.storage_class
        };
        let renewed = edits::renew_claim(world, workload, &claim_name(workload, 0), |claim| {
            set(claim, "/spec/storageClassName", json!(other));
        });
        out.push(Remedy::heals("recreate-claim-with-other-class", renewed));
        if is_quota {
            let moved = edits::move_to_claim(world, workload, &claim_name(workload, 0), |claim| {
                set(claim, "/spec/storageClassName", json!(other));
            });
            out.push(Remedy::heals("new-claim-with-other-class", moved));
        }
        if !is_quota && let Some(class) = world.get("StorageClass", "", &cause.object.name) {
            let mut right = edits::bare(class);
            set(&mut right, "/parameters/type", json!(platform.disk_type));
            let steps = vec![Step::Delete(cause.object.clone()), Step::Create(right)];
            out.push(Remedy::heals("recreate-class", steps));
        }
        out
    }
}

/// A disk type that the driver's cloud does not have, as one mistypes it.
fn wrong_type(driver: &str) -> &'static str {
    match driver {
        "pd.csi.storage.gke.io" => "pd-balance",
        "disk.csi.azure.com" => "StandardSSD-LRS",
        _ => "gp3-ssd",
    }
}

fn add_class(world: &mut World, ctx: &mut FaultContext, wrong: &str, at: Timestamp) -> String {
    let name = ctx
        .rng
        .pick(&["general-v2", "balanced-b", "std-blocks", "apps-disk"])
        .copied()
        .unwrap_or("general-v2");
    let object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": ctx.shop.stamp.meta("StorageClass", "", name, at),
        "provisioner": ctx.shop.names.platform.driver, "parameters": { "type": wrong }, "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true
    });
    ctx.shop.stamp.put(world, object, INSTALLER, at);
    name.to_owned()
}

/// `aws-ebs-csi-driver`, `pkg/cloud/cloud.go`, `CreateDisk`; `gcp-compute-persistent-disk-csi-driver`,
/// `pkg/gce-pd-csi-driver/controller.go`, `CreateVolume`; `azuredisk-csi-driver`, `pkg/azureutils`,
/// `NormalizeStorageAccountType`.
fn type_error(shop: &Shop, workload: &Workload, claim: &str, wrong: &str) -> String {
    let volume = volume_name(shop, &workload.namespace, claim);
    let zone = &shop.names.platform.zones[0];
    match shop.names.platform.driver {
        "pd.csi.storage.gke.io" => format!(
            "rpc error: code = InvalidArgument desc = CreateVolume failed to create single zonal disk \"{volume}\": \
             failed to insert zonal disk: unknown Insert disk error: googleapi: Error 400: Invalid value for field \
             'resource.type': 'projects/main-project/zones/{zone}/diskTypes/{wrong}'. The referenced diskType resource \
             cannot be found., invalid"
        ),
        "disk.csi.azure.com" => format!(
            "rpc error: code = InvalidArgument desc = azureDisk - {wrong} is not supported sku/storageaccounttype. \
             Supported values are [PremiumV2_LRS Premium_LRS Premium_ZRS StandardSSD_LRS StandardSSD_ZRS Standard_LRS \
             UltraSSD_LRS]"
        ),
        _ => format!(
            "rpc error: code = Internal desc = Could not create volume \"{volume}\": invalid AWS VolumeType \"{wrong}\""
        ),
    }
}

/// The clouds' words for a used-up quota.
fn quota_error(ctx: &mut FaultContext, workload: &Workload, claim: &str) -> String {
    let volume = volume_name(&ctx.shop, &workload.namespace, claim);
    let platform = &ctx.shop.names.platform;
    let request = ctx.shop.stamp.uuid(&format!("request/{claim}"));
    match platform.driver {
        "pd.csi.storage.gke.io" => format!(
            "rpc error: code = ResourceExhausted desc = CreateVolume failed to create single zonal disk \"{volume}\": \
             failed to insert zonal disk: unknown error when polling the operation: rpc error: code = ResourceExhausted \
             desc = operation operation-{request} failed (QUOTA_EXCEEDED): Quota 'SSD_TOTAL_GB' exceeded.  Limit: 2000.0 \
             in region {}.",
            platform.region
        ),
        "disk.csi.azure.com" => "rpc error: code = Internal desc = Retriable: false, RetryAfter: 0s, HTTPStatusCode: \
             409, RawError: {\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"Operation could not be completed as \
             it results in exceeding approved StandardSSDManagedDisksCount quota. Current Limit: 500, Current Usage: \
             500, Additional Required: 1.\"}}"
            .to_owned(),
        _ => format!(
            "rpc error: code = Internal desc = Could not create volume \"{volume}\": could not create volume in EC2: \
             operation error EC2: CreateVolume, https response error StatusCode: 400, RequestID: {request}, api error \
             VolumeLimitExceeded: You have exceeded your maximum {} storage limit of 50 TiB in this region. Please \
             contact AWS Support to request an Elastic Block Store service limit increase.",
            platform.disk_type
        ),
    }
}

/// The claim with the words of the volume controller (`pkg/controller/volume/persistentvolume/pv_controller.go`) and of
/// the provisioner (`sig-storage-lib-external-provisioner`, `controller.go`, `provisionClaimOperation`).
fn add_claim(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    (name, class): (&str, &str),
    cause: &str,
    at: Timestamp,
) {
    let created = time::after(at, 1);
    let size = workload.volume_gi.unwrap_or(10);
    let driver = shop.names.platform.driver;
    let mut object = claim(shop, workload, name, size, class, created);
    annotate(&mut object, "volume.kubernetes.io/storage-provisioner", driver);
    annotate(
        &mut object,
        "volume.beta.kubernetes.io/storage-provisioner",
        driver,
    );
    unplaced::put_claim(world, shop, workload, object, created);
    let place = (workload.namespace.as_str(), name);
    let provisioner = provisioner(world, shop);
    let from = time::after(created, 3);
    let rows = [
        (
            ("Normal", "ExternalProvisioning"),
            "persistentvolume-controller",
            format!(
                "Waiting for a volume to be created either by the external provisioner '{driver}' or manually by the \
                 system administrator. If volume creation is delayed, please verify that the provisioner is running \
                 and correctly registered."
            ),
            15,
        ),
        (
            ("Normal", "Provisioning"),
            provisioner.as_str(),
            format!(
                "External provisioner is provisioning volume for claim \"{}/{name}\"",
                workload.namespace
            ),
            110,
        ),
        (
            ("Warning", "ProvisioningFailed"),
            provisioner.as_str(),
            format!("failed to provision volume with StorageClass \"{class}\": {cause}"),
            110,
        ),
    ];
    for (kind, component, message, every_s) in rows {
        unplaced::claim_event(world, shop, place, kind, component, message, (from, every_s));
    }
}

/// The name under which the leading provisioner reports: driver, pod and a uuid.
fn provisioner(world: &World, shop: &Shop) -> String {
    let platform = &shop.names.platform;
    let pod = world
        .of_kind("Pod")
        .find(|pod| {
            text(pod, "/metadata/namespace") == SYSTEM
                && text(pod, "/spec/containers/0/name") == platform.csi_controller
        })
        .map_or(platform.csi_controller, |pod| text(pod, "/metadata/name"));
    format!(
        "{}_{pod}_{}",
        platform.driver,
        shop.stamp.uuid("provisioner/identity")
    )
}
