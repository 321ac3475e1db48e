//! `dogwatch playground serve` and a stock kubectl. What kubectl can do there is tested in the playground's crate.

use std::process::{Child, Command, Stdio};

use crate::program::dogwatch;
use crate::program::folder;
use crate::program::service::announced;

#[test]
fn kubectl_sees_the_pods_of_a_case_through_the_written_kubeconfig() {
    let there = Command::new("kubectl").args(["version", "--client"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no kubectl on the PATH");
        return;
    }
    let kubeconfig = folder("kubectl").join("kubeconfig.yaml");
    let kubeconfig = kubeconfig.to_str().unwrap();
    let served = [
        "playground",
        "serve",
        "--case",
        "pending-claim",
        "--write-kubeconfig",
        kubeconfig,
    ];
    let mut child = dogwatch(&served).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let _ended = Ended(child);
    announced(stdout, |line| line.starts_with("kubectl").then(String::new));

    let pods = ["--kubeconfig", kubeconfig, "get", "pods", "-A"];
    let output = Command::new("kubectl").args(pods).output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.starts_with("NAMESPACE"), "{stdout}");
    assert!(
        stdout.contains("Pending") && stdout.contains("Running"),
        "{stdout}"
    );
}

/// Kills the process when the test ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
