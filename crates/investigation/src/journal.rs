//! The event log of one investigation under a lease: appends are fenced, sequence numbers are kept per stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use agents::{Journal, JournalError};
use domain::event::EventBody;
use domain::{Event, InvestigationId, StreamName};
use futures::future::BoxFuture;
use store::{Lease, Store};
use tokio::sync::Mutex;

/// Appends to the store.
pub(crate) struct StoreJournal {
    store: Store,
    lease: Lease,
    earlier: BTreeMap<StreamName, Vec<EventBody>>,
    next: Mutex<BTreeMap<StreamName, Arc<Mutex<u64>>>>,
}

impl StoreJournal {
    /// A journal that continues these events.
    pub(crate) fn new(store: Store, lease: Lease, events: &[Event]) -> Self {
        let mut earlier: BTreeMap<StreamName, Vec<EventBody>> = BTreeMap::new();
        for event in events {
            earlier
                .entry(event.stream.clone())
                .or_default()
                .push(event.body.clone());
        }
        let next = earlier.iter().map(|(stream, events)| {
            let next = u64::try_from(events.len()).unwrap_or(u64::MAX) + 1;
            (stream.clone(), Arc::new(Mutex::new(next)))
        });
        Self {
            store,
            lease,
            next: Mutex::new(next.collect()),
            earlier,
        }
    }

    /// The investigation that it logs.
    pub(crate) fn investigation(&self) -> InvestigationId {
        self.lease.investigation
    }

    async fn append_one(&self, stream: &StreamName, body: EventBody) -> Result<(), JournalError> {
        let counter = self
            .next
            .lock()
            .await
            .entry(stream.clone())
            .or_insert_with(|| Arc::new(Mutex::new(1)))
            .clone();
        let mut seq = counter.lock().await;
        self.store
            .append(&self.lease, stream, *seq, body)
            .await
            .map_err(|error| JournalError(error.to_string()))?;
        *seq += 1;
        Ok(())
    }
}

impl Journal for StoreJournal {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        body: EventBody,
    ) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(self.append_one(stream, body))
    }

    fn earlier(&self, stream: &StreamName) -> Vec<EventBody> {
        self.earlier.get(stream).cloned().unwrap_or_default()
    }
}
