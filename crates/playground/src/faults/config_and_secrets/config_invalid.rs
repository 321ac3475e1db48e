//! A delivered ConfigMap holds a document that does not parse, or a value of the wrong type; pods that start with it end.
//! Must not know how it is found.

use serde_json::json;

use super::environment::{mounted, replace_by_copy, value_of};
use super::scene::{config_map, edit, end_at_start, restart, roll, set_env, undo};
use crate::build::json::{escape, push, set, text};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/config-invalid`. `params.form`: `value` or `document`.
pub(super) struct ConfigInvalid;

const ID: &str = "config-and-secrets/config-invalid";
const KEY: &str = "REQUEST_TIMEOUT_MS";
const DOCUMENT: &str = "limits.yaml";

/// A document with a line that is indented too far.
const BROKEN: &str = "limits:\n  default:\n    requests: 100\n    window: 60s\n  checkout:\n    requests: 40\n      window: 10s\n  partners: []\n";
/// The same with the line where it belongs.
const SOUND: &str = "limits:\n  default:\n    requests: 100\n    window: 60s\n  checkout:\n    requests: 40\n    window: 10s\n  partners: []\n";

impl Fault for ConfigInvalid {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let document = match ctx.text_param("form") {
            Some(form) => form == "document",
            None => ctx.rng.chance(50),
        };
        let bad = ["5s", "5_000", "5000ms"];
        let value = (*ctx.rng.pick(&bad).unwrap_or(&"5s")).to_owned();
        let map = config_map(&workload);
        let (key, found, expected) = if document {
            (DOCUMENT, BROKEN.to_owned(), SOUND)
        } else {
            (KEY, value, "5000")
        };
        let field = format!("/data/{}", escape(key));
        let author = workload.delivery.author();
        if let Some(object) = world.get_mut("ConfigMap", &map.namespace, &map.name) {
            set(object, &field, json!(found));
            let written = time::before(at, ctx.rng.range(2, 6));
            ctx.shop.stamp.touch(object, author, written, &[field.as_str()]);
        }
        let sum = ctx.shop.stamp.digest(&found);
        let rolled = roll(world, ctx, &workload, (at, false), |template| {
            set(template, "/metadata/annotations/checksum~1config", json!(sum));
            if document {
                let volume = json!({ "name": "config", "configMap": { "name": map.name, "defaultMode": 420,
                    "items": [{ "key": DOCUMENT, "path": DOCUMENT }] } });
                push(template, "/spec/volumes", volume);
                let mount = json!({ "name": "config", "mountPath": "/etc/app", "readOnly": true });
                push(template, "/spec/containers/0/volumeMounts", mount);
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let words = if document {
            vec![document_words(&workload)]
        } else {
            value_words(&workload, &found)
        };
        let onset = end_at_start(world, ctx, &workload, &rolled.new_pods, &words).unwrap_or(at);
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params =
            json!({ "field": format!("data.{key}"), "found": found, "expected": expected, "key": key });
        Truth::cause(map, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return false;
        };
        if text(&cause.params, "/key") == DOCUMENT {
            mounted(world, workload, DOCUMENT)
                .iter()
                .any(|held| held.is_empty() || held.contains("requests: 40\n      window"))
        } else {
            value_of(world, workload, KEY).is_none_or(|held| held.parse::<u64>().is_err())
        }
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let field = format!("/data/{}", escape(text(&cause.params, "/key")));
        let expected = text(&cause.params, "/expected");
        let repair = edit(&cause.object, &field, json!(expected));
        let copied = replace_by_copy(world, (&cause.object, workload), "repaired", |map| {
            set(map, &field, json!(expected));
        });
        let mut out = vec![
            Remedy::heals("repair-config", vec![repair, restart(workload, shop.now())]),
            Remedy::heals("repaired-copy", copied),
            Remedy::fails("restart", vec![restart(workload, shop.now())]),
        ];
        if text(&cause.params, "/key") == KEY {
            let variable = set_env(workload, KEY, expected);
            out.push(Remedy::heals("set-variable", vec![variable]));
        } else {
            // The revision before does not read the document.
            let back = undo(world, workload).into_iter().collect();
            out.push(Remedy::heals("rollout-undo", back));
        }
        out
    }
}

/// go-yaml v3 (`yaml: line %d: …`), PyYAML, js-yaml, SnakeYAML.
fn document_words(workload: &Workload) -> String {
    let file = "/etc/app/limits.yaml";
    match workload.voice {
        Voice::Python => format!(
            "yaml.scanner.ScannerError: mapping values are not allowed here in \"{file}\", line 7, column 13"
        ),
        Voice::Node => format!("YAMLException: bad indentation of a mapping entry in \"{file}\" (7:13)"),
        Voice::Java => format!(
            "Failed to load property source from '{file}': mapping values are not allowed here in 'reader', line 7, column 13"
        ),
        _ => format!("load {file}: yaml: line 7: mapping values are not allowed in this context"),
    }
}

/// `strconv`, `int()`, Joi, Spring's binder.
fn value_words(workload: &Workload, value: &str) -> Vec<String> {
    match workload.voice {
        Voice::Python => vec![
            "could not read setting REQUEST_TIMEOUT_MS".to_owned(),
            format!("ValueError: invalid literal for int() with base 10: '{value}'"),
        ],
        Voice::Node => vec![format!(
            "Error: Config validation error: \"{KEY}\" must be a number (found \"{value}\")"
        )],
        Voice::Java => vec![format!(
            "Failed to bind properties under 'request.timeout-ms' to long: Property: request.timeout-ms Value: \"{value}\" \
             Origin: System Environment Property \"{KEY}\" Reason: failed to convert java.lang.String to long"
        )],
        _ => vec![format!(
            "envconfig.Process: assigning {KEY} to RequestTimeoutMs: converting '{value}' to type int. details: \
             strconv.ParseInt: parsing \"{value}\": invalid syntax"
        )],
    }
}
