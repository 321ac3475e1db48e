//! `dogwatch playground serve`: a world behind a Kubernetes API for kubectl and others. Must not know the API.

use std::net::SocketAddr;
use std::path::PathBuf;

use ::playground::{Playground, ServeOptions, World, load_world};
use clap::Args;

use crate::compose::case::CaseArgs;
use crate::compose::kubeconfig;
use crate::compose::service::interrupted;
use crate::failure::Failure;
use crate::out;

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
    let options = ServeOptions {
        addr: args.addr,
        freeze: args.freeze,
        ..ServeOptions::default()
    };
    let playground = Playground::start(args.world()?, options)
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
    interrupted().await;
    Ok(())
}

impl ServeArgs {
    fn world(&self) -> Result<World, Failure> {
        match &self.world {
            Some(dir) => load_world(dir).map_err(Failure::usage),
            None => Ok(self.case.render()?.1.world),
        }
    }
}
