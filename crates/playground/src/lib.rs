//! The failure playground: a Kubernetes API server over a world, and the worlds themselves.
//!
//! It must not know how dogwatch diagnoses: nothing here is shared with `triage`.

mod api;
pub mod build;
pub mod cases;
pub mod faults;
pub mod names;
pub mod rng;
pub mod serve;
pub mod shop;
pub mod simulate;
pub mod stage;
pub mod world;

pub use serve::{
    AccessRule, Identity, Playground, PlaygroundError, RequestLog, ServeOptions, Weather, WeatherRule,
};
pub use stage::{Staged, StagedFault};
pub use world::World;
pub use world::dir::{WorldError, load_world, save_world};
