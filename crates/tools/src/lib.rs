//! What an agent may call: typed arguments in, typed facts and bounded text out. Read-only.

mod call;
mod catalogue;
mod families;
mod output;
mod workspace;

pub use call::{Called, ToolError, ToolInfo};
pub use catalogue::{Toolbox, all};
pub use output::render_evidence;
pub use workspace::Workspace;
