//! Injected failures: applies the weather rules to requests. Knows no resource semantics.

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::api::status::ApiError;
use crate::serve::{Weather, WeatherRule};

impl Weather {
    /// Delays, hangs or fails the request when a rule says so; a hanging request ends with the server.
    pub(crate) async fn meet(&self, target: &str, stop: &CancellationToken) -> Result<(), ApiError> {
        for rule in &self.rules {
            match rule {
                WeatherRule::Delay {
                    path_contains,
                    duration,
                } if target.contains(path_contains.as_str()) => {
                    tokio::time::sleep(*duration).await;
                }
                WeatherRule::Hang { path_contains } if target.contains(path_contains.as_str()) => {
                    stop.cancelled().await;
                    return Err(ApiError::injected(503));
                }
                WeatherRule::Fail {
                    path_contains,
                    status,
                } if target.contains(path_contains.as_str()) => {
                    return Err(ApiError::injected(*status));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a rule forbids the resource (`pods`, `pods/log`).
    pub(crate) fn forbids(&self, wanted: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| matches!(rule, WeatherRule::Forbid { resource } if resource == wanted))
    }

    /// After how many events a watch is cut.
    pub(crate) fn break_watch_after(&self) -> Option<usize> {
        self.rules.iter().find_map(|rule| match rule {
            WeatherRule::BreakWatch { after_events } => Some(*after_events),
            _ => None,
        })
    }

    /// Puts a page of a list into the order of the rule, if there is one.
    pub(crate) fn reorder<T>(&self, page: &mut [T], name: impl Fn(&T) -> String) {
        let seed = self.rules.iter().find_map(|rule| match rule {
            WeatherRule::Shuffle { seed } => Some(*seed),
            _ => None,
        });
        if let Some(seed) = seed {
            page.sort_by_cached_key(|item| {
                Sha256::digest(format!("{seed}/{}", name(item)).as_bytes()).to_vec()
            });
        }
    }
}
