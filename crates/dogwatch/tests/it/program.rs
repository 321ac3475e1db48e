//! Runs the program, cut off from the surroundings of whoever runs the tests.

pub(crate) mod service;

use std::path::PathBuf;
use std::process::{Command, Output};

use playground::cases::{RenderOptions, Rendered, cases, render};
use playground::{World, save_world};
use serde_json::Value;

/// Variables of these beginnings would change what the program does.
const LEAKS: [&str; 4] = ["DOGWATCH_", "OTEL_", "KUBECONFIG", "KUBERNETES_"];

/// The program with these arguments.
pub(crate) fn dogwatch(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dogwatch"));
    for (name, _) in std::env::vars_os() {
        let leaks = name
            .to_str()
            .is_some_and(|name| LEAKS.iter().any(|leak| name.starts_with(leak)));
        if leaks {
            command.env_remove(name);
        }
    }
    command.env("HOME", folder("home")).args(args);
    command
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it wrote, after it succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Checks that it failed as a mistake of the caller, with one line on stderr, and gives that line.
    pub(crate) fn mistake(&self) -> &str {
        assert_eq!(self.code, Some(2), "{} {}", self.stdout, self.stderr);
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "{}", self.stderr);
        assert_eq!(self.stdout, "");
        self.stderr.trim_end()
    }
}

/// Runs a command to its end.
pub(crate) fn ended(command: &mut Command) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs the program with these arguments.
pub(crate) fn run(args: &[&str]) -> Ended {
    ended(&mut dogwatch(args))
}

/// An empty folder that only the test of this name uses.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("dogwatch-{}", std::process::id()))
        .join(name);
    if name != "home" {
        std::fs::remove_dir_all(&folder).ok();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file with this content in a folder of its own.
pub(crate) fn file(name: &str, content: &str) -> PathBuf {
    let path = folder(&format!("file-{name}")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// A case with the classic names.
pub(crate) fn rendered(case: &str, seed: u64) -> Rendered {
    let case = cases().iter().find(|known| known.id == case).unwrap();
    let options = RenderOptions {
        seed,
        randomize: false,
    };
    render(case, options).unwrap()
}

/// A folder with this world.
pub(crate) fn saved(name: &str, world: &World) -> String {
    let dir = folder(&format!("world-{name}"));
    save_world(world, &dir).unwrap();
    dir.to_str().unwrap().to_owned()
}
