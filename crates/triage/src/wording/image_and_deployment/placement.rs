//! What the scheduler says of pods that no node takes (`pkg/scheduler/framework/plugins`), from 1.21 on.

use crate::wording::{Pattern, Place};

const SELECTOR: &str = "image-and-deployment/scheduling-constraint-node-selector";
const AFFINITY: &str = "image-and-deployment/scheduling-constraint-affinity";
const ANTI_AFFINITY: &str = "image-and-deployment/scheduling-constraint-anti-affinity";
const TAINT: &str = "image-and-deployment/scheduling-constraint-taint";
const CORDON: &str = "image-and-deployment/scheduling-constraint-cordon";
const SPREAD: &str = "image-and-deployment/scheduling-constraint-topology-spread";
const HOST_PORT: &str = "image-and-deployment/scheduling-constraint-host-port";

const SCHEDULER: &[Place] = &[Place::Event, Place::Condition, Place::Status, Place::Log];

pub(crate) const PATTERNS: &[Pattern] = &[
    // `nodeaffinity`: one reason for both; older: `didn't match node selector`.
    Pattern {
        mechanisms: &[SELECTOR, AFFINITY],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)didn't match (?:pod's )?node affinity(?:/selector)?|didn't match (?:pod's )?node selector|didn't match scheduler-enforced node affinity|MatchNodeSelector|Predicate NodeAffinity failed|incompatible (?:with nodepool|requirements)[^\n]*(?:key|label)",
    },
    // `interpodaffinity`.
    Pattern {
        mechanisms: &[AFFINITY],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)didn't match pod affinity(?: rules|/anti-affinity)",
    },
    Pattern {
        mechanisms: &[ANTI_AFFINITY],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)didn't (?:match|satisfy) (?:existing pods |pod affinity/)?(?:pod )?anti-affinity|unsatisfiable[^\n]*anti-affinity",
    },
    // `tainttoleration`; taints of node conditions and of the control plane are somebody else's.
    Pattern {
        mechanisms: &[TAINT],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)taint(?:\(s\))? \{(?:[^n}]|n[^o]|no[^d]|nod[^e]|node[^.\-]|node\.[^kc]|node-[^r])",
    },
    Pattern {
        mechanisms: &[TAINT],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)had taints that the pod didn't tolerate|had untolerated taint\(s\)(?:[,.]| that|$)|(?:did not|didn't) tolerate (?:taint )?\S*\s?\(?(?:key|[a-z0-9./-]+=)|taint-?manager|marking for deletion pod",
    },
    // `nodeunschedulable`; `pkg/kubelet/kubelet_node_status.go`.
    Pattern {
        mechanisms: &[CORDON],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)node\(s\) (?:were|was|is|are) unschedulable|taint(?:\(s\))? \{node\.kubernetes\.io/unschedulable|status is now: NodeNotSchedulable|node is marked as unschedulable|SchedulingDisabled",
    },
    // `podtopologyspread`.
    Pattern {
        mechanisms: &[SPREAD],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)didn't (?:match|satisfy) (?:pod )?topology ?spread|topology spread constraint[^\n]*(?:unsatisf|violat|not match|missing)|unsatisfiable topology",
    },
    // `nodeports`; `pkg/kubelet/lifecycle/predicate.go`.
    Pattern {
        mechanisms: &[HOST_PORT],
        places: SCHEDULER,
        reasons: &[],
        message: r"(?i)didn't have free ports for the requested pod ports|predicate (?:NodePorts|PodFitsHostPorts) failed|host ?port[^\n]*(?:already|conflict|in use)|PodFitsHostPorts",
    },
];
