//! A pod that restarted days ago and has been fine since.

use serde_json::json;

use crate::build::json::{set, text};
use crate::build::pod::container_id;
use crate::build::time;
use crate::build::workload::Workload;
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::world::World;

/// Adds the restart to one of the workload's pods.
pub fn add(world: &mut World, shop: &Shop, workload: &Workload, rng: &mut Rng) {
    let pods = pods_of(world, workload);
    let Some(pod) = rng.pick(&pods) else { return };
    let name = text(pod, "/metadata/name");
    let created = time::parse(text(pod, "/metadata/creationTimestamp")).unwrap_or(shop.now());
    let age = shop.now().as_second() - created.as_second();
    let (started, ended) = (
        time::after(created, 2),
        time::after(created, (age / 3).min(86_400)),
    );
    if age < 3 * 86_400 {
        return;
    }
    let Some(object) = world.get_mut("Pod", &workload.namespace, name) else {
        return;
    };
    let status = "/status/containerStatuses/0";
    let last = json!({ "terminated": {
        "exitCode": 143, "reason": "Error", "startedAt": time::seconds(started), "finishedAt": time::seconds(ended),
        "containerID": container_id(&shop.stamp, name, &workload.name, 0)
    } });
    set(object, &format!("{status}/restartCount"), json!(1));
    set(object, &format!("{status}/lastState"), last);
    let state = json!({ "running": { "startedAt": time::seconds(time::after(ended, 2)) } });
    set(object, &format!("{status}/state"), state);
    shop.stamp.touch_status(object, time::after(ended, 14));
}
