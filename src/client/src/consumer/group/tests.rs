//! Members beside a real coordinator, in one thread: what the machines say, and what always holds.

mod answers;
mod app;
mod over_a_socket;
mod properties;
mod transcripts;
mod world;
