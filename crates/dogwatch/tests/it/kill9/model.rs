//! A model endpoint in threads: chat completions by a script, with one request that is never answered.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The next tool call of a conversation: name and arguments.
pub(super) type Script = fn(&Value, &Facts) -> (&'static str, Value);

/// What the script must know of the world.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) class: String,
    pub(super) namespace: String,
    pub(super) claim: String,
}

/// The endpoint.
pub(super) struct Model {
    url: String,
    state: Arc<State>,
    held: Receiver<()>,
}

struct State {
    script: Script,
    facts: Facts,
    /// The request that stays without an answer, counted from 1.
    silent_at: usize,
    asked: Mutex<Vec<Value>>,
    answered: Mutex<Vec<Value>>,
    held: Sender<()>,
}

impl Model {
    /// Serves the script and leaves one request without an answer.
    pub(super) fn silent_at(silent_at: usize, script: Script, facts: Facts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, held) = channel();
        let state = Arc::new(State {
            script,
            facts,
            silent_at,
            asked: Mutex::default(),
            answered: Mutex::default(),
            held: sender,
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self { url, state, held }
    }

    /// Base URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the request that stays without an answer has come in.
    pub(super) fn wait_until_silent(&self) {
        self.held.recv().unwrap();
    }

    /// All requests that came in.
    pub(super) fn asked(&self) -> Vec<Value> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Those of them that were answered.
    pub(super) fn answered(&self) -> Vec<Value> {
        self.state.answered.lock().unwrap().clone()
    }
}

impl State {
    /// One request per connection.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        let request = read(&mut reader);
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(request.clone());
            asked.len()
        };
        if count == self.silent_at {
            self.held.send(()).unwrap();
            // Nothing follows but the end of the connection, when the asker has died.
            reader.read_to_end(&mut Vec::new()).ok();
            return;
        }
        let (name, arguments) = (self.script)(&request, &self.facts);
        self.answered.lock().unwrap().push(request);
        let body = completion(count, name, &arguments).to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        let length = body.len();
        write!(&stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    }
}

/// The body of a request.
fn read(reader: &mut BufReader<&TcpStream>) -> Value {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn completion(count: usize, name: &str, arguments: &Value) -> Value {
    let function = json!({ "name": name, "arguments": arguments.to_string() });
    let call = json!({ "id": format!("call_{count}"), "type": "function", "function": function });
    let message = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    json!({
        "id": format!("completion-{count}"),
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "scripted",
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": message }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 },
    })
}
