//! What a log must hold, from the outside: random lives beside a model, and flipped bits.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod bit_flips;
mod cleaner;
mod cleaning;
mod harness;
mod model;
