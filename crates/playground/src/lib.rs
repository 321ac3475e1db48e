//! The failure playground: a Kubernetes API server over a world, and the worlds themselves.
//!
//! It must not know how dogwatch diagnoses: nothing here is shared with `triage`.

mod api;
mod json;
mod prometheus;
pub mod serve;
pub mod world;
pub mod worlddir;

pub use serve::{
    AccessRule, Identity, Playground, PlaygroundError, RequestLog, ServeOptions, Weather, WeatherRule,
};
pub use world::World;
pub use worlddir::{WorldError, load_world, save_world};
