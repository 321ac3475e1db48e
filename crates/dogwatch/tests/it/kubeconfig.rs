//! Every way into a cluster that a kubeconfig or a Pod offers, on a playground that wants credentials.

mod tls;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use playground::cases::Rendered;
use playground::{Identity, Playground, ServeOptions};
use serde_json::{Value, json};

use self::tls::{Clients, Proxy};
use crate::program::{Ended, dogwatch, ended, file, rendered};

const TOKEN: &str = "token-0123456789";
/// Where the kubelet puts the credentials of a Pod.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_kubeconfig_lets_in() {
    let cluster = Cluster::start().await;
    cluster.is_diagnosed("token", &json!({ "token": TOKEN }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_lets_in() {
    let cluster = Cluster::start().await;
    let path = file("token", &format!("{TOKEN}\n"));
    cluster.is_diagnosed("token-file", &json!({ "tokenFile": path }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_plugin_lets_in() {
    let cluster = Cluster::start().await;
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": TOKEN },
    });
    let script = format!("#!/bin/sh\n[ \"$1\" = get-token ] && echo '{credential}'\n");
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": [file("plugin.sh", &script), "get-token"],
        "interactiveMode": "Never",
    });
    cluster.is_diagnosed("exec", &json!({ "exec": exec }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_of_a_private_authority_lets_in() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(&cluster.playground.url(), Clients::Certified).await;
    let place = json!({
        "server": format!("https://{}", proxy.addr),
        "certificate-authority-data": BASE64_STANDARD.encode(&proxy.authority),
    });
    // The playground does not read certificates, so the token says who it is.
    let user = json!({
        "token": TOKEN,
        "client-certificate-data": BASE64_STANDARD.encode(&proxy.client.certificate),
        "client-key-data": BASE64_STANDARD.encode(&proxy.client.key),
    });
    let kubeconfig = kubeconfig("certificate", &place, &user);
    cluster.is_right(&cluster.triage(&kubeconfig));

    let without = self::kubeconfig("no-certificate", &place, &json!({ "token": TOKEN }));
    let brief = cluster.triage(&without).json();
    assert_blind(&brief, "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_an_unknown_authority_is_not_trusted() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(&cluster.playground.url(), Clients::Any).await;
    let place = json!({ "server": format!("https://{}", proxy.addr) });
    let kubeconfig = kubeconfig("unknown-authority", &place, &json!({ "token": TOKEN }));
    assert_blind(&cluster.triage(&kubeconfig).json(), "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_account_of_a_pod_lets_in() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(&cluster.playground.url(), Clients::Any).await;
    let Some(_mounted) = Mounted::new(&proxy.authority) else {
        println!("skipped: {SERVICE_ACCOUNT} is taken, or cannot be made here");
        return;
    };
    let mut command = dogwatch(&["triage", "--namespace", &cluster.namespace(), "-o", "json"]);
    command
        .env("KUBERNETES_SERVICE_HOST", proxy.addr.ip().to_string())
        .env("KUBERNETES_SERVICE_PORT", proxy.addr.port().to_string());
    cluster.is_right(&ended(&mut command));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_gives_a_brief_with_gaps() {
    let cluster = Cluster::start().await;
    let place = json!({ "server": cluster.playground.url() });
    let kubeconfig = kubeconfig("wrong-token", &place, &json!({ "token": "wrong" }));
    assert_blind(&cluster.triage(&kubeconfig).json(), "forbidden");
}

/// Nothing was seen, and the brief says why.
fn assert_blind(brief: &Value, reason: &str) {
    assert_eq!(brief["verdict"], "inconclusive", "{brief:#}");
    assert_eq!(brief["root_causes"], json!([]));
    let gaps = brief["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["reason"] == reason), "{gaps:#?}");
}

/// A playground that wants a token, and what is true of its world.
struct Cluster {
    playground: Playground,
    rendered: Rendered,
}

impl Cluster {
    async fn start() -> Self {
        let rendered = rendered("pending-claim", 4);
        let options = ServeOptions {
            tokens: vec![Identity::admin(TOKEN, "dogwatch")],
            ..ServeOptions::default()
        };
        let playground = Playground::start(rendered.world.clone(), options).await.unwrap();
        Self { playground, rendered }
    }

    /// Checks that this user, without TLS, is let in.
    fn is_diagnosed(&self, name: &str, user: &Value) {
        let place = json!({ "server": self.playground.url() });
        self.is_right(&self.triage(&kubeconfig(name, &place, user)));
    }

    fn triage(&self, kubeconfig: &Path) -> Ended {
        let namespace = self.namespace();
        let args = [
            "triage",
            "--context",
            "here",
            "--namespace",
            &namespace,
            "-o",
            "json",
        ];
        ended(dogwatch(&args).env("KUBECONFIG", kubeconfig))
    }

    fn is_right(&self, ended: &Ended) {
        let brief = ended.json();
        let expected = &self.rendered.truth.root_causes[0];
        let cause = &brief["root_causes"][0];
        assert_eq!(cause["object"]["name"], expected.object.name, "{brief:#}");
        assert_eq!(cause["mechanism"], expected.mechanism);
    }

    /// Where the trouble shows.
    fn namespace(&self) -> String {
        let class = &self.rendered.truth.root_causes[0].object.name;
        let mut claims = self.rendered.world.of_kind("PersistentVolumeClaim");
        let claim = claims.find(|claim| claim["spec"]["storageClassName"] == *class);
        claim.unwrap()["metadata"]["namespace"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A kubeconfig file whose context `here` is this user at this place.
fn kubeconfig(name: &str, place: &Value, user: &Value) -> PathBuf {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "place", "cluster": place }],
        "users": [{ "name": "user", "user": user }],
        "contexts": [{ "name": "here", "context": { "cluster": "place", "user": "user" } }],
    });
    file(&format!("{name}.yaml"), &kubeconfig.to_string())
}

/// Credentials of a Pod where every Pod has them; gone when the test ends.
struct Mounted {
    /// The outermost folder that was made for it.
    made: PathBuf,
}

impl Mounted {
    /// `None` when there are some already or the place is not writable.
    fn new(authority: &str) -> Option<Self> {
        let folder = Path::new(SERVICE_ACCOUNT);
        let made = folder.ancestors().take_while(|parent| !parent.exists()).last()?;
        std::fs::create_dir_all(folder).ok()?;
        let mounted = Self {
            made: made.to_owned(),
        };
        for (name, content) in [("token", TOKEN), ("ca.crt", authority), ("namespace", "default")] {
            std::fs::write(folder.join(name), content).unwrap();
        }
        Some(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.made).ok();
    }
}
