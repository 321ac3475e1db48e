//! The worker of a service: takes what waits, several at a time. Polling is the truth, waking only a hint.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Engine, EngineParts};

/// How long to wait for a hint before looking anyway.
const POLL: Duration = Duration::from_secs(2);

impl Engine {
    /// Runs waiting investigations, at most `parallel` at once, until `shutdown`; what is under way then is
    /// dropped and resumed by whoever claims it next.
    pub async fn work(self: Arc<Self>, wake: Arc<Notify>, parallel: usize, shutdown: CancellationToken) {
        let (slots, tasks) = (Arc::new(Semaphore::new(parallel.max(1))), TaskTracker::new());
        while !shutdown.is_cancelled() {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let EngineParts {
                store, worker, lease, ..
            } = &self.parts;
            match store.claim(worker, *lease).await {
                Ok(Some(lease)) => {
                    let (engine, stop) = (Arc::clone(&self), shutdown.clone());
                    tasks.spawn(async move {
                        let id = lease.investigation;
                        tokio::select! {
                            result = engine.run(lease.clone()) => if let Err(error) = result {
                                tracing::warn!(investigation = %id, %error, "the investigation stopped without a report");
                            },
                            () = stop.cancelled() => {
                                if let Err(error) = engine.parts.store.release(&lease).await {
                                    tracing::debug!(investigation = %id, %error, "the lease could not be released");
                                }
                            }
                        }
                        drop(slot);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the store does not hand out work"),
            }
            drop(slot);
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = shutdown.cancelled() => {}
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}
