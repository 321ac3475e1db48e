//! Logins that a server refuses: the client holds a value from before a rotation, the value is encoded wrongly, or the
//! server's side changed. Which one, times and encodings tell; the words of the refusal never do.

use cluster::{ClusterView, Object};
use domain::{Fact, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::said::{self, Said};
use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::signal;
use crate::wording;

pub(super) const DETECTOR: Detector = Detector {
    name: "login",
    mechanisms: &[STALE, ENCODING, REJECTED],
    run,
};

const STALE: &str = "config-and-secrets/secret-rotated-stale";
const ENCODING: &str = "config-and-secrets/secret-encoding-wrong";
const REJECTED: &str = "config-and-secrets/credentials-rejected";
/// Refusals that ended longer ago are over.
const RECENT: SignedDuration = SignedDuration::from_mins(20);
/// Fewer refusals than this are somebody's mistyped password.
const MANY: usize = 3;
/// A refusal this soon after a change goes with it: pooled connections live on for a while.
const SOON: SignedDuration = SignedDuration::from_mins(30);

/// A workload whose logins are refused.
struct Refused<'a> {
    workload: &'a Object,
    /// The refusals, oldest first.
    lines: Vec<Said<'a>>,
    first: Timestamp,
    /// Latest start of a container that was refused, and the earliest.
    started: (Timestamp, Timestamp),
    /// Pods whose log was read and shows no refusal.
    sound: Vec<&'a Object>,
}

/// A Secret that a workload takes a login from.
struct Source<'a> {
    secret: &'a Object,
    /// Keys that it takes; empty for all.
    keys: Vec<String>,
    /// Whether the value is fixed when the container starts: environment, or a `subPath` mount.
    fixed: bool,
    /// Last write of one of the keys.
    written: Option<Timestamp>,
    by: String,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind))
        .filter_map(|workload| refused(view, workload))
        .flat_map(|refused| explain(context, &refused))
        .collect()
}

/// Mechanisms whose words may hold a refusal although no password is wrong.
const OTHERWISE: &[&str] = &[
    "app-vs-infra/clock-skew",
    "cascading-failure/upstream-rate-limited",
    "config-and-secrets/certificate-expired",
    "config-and-secrets/rbac-denied",
];

fn is_refusal(line: &Said<'_>) -> bool {
    let words = line.words();
    wording::means(words, REJECTED) && !OTHERWISE.iter().any(|other| wording::means(words, other))
}

fn refused<'a>(view: &'a ClusterView, workload: &'a Object) -> Option<Refused<'a>> {
    let mut lines: Vec<Said<'a>> = Vec::new();
    let mut sound = Vec::new();
    let pods: Vec<&Object> = view.pods_of(workload.reference()).collect();
    for pod in pods {
        let own: Vec<Said<'a>> = said::of_pod(view, pod).into_iter().filter(is_refusal).collect();
        if own.is_empty() && containers::is_healthy(pod) && said::was_heard(view, pod) {
            sound.push(pod);
        }
        lines.extend(own);
    }
    lines.sort_by_key(|line| line.line.at);
    let last = lines.iter().rev().find_map(|line| line.line.at)?;
    let first = lines.iter().find_map(|line| line.line.at)?;
    let is_server = lines.iter().all(|line| speaks_as_server(workload, line));
    if lines.len() < MANY || view.now.duration_since(last) > RECENT || is_server {
        return None;
    }
    let starts = || lines.iter().filter_map(|line| said::started(&line.container));
    let started = (starts().max()?, starts().min()?);
    Some(Refused {
        workload,
        lines,
        first,
        started,
        sound,
    })
}

/// A server that logs the refusals which it hands out takes no login from a Secret: it is named in the callers' words, and
/// listens where they dial.
fn speaks_as_server(workload: &Object, line: &Said<'_>) -> bool {
    const SERVERS: &[u64] = &[5432, 3306, 6379, 27017, 9092, 5672, 1433, 1521, 389, 636, 9200];
    let listens = workload
        .list("spec.template.spec.containers")
        .iter()
        .filter_map(|container| container.get("ports").and_then(Value::as_array))
        .flatten()
        .filter_map(|port| port.get("containerPort").and_then(Value::as_u64))
        .any(|port| SERVERS.contains(&port));
    listens && !line.text().contains("failed to connect")
}

fn explain(context: &Context<'_>, refused: &Refused<'_>) -> Vec<Signal> {
    let view = context.view;
    let sources = sources(view, refused.workload);
    let Some(source) = meant(&sources, refused) else {
        return Vec::new();
    };
    let encoding = encoding(view, refused, source);
    let stale = stale(view, refused, source);
    let rejected = rejected(view, refused, source, encoding.is_some() || stale.is_some());
    let found: Vec<Signal> = [encoding, stale, rejected].into_iter().flatten().collect();
    if found.is_empty() {
        return vec![undecided(view, refused, source)];
    }
    found
}

/// The Secrets that a workload's containers take values from, without those of image pulls and service accounts.
fn sources<'a>(view: &'a ClusterView, workload: &'a Object) -> Vec<Source<'a>> {
    let mut out: Vec<(String, Vec<String>, bool)> = Vec::new();
    let mut add = |name: &str, key: Option<&str>, fixed: bool| {
        let keys = key.map(str::to_owned);
        match out.iter_mut().find(|(known, ..)| known == name) {
            Some((_, known, all)) => {
                known.extend(keys);
                *all &= fixed;
            }
            None => out.push((name.to_owned(), keys.into_iter().collect(), fixed)),
        }
    };
    let text = |value: &'a Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let lists = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| workload.list(&format!("spec.template.spec.{list}")));
    for container in lists {
        let items = |field: &str| {
            container
                .get(field)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        for env in items("env") {
            if let Some(name) = text(env, "/valueFrom/secretKeyRef/name") {
                add(name, text(env, "/valueFrom/secretKeyRef/key"), true);
            }
        }
        for env in items("envFrom") {
            if let Some(name) = text(env, "/secretRef/name") {
                add(name, None, true);
            }
        }
    }
    for volume in workload.list("spec.template.spec.volumes") {
        if let Some(name) = text(volume, "/secret/secretName") {
            add(name, None, false);
        }
    }
    out.into_iter()
        .filter_map(|(name, keys, fixed)| {
            let secret = view.get("Secret", workload.namespace(), &name)?;
            let write = last_write(secret, &keys);
            Some(Source {
                secret,
                keys,
                fixed,
                written: write.and_then(|manager| manager.time).or(secret.created()),
                by: write.map_or_else(String::new, |manager| manager.name.clone()),
            })
        })
        .collect()
}

fn last_write<'a>(secret: &'a Object, keys: &[String]) -> Option<&'a cluster::Manager> {
    let paths: Vec<String> = if keys.is_empty() {
        vec!["data".to_owned()]
    } else {
        keys.iter().map(|key| format!("data.{key}")).collect()
    };
    paths
        .iter()
        .filter_map(|path| secret.last_write(path))
        .max_by_key(|manager| manager.time)
}

/// The Secret that the refused login comes from: the only one, or the only one written shortly before.
fn meant<'a, 'b>(sources: &'b [Source<'a>], refused: &Refused<'_>) -> Option<&'b Source<'a>> {
    if let [only] = sources {
        return Some(only);
    }
    let mut near = sources.iter().filter(|source| {
        source.written.is_some_and(|at| {
            let after = refused.first.duration_since(at);
            after > -SignedDuration::from_mins(1) && after < SignedDuration::from_hours(24)
        })
    });
    near.next().filter(|_| near.next().is_none())
}

fn is_rotation(source: &Source<'_>) -> bool {
    source
        .written
        .zip(source.secret.created())
        .is_some_and(|(written, created)| written.duration_since(created) > SignedDuration::from_mins(1))
}

/// Containers that started before the Secret's last write hold what it was before.
fn stale(view: &ClusterView, refused: &Refused<'_>, source: &Source<'_>) -> Option<Signal> {
    let written = source.written.filter(|_| source.fixed && is_rotation(source))?;
    let gap = refused.first.duration_since(written);
    let (latest, _) = refused.started;
    if latest >= written || gap < -SignedDuration::from_secs(90) {
        return None;
    }
    let fresh = refused.sound.iter().find(|pod| {
        containers::of(pod)
            .iter()
            .filter(|container| !container.init)
            .all(|container| said::started(container).is_some_and(|at| at > written))
    });
    let certainty = match (fresh, gap < SOON) {
        (Some(_), _) => 0.95,
        (None, true) => 0.86,
        (None, false) => 0.6,
    };
    let workload = refused.workload.reference();
    let proof = fresh.map_or_else(String::new, |pod| {
        format!("; {}, which started since, logs in", pod.reference())
    });
    let message = format!(
        "{workload}: logins are refused since {}; {} was rotated at {written}{} and the containers still hold the value \
         from before, which they took at their start{proof}",
        refused.first,
        source.secret.reference(),
        by(&source.by)
    );
    let mut built = base(view, refused, source, workload, &message)
        .mechanism(STALE, certainty)
        .params(
            &format!(
                "containers[{}].state.running.startedAt",
                refused.lines[0].container.name
            ),
            &latest.to_string(),
            Some(&format!("after {written}")),
        )
        .param("secret", &source.secret.reference().to_string())
        .affects([source.secret.reference().clone()]);
    if let Some(pod) = fresh {
        built = built.facts(pod, ["status.startTime", "status.conditions[Ready].status"]);
    }
    Some(built.build())
}

/// A key that the workload takes ends in a line break or is encoded twice.
fn encoding(view: &ClusterView, refused: &Refused<'_>, source: &Source<'_>) -> Option<Signal> {
    let facts = view.secret_facts(source.secret.reference())?;
    let key = facts.keys.iter().find(|key| {
        (source.keys.is_empty() || source.keys.contains(&key.name)) && !key.oddities.is_empty()
    })?;
    let words: Vec<&str> = key.oddities.iter().map(|oddity| oddity.words()).collect();
    let written = source.written?;
    let (_, earliest) = refused.started;
    let reached = !source.fixed || earliest >= written;
    let recent = refused.first.duration_since(written) < SignedDuration::from_hours(48);
    if !reached {
        return None;
    }
    let message = format!(
        "{}: the value of {} {}; {} takes it and its logins are refused since {}",
        source.secret.reference(),
        key.name,
        words.join(" and "),
        refused.workload.reference(),
        refused.first
    );
    let field = format!("data.{}", key.name);
    Some(
        base(view, refused, source, source.secret.reference(), &message)
            .mechanism(ENCODING, if recent && is_rotation(source) { 0.94 } else { 0.7 })
            .params(
                &field,
                &words.join(" and "),
                Some("encoded once, without a line break"),
            )
            .computed(
                source.secret.reference(),
                &format!("{field}.encoding"),
                &words.join(" and "),
                Some(written),
            )
            .affects([refused.workload.reference().clone()])
            .build(),
    )
}

/// The very containers that logged in before, with the value that the Secret still holds, are refused.
fn rejected(
    view: &ClusterView,
    refused: &Refused<'_>,
    source: &Source<'_>,
    explained: bool,
) -> Option<Signal> {
    let written = source.written?;
    let (latest, earliest) = refused.started;
    let unchanged = written < earliest;
    let worked = refused.first.duration_since(latest) > SOON && served_before(view, refused);
    if explained || !unchanged || !refused.sound.is_empty() {
        return None;
    }
    let change = server_change(view, refused);
    let certainty: f64 = match (worked, change.is_some()) {
        (true, true) => 0.93,
        (true, false) => 0.85,
        (false, true) => 0.7,
        (false, false) => 0.5,
    };
    // Who wrote it last is told by the managed fields alone; without them nobody knows that it is unchanged.
    let certainty = if source.by.is_empty() {
        certainty.min(0.5)
    } else {
        certainty
    };
    let server = change.as_ref().map_or_else(String::new, |fact| {
        format!("; the server says: {}", fact.value.truncated(160))
    });
    let before = if worked {
        format!(
            " and the same containers of {} logged in with it before: the server's side changed",
            refused.workload.reference()
        )
    } else {
        format!(
            ", which is older than the containers of {}",
            refused.workload.reference()
        )
    };
    let message = format!(
        "{}: logins with it are refused since {}, although it is unchanged since {written}{before}{server}",
        source.secret.reference(),
        refused.first
    );
    Some(
        base(view, refused, source, source.secret.reference(), &message)
            .mechanism(REJECTED, certainty)
            .params(
                "data",
                &format!("unchanged since {written}"),
                Some("what the server accepts"),
            )
            .fact(change)
            .affects([refused.workload.reference().clone()])
            .build(),
    )
}

fn undecided(view: &ClusterView, refused: &Refused<'_>, source: &Source<'_>) -> Signal {
    let message = format!(
        "{}: a server refuses its logins since {}; whether the value of {} or the server is wrong is not known",
        refused.workload.reference(),
        refused.first,
        source.secret.reference()
    );
    base(view, refused, source, source.secret.reference(), &message)
        .mechanism(REJECTED, 0.4)
        .affects([refused.workload.reference().clone()])
        .build()
}

/// Whether the refused containers said ordinary things well before the first refusal.
fn served_before(view: &ClusterView, refused: &Refused<'_>) -> bool {
    let mut pods: Vec<&Object> = refused.lines.iter().map(|line| line.pod).collect();
    pods.dedup_by_key(|pod| pod.reference().clone());
    pods.into_iter().all(|pod| {
        said::of_pod(view, pod).iter().any(|line| {
            line.line
                .at
                .is_some_and(|at| refused.first.duration_since(at) > SignedDuration::from_mins(1))
        })
    })
}

/// A line of another workload that reports a changed account or an expired password shortly before the first refusal.
fn server_change(view: &ClusterView, refused: &Refused<'_>) -> Option<Fact> {
    let user = refused.lines.iter().find_map(|line| {
        let found = wording::captures(line.words(), REJECTED)?;
        Some(found.name("user")?.as_str().trim_matches('\\').to_owned())
    })?;
    if user.len() < 3 {
        return None;
    }
    let servers = view
        .of_kind("Pod")
        .filter(|pod| &view.workload_of(pod) != refused.workload.reference());
    servers
        .flat_map(|pod| said::of_pod(view, pod))
        .find(|line| {
            let upper = line.text().to_uppercase();
            let near = line
                .line
                .at
                .is_some_and(|at| refused.first.duration_since(at).abs() < SOON);
            let changes = [
                "ALTER ROLE",
                "ALTER USER",
                "DROP ROLE",
                "DROP USER",
                "SET PASSWORD",
                "EXPIRED PASSWORD",
                "ACL SETUSER",
            ];
            near && line.text().contains(&user) && changes.iter().any(|words| upper.contains(words))
        })
        .map(|line| line.fact(&user))
}

fn by(manager: &str) -> String {
    if manager.is_empty() {
        String::new()
    } else {
        format!(" by {manager}")
    }
}

/// What every signal of this family shows: refusals, starts, the Secret's last write.
fn base(
    view: &ClusterView,
    refused: &Refused<'_>,
    source: &Source<'_>,
    object: &ObjectRef,
    message: &str,
) -> super::finding::SignalBuilder {
    let mut pods: Vec<&Object> = refused.lines.iter().map(|line| line.pod).collect();
    pods.dedup_by_key(|pod| pod.reference().clone());
    let mut built = signal("login", object, message)
        .severity(Severity::Critical)
        .onset(Some(refused.first))
        .affects(pods.iter().map(|pod| pod.reference().clone()))
        .affects([refused.workload.reference().clone()])
        .lookup(view, source.secret.reference())
        .fact(
            refused
                .lines
                .last()
                .map(|line| line.fact("authentication failed")),
        )
        .computed(
            source.secret.reference(),
            "metadata.managedFields[data].time",
            &source
                .written
                .map_or_else(|| "unknown".to_owned(), |at| at.to_string()),
            source.written,
        )
        .facts(source.secret, ["metadata.creationTimestamp"]);
    for line in refused.lines.iter().take(1).chain(refused.lines.last()) {
        let path = line.container.status_path("state.running.startedAt");
        built = built.facts(line.pod, [path.as_str()]);
    }
    built
}
