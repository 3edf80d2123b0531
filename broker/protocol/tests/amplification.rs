//! What a frame of 1 MiB may cost: for every message and version, frames made to turn into as much
//! memory as they can decode within eight times their size, or are refused. Measured at the
//! allocator, so that nothing hides from the decoder's own accounts.

use bytes::Bytes;
use kt_protocol::codec::{DecodeBudget, Field, Kind, MessageType};
use kt_protocol::messages::catalog;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const FRAME_BYTES: usize = 1 << 20;
const HEAP_BYTES_MAX: usize = 8 << 20;
/// What the harness itself and the message's outermost struct take.
const SLACK_BYTES: usize = 4 << 10;
/// Deeper arrays than Kafka's messages have.
const DEPTH_MAX: usize = 6;

/// Which elements a frame has many of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The array at this number (in the order of the schema), and one element in each around it.
    OneArray(usize),
    /// As `OneArray`, with nothing in the arrays within.
    Bare(usize),
    /// As `OneArray`, with as many unknown tagged fields in each element as are allowed.
    Tags(usize),
}

impl Shape {
    fn target(self) -> usize {
        match self {
            Shape::OneArray(target) | Shape::Bare(target) | Shape::Tags(target) => target,
        }
    }
}

/// Writes the smallest message of a schema, but for one array.
struct Maker<'a> {
    message: &'a MessageType,
    version: i16,
    shape: Shape,
    /// How many arrays were met.
    arrays: usize,
    count: usize,
}

impl Maker<'_> {
    fn is_flexible(&self) -> bool {
        self.message.flexible_versions.contains(self.version)
    }

    fn length(&self, bytes: &mut Vec<u8>, length: usize, width: usize) {
        if self.is_flexible() {
            varint(bytes, length as u32 + 1);
        } else {
            bytes.extend_from_slice(&(length as u32).to_be_bytes()[4 - width..]);
        }
    }

    fn fields(&mut self, bytes: &mut Vec<u8>, fields: &[Field], depth: usize) {
        let present = |field: &&Field| field.versions.contains(self.version);
        let present: Vec<&Field> = fields.iter().filter(present).collect();
        for field in present.iter().filter(|field| field.tag.is_none()) {
            self.field(bytes, field, depth);
        }
        if !self.is_flexible() {
            return;
        }
        let mut tagged: Vec<&&Field> = present.iter().filter(|it| it.tag.is_some()).collect();
        tagged.sort_by_key(|field| field.tag);
        let unknown = if matches!(self.shape, Shape::Tags(_)) { 64 - tagged.len() } else { 0 };
        varint(bytes, (tagged.len() + unknown) as u32);
        for field in &tagged {
            let mut value = Vec::new();
            self.field(&mut value, field, depth);
            varint(bytes, field.tag.unwrap_or_default());
            varint(bytes, value.len() as u32);
            bytes.extend(value);
        }
        for tag in 0..unknown {
            varint(bytes, 10_000 + tag as u32);
            varint(bytes, 0);
        }
    }

    fn field(&mut self, bytes: &mut Vec<u8>, field: &Field, depth: usize) {
        match field.kind {
            Kind::String if field.inflexible => bytes.extend([0, 0]),
            Kind::Struct(fields) => {
                if field.nullable.contains(self.version) {
                    bytes.push(1);
                }
                self.fields(bytes, fields, depth);
            }
            kind => self.value(bytes, &kind, depth),
        }
    }

    fn value(&mut self, bytes: &mut Vec<u8>, kind: &Kind, depth: usize) {
        match kind {
            Kind::Bool | Kind::Int8 => bytes.push(0),
            Kind::Int16 | Kind::Uint16 => bytes.extend([0; 2]),
            Kind::Int32 | Kind::Uint32 => bytes.extend([0; 4]),
            Kind::Int64 | Kind::Float64 => bytes.extend([0; 8]),
            Kind::Uuid => bytes.extend([0; 16]),
            Kind::String => self.length(bytes, 0, 2),
            Kind::Bytes | Kind::Records => self.length(bytes, 0, 4),
            Kind::Struct(fields) => self.fields(bytes, fields, depth),
            Kind::Array(element) => self.array(bytes, element, depth),
        }
    }

    fn array(&mut self, bytes: &mut Vec<u8>, element: &Kind, depth: usize) {
        let number = self.arrays;
        self.arrays += 1;
        let is_target = number == self.shape.target();
        let is_within = self.shape.target() < number && matches!(self.shape, Shape::Bare(_));
        let count = match is_target {
            true => self.count,
            false => usize::from(!is_within && depth < DEPTH_MAX),
        };
        self.length(bytes, count, 4);
        let mut first = Vec::new();
        self.value(&mut first, element, depth + 1);
        // All elements are the same: what they hold is numbered once.
        for _ in 0..count {
            bytes.extend_from_slice(&first);
        }
    }
}

fn varint(bytes: &mut Vec<u8>, mut value: u32) {
    while 0x7f < value {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn make(message: &MessageType, version: i16, shape: Shape, count: usize) -> (Vec<u8>, usize) {
    let mut maker = Maker { message, version, shape, arrays: 0, count };
    let mut bytes = Vec::new();
    let Kind::Struct(fields) = message.fields else { return (bytes, 0) };
    maker.fields(&mut bytes, fields, 0);
    (bytes, maker.arrays)
}

/// The largest frame of this shape that is no longer than 1 MiB.
fn largest(message: &MessageType, version: i16, shape: Shape) -> Option<Bytes> {
    let length = |count| {
        let (bytes, _) = make(message, version, shape, count);
        let length = bytes.len();
        let honest = message.rewrite(&bytes.into(), version, DecodeBudget::UNLIMITED);
        assert!(honest.is_ok(), "{} {version}: {honest:?}", message.name);
        length
    };
    let (one, nine) = (length(1), length(9));
    let per_element = (nine - one).div_ceil(8);
    if per_element == 0 {
        return None;
    }
    // Longer counts take some bytes more.
    let count = FRAME_BYTES.saturating_sub(one + 64) / per_element;
    let (mut bytes, _) = make(message, version, shape, count);
    bytes.truncate(FRAME_BYTES);
    Some(bytes.into())
}

/// The heap that decoding took at its height.
fn heap_of(message: &MessageType, version: i16, frame: &Bytes) -> (usize, bool) {
    let before = PeakAlloc.current_usage();
    PeakAlloc.reset_peak_usage();
    let result = message.rewrite(frame, version, DecodeBudget::for_frame(frame.len()));
    let height = PeakAlloc.peak_usage() - before;
    // A message that was taken was written again too.
    let written = result.as_ref().map_or(0, |rewritten| rewritten.bytes.len());
    (height.saturating_sub(written), result.is_ok())
}

#[test]
fn a_mebibyte_of_any_message_takes_eight_at_most() {
    let (mut taken, mut refused, mut greatest) = (0, 0, 0);
    for message in catalog::ALL {
        for version in message.valid_versions.iter() {
            let (_, arrays) = make(message, version, Shape::OneArray(usize::MAX), 1);
            let shapes =
                (0..arrays).flat_map(|it| [Shape::OneArray(it), Shape::Bare(it), Shape::Tags(it)]);
            for shape in shapes {
                let Some(frame) = largest(message, version, shape) else { continue };
                let (heap, is_taken) = heap_of(message, version, &frame);
                assert!(
                    heap <= HEAP_BYTES_MAX + SLACK_BYTES,
                    "{} {version}: {heap} bytes for array {}",
                    message.name,
                    shape.target()
                );
                greatest = greatest.max(heap);
                *(if is_taken { &mut taken } else { &mut refused }) += 1;
            }
        }
    }
    assert!(100 < taken && 100 < refused, "{taken} taken, {refused} refused");
    assert!(FRAME_BYTES < greatest, "the frames are worst cases: {greatest}");
}
