//! Draws a model; changes nothing.
//!
//! `theme` says what a level looks like, `canvas` puts text into cells, and `chart`, `table` and
//! `frame` are what every screen is made of. All of them take plain values, and none can fail at
//! any size of the window.

pub(crate) mod app;
pub(crate) mod canvas;
pub(crate) mod chart;
pub(crate) mod colors;
pub(crate) mod export;
pub(crate) mod frame;
pub(crate) mod list;
mod screens;
pub(crate) mod sgr;
pub(crate) mod table;
pub(crate) mod theme;
