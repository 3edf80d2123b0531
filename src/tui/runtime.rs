//! Performs what the model asks for. The only part of the dashboard that awaits.
//!
//! `driver` is the loop, and `once` the one that draws a single screen; `asker` performs questions
//! beside both, `records` and `segments` read, and `player` plays a recording instead:
//! `source` is either. `terminal` is the real one: taken, drawn on through `writer` and `painter`, and
//! given back whatever happens. `answers` is what it says of itself, and `look` decides by that. `events`
//! and `signals` are what comes from the user and from the system. `keeper` reads and writes the history
//! on disk, `chores` are for files that somebody named, and `leaving` waits for what is not there yet when
//! the dashboard was left. `actions` runs commands that change something. `deliver` tells people and
//! programs of alerts, `deliveries` are those under way,
//! and `watcher` is the loop of who watches without a screen.

mod actions;
mod answers;
mod asker;
mod chores;
mod clipboard;
mod clocks;
pub(crate) mod deliver;
mod deliveries;
mod driver;
mod events;
pub(crate) mod keeper;
mod leaving;
pub(crate) mod look;
mod once;
mod painter;
mod player;
mod produce;
mod questions;
mod records;
mod segments;
mod signals;
mod source;
pub(crate) mod terminal;
pub(crate) mod watcher;
mod writer;

pub(crate) use driver::{Kept, Opening, replay, run};
pub(crate) use once::{KIND as SCREEN_KIND, Once, Sheet, once};
pub(crate) use player::{Play, once_of_recording};
pub(crate) use source::Recorded;
