//! Zstandard (KIP-110) through libzstd, with its windows accounted for.

use std::fmt;

use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use super::{Budget, CHUNK_SIZE, Compression, DecompressError};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Level 22 writes windows of 128 MiB, so such are legal. It is libzstd's own bound as well.
const MAX_WINDOW_LOG: u32 = 27;

/// Decompresses frames, several in a row too.
pub(super) struct Decoder<'a> {
    /// Made at the first frame: it is the one that can fail.
    inner: Option<zstd::stream::raw::Decoder<'static>>,
    rest: &'a [u8],
    frame: Progress,
    window: u64,
    chunk: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The next byte begins a frame.
    Between,
    Within,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoder<'a> {
        let frame = Progress::Between;
        Decoder { inner: None, rest: bytes, frame, window: 0, chunk: Vec::new() }
    }

    /// Bytes charged for the window, to be released with the decoder.
    pub(super) fn window(&self) -> u64 {
        self.window
    }

    pub(super) fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    pub(super) fn advance(&mut self, budget: &mut Budget) -> Result<(), DecompressError> {
        self.chunk.clear();
        while self.chunk.is_empty() {
            if self.frame == Progress::Between {
                if self.rest.is_empty() {
                    break;
                }
                self.charge_window(budget)?;
                self.frame = Progress::Within;
            }
            self.run()?;
        }
        Ok(budget.charge(self.chunk.len() as u64)?)
    }

    /// Fills the chunk as far as the input goes, to the end of the frame at most.
    fn run(&mut self) -> Result<(), DecompressError> {
        if self.inner.is_none() {
            let mut decoder = zstd::stream::raw::Decoder::new().map_err(|error| damaged(&error))?;
            decoder
                .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
                .map_err(|error| damaged(&error))?;
            self.inner = Some(decoder);
        }
        let decoder = self.inner.as_mut().expect("made above");
        self.chunk.resize(CHUNK_SIZE, 0);
        let mut input = InBuffer::around(self.rest);
        let mut output = OutBuffer::around(self.chunk.as_mut_slice());
        let hint = decoder.run(&mut input, &mut output).map_err(|error| damaged(&error))?;
        let (read, written) = (input.pos(), output.pos());
        self.rest = self.rest.get(read..).unwrap_or_default();
        if hint == 0 {
            self.frame = Progress::Between;
        } else if read == 0 && written == 0 {
            return Err(damaged(&"the frame is cut off"));
        }
        self.chunk.truncate(written);
        Ok(())
    }

    fn charge_window(&mut self, budget: &mut Budget) -> Result<(), DecompressError> {
        // The decoder keeps the largest window it had.
        let window = window_size(self.rest).unwrap_or(0);
        if window > 1 << MAX_WINDOW_LOG {
            return Err(damaged(&format_args!(
                "a window of {window} bytes is larger than 128 MiB"
            )));
        }
        if window > self.window {
            budget.charge(window - self.window)?;
            self.window = window;
        }
        Ok(())
    }
}

/// The window that the frame's header asks for (RFC 8878, 3.1.1.1); none if it is no such frame or
/// cut off, which libzstd will say.
///
/// ```text
///  magic | descriptor | window, unless single segment | dictionary id 0/1/2/4 | content size 0..8
///          content size 2 bits | single segment | unused | 0 | checksum | dictionary id 2 bits
/// ```
fn window_size(frame: &[u8]) -> Option<u64> {
    let rest = frame.strip_prefix(&MAGIC)?;
    let (descriptor, rest) = rest.split_first()?;
    let single_segment = descriptor & 0x20 != 0;
    let (window, rest) = if single_segment {
        (u64::MAX, rest)
    } else {
        let (window, rest) = rest.split_first()?;
        let base = 1u64 << (10 + (window >> 3));
        (base + base / 8 * u64::from(window & 0x07), rest)
    };
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0x03)];
    let rest = rest.get(dictionary..)?;
    let content = match descriptor >> 6 {
        0 if single_segment => u64::from(*rest.first()?),
        0 => u64::MAX,
        1 => u64::from(u16::from_le_bytes(*rest.first_chunk()?)) + 256,
        2 => u64::from(u32::from_le_bytes(*rest.first_chunk()?)),
        _ => u64::from_le_bytes(*rest.first_chunk()?),
    };
    // libzstd allocates no more than the content, where it knows its size.
    Some(window.min(content))
}

fn damaged(reason: &dyn fmt::Display) -> DecompressError {
    DecompressError::Damaged { compression: Compression::Zstd, reason: reason.to_string() }
}

/// Compresses `bytes` at `level`, -131072 to 22. The frame says its content's size, which spares
/// readers a window larger than it.
pub(super) fn compress(bytes: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(bytes, level).expect("the buffer is made as large as needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_read_from_the_frame_header() {
        // Content size known and small: single segment.
        assert_eq!(window_size(&compress(&[7; 1000], 3)), Some(1000));
        // The greatest window: 2^27 is exponent 17.
        assert_eq!(window_size(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3]), Some(1 << 27));
        assert_eq!(window_size(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3 | 4]), Some(3 << 26));
        assert_eq!(window_size(&[0x28, 0xb5, 0x2f, 0xfd, 0xe0]), None);
        assert_eq!(window_size(b"other"), None);
    }
}
