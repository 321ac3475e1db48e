//! Which concrete name each role has in a world. Must not know which fault is injected, so that no name hints at it.

pub mod platform;
pub mod words;

use std::collections::BTreeMap;

use crate::rng::Rng;

use platform::Platform;

/// Namespace roles and their readable names. System namespaces keep their names in every world.
pub const NAMESPACES: &[(&str, &str)] = &[
    ("edge", "edge"),
    ("shop", "shop"),
    ("payments", "payments"),
    ("data", "data"),
    ("platform", "platform"),
];

/// Workload roles and their readable names.
pub const WORKLOADS: &[(&str, &str)] = &[
    ("ingress", "ingress-nginx-controller"),
    ("storefront", "storefront"),
    ("cart", "cart"),
    ("checkout", "checkout"),
    ("catalog", "catalog"),
    ("search", "search"),
    ("recommendations", "recommendations"),
    ("orders", "orders"),
    ("notifications", "notifications"),
    ("media", "media"),
    ("payments-api", "payments-api"),
    ("fraud", "fraud-scoring"),
    ("ledger", "ledger"),
    ("postgres", "postgres"),
    ("redis", "redis"),
    ("broker", "broker"),
    ("index", "search-index"),
    ("prometheus", "prometheus"),
    ("dashboards", "grafana"),
    ("reports", "reports"),
    ("sandbox", "feature-preview"),
    ("backup", "nightly-backup"),
    ("migration", "schema-update"),
];

/// The names of one world.
#[derive(Debug, Clone, PartialEq)]
pub struct Names {
    namespaces: BTreeMap<&'static str, String>,
    workloads: BTreeMap<&'static str, String>,
    /// Host (and path prefix) of the image registry.
    pub registry: String,
    /// Public host name of the shop.
    pub host: String,
    /// Name of the cluster.
    pub cluster: String,
    /// The cloud that the cluster runs on: node names, zones, CSI driver.
    pub platform: Platform,
}

impl Names {
    /// Readable names of an online shop.
    pub fn classic() -> Self {
        Self {
            namespaces: NAMESPACES
                .iter()
                .map(|(role, name)| (*role, (*name).to_owned()))
                .collect(),
            workloads: WORKLOADS
                .iter()
                .map(|(role, name)| (*role, (*name).to_owned()))
                .collect(),
            registry: "registry.example.com".to_owned(),
            host: "shop.example.com".to_owned(),
            cluster: "prod-eu1".to_owned(),
            platform: Platform::aws(),
        }
    }

    /// Names without meaning, the same for the same seed.
    pub fn randomized(seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork("names");
        let mut words: Vec<&'static str> = words::WORDS.to_vec();
        rng.shuffle(&mut words);
        let mut words = words.into_iter().cycle();
        let mut word = || words.next().unwrap_or("opal").to_owned();
        let namespaces = NAMESPACES.iter().map(|(role, _)| (*role, word())).collect();
        let registry = format!("{}.{}.example", word(), word());
        let host = format!("www.{}.example", word());
        let cluster = format!("{}-{}", word(), rng.range(1, 9));
        let mut workloads = BTreeMap::new();
        for (role, _) in WORKLOADS {
            let name = if rng.chance(40) {
                format!("{}-{}", word(), word())
            } else {
                word()
            };
            let name = if workloads.values().any(|taken| *taken == name) {
                format!("{name}-2")
            } else {
                name
            };
            workloads.insert(*role, name);
        }
        Self {
            namespaces,
            workloads,
            registry,
            host,
            cluster,
            platform: Platform::drawn(&mut rng),
        }
    }

    /// The namespace of a role; the role itself where none is known.
    pub fn namespace(&self, role: &str) -> String {
        self.namespaces
            .get(role)
            .cloned()
            .unwrap_or_else(|| role.to_owned())
    }

    /// The workload of a role; the role itself where none is known.
    pub fn workload(&self, role: &str) -> String {
        self.workloads
            .get(role)
            .cloned()
            .unwrap_or_else(|| role.to_owned())
    }
}
