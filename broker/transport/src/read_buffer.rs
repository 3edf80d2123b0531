//! Buffers that a thread lends to whatever it reads: a connection owns one only while bytes are
//! in it.

use std::cell::RefCell;

use bytes::BytesMut;

/// How much one read takes in at most, unless a frame is known to be larger.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// Kept by each thread. More are in use at once only where frames outlive the call that read them.
const KEPT_MAX: usize = 4;

thread_local! {
    static KEPT: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Lends an empty buffer of [`READ_BYTES`].
pub(crate) fn lend() -> BytesMut {
    let kept = KEPT.with_borrow_mut(Vec::pop);
    kept.unwrap_or_else(|| BytesMut::with_capacity(READ_BYTES))
}

/// Takes a buffer back; it is dropped if a frame cut out of it is still alive.
pub(crate) fn give_back(mut buffer: BytesMut) {
    buffer.clear();
    if READ_BYTES < buffer.capacity() || !buffer.try_reclaim(READ_BYTES) {
        return;
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.len() < KEPT_MAX {
            kept.push(buffer);
        }
    });
}
