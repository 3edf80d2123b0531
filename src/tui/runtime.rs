//! Performs what the model asks for. The only part of the dashboard that awaits.

pub(crate) mod deliver;
pub(crate) mod questions;
