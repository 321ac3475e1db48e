//! The bounded log of requests that tests read. Knows nothing of what they mean.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests remembered; older ones are forgotten.
const CAPACITY: usize = 100_000;

/// One request to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLog {
    /// HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// HTTP status of the answer; 0 while there is none (a request that hangs, a caller that went away).
    pub status: u16,
}

/// All requests so far.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    forgotten: u64,
    entries: VecDeque<RequestLog>,
}

impl Requests {
    /// Notes an incoming request; the number goes to [`Requests::finish`].
    pub(crate) fn begin(&self, method: &str, target: &str) -> u64 {
        let mut inner = self.lock();
        if inner.entries.len() >= CAPACITY {
            inner.entries.pop_front();
            inner.forgotten += 1;
        }
        inner.entries.push_back(RequestLog {
            method: method.to_owned(),
            target: target.to_owned(),
            status: 0,
        });
        inner.forgotten + inner.entries.len() as u64 - 1
    }

    /// Notes the status of the answer.
    pub(crate) fn finish(&self, number: u64, status: u16) {
        let mut inner = self.lock();
        let index = number
            .checked_sub(inner.forgotten)
            .and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| inner.entries.get_mut(index)) {
            entry.status = status;
        }
    }

    /// The requests in order of arrival.
    pub(crate) fn all(&self) -> Vec<RequestLog> {
        self.lock().entries.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
