//! Performs what the model asks for. The only part of the dashboard that awaits.

mod asker;
pub(crate) mod deliver;
mod once;
pub(crate) mod questions;
pub(crate) mod watcher;

pub(crate) use once::{Once, Sheet, once};
