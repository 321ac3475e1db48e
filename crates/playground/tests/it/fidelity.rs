//! Every fault's world against the real API: objects survive a round trip through its types without loss, and what
//! they say together is what a cluster could be in.

mod plausible;
mod round_trip;

use playground::World;
use playground::faults;
use playground::stage::stimulus::Stimulus;
use playground::stage::{FaultSpec, RenderOptions, Staging, render};

/// A world for every fault, under a few seeds.
pub(crate) fn worlds() -> impl Iterator<Item = (String, World)> {
    faults::registry().flat_map(|fault| {
        [(2, false), (5, true)].into_iter().map(|(seed, randomize)| {
            let staging = Staging {
                name: "fidelity".to_owned(),
                faults: vec![FaultSpec {
                    id: fault.id().to_owned(),
                    ..FaultSpec::default()
                }],
                noise: vec!["standard".to_owned()],
                stimulus: Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
            };
            let rendered = render(&staging, RenderOptions { seed, randomize })
                .unwrap_or_else(|error| panic!("{}: {error}", fault.id()));
            (format!("{} seed {seed}", fault.id()), rendered.world)
        })
    })
}

/// Fails with the first findings of each kind.
pub(crate) fn report(findings: &[String]) {
    let mut shown: Vec<&String> = findings.iter().collect();
    shown.dedup();
    assert!(
        findings.is_empty(),
        "{} findings\n{}",
        findings.len(),
        shown
            .iter()
            .take(60)
            .map(|finding| finding.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    );
}
