//! One connection, both ends: frames cut out of a stream, TLS, SASL, negotiation, correlation, the
//! bound in flight.
//!
//! Knows sizes, API keys and versions; never what a request means.

pub mod client;
mod foreign;
mod frame;
mod read_buffer;
pub mod sasl;
mod secret;
pub mod tls;

pub use foreign::Foreign;
pub use frame::{FrameBuffer, FrameError, Front, SIZE_BYTES, UNAUTHENTICATED_FRAME_BYTES_MAX};
pub use secret::Secret;
