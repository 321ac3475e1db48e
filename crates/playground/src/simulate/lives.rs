//! When the instances of a container that keeps ending start and end. Must not know why they end.

use jiff::Timestamp;

use crate::build::time;

/// The instances of a container that keeps ending, and what it does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lives {
    /// Start and end of each finished instance, oldest first.
    pub finished: Vec<(Timestamp, Timestamp)>,
    /// Start of the running instance, or none while the kubelet backs off.
    pub running_since: Option<Timestamp>,
    /// The back-off in force, in seconds.
    pub back_off_s: i64,
}

impl Lives {
    /// Restarts with the kubelet's back-off: at once, then after 10 s, doubled up to 300 s
    /// (`pkg/kubelet/kubelet.go`, `MaxCrashLoopBackOff` and `initialCrashLoopBackOff`); a life of more than ten
    /// minutes resets it.
    pub fn since(first_start: Timestamp, life_s: i64, now: Timestamp) -> Self {
        let mut lives = Self {
            finished: Vec::new(),
            running_since: None,
            back_off_s: 10,
        };
        let (mut start, mut delay) = (first_start, 0);
        loop {
            let end = time::after(start, life_s);
            if end >= now {
                lives.running_since = (start < now).then_some(start);
                return lives;
            }
            lives.finished.push((start, end));
            lives.back_off_s = if delay == 0 { 10 } else { delay };
            start = time::after(end, delay.max(1));
            delay = match delay {
                _ if life_s > 600 => 0,
                0 => 10,
                shorter => (shorter * 2).min(300),
            };
        }
    }

    /// Seconds between the end of an instance and the start of the next, added up to now.
    pub fn waited_s(&self) -> i64 {
        self.finished
            .windows(2)
            .map(|pair| (pair[1].0.as_second() - pair[0].1.as_second()).max(0))
            .sum()
    }

    /// Number of restarts so far.
    pub fn restarts(&self) -> i64 {
        let finished = i64::try_from(self.finished.len()).unwrap_or(0);
        if self.running_since.is_some() {
            finished
        } else {
            (finished - 1).max(0)
        }
    }
}
