//! Equal requests that are under way at once are one: a storm of alerts about one cluster asks it once. Must not keep
//! any answer beyond its arrival.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use crate::api::client::Failure;

type Answer = Result<Arc<str>, Failure>;
type Flight = BoxFuture<'static, Answer>;

/// The requests that are under way.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<String, WeakShared<Flight>>>);

impl Flights {
    /// The answer to a request: of the one that is under way under the same key, or of the one that `start` gives. It
    /// lives as long as somebody waits for it.
    pub(crate) async fn join(&self, key: &str, start: impl FnOnce() -> Flight) -> Answer {
        let flight: Shared<Flight> = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(key).and_then(WeakShared::upgrade) {
                Some(flight) => flight,
                None => {
                    let flight = start().shared();
                    flights.retain(|_, known| known.upgrade().is_some());
                    flights.extend(flight.downgrade().map(|weak| (key.to_owned(), weak)));
                    flight
                }
            }
        };
        let answer = flight.await;
        // Who comes after the answer asks anew.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn equal_requests_under_way_are_sent_once_and_later_ones_again() {
        let (flights, sent) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        let (open, gate) = tokio::sync::watch::channel(false);
        let ask = |key: &'static str| {
            let (sent, mut gate) = (Arc::clone(&sent), gate.clone());
            flights.join(key, move || {
                async move {
                    sent.fetch_add(1, Ordering::SeqCst);
                    gate.wait_for(|open| *open).await.ok();
                    Ok(Arc::from("pods"))
                }
                .boxed()
            })
        };
        let opened = async { open.send_replace(true) };
        let (one, two, other, _) = tokio::join!(ask("a"), ask("a"), ask("b"), opened);
        assert!(one.is_ok() && two.is_ok() && other.is_ok());
        assert_eq!(sent.load(Ordering::SeqCst), 2);
        assert!(ask("a").await.is_ok());
        assert_eq!(sent.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn nobody_joins_a_request_that_was_given_up() {
        let flights = Flights::default();
        let never = flights.join("a", || std::future::pending().boxed());
        assert!(never.now_or_never().is_none());
        let answer = flights.join("a", || async { Ok(Arc::from("pods")) }.boxed());
        assert!(answer.now_or_never().is_some_and(|answer| answer.is_ok()));
    }
}
