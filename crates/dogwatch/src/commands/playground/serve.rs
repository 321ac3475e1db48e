//! `dogwatch playground serve`: a world behind a Kubernetes API for kubectl and others. Must not know the API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::playground::{Playground, ServeOptions, Staged, World, load_world};
use clap::Args;

use crate::compose::case::CaseArgs;
use crate::compose::kubeconfig;
use crate::compose::service::interrupted;
use crate::failure::Failure;
use crate::out;

/// How often is looked whether a fault is gone.
const LOOK: Duration = Duration::from_millis(500);

/// Which world, and how it is served.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    case: CaseArgs,
    /// A saved world instead of a case
    #[arg(long, value_name = "DIR", conflicts_with_all = ["case", "seed", "randomize"])]
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
    lines.push("Ctrl-C ends it.".to_owned());
    out::text(&lines.join("\n"))?;
    tokio::select! {
        () = interrupted() => Ok(()),
        told = tell_what_heals(&playground) => told,
    }
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
        known = now;
    }
}

impl ServeArgs {
    /// The world, and what is staged in it.
    fn world(&self) -> Result<(World, Option<Staged>), Failure> {
        match &self.world {
            Some(dir) => Ok((load_world(dir).map_err(Failure::usage)?, None)),
            None => {
                let rendered = self.case.render()?.1;
                let staged = rendered.staged();
                Ok((rendered.world, Some(staged)))
            }
        }
    }
}
