//! What a playground is started with: address, clock, identities, weather. Knows nothing of HTTP handling.

use std::net::SocketAddr;
use std::time::Duration;

use crate::stage::Staged;

/// How to serve a world.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Address to listen on; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Keep the world's own clock instead of shifting all timestamps to the wall clock.
    pub freeze: bool,
    /// Who may come in; empty admits anyone with all rights.
    pub tokens: Vec<Identity>,
    /// Failures to inject.
    pub weather: Weather,
    /// What is staged in the world; without it pods that fail go on failing as long as their template stays.
    pub staged: Option<Staged>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            freeze: false,
            tokens: Vec::new(),
            weather: Weather::default(),
            staged: None,
        }
    }
}

/// A caller known by its bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The bearer token.
    pub token: String,
    /// User name, as `kubectl auth whoami` shows it.
    pub user: String,
    /// Groups besides `system:authenticated`.
    pub groups: Vec<String>,
    /// What the caller may do; `None` is everything, an empty list nothing.
    pub rules: Option<Vec<AccessRule>>,
}

impl Identity {
    /// A caller that may do everything.
    pub fn admin(token: &str, user: &str) -> Self {
        Self {
            token: token.to_owned(),
            user: user.to_owned(),
            groups: Vec::new(),
            rules: None,
        }
    }

    /// A caller that may do what the rules say.
    pub fn restricted(token: &str, user: &str, rules: Vec<AccessRule>) -> Self {
        Self {
            rules: Some(rules),
            ..Self::admin(token, user)
        }
    }
}

/// One grant, as a rule of an RBAC role. `*` in a list matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRule {
    /// Verbs: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verbs: Vec<String>,
    /// API groups, `""` for the core group.
    pub api_groups: Vec<String>,
    /// Resources in the plural, subresources as `pods/log`.
    pub resources: Vec<String>,
    /// Namespaces that the grant is limited to; empty grants it in the whole cluster.
    pub namespaces: Vec<String>,
}

impl AccessRule {
    /// Grants the verbs on the resources of any group in the whole cluster.
    pub fn cluster(verbs: &[&str], resources: &[&str]) -> Self {
        let owned = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect();
        Self {
            verbs: owned(verbs),
            api_groups: vec!["*".to_owned()],
            resources: owned(resources),
            namespaces: Vec::new(),
        }
    }
}

/// Bad weather for tests: every rule is matched against every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weather {
    /// The rules, all in force at once.
    pub rules: Vec<WeatherRule>,
}

/// One kind of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeatherRule {
    /// 403 on any verb of the resource (plural; `pods/log` for a subresource).
    Forbid {
        /// The resource.
        resource: String,
    },
    /// Answers with the HTTP status (a `Status` object as body) when path and query contain the text.
    Fail {
        /// Part of path and query.
        path_contains: String,
        /// HTTP status code.
        status: u16,
    },
    /// Never answers when path and query contain the text.
    Hang {
        /// Part of path and query.
        path_contains: String,
    },
    /// Cuts every watch after that many events.
    BreakWatch {
        /// Events that still come through.
        after_events: usize,
    },
    /// Gives the items of every page of a list in an order of its own: the API promises none.
    Shuffle {
        /// Which order.
        seed: u64,
    },
    /// Answers later when path and query contain the text.
    Delay {
        /// Part of path and query.
        path_contains: String,
        /// How much later.
        duration: Duration,
    },
}
