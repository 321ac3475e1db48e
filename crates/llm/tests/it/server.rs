//! A model endpoint in a thread: answers with prepared replies, one per request, the last one again and again, and
//! remembers what it was sent. Also the request and the model that the tests use with it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use domain::{Redacted, StreamName};
use llm::{CallKey, ChatAnswer, ChatModel, ChatRequest, LlmError, Message, OpenAiModel, OpenAiSettings};
use llm::{ToolChoice, ToolSpec};
use serde_json::{Value, json};

/// The key that the tests send.
pub(crate) const KEY: &str = "sk-0123456789abcdef";
/// The system prompt that the tests send.
pub(crate) const SYSTEM: &str = "You look into storage and say what is wrong with it.";

pub(crate) enum Reply {
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    Hang,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Http {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn message(message: &Value) -> Self {
        Self::json(200, &json!({"choices": [{"message": message}]}))
    }

    pub(crate) fn with(mut self, header: &'static str, value: &str) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            headers.push((header, value.to_owned()));
        }
        self
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Request line and headers, in small letters.
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || serve(&listener, &replies, &kept));
        Self { url, seen }
    }

    pub(crate) fn settings(&self) -> OpenAiSettings {
        settings(&self.url)
    }

    pub(crate) fn model(&self) -> OpenAiModel {
        model(self.settings())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Asks an endpoint that gives one reply.
pub(crate) async fn ask(reply: Reply) -> Result<ChatAnswer, LlmError> {
    Server::start(vec![reply]).model().chat(&request()).await
}

/// Settings without noticeable pauses.
pub(crate) fn settings(url: &str) -> OpenAiSettings {
    OpenAiSettings {
        key: Some(KEY.into()),
        backoff: Duration::from_millis(1),
        ..OpenAiSettings::new(url, "gpt-5-mini")
    }
}

pub(crate) fn model(settings: OpenAiSettings) -> OpenAiModel {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
    OpenAiModel::new(settings).unwrap()
}

pub(crate) fn request() -> ChatRequest {
    ChatRequest {
        model_alias: "default".to_owned(),
        messages: vec![
            Message::System(Redacted::trusted(SYSTEM)),
            Message::User(Redacted::trusted("Why is the pod `shop/db-0` pending?")),
        ],
        tools: vec![tool("pvc_chain"), tool("events")],
        tool_choice: ToolChoice::Auto,
        max_completion_tokens: Some(500),
        key: CallKey {
            stream: StreamName("storage-1".to_owned()),
            turn: 2,
        },
        deadline: Duration::from_secs(20),
    }
}

pub(crate) fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: "Looks.".to_owned(),
        parameters: json!({"type": "object", "properties": {"name": {"type": "string"}}}),
    }
}

fn serve(listener: &TcpListener, replies: &[Reply], seen: &Mutex<Vec<Seen>>) {
    let mut held = Vec::new();
    for (index, stream) in listener.incoming().enumerate() {
        let mut stream = stream.unwrap();
        let Some(request) = read_request(&mut stream) else {
            continue;
        };
        seen.lock().unwrap().push(request);
        match &replies[index.min(replies.len() - 1)] {
            Reply::Http {
                status,
                headers,
                body,
            } => {
                let headers: String = headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}\r\n"))
                    .collect();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
                );
                stream.write_all((head + body).as_bytes()).unwrap();
            }
            Reply::Hang => held.push(stream),
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(Seen {
                body: serde_json::from_str(body).unwrap_or_default(),
                head,
            });
        }
    }
}
