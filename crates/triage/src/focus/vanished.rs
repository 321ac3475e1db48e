//! Names in a question that no object bears: called a workload by the text, or left behind in Events. Must not know
//! what is made of them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cluster::{ClusterView, kinds};
use regex::Regex;

use crate::focus::intent::{Intent, Named};

/// "deployment web-api", "the `web` service", "job x in namespace y". A bare word after the kind counts only where a
/// namespace follows: "the deployment failed" names nothing.
static CALLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)\b(?P<kind>deployment|statefulset|daemonset|cronjob|job|service|ingress|pod)\s+(?P<quote>[`"'])?(?P<name>[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)[`"']?(?P<place>\s+in\s+(?:the\s+)?(?:namespace|ns)\b)?"#,
    )
    .ok()
});

/// Names in the text of something that is not there.
pub(super) fn named(view: &ClusterView, intent: &Intent) -> Vec<Named> {
    let namespaces: Vec<&String> = match intent.namespaces.as_slice() {
        [] => view.namespaces.iter().collect(),
        given => given.iter().collect(),
    };
    let [namespace] = namespaces.as_slice() else {
        return left_behind(view, intent, &namespaces);
    };
    let mut out = called(intent, namespace);
    if out.is_empty() {
        out = left_behind(view, intent, &namespaces);
    }
    out
}

fn called(intent: &Intent, namespace: &str) -> Vec<Named> {
    let Some(pattern) = CALLED.as_ref() else {
        return Vec::new();
    };
    pattern
        .captures_iter(&intent.words)
        .filter(|found| {
            let name = &found["name"];
            found.name("quote").is_some() || found.name("place").is_some() || name.contains('-')
        })
        .map(|found| Named {
            namespace: namespace.to_owned(),
            kind: kinds::find(&found["kind"]).map(|kind| kind.kind),
            name: found["name"].to_lowercase(),
        })
        .collect()
}

/// Workloads that are gone, but whose pods' Events are still there, if the text names them.
fn left_behind(view: &ClusterView, intent: &Intent, namespaces: &[&String]) -> Vec<Named> {
    let words: BTreeSet<&str> = intent
        .words
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .collect();
    let mut out: Vec<Named> = Vec::new();
    for namespace in namespaces {
        for event in view.in_namespace("Event", namespace) {
            let (kind, name) = (event.str("involvedObject.kind"), event.str("involvedObject.name"));
            let Some((kind, name)) = workload(kind, name) else {
                continue;
            };
            let is_there = view.get(kind, namespace, name).is_some() || !view.has_list(kind, namespace);
            let is_known = out.iter().any(|known| known.name == name);
            if words.contains(name) && !is_there && !is_known {
                out.push(Named {
                    namespace: (*namespace).clone(),
                    kind: Some(kind),
                    name: name.to_owned(),
                });
            }
        }
    }
    out
}

/// The workload that an Event's object is, or that made it, by the names that controllers generate.
fn workload<'a>(kind: &str, name: &'a str) -> Option<(&'static str, &'a str)> {
    match kind {
        "Deployment" => Some(("Deployment", name)),
        "StatefulSet" => Some(("StatefulSet", name)),
        "DaemonSet" => Some(("DaemonSet", name)),
        "ReplicaSet" => Some(("Deployment", name.rsplit_once('-')?.0)),
        "Pod" => {
            let (rest, random) = name.rsplit_once('-')?;
            if random.bytes().all(|byte| byte.is_ascii_digit()) {
                return Some(("StatefulSet", rest));
            }
            Some(("Deployment", rest.rsplit_once('-')?.0))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &str) -> Vec<String> {
        let intent = Intent {
            words: words.to_owned(),
            ..Intent::default()
        };
        called(&intent, "shop")
            .into_iter()
            .map(|named| named.name)
            .collect()
    }

    #[test]
    fn a_name_is_told_from_prose() {
        assert_eq!(
            names("Why is the deployment gazette in namespace shop slow?"),
            ["gazette"]
        );
        assert_eq!(names("is service web-api ok"), ["web-api"]);
        assert_eq!(names("what about job `cleanup`?"), ["cleanup"]);
        for prose in [
            "the deployment failed and nobody touched the job. what is blocking us?",
            "service is slow since this morning",
            "a pod restarts in here",
        ] {
            assert_eq!(names(prose), Vec::<String>::new(), "{prose}");
        }
    }
}
