//! The detectors: pure functions over what was read, one file per family. A signal without a mechanism is a
//! symptom; a mechanism with certainty 1 leaves no other reading of the facts.

mod admission;
mod app_crash;
mod avalanche;
mod backup;
mod binding;
mod capacity;
mod certificates;
mod complaints;
mod component;
mod control_plane;
mod cpu;
mod crash;
mod csi;
mod database;
mod dependency;
mod disk;
mod dns;
mod edge;
mod errors;
mod filesystem;
mod finalizer;
mod finding;
mod flag;
mod gitops;
mod given;
mod gpu;
mod gpu_heat;
mod helm_release;
mod helm_values;
mod image_pull;
mod ingress;
mod init;
mod job;
mod kernel;
mod load;
mod login;
mod machine;
mod memory;
mod mutation;
mod network_policy;
mod node;
mod node_load;
mod pod_count;
mod pool;
mod priority;
mod probe;
mod queue;
mod quota;
mod references;
mod rights;
mod rollout;
mod said;
mod scaling;
mod scheduling;
mod selector;
mod service;
mod sessions;
mod shared;
mod snapshot;
mod start;
mod startup;
mod storage_class;
mod text;
mod traffic;
mod trend;
mod version;
mod volume;
mod volume_attach;
mod workload;

pub use memory::growth::{Life, lives};
pub(crate) use rights::DENIED;
pub(crate) use text::quantity;

use cluster::ClusterView;
use cluster::calls::Call;
use domain::{Change, Signal};
use jiff::Timestamp;

/// What detectors look at.
pub struct Context<'a> {
    /// The cluster.
    pub view: &'a ClusterView,
    /// Recent changes, newest first.
    pub changes: &'a [Change],
    /// Addresses in workloads' configuration.
    pub calls: &'a [Call],
    /// When the trouble was noticed, if the subject says.
    pub noticed: Option<Timestamp>,
}

/// A detector: a name for signals and the function.
pub struct Detector {
    /// Name, shown with its signals.
    pub name: &'static str,
    /// Mechanism ids that it can name.
    pub mechanisms: &'static [&'static str],
    /// Looks.
    pub run: fn(&Context<'_>) -> Vec<Signal>,
}

/// Most facts of a merged signal.
const FACT_LIMIT: usize = 40;

/// All detectors.
pub const DETECTORS: &[&Detector] = &[
    &workload::DETECTOR,
    &crash::DETECTOR,
    &memory::DETECTOR,
    &image_pull::DETECTOR,
    &start::DETECTOR,
    &init::DETECTOR,
    &scheduling::DETECTOR,
    &storage_class::DETECTOR,
    &csi::DETECTOR,
    &volume_attach::DETECTOR,
    &filesystem::DETECTOR,
    &binding::DETECTOR,
    &snapshot::DETECTOR,
    &backup::DETECTOR,
    &database::DETECTOR,
    &service::DETECTOR,
    &network_policy::DETECTOR,
    &probe::DETECTOR,
    &helm_values::DETECTOR,
    &helm_release::DETECTOR,
    &rollout::DETECTOR,
    &job::DETECTOR,
    &node::DETECTOR,
    &cpu::DETECTOR,
    &node_load::DETECTOR,
    &disk::DETECTOR,
    &admission::DETECTOR,
    &capacity::DETECTOR,
    &scaling::DETECTOR,
    &gpu_heat::DETECTOR,
    &errors::DETECTOR,
    &edge::DETECTOR,
    &login::DETECTOR,
    &app_crash::DETECTOR,
    &startup::DETECTOR,
    &gpu::DETECTOR,
    &dns::DETECTOR,
    &ingress::DETECTOR,
    &selector::DETECTOR,
    &dependency::DETECTOR,
    &shared::DETECTOR,
    &avalanche::DETECTOR,
    &load::DETECTOR,
    &queue::DETECTOR,
    &machine::DETECTOR,
    &traffic::DETECTOR,
    &component::DETECTOR,
    &sessions::DETECTOR,
    &references::DETECTOR,
    &quota::DETECTOR,
    &given::DETECTOR,
    &rights::DETECTOR,
    &certificates::DETECTOR,
    &pod_count::DETECTOR,
    &finalizer::DETECTOR,
    &mutation::DETECTOR,
    &priority::DETECTOR,
    &pool::DETECTOR,
    &kernel::DETECTOR,
    &gitops::DETECTOR,
    &control_plane::DETECTOR,
    &flag::DETECTOR,
    &version::DETECTOR,
];

/// Runs them all. Signals that name the same cause (object and mechanism) are one: the surest one's words, with
/// everything that the others saw.
pub fn run(context: &Context<'_>) -> Vec<Signal> {
    let mut out: Vec<Signal> = Vec::new();
    for signal in DETECTORS.iter().flat_map(|detector| (detector.run)(context)) {
        let same = |known: &&mut Signal| {
            known.mechanism.is_some() && known.mechanism == signal.mechanism && known.object == signal.object
        };
        match out.iter_mut().find(same) {
            Some(known) => merge(known, signal),
            None => out.push(signal),
        }
    }
    out
}

fn merge(known: &mut Signal, mut other: Signal) {
    if other.certainty > known.certainty {
        std::mem::swap(known, &mut other);
    }
    known.onset = [known.onset, other.onset].into_iter().flatten().min();
    known.severity = known.severity.max(other.severity);
    known.ongoing |= other.ongoing;
    known.affects.extend(other.affects);
    known.affects.sort();
    known.affects.dedup();
    other.facts.retain(|fact| !known.facts.contains(fact));
    known.facts.extend(other.facts);
    known.facts.truncate(FACT_LIMIT);
    known.lookups.extend(other.lookups);
    known.lookups.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_that_a_detector_names_is_in_the_catalogue() {
        for detector in DETECTORS {
            for id in detector.mechanisms {
                assert!(
                    id.parse::<domain::MechanismId>().is_ok(),
                    "{}: {id}",
                    detector.name
                );
            }
        }
    }
}
