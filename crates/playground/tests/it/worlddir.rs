//! World directories are read back as they were written.

use std::path::Path;

use playground::{load_world, save_world};

use crate::world::small;

fn scratch(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("playground-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn tree(dir: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(&next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("inside").display().to_string();
                files.push((name, std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_saved_world_is_read_back_and_written_again_byte_for_byte() {
    let (first, second) = (scratch("first"), scratch("second"));
    save_world(&small(), &first).expect("written");
    let loaded = load_world(&first).expect("read");
    assert_eq!(loaded.now, small().now);
    assert_eq!(loaded.logs, small().logs);
    assert_eq!(loaded.stimulus, small().stimulus);
    assert_eq!(loaded.metrics.trim_end(), small().metrics.trim_end());
    for (key, object) in small().objects() {
        assert_eq!(loaded.object(key), Some(object), "{key:?}");
    }
    save_world(&loaded, &second).expect("written again");
    assert_eq!(tree(&first), tree(&second));
}

#[test]
fn strings_that_look_like_other_yaml_survive() {
    let dir = scratch("tricky");
    let mut world = small();
    let tricky = [
        "yes",
        "null",
        "~",
        "1e3",
        "0x10",
        "012",
        "1_000",
        "2026-03-01T11:00:00Z",
        "- a",
        "a: b",
        "#c",
        "",
        " ",
        "a\nb\n",
        "\n",
        "a\n\n  b\n",
        "tab\there",
        "trailing ",
        "{x}",
        "*a",
        "&a",
        "!t",
        "%d",
        "|",
        ">",
        "'q'",
        "\"q\"",
        "\\n",
        "é\u{7}",
        "---\nx",
        "=",
        "<<",
    ];
    for (index, text) in tricky.iter().enumerate() {
        world.get_mut("ConfigMap", "shop", "settings").expect("there")["data"][format!("k{index}")] =
            (*text).into();
    }
    save_world(&world, &dir).expect("written");
    let loaded = load_world(&dir).expect("read");
    let (found, wanted) = (
        loaded.get("ConfigMap", "shop", "settings"),
        world.get("ConfigMap", "shop", "settings"),
    );
    assert_eq!(found, wanted);
}

#[test]
fn a_cluster_dump_is_a_world() {
    let dir = scratch("dump");
    let pods: Vec<_> = small()
        .of_kind("Pod")
        .cloned()
        .map(|mut pod| {
            let fields = pod.as_object_mut().expect("a map");
            fields.remove("kind");
            fields.remove("apiVersion");
            pod
        })
        .collect();
    let nodes: Vec<_> = small().of_kind("Node").cloned().collect();
    let logs = dir.join("shop/web-22aa-crash");
    std::fs::create_dir_all(&logs).expect("created");
    let list = |kind: &str, items: Vec<serde_json::Value>| {
        serde_json::json!({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items}).to_string()
    };
    std::fs::write(dir.join("nodes.json"), list("NodeList", nodes)).expect("written");
    std::fs::write(dir.join("shop/pods.json"), list("PodList", pods)).expect("written");
    std::fs::write(logs.join("logs.txt"),
        "==== START logs for container web of pod shop/web-22aa-crash ====\nout of memory\n==== END logs for container web of pod shop/web-22aa-crash ====\n\
         ==== START logs for container proxy of pod shop/web-22aa-crash ====\nRequest log error: no such thing\n==== END logs for container proxy of pod shop/web-22aa-crash ====\n").expect("written");
    let mut world = load_world(&dir).expect("read");
    assert_eq!(world.of_kind("Pod").count(), 4);
    assert_eq!(world.now.to_string(), "2026-03-01T11:59:00Z");
    assert!(world.get("Namespace", "", "shop").is_some());
    assert_eq!(
        world.log_mut("shop", "web-22aa-crash", "web").current.as_deref(),
        Some("out of memory\n")
    );
    assert_eq!(
        world.log_mut("shop", "web-22aa-crash", "proxy").error.as_deref(),
        Some("no such thing")
    );
}

#[test]
fn errors_name_the_file_and_the_reason() {
    let dir = scratch("broken");
    assert!(
        load_world(&dir)
            .expect_err("absent")
            .to_string()
            .contains("playground-broken")
    );
    std::fs::create_dir_all(dir.join("objects")).expect("created");
    std::fs::write(dir.join("objects/bad.yaml"), "kind: [unclosed").expect("written");
    let message = load_world(&dir).expect_err("broken").to_string();
    assert!(message.contains("bad.yaml"), "{message}");
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("created");
    std::fs::write(file, text).expect("written");
}

fn yaml_list(kind: &str, items: &[serde_json::Value]) -> String {
    serde_json::json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": ""}, "items": items})
        .to_string()
}

#[test]
fn a_folder_of_kubectl_get_files_is_a_world_that_knows_what_it_does_not_know() {
    let dir = scratch("getfiles");
    let pods: Vec<_> = small().of_kind("Pod").cloned().collect();
    write(&dir.join("everything.yaml"), &yaml_list("List", &pods));
    write(&dir.join("services.yaml"), &yaml_list("List", &[]));
    let world = load_world(&dir).expect("read");
    assert_eq!(world.of_kind("Pod").count(), pods.len());
    assert!(!world.unseen.contains("pods"), "a file holds pods");
    assert!(
        !world.unseen.contains("services"),
        "an empty list was saved as services.yaml"
    );
    assert!(
        world.unseen.contains("nodes") && world.unseen.contains("deployments"),
        "nobody saved these"
    );
}

#[test]
fn a_must_gather_is_a_world() {
    let dir = scratch("gather");
    let root = dir.join("must-gather.local.1/quay-io-openshift-must-gather-sha256-1");
    let pods: Vec<_> = small()
        .of_kind("Pod")
        .filter(|pod| pod.pointer("/metadata/namespace") == Some(&"shop".into()))
        .cloned()
        .collect();
    let node = small().of_kind("Node").next().expect("a node").clone();
    write(
        &root.join("namespaces/shop/core/pods.yaml"),
        &yaml_list("PodList", &pods),
    );
    write(
        &root.join("namespaces/shop/apps/deployments.yaml"),
        &yaml_list("DeploymentList", &[]),
    );
    write(
        &root.join("cluster-scoped-resources/core/nodes/one.yaml"),
        &node.to_string(),
    );
    write(
        &root.join("cluster-scoped-resources/core/notes.json"),
        "{\"hello\": 1}",
    );
    write(
        &root.join("namespaces/shop/pods/web-22aa-crash/web/web/logs/current.log"),
        "2026-03-01T11:00:00.000000000Z out of memory\n",
    );
    let mut world = load_world(&dir).expect("read");
    assert_eq!(world.of_kind("Pod").count(), pods.len());
    assert_eq!(world.of_kind("Node").count(), 1);
    assert!(world.log_mut("shop", "web-22aa-crash", "web").current.is_some());
    assert!(!world.unseen.contains("deployments") && world.unseen.contains("services"));
}
