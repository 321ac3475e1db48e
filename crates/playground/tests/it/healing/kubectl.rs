//! A stock kubectl mends a served world on the wall clock. Without kubectl on the PATH the test says so and passes.

use std::process::Command;

use playground::{Playground, ServeOptions};

use super::staged;

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_undoes_a_rollout_and_sees_it_heal() {
    if Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_err()
    {
        println!("skipped: no kubectl on the PATH");
        return;
    }
    let rendered = staged("resource-exhaustion/memory-limit-too-low", 2);
    let workload = rendered.truth.root_causes[0].object.clone();
    let options = ServeOptions {
        staged: Some(rendered.staged()),
        ..ServeOptions::default()
    };
    let playground = Playground::start(rendered.world.clone(), options)
        .await
        .expect("started");
    let home = std::env::temp_dir().join(format!("playground-healing-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("created");
    std::fs::write(home.join("config"), playground.kubeconfig()).expect("written");
    let target = format!("deployment/{}", workload.name);
    let kubectl = |arguments: &[&str]| {
        let output = Command::new("kubectl")
            .env("HOME", &home)
            .env("KUBECONFIG", home.join("config"))
            .args(["--cache-dir"])
            .arg(home.join("cache"))
            .args(["-n", &workload.namespace])
            .args(arguments)
            .output()
            .expect("kubectl runs");
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    let undone = kubectl(&["rollout", "undo", &target]);
    assert!(undone.contains("rolled back"), "{undone}");
    let status = kubectl(&["rollout", "status", &target, "--timeout=120s"]);
    assert!(status.contains("successfully rolled out"), "{status}");
    assert!(playground.faults_present().iter().all(|(_, present)| !present));
    let events = kubectl(&["events"]);
    assert!(events.contains("Scaled up replica set"), "{events}");
    playground.shutdown().await;
    let _ = std::fs::remove_dir_all(&home);
}
