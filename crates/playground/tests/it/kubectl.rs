//! A stock kubectl against the playground. Without kubectl on the PATH the tests say so and pass.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use playground::{Playground, ServeOptions};

use crate::world::small;

/// Commands that only look, and what their output contains.
const READS: &[(&str, &[&str])] = &[
    (
        "get pods -n shop",
        &[
            "NAME",
            "READY",
            "web-22aa-crash   1/2     CrashLoopBackOff   7 (",
            "Init:0/1",
        ],
    ),
    ("get pods -A -o wide", &["NAMESPACE", "NOMINATED NODE", "node-b"]),
    (
        "get pod web-22aa-fine -n shop -o yaml",
        &["kind: Pod", "nodeName: node-b"],
    ),
    (
        "get pods -n shop -o json",
        &["\"kind\": \"List\"", "\"kind\": \"Pod\""],
    ),
    (
        "get pods -n shop -o name -l app=web",
        &["pod/web-22aa-crash\npod/web-22aa-fine\n"],
    ),
    (
        "get pods -A --field-selector spec.nodeName=node-a",
        &["web-22aa-crash"],
    ),
    (
        "get pods -n shop --field-selector spec.foo=1",
        &["BadRequest", "field label not supported: spec.foo"],
    ),
    (
        "get all -n shop",
        &[
            "deployment.apps/web",
            "service/web",
            "statefulset.apps/db",
            "cronjob.batch/report",
        ],
    ),
    (
        "get deploy,rs,sts,svc,ep,endpointslices,ing,pvc,cm,secret -n shop -o wide",
        &["registry.example/web:1.1", "10.96.0.10", "Pending", "nginx"],
    ),
    ("get nodes -o wide", &["control-plane", "containerd://2.1.0"]),
    ("get sc", &["standard (default)", "WaitForFirstConsumer"]),
    ("get applications -A", &["shop-app"]),
    (
        "get pod nope -n shop",
        &["Error from server (NotFound): pods \"nope\" not found"],
    ),
    (
        "get nosuch",
        &["the server doesn't have a resource type \"nosuch\""],
    ),
    (
        "describe pod web-22aa-crash -n shop",
        &["OOMKilled", "Back-off restarting failed container"],
    ),
    ("describe deployment web -n shop", &["NewReplicaSet:", "web-22aa"]),
    (
        "describe node node-a",
        &["HolderIdentity:  node-a", "web-22aa-crash"],
    ),
    (
        "describe pvc data-db-0 -n shop",
        &["Used By:", "db-0", "ProvisioningFailed"],
    ),
    ("describe service web -n shop", &["10.0.0.7:8080"]),
    ("logs web-22aa-crash -n shop -c web --tail=1", &["line 4\n"]),
    ("logs web-22aa-crash -n shop -c web --previous", &["last words\n"]),
    (
        "logs web-22aa-crash -n shop -c web --since=6m30s --timestamps",
        &["Z line 4\n"],
    ),
    (
        "logs web-22aa-fine -n shop -c web --previous",
        &["previous terminated container \"web\" in pod \"web-22aa-fine\" not found"],
    ),
    ("events -n shop", &["ProvisioningFailed", "(x12 over"]),
    (
        "get events -n shop",
        &["LAST SEEN", "persistentvolumeclaim/data-db-0"],
    ),
    ("top pods -A", &["web-22aa-fine", "21m", "45Mi"]),
    ("top nodes", &["250m", "2048Mi"]),
    (
        "rollout history deployment/web -n shop",
        &["REVISION", "1 ", "2 "],
    ),
    (
        "rollout history deployment/web -n shop --revision=1",
        &["registry.example/web:1.0"],
    ),
    (
        "rollout status deployment/web -n shop --watch=false",
        &["1 of 2 updated replicas are available"],
    ),
    ("auth can-i list pods", &["yes"]),
    ("auth can-i --list -n shop", &["*.*"]),
    ("auth whoami", &["kubernetes-admin"]),
    (
        "api-resources",
        &[
            "deployments",
            "deploy",
            "argoproj.io/v1alpha1",
            "metrics.k8s.io/v1beta1",
        ],
    ),
    ("api-versions", &["apps/v1", "metrics.k8s.io/v1beta1"]),
];

/// Dry runs.
const REHEARSALS: &[(&str, &[&str])] = &[
    (
        "patch deploy web -n shop --dry-run=server -p {\"spec\":{\"replicas\":3}}",
        &["deployment.apps/web patched"],
    ),
    (
        "set resources deploy/web -n shop -c web --limits=memory=256Mi --dry-run=server",
        &["(server dry run)"],
    ),
    (
        "set resources deploy/web -n shop -c web --limits=memory=1Mi --dry-run=server",
        &["must be less than or equal to memory limit of 1Mi"],
    ),
    (
        "set image deploy/web -n shop web=registry.example/web:2 --dry-run=server -o yaml",
        &["image: registry.example/web:2"],
    ),
    (
        "scale deploy web -n shop --replicas=5 --dry-run=server",
        &["scaled (server dry run)"],
    ),
    ("delete deploy web -n shop --dry-run=server", &["deleted"]),
    (
        "label pod web-22aa-fine -n shop a=b --dry-run=server",
        &["labeled"],
    ),
    (
        "create configmap c -n shop --from-literal=a=b --dry-run=server",
        &["configmap/c created"],
    ),
];

/// Commands that change something, in order.
const CHANGES: &[(&str, &[&str])] = &[
    ("apply -f one.yaml", &["deployment.apps/fresh created"]),
    ("apply -f one.yaml", &["deployment.apps/fresh unchanged"]),
    (
        "apply -f two.yaml --dry-run=server",
        &["configured (server dry run)"],
    ),
    ("apply -f two.yaml", &["deployment.apps/fresh configured"]),
    (
        "apply -f two.yaml --server-side --force-conflicts",
        &["serverside-applied"],
    ),
    (
        "get deploy fresh -n shop -o jsonpath={.spec.template.spec.containers[0].image}",
        &["registry.example/c:2"],
    ),
    (
        "create -f one.yaml",
        &["AlreadyExists", "deployments.apps \"fresh\" already exists"],
    ),
    (
        "create configmap c -n shop --from-literal=a=b",
        &["configmap/c created"],
    ),
    ("create namespace extra", &["namespace/extra created"]),
    (
        "create configmap c -n nope --from-literal=a=b",
        &["namespaces \"nope\" not found"],
    ),
    // Before the rollouts, which replace the pod.
    ("label pod web-22aa-fine -n shop tier=front", &["labeled"]),
    ("annotate pod web-22aa-fine -n shop note=hi", &["annotate"]),
    (
        "set image deploy/web -n shop web=registry.example/web:7",
        &["image updated"],
    ),
    (
        "set resources deploy/web -n shop -c web --limits=memory=256Mi",
        &["resource requirements updated"],
    ),
    ("scale deploy web -n shop --replicas=5", &["scaled"]),
    (
        "patch deploy web -n shop --type=merge -p {\"metadata\":{\"annotations\":{\"x\":\"y\"}}}",
        &["patched"],
    ),
    ("rollout restart deploy/web -n shop", &["restarted"]),
    ("delete deploy web -n shop", &["\"web\" deleted"]),
    ("delete pod db-0 -n shop", &["pod \"db-0\" deleted"]),
    ("delete namespace extra", &["namespace \"extra\" deleted"]),
];

/// A playground and a home directory for kubectl.
struct Kubectl {
    playground: Playground,
    home: PathBuf,
}

impl Kubectl {
    /// `None` without kubectl.
    async fn start(name: &str) -> Option<Self> {
        if Command::new("kubectl")
            .args(["version", "--client"])
            .output()
            .is_err()
        {
            println!("skipped: no kubectl on the PATH");
            return None;
        }
        let playground = Playground::start(small(), ServeOptions::default())
            .await
            .expect("started");
        let home = std::env::temp_dir().join(format!("playground-kubectl-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).expect("created");
        std::fs::write(home.join("config"), playground.kubeconfig()).expect("written");
        Some(Self { playground, home })
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env("HOME", &self.home)
            .env("KUBECONFIG", self.home.join("config"))
            .args(["--cache-dir"])
            .arg(self.home.join("cache"))
            .args(arguments.split_whitespace())
            .current_dir(&self.home);
        command
    }

    /// Runs kubectl and returns what it printed, errors included.
    fn run(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().expect("kubectl runs");
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }

    /// Runs kubectl and checks that its output contains the words; an unknown command is reported as skipped.
    fn check(&self, arguments: &str, wanted: &[&str]) {
        let output = self.run(arguments);
        let lacking = [
            "selfsubjectreviews API is not enabled",
            "unknown command",
            "unknown flag",
            "unknown shorthand flag",
        ];
        if lacking.iter().any(|words| output.contains(words)) {
            println!("skipped: this kubectl lacks `kubectl {arguments}`");
            return;
        }
        for words in wanted {
            assert!(
                output.contains(words),
                "`kubectl {arguments}` lacks {words:?}:\n{output}"
            );
        }
    }

    async fn end(self) {
        self.playground.shutdown().await;
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads() {
    let Some(kubectl) = Kubectl::start("reads").await else {
        return;
    };
    for (arguments, wanted) in READS {
        kubectl.check(arguments, wanted);
    }
    kubectl.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_rehearses_without_changing_anything() {
    let Some(kubectl) = Kubectl::start("rehearses").await else {
        return;
    };
    let before = kubectl.playground.world();
    for (arguments, wanted) in REHEARSALS {
        kubectl.check(arguments, wanted);
    }
    assert_eq!(kubectl.playground.world(), before);
    kubectl.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_changes() {
    let Some(kubectl) = Kubectl::start("changes").await else {
        return;
    };
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fresh, namespace: shop}\nspec:\n  selector: {matchLabels: {app: fresh}}\n  template:\n    metadata: {labels: {app: fresh}}\n    spec: {containers: [{name: c, image: 'registry.example/c:1'}]}\n";
    std::fs::write(kubectl.home.join("one.yaml"), manifest).expect("written");
    std::fs::write(kubectl.home.join("two.yaml"), manifest.replace("c:1", "c:2")).expect("written");
    for (arguments, wanted) in CHANGES {
        kubectl.check(arguments, wanted);
    }
    let world = kubectl.playground.world();
    assert!(world.get("Deployment", "shop", "web").is_none());
    assert!(world.get("Namespace", "", "extra").is_none());
    kubectl.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_watches() {
    let Some(kubectl) = Kubectl::start("watches").await else {
        return;
    };
    let mut command = kubectl.command(
        "get pods -n shop -w --no-headers -o custom-columns=N:.metadata.name,L:.metadata.labels.tier",
    );
    let mut watching = command.stdout(Stdio::piped()).spawn().expect("kubectl runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    for _ in 0..4 {
        assert!(lines.next().expect("a line").is_ok());
    }
    kubectl.check("label pod web-22aa-fine -n shop tier=front", &["labeled"]);
    let line = lines.next().expect("a line").expect("text");
    assert!(
        line.starts_with("web-22aa-fine") && line.ends_with("front"),
        "{line}"
    );
    watching.kill().expect("killed");
    watching.wait().expect("ended");
    kubectl.end().await;
}
