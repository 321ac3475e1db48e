//! A rollout changes how variables reach a container, so that one that it needs arrives absent or empty. Must not know
//! how it is found.

use serde_json::{Value, json};

use super::environment::value_of;
use super::scene::{address_key, config_map, end_at_start, hasty, roll, set_env, undo};
use crate::build::json::{push, set, text};
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/env-injection-failed`. `params.form`: `prefix`, `shadowed` or `optional-key`.
pub(super) struct EnvInjectionFailed;

const ID: &str = "config-and-secrets/env-injection-failed";
const ROLES: &[&str] = &["cart", "recommendations", "fraud", "search", "orders"];

impl Fault for EnvInjectionFailed {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_role(ROLES) else {
            return Truth::without_cause("inconclusive");
        };
        let Some((name, _, _)) = address_key(world, &ctx.shop, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        let forms = ["prefix", "shadowed", "optional-key"];
        let drawn = *ctx.rng.pick(&forms).unwrap_or(&"prefix");
        let form = ctx.text_param("form").unwrap_or(drawn).to_owned();
        let container = format!("spec.template.spec.containers[{}]", workload.name);
        let (field, found) = match form.as_str() {
            "prefix" => (format!("{container}.envFrom[0].prefix"), "APP_".to_owned()),
            "shadowed" => (format!("{container}.env[{name}].value"), String::new()),
            _ => (format!("{container}.env[{name}].valueFrom"), misspelt(&name)),
        };
        let map = config_map(&workload).name;
        let rolled = roll(world, ctx, &workload, (at, false), |template| {
            alter(template, &form, &name, &map);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let is_empty = form == "shadowed";
        let words = complaint(&workload, &name, is_empty);
        let onset = end_at_start(world, ctx, &workload, &rolled.new_pods, &words).unwrap_or(at);
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params = json!({ "field": field, "found": found, "expected": format!("{name} from {map}"), "name": name, "map": map });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        value_of(world, &cause.object, text(&cause.params, "/name")).is_none_or(|value| value.is_empty())
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let mut out = hasty(world, shop, &cause.object);
        if let Some(step) = undo(world, &cause.object) {
            out.push(Remedy::heals("rollout-undo", vec![step]));
        }
        let (name, map) = (text(&cause.params, "/name"), text(&cause.params, "/map"));
        let value = world
            .get("ConfigMap", &cause.object.namespace, map)
            .map(|map| text(map, &format!("/data/{name}")));
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let step = set_env(&cause.object, name, value);
            out.push(Remedy::heals("set-variable", vec![step]));
        }
        out
    }
}

fn alter(template: &mut Value, form: &str, name: &str, map: &str) {
    let env = "/spec/containers/0/env";
    match form {
        "prefix" => set(template, "/spec/containers/0/envFrom/0/prefix", json!("APP_")),
        "shadowed" => push(template, env, json!({ "name": name, "value": "" })),
        _ => push(
            template,
            env,
            json!({ "name": name, "valueFrom": { "configMapKeyRef": {
                "name": map, "key": misspelt(name), "optional": true } } }),
        ),
    }
}

fn misspelt(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// What frameworks say of a variable that is absent, or empty: `os.environ`, envconfig, Spring, plain checks.
fn complaint(workload: &Workload, name: &str, is_empty: bool) -> Vec<String> {
    if is_empty {
        return vec![format!("configuration: environment variable {name} is empty")];
    }
    match workload.voice {
        Voice::Python => vec![
            "Traceback (most recent call last):".to_owned(),
            format!("KeyError: '{name}'"),
        ],
        Voice::Java => vec![format!(
            "Application run failed: java.lang.IllegalArgumentException: Could not resolve placeholder '{name}' in value \
             \"${{{name}}}\""
        )],
        Voice::Node => vec![format!("Error: Missing required environment variable {name}")],
        _ => vec![format!("required key {name} missing value")],
    }
}
