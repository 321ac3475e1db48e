//! A small HTTP client: one request per connection, the answer as text.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request to be sent.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// An answer that has not ended.
pub(crate) struct Open {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn post(path: &'a str, body: impl ToString) -> Self {
        Self {
            method: "POST",
            body: body.to_string(),
            ..Self::get(path)
        }
    }

    pub(crate) fn with(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends the request and reads the whole answer.
    pub(crate) async fn send(self, addr: SocketAddr) -> Answer {
        self.open(addr).await.finish().await
    }

    /// Sends the request and leaves the answer to be read.
    pub(crate) async fn open(self, addr: SocketAddr) -> Open {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let (method, path, length) = (self.method, self.path, self.body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        // A server that refuses a body may stop reading it.
        stream.write_all((head + &self.body).as_bytes()).await.ok();
        Open {
            stream,
            seen: Vec::new(),
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix))
    }

    /// Code and field of an error.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        assert!(error["message"].is_string(), "{self:?}");
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("code"), text("field"))
    }
}

impl Open {
    /// Reads on until the answer contains `text`.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.seen).into_owned();
            if seen.contains(text) {
                return seen;
            }
            assert!(self.read_some().await > 0, "ended without {text:?}: {seen}");
        }
    }

    /// Reads to the end.
    pub(crate) async fn finish(mut self) -> Answer {
        while self.read_some().await > 0 {}
        let seen = String::from_utf8(self.seen).unwrap();
        let (head, body) = seen.split_once("\r\n\r\n").unwrap();
        let head = head.to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = if head.contains("transfer-encoding: chunked") {
            joined(body)
        } else {
            body.to_owned()
        };
        Answer { status, head, body }
    }

    async fn read_some(&mut self) -> usize {
        let reading = self.stream.read_buf(&mut self.seen);
        // A refused body makes the system reset the connection behind the answer.
        timeout(PATIENCE, reading).await.unwrap().unwrap_or(0)
    }
}

/// The chunks of a body without their lengths.
fn joined(chunked: &str) -> String {
    let mut body = String::new();
    let mut rest = chunked;
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        body.push_str(&after[..length]);
        rest = after[length..].trim_start_matches("\r\n");
    }
    body
}
