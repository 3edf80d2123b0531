//! A block as bytes, both ways. What is read may be anything: it never panics, and what it says of
//! itself costs no more memory than a full history has, a few hundred MiB at worst.

use std::cmp::Reverse;
use std::str;

use kt_protocol::records::compression::decompress;
use kt_protocol::records::{Budget, Compression, Compressor, crc32c};

use super::Draft;
use crate::tui::history::series::Series;
use crate::tui::history::store::{HARD_CAP_BYTES, Metric, Subject};

/// Of a block, without its payload.
pub(super) const HEADER_BYTES: usize = 44;
/// What is longer is no block of ours: all names and values of a full memory are shorter.
pub(super) const RAW_BYTES_MAX: usize = 32 << 20;
/// The same of lines, and of the subjects that they are of.
pub(super) const LINES_MAX: usize = 100_000;
/// A full memory has not half as many series.
const _: () = assert!(2 * HARD_CAP_BYTES / Series::FINE_BYTES <= LINES_MAX);
/// Who writes blocks one by one does not get as far in the age of the universe.
const NUMBER_MAX: u64 = 1 << 62;
/// Blocks of a later kt may be longer than ours; minutes of an hour are all that is looked for.
const MINUTES_MAX: u8 = 60;
const MAGIC: [u8; 4] = *b"ktm1";
/// What zstd needs beside what comes out.
const WINDOW_BYTES: u64 = 16 << 20;

/// The metrics by their numbers in files. New ones are put at the end.
const METRICS: [Metric; 11] = [
    Metric::RecordsIn,
    Metric::BytesIn,
    Metric::RecordsOut,
    Metric::Lag,
    Metric::GroupIn,
    Metric::Offline,
    Metric::BelowMinIsr,
    Metric::OutOfSync,
    Metric::QuorumLag,
    Metric::Size,
    Metric::DiskUsed,
];

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) first: i64,
    pub(super) minutes: u8,
    pub(super) payload: u32,
    raw: u32,
    payload_sum: u32,
}

/// Some minutes of all series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// Minutes since 1970 of the first values.
    pub(crate) first: i64,
    pub(crate) lines: Vec<Line>,
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) subject: Subject,
    pub(crate) metric: Metric,
    /// One for each minute; NaN is a gap.
    pub(crate) values: Vec<f32>,
}

/// A block with this number; `None` if the draft is larger than any that is read.
pub(super) fn encode(number: u64, draft: &Draft) -> Option<Vec<u8>> {
    let raw = raw(draft);
    if RAW_BYTES_MAX < raw.len() {
        return None;
    }
    let payload = Compressor::from(Compression::Zstd).compress(&raw);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend(MAGIC);
    bytes.extend(number.to_be_bytes());
    bytes.extend(u32::try_from(raw.len()).ok()?.to_be_bytes());
    bytes.extend(draft.first.to_be_bytes());
    bytes.extend(u32::try_from(payload.len()).ok()?.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(crc32c(&payload).to_be_bytes());
    bytes.extend([u8::try_from(draft.minutes).ok()?, 0, 0, 0]);
    bytes.extend(crc32c(&bytes).to_be_bytes());
    bytes.extend(payload.iter());
    Some(bytes)
}

fn raw(draft: &Draft) -> Vec<u8> {
    let mut raw = Vec::new();
    let named = draft.lines.iter().filter(|(Reverse(it), _)| has_a_place(it));
    raw.extend(count(named.clone().count()));
    for (Reverse(subject), _) in named.clone() {
        push_subject(subject, &mut raw);
    }
    let lines = named.clone().map(|it| it.1.len()).sum();
    raw.extend(count(lines));
    for (index, (_, of_subject)) in named.clone().enumerate() {
        for metric in of_subject.keys() {
            raw.extend(count(index));
            raw.push(number_of(*metric));
        }
    }
    for byte in 0..3 {
        for (_, of_subject) in named.clone() {
            let values = of_subject.values().flat_map(|it| &it[..draft.minutes]);
            raw.extend(values.map(|it| rounded(*it).to_be_bytes()[byte]));
        }
    }
    raw
}

/// What is counted here is less than the memory's bytes.
fn count(of: usize) -> [u8; 4] {
    u32::try_from(of).unwrap_or(u32::MAX).to_be_bytes()
}

/// Kafka's names are shorter by far.
fn has_a_place(subject: &Subject) -> bool {
    match subject {
        Subject::Total | Subject::Broker(_) => true,
        Subject::Topic(name) | Subject::Group(name) => name.len() <= usize::from(u16::MAX),
    }
}

fn push_subject(subject: &Subject, raw: &mut Vec<u8>) {
    let (kind, name) = match subject {
        Subject::Total => return raw.push(0),
        Subject::Broker(id) => {
            raw.push(1);
            return raw.extend(id.to_be_bytes());
        }
        Subject::Topic(name) => (2, name),
        Subject::Group(name) => (3, name),
    };
    raw.push(kind);
    raw.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
    raw.extend(name.as_bytes());
}

fn number_of(metric: Metric) -> u8 {
    let place = METRICS.iter().position(|it| *it == metric);
    place.and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX)
}

/// Bits beyond the 20th are noise that does not compress.
fn rounded(value: f32) -> u32 {
    const DROPPED: u32 = (1 << 12) - 1;
    if value.is_nan() {
        return f32::NAN.to_bits() & !DROPPED;
    }
    let bits = value.to_bits();
    let nearest = bits.saturating_add(DROPPED.div_ceil(2)) & !DROPPED;
    if f32::from_bits(nearest).is_finite() { nearest } else { bits & !DROPPED }
}

impl Header {
    /// The header at the start of `bytes`, if there is one.
    pub(super) fn read(bytes: &[u8]) -> Option<Header> {
        let mut rest = Bytes(bytes.get(..HEADER_BYTES)?);
        let sum = u32::from_be_bytes(bytes[HEADER_BYTES - 4..HEADER_BYTES].try_into().ok()?);
        if rest.array()? != MAGIC || crc32c(&bytes[..HEADER_BYTES - 4]) != sum {
            return None;
        }
        let number = u64::from_be_bytes(rest.array()?);
        let raw = u32::from_be_bytes(rest.array()?);
        let first = i64::from_be_bytes(rest.array()?);
        let payload = u32::from_be_bytes(rest.array()?);
        rest.take(4)?;
        let payload_sum = u32::from_be_bytes(rest.array()?);
        let [minutes] = rest.array()?;
        let fits = raw as usize <= RAW_BYTES_MAX && payload as usize <= RAW_BYTES_MAX;
        let is_ours = number < NUMBER_MAX && (1..=MINUTES_MAX).contains(&minutes);
        (fits && is_ours).then_some(Header { number, first, minutes, payload, raw, payload_sum })
    }

    /// Whether these are its bytes.
    pub(super) fn is_of(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload as usize && crc32c(payload) == self.payload_sum
    }

    /// What its payload says; `None` if that is not to be understood.
    pub(super) fn block(&self, payload: &[u8]) -> Option<Block> {
        let mut budget = Budget::new(u64::from(self.raw) + WINDOW_BYTES);
        let raw = decompress(Compression::Zstd, payload, &mut budget).ok()?;
        if raw.len() != self.raw as usize {
            return None;
        }
        let lines = lines(&raw, usize::from(self.minutes))?;
        Some(Block { first: self.first, lines })
    }
}

fn lines(raw: &[u8], minutes: usize) -> Option<Vec<Line>> {
    let mut rest = Bytes(raw);
    let subjects = rest.counted(|rest| rest.subject())?;
    let named = rest.counted(|rest| {
        let subject = u32::from_be_bytes(rest.array()?) as usize;
        let [metric] = rest.array()?;
        let metric = METRICS.get(usize::from(metric)).copied();
        Some((subjects.get(subject)?, metric))
    })?;
    let plane = named.len().checked_mul(minutes)?;
    let (high, middle, low) = (rest.take(plane)?, rest.take(plane)?, rest.take(plane)?);
    if !rest.0.is_empty() {
        return None;
    }
    let value = |at: usize| f32::from_be_bytes([high[at], middle[at], low[at], 0]);
    // Each line has a name of its own, and many may have the same.
    let names = named.iter().map(|(subject, _)| name_bytes(subject)).sum::<usize>();
    if RAW_BYTES_MAX < names {
        return None;
    }
    let mut lines = Vec::with_capacity(named.len());
    for (index, (subject, metric)) in named.into_iter().enumerate() {
        // A metric of tomorrow is passed over.
        let Some(metric) = metric else { continue };
        let values = (index * minutes..(index + 1) * minutes).map(value).collect();
        lines.push(Line { subject: subject.clone(), metric, values });
    }
    Some(lines)
}

fn name_bytes(subject: &Subject) -> usize {
    match subject {
        Subject::Total | Subject::Broker(_) => 0,
        Subject::Topic(name) | Subject::Group(name) => name.len(),
    }
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// As many as are said to come. Each takes a byte at least, and more in memory: so many that a
    /// full one would not hold them are none of ours.
    fn counted<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = u32::from_be_bytes(self.array()?) as usize;
        if self.0.len() < count || LINES_MAX < count {
            return None;
        }
        (0..count).map(|_| one(self)).collect()
    }

    fn subject(&mut self) -> Option<Subject> {
        let [kind] = self.array()?;
        match kind {
            0 => Some(Subject::Total),
            1 => Some(Subject::Broker(i32::from_be_bytes(self.array()?))),
            2 => Some(Subject::Topic(self.name()?)),
            3 => Some(Subject::Group(self.name()?)),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.array()?);
        let name = self.take(usize::from(length))?;
        str::from_utf8(name).ok().map(str::to_owned)
    }
}
