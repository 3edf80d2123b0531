//! How much memory a frame may turn into when it is decoded.

/// Bytes of heap that decoding one frame may still take.
///
/// A few bytes on the wire can name a struct of hundreds: without a bound, an attacker's frame of
/// 100 MiB would cost gigabytes. Honest messages stay below two thirds of this bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeBudget(pub usize);

impl DecodeBudget {
    /// What every frame may take, so that small messages with large structs pass.
    pub const FLOOR: usize = 64 * 1024;
    /// How many bytes of heap one byte of a frame may cost.
    pub const PER_BYTE: usize = 8;
    /// For bytes of our own making (tests, files that were checked): no bound.
    pub const UNLIMITED: DecodeBudget = DecodeBudget(usize::MAX);

    /// The budget of a frame of `length` bytes.
    pub const fn for_frame(length: usize) -> DecodeBudget {
        let proportional = length.saturating_mul(Self::PER_BYTE);
        DecodeBudget(if proportional < Self::FLOOR { Self::FLOOR } else { proportional })
    }
}
