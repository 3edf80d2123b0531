//! Draws a model; changes nothing.
