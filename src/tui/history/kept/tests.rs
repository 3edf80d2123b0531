//! Blocks, the ring, and what a crash leaves of both.

mod blocks;
mod past;
mod ring;

use super::*;

/// Minutes of one topic whose values do not compress: a block takes about as many bytes as asked for.
fn minute(minute: i64, lines: usize) -> Minute {
    let mut seed = minute.unsigned_abs();
    let mut line = |id: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = (seed >> 40) as f32;
        (Subject::Broker(i32::try_from(id).unwrap()), vec![(Metric::BytesIn, value)])
    };
    Minute { minute, lines: (0..lines).map(&mut line).collect() }
}

fn draft(first: i64, lines: usize) -> Draft {
    let mut draft = Draft::default();
    for it in first..first + BLOCK_MINUTES as i64 {
        draft.add(minute(it, lines));
    }
    draft
}
