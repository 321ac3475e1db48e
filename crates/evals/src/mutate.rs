//! Takes facts out of a world, to see whether an answer rested on them. Must not know what the facts mean.

use domain::ObjectRef;
use playground::World;
use playground::shop::Shop;
use regex::Regex;
use serde_json::Value;

use crate::scenario::Cite;

/// A cite that names nothing, or not clearly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must_cite: {0}")]
pub struct CiteError(String);

/// Removes what a cite names; the number of facts that were there.
///
/// # Errors
/// When the cite names nothing, an unknown role or kind, or a regular expression that does not compile.
pub fn remove(world: &mut World, shop: &Shop, cite: &Cite) -> Result<usize, CiteError> {
    let wrong = |message: &str| CiteError(message.to_owned());
    match cite {
        Cite {
            kind: Some(kind),
            field: Some(field),
            ..
        } => {
            let of = cite
                .role
                .as_deref()
                .map(|role| {
                    shop.role(role)
                        .ok_or_else(|| wrong(&format!("the shop has no role `{role}`")))
                })
                .transpose()?;
            let path = segments(field);
            let is_meant = |object: &ObjectRef| {
                object.kind == *kind
                    && of.is_none_or(|workload| {
                        object.name.starts_with(&workload.name) && object.namespace == workload.namespace
                    })
            };
            Ok(remove_field(world, is_meant, &path))
        }
        Cite {
            event: Some(reason), ..
        } => Ok(remove_events(world, reason)),
        Cite { log: Some(log), .. } => {
            let pattern = Regex::new(log).map_err(|error| wrong(&error.to_string()))?;
            Ok(remove_lines(world, &pattern))
        }
        Cite {
            metric: Some(name), ..
        } => Ok(remove_series(world, name)),
        Cite {
            absent: Some(kind), ..
        } => {
            let known = cluster::kinds::find(kind).ok_or_else(|| wrong(&format!("unknown kind {kind}")))?;
            Ok(usize::from(world.unseen.insert(known.plural.to_owned())))
        }
        _ => Err(wrong("give kind and field, or event, log, metric or absent")),
    }
}

/// `a.b[c.d].e` as segments: what stands in brackets is one key.
fn segments(path: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => {
                inside = true;
                out.push(String::new());
            }
            ']' => inside = false,
            '.' if !inside => out.push(String::new()),
            c => {
                if let Some(last) = out.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    out.retain(|segment| !segment.is_empty());
    out
}

fn remove_field(world: &mut World, is_meant: impl Fn(&ObjectRef) -> bool, path: &[String]) -> usize {
    let mut count = 0;
    for (key, object) in world.objects_mut() {
        if is_meant(&ObjectRef::new(&key.group, &key.kind, &key.namespace, &key.name)) {
            count += remove_at(object, path);
        }
    }
    count
}

fn remove_at(value: &mut Value, path: &[String]) -> usize {
    match value {
        Value::Array(items) => items.iter_mut().map(|item| remove_at(item, path)).sum(),
        Value::Object(map) => match path {
            [] => 0,
            [last] => usize::from(map.remove(last).is_some()),
            [first, rest @ ..] => map.get_mut(first).map_or(0, |below| remove_at(below, rest)),
        },
        _ => 0,
    }
}

fn remove_events(world: &mut World, reason: &str) -> usize {
    let meant: Vec<_> = world
        .objects()
        .filter(|(key, object)| {
            key.kind == "Event" && object.get("reason").and_then(Value::as_str) == Some(reason)
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in &meant {
        world.remove_object(key);
    }
    meant.len()
}

fn remove_lines(world: &mut World, pattern: &Regex) -> usize {
    let mut count = 0;
    for log in world.logs.values_mut() {
        for text in [&mut log.current, &mut log.previous].into_iter().flatten() {
            let kept: String = text
                .split_inclusive('\n')
                .filter(|line| !pattern.is_match(line))
                .collect();
            count += text.lines().count() - kept.lines().count();
            *text = kept;
        }
    }
    count
}

fn remove_series(world: &mut World, name: &str) -> usize {
    let is_meant = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    let before = world.metrics.lines().filter(|line| is_meant(line)).count();
    let kept: String = world
        .metrics
        .split_inclusive('\n')
        .filter(|line| !is_meant(line))
        .collect();
    world.metrics = kept;
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_keep_a_key_with_dots_whole() {
        assert_eq!(
            segments("metadata.annotations[a.b/c].d"),
            ["metadata", "annotations", "a.b/c", "d"]
        );
    }

    #[test]
    fn a_path_goes_through_lists() {
        let mut value = serde_json::json!({ "a": [{ "b": 1 }, { "b": 2, "c": 3 }] });
        assert_eq!(remove_at(&mut value, &segments("a.b")), 2);
        assert_eq!(value, serde_json::json!({ "a": [{}, { "c": 3 }] }));
    }
}
