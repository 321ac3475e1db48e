//! Recorded runs, replayed: decisions repeat; tools, gate and report run for real. Fixed hashes make a changed prompt
//! or tool stale, which fails here: record again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ReportKind;
use llm::{BoxFuture, ChatAnswer, ChatModel, ChatRequest, LlmError, Replay, Transcript};
use playground::{ServeOptions, load_world, save_world};

use crate::script::run;
use crate::world::{Stage, render, serve};

/// Prompt tokens that a whole investigation may send, over all agents and calls.
const PROMPT_TOKENS: usize = 25_000;

struct Counting {
    replay: Replay,
    tokens: AtomicUsize,
}

impl ChatModel for Counting {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>> {
        self.tokens
            .fetch_add(llm::request_tokens(request), Ordering::SeqCst);
        self.replay.chat(request)
    }

    fn name(&self) -> &str {
        self.replay.name()
    }
}

/// The case as it was recorded: from files, in which the keys of maps are sorted as a real API server sorts them.
async fn saved(case: &str) -> Stage {
    let mut rendered = render(case, 0, false);
    let dir = std::env::temp_dir().join(format!("dogwatch-replay-{case}-{}", std::process::id()));
    save_world(&rendered.world, &dir).expect("it is written");
    rendered.world = load_world(&dir).expect("it loads");
    std::fs::remove_dir_all(&dir).expect("removed");
    let options = ServeOptions {
        freeze: true,
        ..ServeOptions::default()
    };
    serve(rendered, options).await
}

async fn replay(case: &str, agent: &str) {
    let path = format!(
        "{}/../../evals/transcripts/{case}.multi.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("the transcript is committed");
    let transcript: Transcript = serde_json::from_str(&text).expect("it parses");
    assert!(
        transcript.streams.contains_key(&format!("{agent}-1")),
        "{case}: the {agent} agent took part"
    );
    let stage = saved(case).await;
    let model = Arc::new(Counting {
        replay: Replay::new(transcript),
        tokens: AtomicUsize::new(0),
    });
    let report = run(&stage, Some(Arc::clone(&model) as Arc<dyn ChatModel>)).await;
    assert_eq!(report.kind, ReportKind::Agents, "{case}: {:?}", report.notes);
    assert_eq!(report.verdict.to_string(), stage.rendered.truth.verdict, "{case}");
    assert!(report.cut.is_empty(), "{case}: {:?}", report.cut);
    let found: Vec<(&str, &str)> = report
        .root_causes
        .iter()
        .map(|cause| (cause.object.name.as_str(), cause.mechanism.as_str()))
        .collect();
    let truth = &stage.rendered.truth.root_causes;
    let expected: Vec<(&str, &str)> = truth
        .iter()
        .map(|cause| (cause.object.name.as_str(), cause.mechanism))
        .collect();
    assert_eq!(found, expected, "{case}");
    let tokens = model.tokens.load(Ordering::SeqCst);
    println!("{case}: {tokens} prompt tokens in all");
    assert!(tokens <= PROMPT_TOKENS, "{case}: {tokens} prompt tokens");
}

#[tokio::test]
async fn the_storage_run_replays() {
    replay("pending-claim", "storage").await;
}

#[tokio::test]
async fn the_helm_run_replays() {
    replay("helm-values", "helm").await;
}

#[tokio::test]
async fn the_resources_run_replays() {
    replay("slow-oom", "resources").await;
}

#[tokio::test]
async fn the_network_run_replays() {
    replay("edge-errors-policy", "network").await;
}
