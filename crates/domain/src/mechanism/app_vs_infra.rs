//! Mechanisms that tell an application's own fault from its node, network, hardware or load.

use super::{Mechanism, RootObject};

pub(super) const MECHANISMS: &[Mechanism] = &[
    Mechanism {
        id: "app-vs-infra/app-crash",
        title: "Application crash",
        meaning: "The program fails by itself: non-zero exit with a stack trace, on any node, since a release or an input.",
        root_object: RootObject::Workload,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/probe-misconfigured",
        title: "Health probe misconfigured",
        meaning: "A probe asks the wrong port, path or scheme, or waits too briefly: a sound app is killed or taken out of service.",
        root_object: RootObject::Workload,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/startup-slower-than-probe",
        title: "Startup slower than its probe",
        meaning: "Boot takes longer than liveness allows: each restart comes after the same delay, before the app is up.",
        root_object: RootObject::Workload,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/gpu-xid-error",
        title: "GPU Xid error",
        meaning: "The NVIDIA driver logs an Xid: CUDA calls fail or GPUs vanish, and its code tells hardware from application.",
        root_object: RootObject::Any,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/network-degraded",
        title: "Network degraded",
        meaning: "Packets are lost, late or cut by MTU at one node or pod: retransmits in both directions, whatever the peer.",
        root_object: RootObject::Node,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/node-not-ready",
        title: "Node not ready",
        meaning: "Kubelet or runtime of a node stopped working: no status is posted, and all pods there turn unknown or leave.",
        root_object: RootObject::Node,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/kube-component-down",
        title: "Kubernetes component down",
        meaning: "Scheduler, controller or kube-proxy is not working: pods pend without events, or Services are stale on a node.",
        root_object: RootObject::ControlPlane,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/performance-degradation",
        title: "Performance degradation",
        meaning: "Service got slower with no code change and no more exact cause known: data growth, neighbours or quotas are open.",
        root_object: RootObject::Any,
        last_resort: true,
    },
    Mechanism {
        id: "app-vs-infra/traffic-surge",
        title: "Traffic surge",
        meaning: "Far more requests arrive than usual: each costs what it always did, but their number exceeds the capacity.",
        root_object: RootObject::Workload,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/slow-query",
        title: "Slow query",
        meaning: "One database query takes most of the time: its spans or slow log grow with the data, an index is lacking.",
        root_object: RootObject::Any,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/lock-wait",
        title: "Lock wait",
        meaning: "Sessions queue behind one that holds a lock: long lock waits with little CPU, and a blocker that is named.",
        root_object: RootObject::Any,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/clock-skew",
        title: "Clock skew",
        meaning: "A node's clock is off: tokens or certificates count as not yet valid there, and time sync reports an offset.",
        root_object: RootObject::Node,
        last_resort: false,
    },
    Mechanism {
        id: "app-vs-infra/hardware-fault",
        title: "Hardware fault",
        meaning: "Disk, memory or CPU of a node is failing: I/O or machine check errors in its kernel log, whatever runs there.",
        root_object: RootObject::Node,
        last_resort: false,
    },
];
