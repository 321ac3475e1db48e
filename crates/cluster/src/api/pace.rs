//! The client-side rate limit: a burst, then an even pace. Must not know what is asked.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets requests through at a pace, in the order in which they come (the generic cell rate algorithm, ITU-T I.371).
pub(crate) struct Pace {
    interval: Duration,
    burst: Duration,
    /// When the next request would be due if all came evenly.
    due: Mutex<Option<Instant>>,
}

impl Pace {
    /// `per_second` requests in the long run, `burst` at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            burst: interval * burst,
            due: Mutex::new(None),
        }
    }

    /// Waits for this request's turn.
    pub(crate) async fn wait(&self) {
        let mut due = self.due.lock().await;
        let now = Instant::now();
        let turn = due.map_or(now, |due| due.max(now));
        *due = Some(turn + self.interval);
        if turn > now + self.burst {
            // The lock is held on purpose: those behind wait in line.
            sleep_until(turn - self.burst).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_evenly() {
        let pace = Pace::new(10, 10);
        let start = Instant::now();
        for _ in 0..11 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.wait().await;
        }
        assert!(
            start.elapsed() >= Duration::from_millis(1_900)
                && start.elapsed() <= Duration::from_millis(2_100)
        );
    }
}
