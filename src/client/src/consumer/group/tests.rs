//! Members beside a real coordinator, in one thread: what the machines say, and what always holds.

mod app;
mod properties;
mod transcripts;
mod world;
