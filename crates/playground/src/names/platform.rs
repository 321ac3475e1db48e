//! The clouds that a world may run on: node names, zones and the CSI driver's real component names.

use crate::rng::Rng;

/// What differs between clouds.
#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// Six node names.
    pub nodes: Vec<String>,
    /// Two zones.
    pub zones: [String; 2],
    /// Region of the zones.
    pub region: String,
    /// Prefix of `spec.providerID`.
    pub provider_prefix: &'static str,
    /// Machine type label.
    pub instance_type: &'static str,
    /// CSI driver name.
    pub driver: &'static str,
    /// DaemonSet of the CSI node plugin, in `kube-system`.
    pub csi_node: &'static str,
    /// Deployment of the CSI controller plugin, in `kube-system`.
    pub csi_controller: &'static str,
    /// Container that speaks CSI in both.
    pub csi_container: &'static str,
    /// Image of that container.
    pub csi_image: &'static str,
    /// Topology key that the driver reports.
    pub topology_key: &'static str,
    /// Default StorageClass and its parameter.
    pub storage_class: &'static str,
    /// A second StorageClass.
    pub other_class: &'static str,
    /// Value of the `type` parameter of the default class.
    pub disk_type: &'static str,
}

impl Platform {
    /// Amazon: `ebs.csi.aws.com` with `ebs-csi-node` (kubernetes-sigs/aws-ebs-csi-driver, chart manifests).
    pub fn aws() -> Self {
        Self::aws_with(&mut Rng::new(0))
    }

    /// One of the three clouds.
    pub fn drawn(rng: &mut Rng) -> Self {
        match rng.below(3) {
            0 => Self::aws_with(rng),
            1 => Self::google(rng),
            _ => Self::azure(rng),
        }
    }

    fn aws_with(rng: &mut Rng) -> Self {
        let nodes = (0..6)
            .map(|index| {
                format!(
                    "ip-10-0-{}-{}.eu-west-1.compute.internal",
                    index % 2 + 1,
                    17 + index * 31 + rng.range(0, 20)
                )
            })
            .collect();
        Self {
            nodes,
            zones: ["eu-west-1a".to_owned(), "eu-west-1b".to_owned()],
            region: "eu-west-1".to_owned(),
            provider_prefix: "aws:///",
            instance_type: "m6i.xlarge",
            driver: "ebs.csi.aws.com",
            csi_node: "ebs-csi-node",
            csi_controller: "ebs-csi-controller",
            csi_container: "ebs-plugin",
            csi_image: "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.44.0",
            topology_key: "topology.ebs.csi.aws.com/zone",
            storage_class: "gp3",
            other_class: "gp2",
            disk_type: "gp3",
        }
    }

    /// Google: `pd.csi.storage.gke.io` with `csi-gce-pd-node` (kubernetes-sigs/gcp-compute-persistent-disk-csi-driver).
    fn google(rng: &mut Rng) -> Self {
        let pool = format!("{:08x}", rng.next_u64() & 0xffff_ffff);
        let nodes = (0..6)
            .map(|index| format!("gke-main-pool-{pool}-{}", suffix(rng, index)))
            .collect();
        Self {
            nodes,
            zones: ["europe-west4-a".to_owned(), "europe-west4-b".to_owned()],
            region: "europe-west4".to_owned(),
            provider_prefix: "gce://main-project/",
            instance_type: "n2-standard-4",
            driver: "pd.csi.storage.gke.io",
            csi_node: "csi-gce-pd-node",
            csi_controller: "csi-gce-pd-controller",
            csi_container: "gce-pd-driver",
            csi_image: "registry.k8s.io/cloud-provider-gcp/gcp-compute-persistent-disk-csi-driver:v1.17.3",
            topology_key: "topology.gke.io/zone",
            storage_class: "standard-rwo",
            other_class: "premium-rwo",
            disk_type: "pd-balanced",
        }
    }

    /// Azure: `disk.csi.azure.com` with `csi-azuredisk-node` (kubernetes-sigs/azuredisk-csi-driver).
    fn azure(rng: &mut Rng) -> Self {
        let pool = rng.range(10_000_000, 39_999_999);
        let nodes = (0..6)
            .map(|index| format!("aks-agentpool-{pool}-vmss00000{index}"))
            .collect();
        Self {
            nodes,
            zones: ["westeurope-1".to_owned(), "westeurope-2".to_owned()],
            region: "westeurope".to_owned(),
            provider_prefix: "azure:///subscriptions/main/",
            instance_type: "Standard_D4s_v5",
            driver: "disk.csi.azure.com",
            csi_node: "csi-azuredisk-node",
            csi_controller: "csi-azuredisk-controller",
            csi_container: "azuredisk",
            csi_image: "mcr.microsoft.com/oss/v2/kubernetes-csi/azuredisk-csi:v1.32.5",
            topology_key: "topology.disk.csi.azure.com/zone",
            storage_class: "managed-csi",
            other_class: "managed-csi-premium",
            disk_type: "StandardSSD_LRS",
        }
    }
}

fn suffix(rng: &mut Rng, index: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..3)
        .map(|_| char::from(LETTERS.get(rng.index(LETTERS.len())).copied().unwrap_or(b'x')))
        .chain(std::iter::once(char::from(
            LETTERS.get(index).copied().unwrap_or(b'z'),
        )))
        .collect()
}
