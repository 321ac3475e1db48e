//! The shop's workloads: roles, sizes and who calls whom. Must not know concrete names.

use crate::build::workload::{Delivery, Kind, Voice, Workload};
use crate::names::Names;
use crate::rng::Rng;

struct Role {
    role: &'static str,
    namespace: &'static str,
    kind: Kind,
    voice: Voice,
    delivery: Delivery,
    replicas: usize,
    port: u16,
    cpu_m: u64,
    memory: (u64, u64, u64),
    calls: &'static [&'static str],
    volume_gi: Option<u64>,
    path: Option<&'static str>,
    scale: Option<(usize, usize)>,
}

const SERVICE: Role = Role {
    role: "",
    namespace: "shop",
    kind: Kind::Deployment,
    voice: Voice::Go,
    delivery: Delivery::Pipeline,
    replicas: 2,
    port: 8080,
    cpu_m: 100,
    memory: (128, 256, 110),
    calls: &[],
    volume_gi: None,
    path: None,
    scale: None,
};

const ROLES: &[Role] = &[
    Role {
        role: "ingress",
        namespace: "edge",
        voice: Voice::Nginx,
        delivery: Delivery::Helm3,
        memory: (192, 512, 230),
        port: 80,
        ..SERVICE
    },
    Role {
        role: "storefront",
        voice: Voice::Node,
        replicas: 3,
        port: 3000,
        memory: (256, 512, 240),
        calls: &["catalog", "cart", "search", "recommendations", "checkout"],
        path: Some("/"),
        scale: Some((3, 8)),
        ..SERVICE
    },
    Role {
        role: "cart",
        replicas: 3,
        calls: &["redis"],
        scale: Some((3, 6)),
        ..SERVICE
    },
    Role {
        role: "checkout",
        memory: (192, 384, 170),
        calls: &["cart", "orders", "payments-api"],
        path: Some("/api/checkout"),
        ..SERVICE
    },
    Role {
        role: "catalog",
        voice: Voice::Java,
        delivery: Delivery::Helm3,
        replicas: 3,
        cpu_m: 200,
        memory: (512, 768, 520),
        calls: &["postgres"],
        ..SERVICE
    },
    Role {
        role: "search",
        voice: Voice::Java,
        cpu_m: 200,
        memory: (512, 768, 540),
        calls: &["index"],
        path: Some("/api/search"),
        ..SERVICE
    },
    Role {
        role: "recommendations",
        voice: Voice::Python,
        port: 8000,
        memory: (256, 512, 310),
        calls: &["redis", "catalog"],
        ..SERVICE
    },
    Role {
        role: "orders",
        calls: &["postgres", "broker"],
        memory: (128, 320, 150),
        ..SERVICE
    },
    Role {
        role: "notifications",
        voice: Voice::Node,
        replicas: 1,
        port: 3000,
        calls: &["broker"],
        ..SERVICE
    },
    Role {
        role: "media",
        voice: Voice::Python,
        replicas: 1,
        port: 8000,
        memory: (256, 512, 280),
        volume_gi: Some(40),
        path: Some("/media"),
        ..SERVICE
    },
    Role {
        role: "payments-api",
        namespace: "payments",
        voice: Voice::Java,
        delivery: Delivery::Helm4,
        replicas: 3,
        cpu_m: 250,
        memory: (640, 1024, 690),
        calls: &["postgres", "fraud", "ledger"],
        path: Some("/api/payments"),
        ..SERVICE
    },
    Role {
        role: "fraud",
        namespace: "payments",
        voice: Voice::Python,
        port: 8000,
        memory: (384, 768, 420),
        calls: &["redis"],
        ..SERVICE
    },
    Role {
        role: "ledger",
        namespace: "payments",
        delivery: Delivery::Helm3,
        calls: &["postgres"],
        ..SERVICE
    },
    Role {
        role: "postgres",
        namespace: "data",
        kind: Kind::StatefulSet,
        voice: Voice::Postgres,
        delivery: Delivery::Helm3,
        port: 5432,
        cpu_m: 500,
        memory: (1024, 2048, 1300),
        volume_gi: Some(100),
        ..SERVICE
    },
    Role {
        role: "redis",
        namespace: "data",
        kind: Kind::StatefulSet,
        voice: Voice::Redis,
        delivery: Delivery::Helm4,
        replicas: 1,
        port: 6379,
        memory: (256, 512, 210),
        volume_gi: Some(8),
        ..SERVICE
    },
    Role {
        role: "broker",
        namespace: "data",
        kind: Kind::StatefulSet,
        voice: Voice::Kafka,
        replicas: 3,
        port: 9092,
        cpu_m: 300,
        memory: (1024, 1536, 980),
        volume_gi: Some(50),
        ..SERVICE
    },
    Role {
        role: "index",
        namespace: "data",
        kind: Kind::StatefulSet,
        voice: Voice::Search,
        port: 9200,
        cpu_m: 400,
        memory: (1536, 2048, 1480),
        volume_gi: Some(60),
        ..SERVICE
    },
    Role {
        role: "prometheus",
        namespace: "platform",
        kind: Kind::StatefulSet,
        voice: Voice::System,
        delivery: Delivery::Helm3,
        replicas: 1,
        port: 9090,
        cpu_m: 300,
        memory: (1024, 2560, 1500),
        volume_gi: Some(80),
        ..SERVICE
    },
    Role {
        role: "dashboards",
        namespace: "platform",
        delivery: Delivery::Helm3,
        replicas: 1,
        port: 3000,
        memory: (128, 384, 160),
        calls: &["prometheus"],
        ..SERVICE
    },
    Role {
        role: "reports",
        namespace: "platform",
        voice: Voice::Python,
        replicas: 1,
        port: 8000,
        memory: (256, 768, 330),
        calls: &["orders", "postgres"],
        volume_gi: Some(20),
        ..SERVICE
    },
];

/// The workloads of a world under its names. Versions and pull secrets vary with the seed.
pub fn workloads(names: &Names, seed: u64) -> Vec<Workload> {
    let mut rng = Rng::new(seed).fork("catalogue");
    ROLES.iter().map(|role| concrete(role, names, &mut rng)).collect()
}

/// Name of the image pull secret of a namespace role.
pub fn pull_secret(names: &Names, namespace: &str) -> String {
    let host = names.registry.split('.').next().unwrap_or("registry");
    format!("{host}-{}-pull", names.namespace(namespace))
}

fn concrete(role: &Role, names: &Names, rng: &mut Rng) -> Workload {
    let version = (rng.below(4) + 1, rng.below(30) + 2, rng.below(5) + 2);
    let namespace = names.namespace(role.namespace);
    let name = names.workload(role.role);
    let (memory_request_mi, memory_limit_mi, memory_use_mi) = role.memory;
    Workload {
        role: role.role,
        repository: format!("{}/{namespace}/{name}", names.registry),
        pull_secret: matches!(role.namespace, "shop" | "payments")
            .then(|| pull_secret(names, role.namespace)),
        namespace,
        name,
        kind: role.kind,
        voice: role.voice,
        delivery: role.delivery,
        replicas: role.replicas,
        port: role.port,
        version,
        cpu_m: role.cpu_m,
        memory_request_mi,
        memory_limit_mi,
        memory_use_mi,
        calls: role.calls,
        volume_gi: role.volume_gi,
        path: role.path,
        scale: role.scale,
    }
}
