//! An application that runs and cannot write to its volume: its log and its answers. Must not know what is wrong with
//! the volume beyond the error number.

use jiff::Timestamp;

use crate::build::log::voice::{Level, line, request};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::FaultContext;
use crate::shop::telemetry;
use crate::world::World;

/// The error number that a write returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// `ENOSPC`.
    Full,
    /// `EROFS`.
    ReadOnly,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::Full => "No space left on device",
            Self::ReadOnly => "Read-only file system",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Full => 28,
            Self::ReadOnly => 30,
        }
    }
}

/// Adds what the application logs and answers since a moment.
pub fn fail(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    why: Why,
    from: Timestamp,
) {
    let mut lines = Lines::default();
    let mut at = time::after(from, ctx.rng.range(2, 15));
    while at < ctx.shop.now() {
        let turn = ctx.rng.range(1_000, 9_999);
        for message in words(workload.voice, why, turn) {
            lines.add(at, &line(workload, pod, Level::Error, at, &message));
        }
        if workload.voice.speaks_http() {
            let path = format!("/v1/items/{turn}");
            lines.add(at, &request(workload, pod, at, &path, 500, ctx.rng.range(4, 40)));
        }
        at = time::after(at, ctx.rng.range(25, 70));
    }
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    if workload.path.is_some() {
        let rate = telemetry::request_rate(&ctx.shop, workload);
        let onset = from.as_second();
        telemetry::requests(&ctx.shop, &mut ctx.metrics, workload, "500", |at| {
            if at > onset { rate * 0.12 } else { 0.0 }
        });
    }
}

/// How each language and product words a write that fails (CPython `OSError`, Go `syscall.Errno`, Redis `rdb.c`).
fn words(voice: Voice, why: Why, turn: i64) -> Vec<String> {
    let (text, number) = (why.text(), why.number());
    match voice {
        Voice::Python => vec![format!(
            "OSError: [Errno {number}] {text}: '/data/incoming/{turn}.part'"
        )],
        Voice::Redis if why == Why::Full => vec![
            format!("Write error while saving DB to the disk(rdbSaveRio): {text}"),
            "Background saving error".to_owned(),
        ],
        Voice::Redis => vec![
            format!(
                "Failed opening the temp RDB file temp-{turn}.rdb (in server root dir /data) for saving: {text}"
            ),
            "Background saving error".to_owned(),
        ],
        Voice::Postgres => vec![format!(
            "could not write to file \"pg_wal/xlogtemp.{turn}\": {text}"
        )],
        _ => vec![format!(
            "write /data/incoming/{turn}.part: {}",
            text.to_lowercase()
        )],
    }
}
