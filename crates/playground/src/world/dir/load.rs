//! Reads a world directory of our own layout, or hands over to the readers of must-gathers and cluster dumps.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::world::World;
use crate::world::dir::manifest::{is_manifest, objects};
use crate::world::dir::{WorldError, dump, entries, file_name, gather, read};

/// Fields that may lie in the future of the world, and so do not tell its time.
const FUTURE_FIELDS: [&str; 7] = [
    "notAfter",
    "renewalTime",
    "expirationTimestamp",
    "expirationTime",
    "deletionTimestamp",
    "nextScheduleTime",
    "nextUpdate",
];

/// `world.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    now: Option<String>,
    name: Option<String>,
    cluster: Option<String>,
}

/// Reads a world directory: our own layout, that of `kubectl cluster-info dump --output-directory`, a folder of files that
/// `kubectl get -o yaml|json` wrote, or an OpenShift must-gather.
///
/// Without `world.yaml` the world's `now` is the newest timestamp in any object, and its name is the directory's.
pub fn load_world(dir: &Path) -> Result<World, WorldError> {
    let listed = std::fs::read_dir(dir)
        .map(|_| ())
        .map_err(|source| WorldError::Read {
            path: dir.to_owned(),
            source,
        });
    listed?;
    let header = read_header(dir)?;
    let fallback = file_name(dir).to_owned();
    let cluster = header.cluster.unwrap_or_else(|| "world".to_owned());
    let mut world = World::new(&header.name.unwrap_or(fallback), &cluster, Timestamp::UNIX_EPOCH);
    let own_layout = dir.join("objects").is_dir();
    if own_layout {
        load_objects(&dir.join("objects"), &mut world)?;
        load_logs(&dir.join("logs"), &mut world)?;
    } else if !gather::load(dir, &mut world)? && !dump::load(dir, &mut world)? {
        return Err(WorldError::NotAWorld { path: dir.to_owned() });
    }
    let metrics = dir.join("metrics.om");
    if metrics.exists() {
        world.metrics = read(&metrics)?.trim_end().trim_end_matches("# EOF").to_owned();
    }
    let captured = dir.join("captured.json");
    if captured.exists() {
        let parsed = serde_json::from_str(&read(&captured)?);
        world.captured = Some(parsed.map_err(|error| WorldError::invalid(&captured, error.to_string()))?);
    }
    let stimulus = dir.join("stimulus.json");
    if stimulus.exists() {
        let parsed = serde_json::from_str(&read(&stimulus)?);
        world.stimulus = Some(parsed.map_err(|error| WorldError::invalid(&stimulus, error.to_string()))?);
    }
    world.now = match header.now {
        Some(text) => text.parse().map_err(|error| {
            WorldError::invalid(
                &dir.join("world.yaml"),
                format!("now is no RFC 3339 time: {error}"),
            )
        })?,
        None => newest(&world),
    };
    Ok(world)
}

fn read_header(dir: &Path) -> Result<Header, WorldError> {
    let path = dir.join("world.yaml");
    if !path.exists() {
        return Ok(Header::default());
    }
    serde_saphyr::from_str(&read(&path)?).map_err(|error| WorldError::invalid(&path, error.to_string()))
}

fn load_objects(dir: &Path, world: &mut World) -> Result<(), WorldError> {
    for path in entries(dir)? {
        if path.is_dir() {
            load_objects(&path, world)?;
        } else if is_manifest(&path) {
            for object in objects(&path)? {
                world.insert(object);
            }
        }
    }
    Ok(())
}

fn load_logs(dir: &Path, world: &mut World) -> Result<(), WorldError> {
    for namespace in entries(dir)? {
        for pod in entries(&namespace)? {
            for file in entries(&pod)? {
                load_log(&file, file_name(&namespace), file_name(&pod), world)?;
            }
        }
    }
    Ok(())
}

fn load_log(file: &Path, namespace: &str, pod: &str, world: &mut World) -> Result<(), WorldError> {
    let name = file_name(file);
    let Some((container, ending)) = name.split_once('.') else {
        return Err(WorldError::invalid(
            file,
            "expected <container>.log, .previous.log, .error or .previous.error",
        ));
    };
    let text = read(file)?;
    let log = world.log_mut(namespace, pod, container);
    match ending {
        "log" => log.current = Some(text),
        "previous.log" => log.previous = Some(text),
        "error" => log.error = Some(text.trim_end().to_owned()),
        "previous.error" => log.previous_error = Some(text.trim_end().to_owned()),
        _ => return Err(WorldError::invalid(file, format!("unknown ending .{ending}"))),
    }
    Ok(())
}

/// The newest timestamp in any object, except in fields about the future.
fn newest(world: &World) -> Timestamp {
    world
        .objects()
        .filter_map(|(_, object)| newest_in(object))
        .max()
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn newest_in(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) if text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') => {
            text.parse().ok()
        }
        Value::Array(items) => items.iter().filter_map(newest_in).max(),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !FUTURE_FIELDS.contains(&key.as_str()))
            .filter_map(|(_, item)| newest_in(item))
            .max(),
        _ => None,
    }
}
