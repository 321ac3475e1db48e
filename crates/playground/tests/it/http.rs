//! A minimal HTTP/1.1 client for the tests. Knows nothing of Kubernetes.

use playground::{Playground, ServeOptions};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::world::small;

/// The small world on its frozen clock.
pub(crate) async fn frozen() -> Playground {
    let options = ServeOptions {
        freeze: true,
        ..ServeOptions::default()
    };
    Playground::start(small(), options).await.expect("started")
}

/// A request to be.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The message of a Status.
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The names of the items of a list.
    pub(crate) fn names(&self) -> Vec<String> {
        let body = self.json();
        let items = body["items"]
            .as_array()
            .unwrap_or_else(|| panic!("no list: {body}"));
        items
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// GETs a path.
pub(crate) async fn get(playground: &Playground, path: &str) -> Answer {
    ask(
        playground,
        Ask {
            method: "GET",
            path,
            ..Ask::default()
        },
    )
    .await
}

/// Sends a JSON body.
pub(crate) async fn send(
    playground: &Playground,
    method: &str,
    path: &str,
    media: &str,
    body: &Value,
) -> Answer {
    let headers = [("content-type", media), ("user-agent", "tester/1.0")];
    ask(
        playground,
        Ask {
            method,
            path,
            headers: &headers,
            body: body.to_string(),
        },
    )
    .await
}

/// Sends a request and reads the whole answer.
pub(crate) async fn ask(playground: &Playground, request: Ask<'_>) -> Answer {
    let mut reader = open(playground, request).await;
    let head = read_head(&mut reader).await;
    let mut raw = Vec::new();
    reader.read_to_end(&mut raw).await.expect("the whole body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status line");
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
        unchunk(&raw)
    } else {
        raw
    };
    Answer {
        status,
        head,
        body: String::from_utf8(body).expect("text"),
    }
}

/// A watch being read line by line.
pub(crate) struct Lines {
    reader: BufReader<TcpStream>,
}

impl Lines {
    pub(crate) async fn open(playground: &Playground, path: &str) -> Self {
        let mut reader = open(
            playground,
            Ask {
                method: "GET",
                path,
                ..Ask::default()
            },
        )
        .await;
        let head = read_head(&mut reader).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self { reader }
    }

    /// The next event; `None` when the server ended or cut the stream.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            let read = self.reader.read_line(&mut line).await.unwrap_or(0);
            if read == 0 || line == "0\r\n" {
                return None;
            }
            // Chunk sizes and their line ends stand between the events.
            if line.starts_with('{') {
                return Some(serde_json::from_str(line.trim()).expect("an event"));
            }
        }
    }

    /// Type and name of the next event.
    pub(crate) async fn next_pair(&mut self) -> Option<(String, String)> {
        let event = self.next().await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((text(&event["type"]), text(&event["object"]["metadata"]["name"])))
    }
}

async fn open(playground: &Playground, request: Ask<'_>) -> BufReader<TcpStream> {
    let url = playground.url();
    let host = url.strip_prefix("http://").expect("an http URL");
    let mut stream = TcpStream::connect(host).await.expect("connected");
    let mut text = format!(
        "{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        request.method,
        request.path,
        request.body.len()
    );
    for (name, value) in request.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(&request.body);
    stream.write_all(text.as_bytes()).await.expect("sent");
    BufReader::new(stream)
}

async fn read_head(reader: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.expect("a header");
        if line.trim().is_empty() {
            return head;
        }
        head.push_str(&line);
    }
}

fn unchunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&raw[..end])
            .ok()
            .and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else {
            break;
        };
        let start = end + 2;
        body.extend_from_slice(&raw[start..start + size]);
        raw = &raw[start + size + 2..];
    }
    body
}
