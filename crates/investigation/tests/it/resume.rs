//! A worker that dies: the next one goes on from the stored events and pays for no answer twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::Verdict;
use investigation::Engine;
use llm::{ChatModel, ChatRequest, LlmError, ScriptedModel};
use store::Store;

use crate::script::{consulting, open, parts, storage};
use crate::world::stage;

/// Dies (stays silent for ever) at the n-th call; the test then drops it, as a kill would.
struct Mortal {
    inner: Arc<ScriptedModel>,
    lives: AtomicI64,
    died: tokio::sync::Notify,
}

impl ChatModel for Mortal {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> llm::BoxFuture<'a, Result<llm::ChatAnswer, LlmError>> {
        Box::pin(async move {
            if self.lives.fetch_sub(1, Ordering::SeqCst) <= 0 {
                self.died.notify_one();
                std::future::pending::<()>().await;
            }
            self.inner.chat(request).await
        })
    }

    fn name(&self) -> &str {
        "mortal"
    }
}

#[tokio::test]
async fn a_resumed_investigation_asks_for_no_stored_answer_again() {
    let stage = stage("pending-claim", 2, true).await;
    for lives in 0..4 {
        let now = Arc::new(AtomicI64::new(stage.clock.now().as_second()));
        let time = Arc::clone(&now);
        let clock = move || jiff::Timestamp::from_second(time.load(Ordering::SeqCst)).expect("a time");
        let store = Store::open_with_time("sqlite::memory:", Arc::new(clock))
            .await
            .expect("a store");
        let id = open(&store, &stage.subject, stage.clock.now()).await;
        let script = Arc::new(consulting(&storage(&stage)));
        let mortal = Arc::new(Mortal {
            inner: Arc::clone(&script),
            lives: AtomicI64::new(lives),
            died: tokio::sync::Notify::new(),
        });
        let first = Engine::new(parts(
            &stage,
            store.clone(),
            Some(Arc::clone(&mortal) as Arc<dyn ChatModel>),
        ));
        tokio::select! {
            result = first.investigate(id) => panic!("it must die first: {result:?}"),
            () = mortal.died.notified() => {}
        }
        now.fetch_add(3600, Ordering::SeqCst);
        let second = Engine::new(parts(
            &stage,
            store.clone(),
            Some(Arc::clone(&script) as Arc<dyn ChatModel>),
        ));
        let report = second.investigate(id).await.expect("it finishes");
        assert_eq!(
            report.verdict,
            Verdict::RootCause,
            "killed at call {lives}: {:?}",
            report.notes
        );
        assert_eq!(
            script.requests().len(),
            4,
            "killed at call {lives}: every answer is asked for once"
        );
        let keys: std::collections::BTreeSet<_> = script
            .requests()
            .iter()
            .map(|request| request.key.clone())
            .collect();
        assert_eq!(keys.len(), 4);
    }
}
