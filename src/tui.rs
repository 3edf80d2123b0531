//! The live dashboard: a state machine with a face.
//!
//! `model` holds what is known of the cluster and what the user does; its `update` takes messages and
//! gives effects. `view` draws a model and changes nothing. `runtime` performs effects and posts what
//! comes of them; nothing else here awaits, and nothing on the drawing thread waits for a network.
//! `figures` and `history` are below all three: how values are written into cells of fixed width, and
//! how samples become rates, charts and lag.
//!
//! | you look for | it is in |
//! |---|---|
//! | how 84,213 becomes `84.2K` | `figures` |
//! | rates, rings, charts' samples | `history` |
//! | history that survives a restart | `history/kept`, performed by `runtime/keeper` |
//! | what a key does | `keymap`, then `model` |
//! | what a check or an alert thinks | `model/checks.rs` |
//! | the user's rules, and who is told | `alerts` |
//! | lag and its verdict | `model/lag.rs` |
//! | what is asked of brokers, and when | `model/schedule.rs`, performed by `runtime` |
//! | what a recording holds, and how it is played | `recording` |
//! | where a cell stands on the screen | `view` |

pub(crate) mod alerts;
mod figures;
mod history;
mod keymap;
mod model;
mod open;
mod recording;
mod runtime;
#[cfg(test)]
pub(crate) mod stage;
mod view;
mod worker;

pub(crate) use model::checks::facts::Answer;
pub(crate) use model::checks::{CheckKind, Level};
pub(crate) use model::lag::{Lag, Late};
pub(crate) use open::{
    Opened, Paper, Ready, RecordArgs, ReplayArgs, ScreenArgs, open, open_by, open_recording,
    recorded_once, rules, setting,
};
pub(crate) use runtime::deliver::{Delivered, deliver};
pub(crate) use runtime::terminal::size as terminal_size;
pub(crate) use runtime::watcher::{Waited, Watcher};
pub(crate) use runtime::{Once, SCREEN_KIND, Sheet, once};
pub(crate) use view::export::{ansi, svg, text};
