//! `dogwatch playground serve`: a world behind a Kubernetes API for kubectl and others. Must not know the API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::playground::{Playground, ServeOptions, Staged, World, load_world};
use clap::Args;
use serde_json::Value;

use crate::compose::kubeconfig;
use crate::compose::service::interrupted;
use crate::compose::staged::StagedArgs;
use crate::failure::Failure;
use crate::out;

/// How often is looked whether a fault is gone.
const LOOK: Duration = Duration::from_millis(500);

/// Which world, and how it is served.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    staged: StagedArgs,
    /// A saved world instead of a case
    #[arg(long, value_name = "DIR", conflicts_with_all = ["case", "scenario", "seed", "randomize"])]
    world: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// Keep the world's own clock instead of shifting its times to the wall clock
    #[arg(long)]
    freeze: bool,
    /// Write a kubeconfig to this file
    #[arg(long, value_name = "FILE")]
    write_kubeconfig: Option<PathBuf>,
}

/// Serves the world until it is interrupted.
pub(super) async fn run(args: &ServeArgs) -> Result<(), Failure> {
    let (world, staged) = args.world()?;
    let told = world.stimulus.as_ref().map(said);
    let options = ServeOptions {
        addr: args.addr,
        freeze: args.freeze,
        staged,
        ..ServeOptions::default()
    };
    let playground = Playground::start(world, options)
        .await
        .map_err(Failure::infrastructure)?;
    let url = playground.url();
    let mut lines = vec![
        format!("Kubernetes API: {url}"),
        format!("Prometheus API: {url}/prometheus"),
    ];
    if let Some(file) = &args.write_kubeconfig {
        kubeconfig::write(file, &playground)?;
        lines.push(kubeconfig::command(file));
    } else {
        lines.push(format!("kubectl --server {url} get pods -A"));
    }
    lines.extend(told);
    lines.push("Ctrl-C ends it.".to_owned());
    out::text(&lines.join("\n"))?;
    tokio::select! {
        () = interrupted() => Ok(()),
        told = tell_what_heals(&playground) => told,
    }
}

/// What somebody on call would have been told, for people who practise.
fn said(stimulus: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alerts = stimulus.pointer("/alertmanager/alerts").and_then(Value::as_array);
    let alert = alerts.and_then(|alerts| alerts.first()).map(|alert| {
        let part = |pointer: &str| alert.pointer(pointer).map(text).unwrap_or_default();
        let words = [part("/annotations/summary"), part("/annotations/description")];
        let words: Vec<String> = words.into_iter().filter(|words| !words.is_empty()).collect();
        format!("{} {}", part("/labels/alertname"), words.join(" "))
    });
    let asked = ["question", "workload"]
        .iter()
        .find_map(|key| stimulus.get(key).map(text));
    format!("You were told: {}", alert.or(asked).unwrap_or_default().trim())
}

/// Says when a fault is gone, or there again.
async fn tell_what_heals(playground: &Playground) -> Result<(), Failure> {
    let mut known = playground.faults_present();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let now = playground.faults_present();
        for ((fault, is_present), (_, was_present)) in now.iter().zip(&known) {
            match (was_present, is_present) {
                (true, false) => out::text(&format!("Healed: {fault}"))?,
                (false, true) => out::text(&format!("There again: {fault}"))?,
                _ => {}
            }
        }
        if now != known && !now.is_empty() && now.iter().all(|(_, is_present)| !is_present) {
            out::text("All faults are gone: well done.")?;
        }
        known = now;
    }
}

impl ServeArgs {
    /// The world, and what is staged in it.
    fn world(&self) -> Result<(World, Option<Staged>), Failure> {
        match &self.world {
            Some(dir) => Ok((load_world(dir).map_err(Failure::usage)?, None)),
            None => {
                let rendered = self.staged.render()?.1;
                let staged = rendered.staged();
                Ok((rendered.world, Some(staged)))
            }
        }
    }
}
