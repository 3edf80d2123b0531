//! Makes the bytes of messages, with record bytes as segments of their own.

use bytes::Bytes;

use super::sink::{Sink, SinkState, unsigned_varint_len};
use super::{EncodeError, Records, Segment};

/// Record bytes shorter than this are copied between the fields around them: one more segment costs
/// the sender more than the copy.
const COPY_BELOW: usize = 1024;

/// Memory that messages are appended to.
///
/// All that is not record bytes goes to one buffer. Records only leave a cut there; the buffer is
/// divided at the cuts when the writer is finished, without copying.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
    cuts: Vec<Cut>,
    state: SinkState,
}

/// Records that belong at a position of the buffer.
#[derive(Debug)]
struct Cut {
    position: usize,
    records: Segment,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// An empty writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer { buffer: Vec::with_capacity(capacity), ..Writer::default() }
    }

    /// How many bytes were written, records included.
    pub fn len(&self) -> usize {
        self.buffer.len() + self.cuts.iter().map(|cut| cut.records.len()).sum::<usize>()
    }

    /// True if nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segments in order. None is empty.
    pub fn finish(self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(self.cuts.len() * 2 + 1);
        let mut rest = Bytes::from(self.buffer);
        let mut taken = 0;
        for cut in self.cuts {
            let before = rest.split_to(cut.position - taken);
            taken = cut.position;
            if !before.is_empty() {
                segments.push(Segment::Bytes(before));
            }
            segments.push(cut.records);
        }
        if !rest.is_empty() {
            segments.push(Segment::Bytes(rest));
        }
        segments
    }

    /// All bytes as one piece. Copies if there are records that were not copied yet.
    ///
    /// # Errors
    ///
    /// Fails if there are external records, whose bytes are not here.
    pub fn into_bytes(self) -> Result<Bytes, EncodeError> {
        if self.cuts.is_empty() {
            return Ok(Bytes::from(self.buffer));
        }
        concatenate(self.finish())
    }

    pub(crate) fn begin(&mut self, flexible: bool, version: i16) {
        self.state.flexible = flexible;
        self.state.version = version;
    }

    pub(crate) fn result(&self) -> Result<(), EncodeError> {
        self.state.error.clone().map_or(Ok(()), Err)
    }

    /// Sets the first four bytes to the length of all that follows them.
    ///
    /// # Errors
    ///
    /// Fails if it is more than 2 GiB.
    pub(crate) fn set_size_prefix(&mut self) -> Result<(), EncodeError> {
        let length = self.len() - 4;
        let size = i32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
        self.buffer[..4].copy_from_slice(&size.to_be_bytes());
        Ok(())
    }
}

/// The bytes of segments as one piece.
///
/// # Errors
///
/// Fails if one is external, whose bytes are not here.
pub fn concatenate(segments: Vec<Segment>) -> Result<Bytes, EncodeError> {
    let mut whole = Vec::with_capacity(segments.iter().map(Segment::len).sum());
    for segment in segments {
        match segment {
            Segment::Bytes(bytes) => whole.extend_from_slice(&bytes),
            Segment::External { length } => return Err(EncodeError::ExternalRecords { length }),
        }
    }
    Ok(Bytes::from(whole))
}

impl Sink for Writer {
    #[inline]
    fn state(&mut self) -> &mut SinkState {
        &mut self.state
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn put_records(&mut self, records: &Records) {
        let records = match records {
            Records::Bytes(bytes) if bytes.len() < COPY_BELOW => return self.put(bytes),
            Records::Bytes(bytes) => Segment::Bytes(bytes.clone()),
            Records::External { length: 0 } => return,
            Records::External { length } => Segment::External { length: *length },
        };
        self.cuts.push(Cut { position: self.buffer.len(), records });
    }

    fn reserve_byte(&mut self) -> usize {
        self.buffer.push(0);
        self.buffer.len()
    }

    fn put_length_before(&mut self, mark: usize) {
        let length = self.buffer.len() - mark;
        // No tagged field has records, so no cut lies behind the mark and moving bytes is safe.
        debug_assert!(self.cuts.last().is_none_or(|cut| cut.position <= mark));
        let more = unsigned_varint_len(length) - 1;
        if more > 0 {
            self.buffer.splice(mark..mark, std::iter::repeat_n(0, more));
        }
        let mut left = length;
        for byte in &mut self.buffer[mark - 1..mark + more] {
            *byte = left as u8 | 0x80;
            left >>= 7;
        }
        self.buffer[mark + more - 1] &= 0x7f;
    }

    fn set_byte_before(&mut self, mark: usize, byte: u8) {
        self.buffer[mark - 1] = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{DecodeBudget, Message, Reader};
    use crate::messages::FetchResponse;
    use crate::messages::fetch_response::{FetchableTopicResponse, PartitionData};

    fn response(records: Vec<Option<Records>>) -> FetchResponse {
        let partition = |records| PartitionData { records, ..Default::default() };
        let partitions = records.into_iter().map(partition).collect();
        let topic = FetchableTopicResponse { partitions, ..Default::default() };
        FetchResponse { responses: vec![topic], ..Default::default() }
    }

    fn encode(message: &FetchResponse) -> Vec<Segment> {
        let mut writer = Writer::new();
        message.encode(&mut writer, 18).unwrap();
        assert_eq!(Ok(writer.len()), message.encoded_len(18));
        writer.finish()
    }

    #[test]
    fn large_records_are_segments_that_share_their_memory() {
        let large = Bytes::from(vec![7; COPY_BELOW]);
        let small = Bytes::from(vec![8; COPY_BELOW - 1]);
        let message = response(vec![
            Some(large.clone().into()),
            None,
            Some(small.clone().into()),
            Some(Records::External { length: 70_000 }),
            Some(Records::EMPTY),
        ]);
        let segments = encode(&message);
        let [Segment::Bytes(_), Segment::Bytes(first), Segment::Bytes(middle), external, _] =
            &segments[..]
        else {
            panic!("{} segments", segments.len());
        };
        assert_eq!(first.as_ptr(), large.as_ptr());
        assert!(middle.windows(small.len()).any(|it| it == small));
        assert_eq!(external, &Segment::External { length: 70_000 });
        let total: usize = segments.iter().map(Segment::len).sum();
        assert_eq!(message.encoded_len(18), Ok(total));
        let error = EncodeError::ExternalRecords { length: 70_000 };
        assert_eq!(concatenate(segments), Err(error));
    }

    #[test]
    fn segments_in_order_are_the_message() {
        let records = |byte| Some(Records::Bytes(vec![byte; 3000].into()));
        // Two records without a field between them cannot be: each has its length in front.
        let message = response(vec![records(1), records(2), None, records(3)]);
        let bytes = concatenate(encode(&message)).unwrap();
        let mut reader = Reader::new(&bytes, DecodeBudget::for_frame(bytes.len()));
        let decoded = FetchResponse::decode(&mut reader, 18).unwrap();
        reader.finish().unwrap();
        assert_eq!(decoded, message);
        // Records are slices of the frame.
        let Some(Records::Bytes(records)) = &decoded.responses[0].partitions[0].records else {
            panic!("no records");
        };
        assert!(bytes.as_ptr_range().contains(&records.as_ptr()));
    }

    #[test]
    fn the_length_of_a_tagged_field_may_take_several_bytes() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
            let mut writer = Writer::new();
            writer.begin(true, 0);
            let mut tags = crate::codec::Tags::open(&mut writer);
            tags.field(&mut writer, 5, |sink| sink.put(&vec![9; length]));
            tags.close(&mut writer);
            let bytes = writer.into_bytes().unwrap();
            let mut reader = Reader::new(&bytes, DecodeBudget::UNLIMITED);
            reader.set_flexible(true);
            let mut seen = None;
            reader
                .tagged_fields(|reader, tag| {
                    seen = Some((tag, reader.remaining()));
                    Ok(false)
                })
                .unwrap();
            assert_eq!(seen, Some((5, length)));
            reader.finish().unwrap();
        }
    }
}
