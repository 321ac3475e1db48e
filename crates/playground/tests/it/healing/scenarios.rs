//! Every golden scenario: what it accepts heals the fault that it is for, and what it rejects does not.

use std::path::Path;

use playground::cases::RenderOptions;
use playground::faults::by_id;
use playground::stage::{FaultSpec, Staging, render};
use serde_json::Value;

use super::{all_right, judge};

/// The tests that the scenarios are dealt out to, so that they run side by side.
const SHARES: usize = 4;

/// What is read of a scenario's file.
struct Scenario {
    slug: String,
    seed: u64,
    staging: Staging,
    accept: Vec<String>,
    reject: Vec<String>,
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn read(folder: &Path) -> Scenario {
    let slug = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let file = std::fs::read_to_string(folder.join("scenario.yaml")).expect("a scenario");
    let spec: Value = serde_saphyr::from_str(&file).expect("YAML");
    let world = &spec["world"];
    let mut staging = Staging::of_fault(&slug, "");
    let faults = world["faults"].as_array().into_iter().flatten();
    staging.faults = faults
        .map(|fault| FaultSpec {
            id: fault["id"].as_str().expect("an id").to_owned(),
            target: fault["target"].as_str().map(str::to_owned),
            params: fault["params"].as_object().cloned().unwrap_or_default(),
        })
        .collect();
    if world["noise"].is_array() {
        staging.noise = strings(&world["noise"]);
    }
    Scenario {
        slug,
        seed: world["seed"].as_u64().expect("a seed"),
        staging,
        accept: strings(&spec["remediation"]["accept"]),
        reject: strings(&spec["remediation"]["reject"]),
    }
}

/// Applies what a scenario names, and lists what is not as it should be.
async fn act(scenario: &Scenario) -> Vec<String> {
    let options = RenderOptions {
        seed: scenario.seed,
        randomize: false,
    };
    let rendered =
        render(&scenario.staging, options).unwrap_or_else(|error| panic!("{}: {error}", scenario.slug));
    let mut wrong = Vec::new();
    for (spec, truth) in scenario.staging.faults.iter().zip(&rendered.truths) {
        let Some(fault) = by_id(&spec.id) else { continue };
        for remedy in fault.remedies(&rendered.world, &rendered.shop, truth) {
            let list = if remedy.heals {
                &scenario.accept
            } else {
                &scenario.reject
            };
            if list.iter().any(|name| name == remedy.name) {
                wrong.extend(judge(&scenario.slug, fault, &rendered, &remedy).await);
            }
        }
    }
    wrong
}

async fn share(index: usize) {
    let only = std::env::var("HEALING_ONLY").unwrap_or_default();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden-scenarios");
    let mut folders: Vec<_> = std::fs::read_dir(home)
        .expect("scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("scenario.yaml").is_file())
        .collect();
    folders.sort();
    let mut wrong = Vec::new();
    for folder in folders.iter().skip(index).step_by(SHARES) {
        let scenario = read(folder);
        if only.is_empty() || scenario.slug == only {
            wrong.extend(act(&scenario).await);
        }
    }
    all_right(&wrong);
}

#[tokio::test]
async fn first_share() {
    share(0).await;
}

#[tokio::test]
async fn second_share() {
    share(1).await;
}

#[tokio::test]
async fn third_share() {
    share(2).await;
}

#[tokio::test]
async fn fourth_share() {
    share(3).await;
}
