//! Checks of the cluster: reachable, readable, measured. Must not know what an investigation reads.

use ::cluster::{Look, Selectors, kinds};
use domain::NotLooked;
use futures::future::join_all;

use super::Check;
use crate::compose::scene::{ClusterArgs, Scene, WorldKey};
use crate::config::Config;

/// A name that no object has: a permitted look for it costs the API server nothing.
const NOBODY: &str = "dogwatch-doctor-looks-for-nothing";

/// All checks of the cluster; without a connection only the first.
pub(super) async fn checks(args: &ClusterArgs, config: &Config) -> Vec<Check> {
    let scene = match Scene::open(args, config, WorldKey::Own).await {
        Ok(scene) => scene,
        Err(failure) => {
            let advice = "name a context with --context, or look at a saved world with --world DIR";
            return vec![Check::fail("cluster", failure.to_string(), advice)];
        }
    };
    let mut checks = vec![reachable(&scene).await];
    checks.push(readable(&scene).await);
    checks.push(measured(&scene).await);
    checks
}

async fn reachable(scene: &Scene) -> Check {
    let cluster = scene.reader.cluster();
    let Some(kind) = kinds::find("Node") else {
        return Check::ok("cluster", cluster);
    };
    match scene.reader.list(kind, "", &Selectors::default()).await {
        Look::Found(nodes) => {
            let version = nodes
                .first()
                .map_or("", |node| node.str("status.nodeInfo.kubeletVersion"));
            let detail = format!("{cluster} answers; {} nodes, kubelet {version}", nodes.len());
            Check::ok("cluster", detail)
        }
        Look::Empty => Check::ok("cluster", format!("{cluster} answers; it has no nodes")),
        Look::CouldNotLook(blind) if blind.reason == NotLooked::Forbidden => Check::warn(
            "cluster",
            format!(
                "{cluster} answers, but nodes may not be listed: {}",
                blind.message
            ),
            "allow get and list on nodes, or live without node conditions",
        ),
        Look::CouldNotLook(blind) => Check::fail(
            "cluster",
            format!("{cluster} is {}: {}", blind.reason, blind.message),
            "check the address, the credentials and the network; `kubectl version` with the same context must work",
        ),
    }
}

/// Which kinds may be listed in all namespaces.
async fn readable(scene: &Scene) -> Check {
    let nobody = &Selectors::field("metadata.name", NOBODY);
    let looks = kinds::KINDS.iter().map(|kind| async move {
        let look = scene.reader.list(kind, "", nobody).await;
        (kind, look)
    });
    let (mut forbidden, mut unserved, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, look) in join_all(looks).await {
        if let Look::CouldNotLook(blind) = look {
            match blind.reason {
                NotLooked::Forbidden => forbidden.push(kind.plural),
                NotLooked::NotConfigured if kind.optional => {}
                NotLooked::NotConfigured => unserved.push(kind.plural),
                _ => failed.push(kind.plural),
            }
        }
    }
    let advice = "grant get and list on them in a ClusterRole; until then they are gaps in every report";
    match (failed.as_slice(), forbidden.as_slice(), unserved.as_slice()) {
        ([], [], []) => Check::ok("permissions", "everything that dogwatch reads may be listed"),
        ([], [], unserved) => {
            let detail = format!(
                "all may be listed but what is not served: {}",
                unserved.join(", ")
            );
            Check::ok("permissions", detail)
        }
        ([], forbidden, _) => Check::warn(
            "permissions",
            format!("may not be listed in all namespaces: {}", forbidden.join(", ")),
            advice,
        ),
        (failed, _, _) => Check::fail(
            "permissions",
            format!("no answer for: {}", failed.join(", ")),
            "see the check of the cluster",
        ),
    }
}

async fn measured(scene: &Scene) -> Check {
    if !scene.metrics.is_configured() {
        return Check::warn(
            "metrics",
            "no metrics source is configured",
            "set cluster.metrics_url (DOGWATCH_METRICS_URL) to a Prometheus; without it memory over time is a gap",
        );
    }
    let now = scene.clock.now();
    match scene
        .metrics
        .instant("count(container_memory_working_set_bytes)", now)
        .await
    {
        Look::Found(_) => Check::ok("metrics", "the source answers and knows the memory of containers"),
        Look::Empty => Check::warn(
            "metrics",
            "the source answers, but has no container_memory_working_set_bytes",
            "scrape the kubelets' cAdvisor metrics",
        ),
        Look::CouldNotLook(blind) => Check::fail(
            "metrics",
            format!("{}: {}", blind.reason, blind.message),
            "check cluster.metrics_url: the part before /api/v1",
        ),
    }
}
