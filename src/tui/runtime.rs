//! Performs what the model asks for. The only part of the dashboard that awaits.

pub(crate) mod answers;
mod asker;
pub(crate) mod clipboard;
mod clocks;
mod driver;
pub(crate) mod events;
pub(crate) mod look;
mod once;
pub(crate) mod painter;
pub(crate) mod questions;
pub(crate) mod signals;
pub(crate) mod terminal;

pub(crate) use driver::{Opening, run};
pub(crate) use once::{Once, Sheet, once};
