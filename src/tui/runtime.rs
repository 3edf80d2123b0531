//! Performs what the model asks for. The only part of the dashboard that awaits.
//!
//! `terminal` is the real one: taken, drawn on through `painter`, and given back whatever happens.
//! `answers` is what it says of itself, and `look` decides by that. `events` and `signals` are what
//! comes from the user and from the system.

pub(crate) mod answers;
pub(crate) mod clipboard;
pub(crate) mod events;
pub(crate) mod look;
pub(crate) mod painter;
pub(crate) mod questions;
pub(crate) mod signals;
pub(crate) mod terminal;
