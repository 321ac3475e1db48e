//! What a person sees: `kubectl describe` of the objects that ten scenarios affect, with ages and times left out.
//! Read a changed snapshot as an engineer would: does a real cluster print this?

use std::process::Command;

use playground::stage::RenderOptions;
use playground::{Playground, ServeOptions};
use regex::Regex;

use crate::golden::scenarios;

/// Columns and field names differ between versions of kubectl.
const KUBECTL: &str = "v1.32.";

/// In the place of a name: the object that is the root cause.
const ROOT: &str = "=";

/// Kind, namespace, beginning of the name.
type Described = (&'static str, &'static str, &'static str);

/// Scenario, and the objects: kind, namespace, beginning of the name; the first that matches is described.
const DESCRIBED: &[(&str, &[Described])] = &[
    (
        "amber-heron",
        &[("deployment", "shop", "cart"), ("pod", "shop", "cart-")],
    ),
    ("velvet-harbor", &[("pod", "shop", "orders-")]),
    ("iron-meadow", &[("persistentvolumeclaim", "platform", "reports")]),
    ("gannet-slope", &[("pod", "shop", "media-")]),
    ("old-capstan", &[("node", "", ROOT)]),
    (
        "tin-meadow",
        &[
            ("deployment", "shop", "recommendations"),
            ("resourcequota", "shop", ""),
        ],
    ),
    ("linen-compass", &[("horizontalpodautoscaler", "shop", "")]),
    ("wooden-thimble", &[("job", "shop", "")]),
    ("blue-thimble", &[("service", "shop", "cart")]),
    ("grey-rudder", &[("pod", "shop", "search-")]),
    ("cedar-postbox", &[("pod", "shop", "cart-")]),
];

fn kubectl(args: &[&str]) -> Option<String> {
    let output = Command::new("kubectl")
        .args(args)
        .env("TZ", "UTC")
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Times and ages differ from run to run; so do ids that hang on them.
fn settled(text: &str) -> String {
    let time = Regex::new(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}").expect("a pattern");
    let age = Regex::new(r"([ (])\d+[ydhms](?:\d+[dhms])*([ )])").expect("a pattern");
    let text = time.replace_all(text, "TIME").into_owned();
    // The scheduled time, as an annotation and, in minutes, as part of the name of a CronJob's run.
    let stamp = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").expect("a pattern");
    let text = stamp.replace_all(&text, "TIME").into_owned();
    let run = Regex::new(r"-\d{8}\b").expect("a pattern");
    let text = run.replace_all(&text, "-MINUTE").into_owned();
    let mut out = String::new();
    for line in text.lines() {
        let is_event = line.starts_with("  Normal ") || line.starts_with("  Warning ");
        let line = if is_event {
            age.replace_all(line, "${1}AGE${2}").into_owned()
        } else {
            line.to_owned()
        };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let last = Regex::new(r"(?m) \d+[dhms](?:\d+[hms])?$").expect("a pattern");
    let out = last.replace_all(&out, " AGE").into_owned();
    // Columns follow the widest age.
    Regex::new(r" {2,}")
        .expect("a pattern")
        .replace_all(&out, "  ")
        .into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_reads_as_on_a_real_cluster() {
    let version = kubectl(&["version", "--client"]).unwrap_or_default();
    if !version.contains(KUBECTL) {
        println!("skipped: the snapshots are of kubectl {KUBECTL}x, and there is: {version}");
        return;
    }
    let all = scenarios();
    for (slug, objects) in DESCRIBED {
        let Some(scenario) = all.iter().find(|scenario| scenario.slug == *slug) else {
            continue;
        };
        let options = RenderOptions {
            seed: scenario.spec.world.seed,
            randomize: false,
        };
        let rendered = scenario.stage(options).expect("it stages").rendered;
        let root = rendered.truth.root_causes.first();
        let root = root.map(|cause| cause.object.name.clone()).unwrap_or_default();
        let playground = Playground::start(rendered.world, ServeOptions::default())
            .await
            .expect("it starts");
        let server = playground.url();
        let shown = tokio::task::spawn_blocking(move || {
            let described = objects.iter().map(|(kind, namespace, name)| {
                let name = if *name == ROOT { &root } else { *name };
                describe(&server, (kind, namespace, name))
            });
            described.collect::<Vec<_>>().join("\n")
        });
        insta::assert_snapshot!(*slug, shown.await.expect("it ran"));
        playground.shutdown().await;
    }
}

fn describe(server: &str, (kind, namespace, name): (&str, &str, &str)) -> String {
    let place: &[&str] = if namespace.is_empty() {
        &[]
    } else {
        &["--namespace", namespace]
    };
    let get = [&["--server", server, "get", kind, "-o", "name"], place].concat();
    let names = kubectl(&get).expect("a list");
    let found = names
        .lines()
        .filter_map(|line| line.split_once('/').map(|(_, found)| found))
        .find(|found| found.starts_with(name))
        .unwrap_or_else(|| panic!("no {kind} {name} among {names}"));
    let command = [&["--server", server, "describe", kind, found], place].concat();
    let text = kubectl(&command).expect("a description");
    settled(&format!("$ kubectl describe {kind} {found}\n{text}"))
}
