//! Random messages, made of the descriptions: bytes that every reader must take.

use bytes::Bytes;

use super::vectors::vectors;
use crate::codec::{DecodeBudget, Field, Kind, MessageType, Sink, Tags, Writer};
use crate::messages::catalog;
use crate::types::Uuid;

/// Seeds of each message and version.
const SEEDS: u64 = 50;

/// Random numbers of a seed (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    /// Numbers of all magnitudes.
    fn number(&mut self) -> u64 {
        let shift = self.below(64);
        let number = self.next() >> shift;
        if self.one_in(4) { number.wrapping_neg() } else { number }
    }

    fn text(&mut self) -> String {
        let length = if self.one_in(20) { 130 } else { self.below(12) };
        let alphabet = ['a', 'Z', '0', '.', '-', 'é', '語', '𝄞', '\0', '\n'];
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    fn bytes(&mut self) -> Bytes {
        let length = if self.one_in(20) { 3000 } else { self.below(20) };
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A message of this type and version. Tells whether it has tagged fields that are known.
    pub(super) fn message(&mut self, message: &MessageType, version: i16) -> (Bytes, bool) {
        self.message_of_size(message, version, 4)
    }

    /// A message whose outermost arrays have up to `elements` elements.
    fn message_of_size(
        &mut self,
        message: &MessageType,
        version: i16,
        elements: usize,
    ) -> (Bytes, bool) {
        let writer = Writer::new();
        let mut making = Making { random: self, writer, version, elements, tagged: false };
        making.writer.begin(message.flexible_versions.contains(version), version);
        making.value(&message.fields);
        let tagged = making.tagged;
        (making.writer.into_bytes().unwrap(), tagged)
    }
}

struct Making<'a> {
    random: &'a mut Random,
    writer: Writer,
    version: i16,
    elements: usize,
    tagged: bool,
}

impl Making<'_> {
    fn value(&mut self, kind: &Kind) {
        let number = self.random.number();
        match kind {
            Kind::Bool => self.writer.bool(number.is_multiple_of(2)),
            Kind::Int8 => self.writer.i8(number as i8),
            Kind::Int16 => self.writer.i16(number as i16),
            Kind::Int32 => self.writer.i32(number as i32),
            Kind::Int64 => self.writer.i64(number as i64),
            Kind::Uint16 => self.writer.u16(number as u16),
            Kind::Uint32 => self.writer.u32(number as u32),
            Kind::Float64 => self.writer.f64(number as f64 / 3.0),
            Kind::Uuid => self.writer.uuid(Uuid(u128::from(number).to_be_bytes())),
            Kind::String => self.writer.string(&self.random.text()),
            Kind::Bytes | Kind::Records => self.writer.bytes(&self.random.bytes()),
            Kind::Array(element) => {
                let count = self.random.below(self.elements);
                self.writer.length(Some(count));
                let outer = std::mem::replace(&mut self.elements, 4);
                (0..count).for_each(|_| self.value(element));
                self.elements = outer;
            }
            Kind::Struct(fields) => self.fields(fields),
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        let version = self.version;
        let carried = |it: &&Field| it.versions.contains(version);
        for field in fields.iter().filter(carried).filter(|it| it.tag.is_none()) {
            self.field(field);
        }
        if !self.writer.state().flexible {
            return;
        }
        let mut tagged: Vec<(u32, &Field)> =
            fields.iter().filter(carried).filter_map(|it| Some((it.tag?, it))).collect();
        tagged.sort_by_key(|(tag, _)| *tag);
        let mut tags = Tags::open(&mut self.writer);
        for (tag, field) in tagged {
            if self.random.one_in(2) {
                self.tagged = true;
                // A writer of its own: `self` is borrowed while the field is written.
                let mut inner = std::mem::take(&mut self.writer);
                tags.field(&mut inner, tag, |writer| {
                    std::mem::swap(writer, &mut self.writer);
                    self.field(field);
                    std::mem::swap(writer, &mut self.writer);
                });
                self.writer = inner;
            }
        }
        tags.close(&mut self.writer);
    }

    fn field(&mut self, field: &Field) {
        if field.inflexible {
            let text = self.random.text();
            return self.writer.inflexible_nullable_string(Some(&text));
        }
        let nullable = field.nullable.contains(self.version);
        let is_null = nullable && self.random.one_in(3);
        match (&field.kind, field.tag) {
            (Kind::Struct(_), None) if nullable => self.writer.i8(if is_null { -1 } else { 1 }),
            (Kind::Struct(_), Some(_)) if nullable => self.writer.bool(!is_null),
            (Kind::String, _) if is_null => self.writer.nullable_string(None),
            _ if is_null => self.writer.length(None),
            _ => {}
        }
        if !is_null {
            self.value(&field.kind);
        }
    }
}

/// Each message in each version.
pub(super) fn each_version() -> impl Iterator<Item = (&'static MessageType, i16)> {
    catalog::ALL.iter().flat_map(|it| it.valid_versions.iter().map(move |version| (it, version)))
}

#[test]
fn random_messages_survive_bytes_and_json() {
    for (message, version) in each_version() {
        for seed in 0..SEEDS {
            let context = || format!("{} version {version} seed {seed}", message.name);
            let (bytes, has_tags) = Random(seed).message(message, version);
            let budget = DecodeBudget::for_frame(bytes.len());
            let once = message.rewrite(&bytes, version, budget);
            let once = once.unwrap_or_else(|error| panic!("{}: {error}", context())).bytes;
            // A tagged field that is at its default is not written again.
            if has_tags {
                assert!(once.len() <= bytes.len(), "{}", context());
            } else {
                assert_eq!(once, bytes, "{}", context());
            }
            let twice = message.rewrite(&once, version, budget).unwrap();
            assert_eq!((&twice.bytes, twice.encoded_len), (&once, once.len()), "{}", context());
            let json = message.to_json(&once, version, DecodeBudget::UNLIMITED).unwrap();
            assert_eq!(message.from_json(&json, version), Ok(once), "{}", context());
        }
    }
}

#[test]
fn large_honest_messages_stay_well_within_their_budget() {
    for (message, version) in each_version() {
        for seed in 0..5 {
            let (bytes, _) = Random(seed).message_of_size(message, version, 500);
            let unlimited = DecodeBudget::UNLIMITED;
            let rewritten = message.rewrite(&bytes, version, unlimited).unwrap();
            let used = unlimited.0 - rewritten.budget_left;
            let budget = DecodeBudget::for_frame(bytes.len()).0;
            let length = bytes.len();
            assert!(used * 3 <= budget * 2, "{} {version}: {used} for {length}", message.name);
        }
    }
}

#[test]
fn descriptions_know_every_message_of_the_vectors() {
    // The description alone must give each vector's length: what it reads, it reads to the end.
    for vector in vectors() {
        let message = super::vectors::message_type(&vector.name);
        message.to_json(&vector.bytes, vector.version, DecodeBudget::UNLIMITED).unwrap();
    }
}
