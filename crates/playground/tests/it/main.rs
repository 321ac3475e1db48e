//! Integration tests: a small world, served, and asked over HTTP and by kubectl.

mod world;
mod worlddir;
