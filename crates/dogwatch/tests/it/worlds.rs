//! `playground list` and `playground render`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use playground::cases::cases;
use serde_json::json;

use crate::program::{folder, run};

#[test]
fn the_list_names_every_case_with_its_title_and_verdict() {
    let listed = run(&["playground", "list", "-o", "json"]).json();
    let expected: Vec<_> = cases()
        .iter()
        .map(|case| json!({ "id": case.id, "title": case.title, "verdict": case.verdict }))
        .collect();
    assert_eq!(listed, json!(expected));
}

#[test]
fn a_case_renders_to_the_same_bytes_twice() {
    let first = rendered("render-first");
    assert!(first.contains_key(Path::new("world.yaml")) && first.contains_key(Path::new("stimulus.json")));
    assert_eq!(first, rendered("render-second"));
}

#[test]
fn a_world_is_not_rendered_over_another() {
    let dir = folder("render-occupied");
    std::fs::write(dir.join("notes.txt"), "mine").unwrap();
    let ended = run(&["playground", "render", "--out", dir.to_str().unwrap()]);
    assert!(ended.mistake().contains("not empty"));
}

fn rendered(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let dir = folder(name);
    let out = dir.to_str().unwrap();
    let id = cases()[0].id;
    let args = [
        "playground",
        "render",
        "--case",
        id,
        "--out",
        out,
        "--seed",
        "9",
        "--randomize",
    ];
    assert_eq!(run(&args).code, Some(0));
    let mut files = BTreeMap::new();
    collect(&dir, &dir, &mut files);
    files
}

fn collect(root: &Path, dir: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}
