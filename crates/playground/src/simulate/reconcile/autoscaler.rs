//! The bounds of a HorizontalPodAutoscaler (`pkg/controller/podautoscaler/horizontal.go`): a workload with too few or too many
//! replicas is scaled. Loads stand still in a served world, so they are no reason. Must not know why anybody set a bound.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use crate::build::json::{number, set, text};
use crate::build::object::CONTROLLER;
use crate::build::time;

/// One look at an autoscaler and what it scales.
pub(super) fn sync(cluster: &mut Cluster<'_>, namespace: &str, name: &str) -> Option<SignedDuration> {
    let scaler = cluster.get("HorizontalPodAutoscaler", namespace, name)?;
    let kind = text(&scaler, "/spec/scaleTargetRef/kind").to_owned();
    let target = text(&scaler, "/spec/scaleTargetRef/name");
    let mut object = cluster.get(&kind, namespace, target)?;
    let current = number(&object, "/spec/replicas");
    let least = scaler
        .pointer("/spec/minReplicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let most = number(&scaler, "/spec/maxReplicas");
    // Zero replicas switch the autoscaler off.
    let (wanted, why) = if current > 0 && current < least {
        (least, "Current number of replicas below Spec.MinReplicas")
    } else if current > most {
        (most, "Current number of replicas above Spec.MaxReplicas")
    } else {
        return None;
    };
    set(&mut object, "/spec/replicas", json!(wanted));
    cluster.update(object, CONTROLLER, &["/spec/replicas"]);
    cluster.note(&Note {
        object: &scaler,
        kind: "Normal",
        reason: "SuccessfulRescale",
        message: &format!("New size: {wanted}; reason: {why}"),
        component: "horizontal-pod-autoscaler",
        field: "",
    });
    let mut status = scaler.get("status").cloned().unwrap_or_else(|| json!({}));
    set(&mut status, "/currentReplicas", json!(current));
    set(&mut status, "/desiredReplicas", json!(wanted));
    set(&mut status, "/lastScaleTime", json!(time::seconds(cluster.now())));
    cluster.update_status(scaler, status);
    None
}
