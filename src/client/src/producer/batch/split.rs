//! A batch that the broker finds too large, as two.

use kt_protocol::records::compression::Budget;
use kt_protocol::records::{BatchBuilder, BatchView, Compressor, NewRecord, RecordsError};
use kt_protocol::types::Millis;

use super::{Batch, Content, OVERHEAD_BYTES, RECORD_OVERHEAD_BYTES, State};

/// More than any batch has: it was made from records in memory.
const BYTES_MAX: u64 = 1 << 32;

impl Batch {
    /// Both halves of the records, in order, stamped one behind the other; nothing if there is but
    /// one record. The batch itself is empty then.
    pub(in crate::producer) fn split(&mut self, compressor: Compressor) -> Option<[Batch; 2]> {
        if self.tags.len() < 2 {
            return None;
        }
        let bytes = self.seal().bytes();
        let half = self.tags.len() / 2;
        let [first, second] = halves(&bytes, half, compressor).ok()?;
        let rest = self.tags.split_off(half);
        let begin = std::mem::take(&mut self.tags);
        let stamp = self.stamp.map(|it| it.after(half));
        let (created, ordinal, generation) = (self.created, self.ordinal, self.generation);
        let part = |builder: BatchBuilder, tags: Vec<_>, stamp| Batch {
            bytes: OVERHEAD_BYTES
                + builder.uncompressed_size()
                + tags.len() * RECORD_OVERHEAD_BYTES,
            content: Content::Full(Box::new(builder)),
            tags,
            created,
            state: State::Waiting(Millis(0)),
            stamp,
            generation,
            ordinal,
            // They are retries of what was sent: nothing overtakes them.
            attempts: 1,
            adrift_until: self.adrift_until,
            backoff: None,
            last_error: None,
        };
        Some([part(first, begin, self.stamp), part(second, rest, stamp)])
    }
}

fn halves(
    bytes: &[u8],
    half: usize,
    compressor: Compressor,
) -> Result<[BatchBuilder; 2], RecordsError> {
    let view = BatchView::only_of(bytes).expect("we built it");
    let body = view.decompress(&mut Budget::new(BYTES_MAX))?;
    let mut parts = [(); 2].map(|()| BatchBuilder::new().compressed(compressor));
    for (index, record) in body.records().enumerate() {
        let record = record?;
        let headers: Vec<_> = record.headers().map(|it| (it.key_lossy(), it.value)).collect();
        let headers: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|(key, value)| (key.as_ref(), *value)).collect();
        let (timestamp, key, value) = (record.timestamp, record.key, record.value);
        let part = &mut parts[usize::from(half <= index)];
        let appended = part.append(NewRecord { timestamp, key, value, headers: &headers });
        appended.expect("a half is smaller than the whole");
    }
    Ok(parts)
}
