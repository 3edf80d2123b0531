//! Alerts: the user's rules and the built-in checks, which of them fire, and who is told.
//!
//! Nothing here reads a clock, waits or sends: the engine is told what was measured and says what
//! to deliver; `runtime/deliver.rs` delivers it, and what came of it is told to the engine.
//!
//! | you look for | it is in |
//! |---|---|
//! | the file of rules, and what is wrong with one | `rules` |
//! | what rules look at | `measured` |
//! | what fires, since when, and the log of events | `engine` |
//! | who is told, how often, and what failed | `engine/outbox.rs` |
//! | what is told, as JSON and as words | `notice` |

pub(crate) mod engine;
pub(crate) mod measured;
pub(crate) mod notice;
pub(crate) mod rules;
