//! Every case is diagnosed without a model, for several seeds and without telling names.

use std::collections::BTreeSet;

use playground::cases::{Case, RenderOptions, cases, render};
use playground::save_world;
use serde_json::Value;

use crate::program::{folder, run};

type Cause = (String, String, String, String);

#[test]
fn every_case_is_diagnosed_with_seed_3_and_random_names() {
    diagnose_all(3);
}

#[test]
fn every_case_is_diagnosed_with_seed_17_and_random_names() {
    diagnose_all(17);
}

fn diagnose_all(seed: u64) {
    let wrong: Vec<String> = cases().iter().filter_map(|case| wrong(case, seed)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the diagnosis of a case; `None` when it is right.
fn wrong(case: &Case, seed: u64) -> Option<String> {
    let options = RenderOptions {
        seed,
        randomize: true,
    };
    let rendered = render(case, options).unwrap();
    let dir = folder(&format!("case-{}-{seed}", case.id));
    save_world(&rendered.world, &dir).unwrap();
    let brief = run(&["triage", "--world", dir.to_str().unwrap(), "-o", "json"]).json();
    std::fs::remove_dir_all(&dir).unwrap();
    let expected: BTreeSet<Cause> = rendered
        .truth
        .root_causes
        .iter()
        .map(|cause| {
            let object = &cause.object;
            let (kind, namespace, name) = (&object.kind, &object.namespace, &object.name);
            (
                kind.clone(),
                namespace.clone(),
                name.clone(),
                cause.mechanism.to_owned(),
            )
        })
        .collect();
    let found = causes(&brief);
    let right = brief["verdict"] == rendered.truth.verdict && found == expected;
    (!right).then(|| {
        format!(
            "{}: {} {found:?}, expected {} {expected:?}",
            case.id, brief["verdict"], rendered.truth.verdict
        )
    })
}

fn causes(brief: &Value) -> BTreeSet<Cause> {
    let causes = brief["root_causes"].as_array().unwrap().iter();
    causes
        .map(|cause| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let object = &cause["object"];
            (
                text(&object["kind"]),
                text(&object["namespace"]),
                text(&object["name"]),
                text(&cause["mechanism"]),
            )
        })
        .collect()
}
