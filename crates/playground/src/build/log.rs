//! Container logs: stamped lines in order of time. Must not know what the lines say.

pub mod voice;

use jiff::Timestamp;

use super::time;

/// Lines of one container instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    lines: Vec<(Timestamp, String)>,
}

impl Lines {
    /// Adds a line that the container wrote at `at`; a text of several lines is stamped line by line.
    pub fn add(&mut self, at: Timestamp, text: &str) {
        for line in text.lines() {
            self.lines.push((at, line.to_owned()));
        }
    }

    /// Adds several lines.
    pub fn extend(&mut self, lines: impl IntoIterator<Item = (Timestamp, String)>) {
        for (at, line) in lines {
            self.add(at, &line);
        }
    }

    /// The log as the kubelet keeps it, in order of time.
    pub fn to_text(&self) -> String {
        let mut lines: Vec<(usize, &(Timestamp, String))> = self.lines.iter().enumerate().collect();
        lines.sort_by_key(|(index, (at, _))| (*at, *index));
        lines
            .iter()
            .map(|(_, (at, line))| format!("{} {line}\n", time::nanos(*at)))
            .collect()
    }
}

/// Merges stamped lines into a log that is already text.
pub fn merge(existing: &str, new: &Lines) -> String {
    let mut lines: Vec<String> = existing.lines().map(str::to_owned).collect();
    lines.extend(new.to_text().lines().map(str::to_owned));
    lines.sort_by(|a, b| stamp_of(a).cmp(stamp_of(b)));
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Drops the lines of a log that lie at or after a moment.
pub fn until(existing: &str, at: Timestamp) -> String {
    let limit = time::nanos(at);
    existing
        .lines()
        .filter(|line| stamp_of(line) < limit.as_str())
        .map(|line| format!("{line}\n"))
        .collect()
}

fn stamp_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}
