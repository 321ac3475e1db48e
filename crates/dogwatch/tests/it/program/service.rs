//! `dogwatch serve` as a process on free ports, and a client of its API.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::dogwatch;

/// What webhooks send.
pub(crate) const SECRET: &str = "hook-0123456789";
/// What readers of the API send.
const TOKEN: &str = "reader-0123456789";
/// Longest wait for a report.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service; dropping it kills the process.
pub(crate) struct Service {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl Service {
    /// Starts the service over a saved world and waits until it listens.
    pub(crate) fn start(world: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = dogwatch(&["serve", "--world", world]);
        command
            .env("DOGWATCH_ADDR", "127.0.0.1:0")
            .env("DOGWATCH_OPS_ADDR", "127.0.0.1:0")
            .env("DOGWATCH_DATABASE_URL", "sqlite::memory:")
            .env("DOGWATCH_WEBHOOK_SECRET", SECRET)
            .env("DOGWATCH_TOKEN", TOKEN)
            .env("DOGWATCH_LOG_FORMAT", "json")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = child.stderr.take().unwrap();
        let url = announced(log, |line| {
            let entry: Value = serde_json::from_str(line).ok()?;
            Some(entry["fields"]["url"].as_str()?.to_owned())
        });
        // A second provider would be the only reason to fail.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, url, http }
    }

    /// Base URL of webhooks and API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the API answers.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url));
        sent(request).await.json().await.unwrap()
    }

    /// Asks for an investigation; its id.
    pub(crate) async fn ask(&self, body: &Value) -> String {
        let request = self.http.post(format!("{}/api/v1/investigations", self.url));
        let answer: Value = sent(request.json(body)).await.json().await.unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// The report of an investigation, as soon as there is one: its event stream ends with it.
    pub(crate) async fn report(&self, id: &str) -> Value {
        let path = format!("/api/v1/investigations/{id}");
        let events = async {
            let request = self.http.get(format!("{}{path}/events", self.url));
            sent(request).await.text().await.unwrap()
        };
        let log = tokio::time::timeout(PATIENCE, events).await.unwrap();
        let shown = self.get(&path).await;
        assert!(shown["report"].is_object(), "{shown:#}\n{log}");
        shown["report"].clone()
    }

    /// Ends the process as `kill -9` does: it has no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads a log until a line announces what is looked for; the rest is read too, so that the writer never waits.
pub(crate) fn announced(log: impl Read + Send + 'static, find: impl Fn(&str) -> Option<String>) -> String {
    let mut lines = BufReader::new(log).lines();
    let mut seen = Vec::new();
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some(found) = find(&line) {
            std::thread::spawn(move || lines.for_each(drop));
            return found;
        }
        seen.push(line);
    }
    panic!("the process ended early:\n{}", seen.join("\n"));
}

async fn sent(request: reqwest::RequestBuilder) -> reqwest::Response {
    let answer = request.bearer_auth(TOKEN).send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    answer
}
