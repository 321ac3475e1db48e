//! The service as its callers see it: HTTP in and out, over a database in memory.

#[cfg(test)]
mod api;
#[cfg(test)]
mod ask;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod events;
#[cfg(test)]
mod http;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod service;
#[cfg(test)]
mod webhooks;
