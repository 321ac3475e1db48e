//! A real Alertmanager with dogwatch as the receiver of its webhook.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use playground::cases::Rendered;
use serde_json::{Value, json};

use crate::program::service::{SECRET, Service, announced};
use crate::program::{file, folder, rendered, saved};

/// As Debian calls it, and as everybody else does.
const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];
/// Longest wait for the webhook.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_alert_that_a_real_alertmanager_sends_on_leads_to_the_right_report() {
    let Some(program) = program() else {
        assert!(std::env::var_os("CI").is_none(), "CI must have an Alertmanager");
        println!("skipped: there is no Alertmanager on the PATH");
        return;
    };
    let rendered = rendered("pending-claim", 5);
    let service = Service::start(&saved("alertmanager", &rendered.world), &[]);
    let alertmanager = Alertmanager::start(program, service.url());
    alertmanager.fire(&rendered).await;

    let report = service.report(&opened(&service).await).await;
    assert_eq!(report["verdict"], rendered.truth.verdict);
    let expected = &rendered.truth.root_causes[0];
    let cause = &report["root_causes"][0];
    assert_eq!(cause["object"]["kind"], expected.object.kind);
    assert_eq!(cause["object"]["name"], expected.object.name);
    assert_eq!(cause["mechanism"], expected.mechanism);
}

/// Id of the one investigation, once there is one.
async fn opened(service: &Service) -> String {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let page = service.get("/api/v1/investigations").await;
        if let [one] = page["investigations"].as_array().unwrap().as_slice() {
            return one["id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(POLL).await;
    }
    panic!("no webhook came in");
}

fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    })
}

/// A running Alertmanager; dropping it kills the process.
struct Alertmanager {
    child: Child,
    url: String,
}

impl Alertmanager {
    fn start(program: &str, receiver: &str) -> Self {
        let config = json!({
            "route": {
                "receiver": "dogwatch",
                "group_by": ["alertname", "namespace"],
                "group_wait": "0s",
                "group_interval": "1s",
            },
            "receivers": [{
                "name": "dogwatch",
                "webhook_configs": [{
                    "url": format!("{receiver}/webhooks/alertmanager"),
                    "http_config": { "authorization": { "credentials": SECRET } },
                }],
            }],
        });
        // JSON is YAML.
        let config = file("alertmanager.yml", &config.to_string());
        let mut child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                folder("alertmanager-data").display()
            ))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        let address = announced(log, |line| {
            let (_, listening) = line.split_once("Listening on")?;
            let (_, address) = listening.split_once("address=")?;
            Some(address.split_whitespace().next()?.to_owned())
        });
        let url = format!("http://{address}");
        Self { child, url }
    }

    /// Posts the alerts of a case as Prometheus does: they fire, and nobody says until when.
    async fn fire(&self, rendered: &Rendered) {
        let stimulus = rendered.world.stimulus.as_ref().unwrap();
        let alerts = stimulus["alertmanager"]["alerts"].as_array().unwrap();
        let fields = ["labels", "annotations", "startsAt", "generatorURL"];
        let posted: Vec<Value> = alerts
            .iter()
            .map(|alert| {
                fields
                    .iter()
                    .map(|field| (*field, alert[*field].clone()))
                    .collect()
            })
            .collect();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}/api/v2/alerts", self.url));
        let answer = request.json(&posted).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
