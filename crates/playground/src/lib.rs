//! The failure playground: a Kubernetes API server over a world, and the worlds themselves.
//!
//! It must not know how dogwatch diagnoses: nothing here is shared with `triage`.

pub mod world;
