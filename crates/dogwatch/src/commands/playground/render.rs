//! `dogwatch playground render`: the world of a case or scenario as files. Must not know the layout of the files.

use std::path::PathBuf;

use ::playground::{WorldError, save_world};
use clap::Args;

use crate::compose::staged::StagedArgs;
use crate::failure::Failure;
use crate::out;

/// Which world, and where to.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    staged: StagedArgs,
    /// Directory to write to; it is created when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the world.
pub(super) fn run(args: &RenderArgs) -> Result<(), Failure> {
    let (name, rendered) = args.staged.render()?;
    let occupied = std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let dir = args.out.display();
        return Err(Failure::usage(format!("{dir} is not empty; worlds do not mix")));
    }
    save_world(&rendered.world, &args.out).map_err(|error: WorldError| Failure::failed(error))?;
    out::text(&format!("{name}: {}", args.out.display()))
}
