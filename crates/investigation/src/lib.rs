//! The one pipeline: brief, agents, claim gate, verdict and confidence, report. Live, demo and tests run through it.

mod confidence;
mod engine;
pub mod gate;
mod journal;
mod pipeline;
mod report;
mod worker;

pub use engine::{Engine, EngineError, EngineParts, LEASE};
