//! What people and models get wrong when they do it in their heads, computed by the API's own rules: flows, placement,
//! permissions. Must not know what is to blame.

pub mod network;
pub mod placement;
pub mod rbac;
