//! Integration tests: a small world, served, and asked over HTTP and by kubectl.

#![cfg(test)]

mod access;
mod fidelity;
mod healing;
mod http;
mod kubectl;
mod logs;
mod prometheus;
mod reads;
mod watches;
mod weather;
mod world;
mod worlddir;
mod writes;
