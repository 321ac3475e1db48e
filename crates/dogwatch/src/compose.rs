//! Puts the parts together: scene, model, engine, service. The only place that knows which implementation plays which
//! role.

pub(crate) mod case;
pub(crate) mod engine;
pub(crate) mod kubeconfig;
pub(crate) mod model;
pub(crate) mod progress;
pub(crate) mod scene;
pub(crate) mod service;
pub(crate) mod staged;
