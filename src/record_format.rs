//! Format strings of records (`-f`), in the letters that rpk, kcl and kcat share: what
//! `consume -f` writes. [`input`] reads the same letters for `produce -f`.

pub(crate) mod input;
mod layout;
mod unpack;

use std::fmt::Write as _;
use std::io::Write as _;

use jiff::Timestamp;
use jiff::fmt::StdIoWrite;
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::TimeZone;
use kt_client::consumer::{Marks, Record};
use kt_protocol::records::{HeaderView, TimestampType};
use kt_protocol::types::TopicPartition;

use crate::base64;
use crate::record_json::{self, JsonStyle};
use crate::terminal::escape_bytes_into;
use layout::{Attribute, HeaderPart, Number, NumberField, Part, Text, TextField};
pub(crate) use layout::{Layout, Shape};

/// Where a record comes from, as far as a format can show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) partition: &'a TopicPartition,
    pub(crate) marks: Marks,
}

/// Writes records as a layout has them.
#[derive(Debug)]
pub(crate) struct Writer {
    layout: Layout,
    zone: TimeZone,
    /// Control bytes of the data are spelled out.
    for_terminal: bool,
    /// How many records were written.
    count: i64,
    scratch: Vec<u8>,
}

impl Writer {
    /// Shows times in `zone`.
    pub(crate) fn new(layout: Layout, zone: TimeZone, for_terminal: bool) -> Writer {
        Writer { layout, zone, for_terminal, count: 0, scratch: Vec::new() }
    }

    /// Appends a record.
    pub(crate) fn write(&mut self, place: Place<'_>, record: &Record<'_>, out: &mut Vec<u8>) {
        self.count += 1;
        for part in &self.layout.parts {
            if let Part::Literal(text) = part {
                // The user's own text goes out as it is; only data is escaped.
                out.extend_from_slice(text);
                continue;
            }
            if !self.for_terminal {
                write_part(part, place, record, self.count, &self.zone, out);
                continue;
            }
            self.scratch.clear();
            write_part(part, place, record, self.count, &self.zone, &mut self.scratch);
            escape_bytes_into(&self.scratch, out);
        }
    }
}

fn write_part(
    part: &Part,
    place: Place<'_>,
    record: &Record<'_>,
    count: i64,
    zone: &TimeZone,
    out: &mut Vec<u8>,
) {
    match part {
        Part::Literal(text) => out.extend_from_slice(text),
        Part::Number(field, shape) => {
            let number = match field {
                NumberField::Count => count,
                field => number_of(*field, place, record),
            };
            shape.write(number, out);
        }
        Part::Text(field, shape) => {
            let bytes = match field {
                TextField::Topic => Some(place.partition.topic.as_bytes()),
                TextField::Key => record.key,
                TextField::Value => record.value,
            };
            shape.write(bytes, out);
        }
        Part::Time(format) => write_time(record, format, zone, out),
        Part::HeaderList => write_header_list(record, out),
        Part::Headers(parts) => {
            for header in record.headers.clone() {
                write_header(parts, &header, out);
            }
        }
        Part::Attribute(attribute) => write_attribute(*attribute, record, out),
    }
}

fn number_of(field: NumberField, place: Place<'_>, record: &Record<'_>) -> i64 {
    let length = |bytes: Option<&[u8]>| count_of(bytes.map_or(0, <[u8]>::len));
    match field {
        NumberField::Partition => place.partition.partition.0.into(),
        NumberField::Offset => record.offset.0,
        NumberField::Timestamp => record.timestamp.map_or(-1, |it| it.0),
        NumberField::KeyLength => length(record.key),
        NumberField::ValueLength => length(record.value),
        NumberField::HeaderCount => count_of(record.headers.len()),
        NumberField::LeaderEpoch => record.leader_epoch.map_or(-1, |it| it.0.into()),
        NumberField::ProducerId => record.producer.map_or(-1, |it| it.id.0),
        NumberField::ProducerEpoch => record.producer.map_or(-1, |it| it.epoch.0.into()),
        NumberField::LogStart => place.marks.log_start.0,
        NumberField::LastStable => place.marks.last_stable.0,
        NumberField::HighWatermark => place.marks.high_watermark.0,
        NumberField::Attributes => record.attributes.0.into(),
        NumberField::Count => 0,
    }
}

fn count_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// A format that strftime does not know is refused when the layout is read, so that nothing can
/// fail here but a time out of range, which is shown as its number.
fn write_time(record: &Record<'_>, format: &str, zone: &TimeZone, out: &mut Vec<u8>) {
    let Some(timestamp) = record.timestamp else { return };
    let before = out.len();
    let shown = Timestamp::from_millisecond(timestamp.0).and_then(|it| {
        let zoned = it.to_zoned(zone.clone());
        let time = BrokenDownTime::from(&zoned);
        time.format_with_config(&Config::new(), format, &mut StdIoWrite(&mut *out))
    });
    if shown.is_err() {
        out.truncate(before);
        Number::Ascii.write(timestamp.0, out);
    }
}

fn write_header_list(record: &Record<'_>, out: &mut Vec<u8>) {
    for (index, header) in record.headers.clone().enumerate() {
        if index != 0 {
            out.push(b',');
        }
        out.extend_from_slice(header.key_bytes);
        out.push(b'=');
        out.extend_from_slice(header.value.unwrap_or_default());
    }
}

fn write_header(parts: &[HeaderPart], header: &HeaderView<'_>, out: &mut Vec<u8>) {
    for part in parts {
        match part {
            HeaderPart::Literal(text) => out.extend_from_slice(text),
            HeaderPart::Key(shape) => shape.write(Some(header.key_bytes), out),
            HeaderPart::Value(shape) => shape.write(header.value, out),
            HeaderPart::KeyLength(shape) => shape.write(count_of(header.key_bytes.len()), out),
            HeaderPart::ValueLength(shape) => {
                shape.write(count_of(header.value.map_or(0, <[u8]>::len)), out);
            }
        }
    }
}

fn write_attribute(attribute: Attribute, record: &Record<'_>, out: &mut Vec<u8>) {
    let attributes = record.attributes;
    match attribute {
        Attribute::Compression => {
            let name = attributes.compression().map_or("unknown", |it| it.name());
            out.extend_from_slice(name.as_bytes());
        }
        Attribute::TimestampType => Number::Ascii.write(
            match record.timestamp_type {
                TimestampType::NoTimestampType => -1,
                TimestampType::CreateTime => 0,
                TimestampType::LogAppendTime => 1,
            },
            out,
        ),
        Attribute::TransactionalBit => out.push(b'0' + u8::from(attributes.is_transactional())),
        Attribute::ControlBit => out.push(b'0' + u8::from(attributes.is_control())),
    }
}

impl Number {
    /// Appends `number`, cut down to the width of the shape.
    pub(crate) fn write(self, number: i64, out: &mut Vec<u8>) {
        match self {
            // Writing to memory cannot fail.
            Number::Ascii => {
                let _ = write!(out, "{number}");
            }
            Number::Hex { digits: None } => {
                let _ = write!(out, "{number:x}");
            }
            Number::Hex { digits: Some(digits) } => {
                let kept = number.cast_unsigned() & (u64::MAX >> (64 - 4 * u32::from(digits)));
                let _ = write!(out, "{kept:0width$x}", width = usize::from(digits));
            }
            Number::Big { bytes } => {
                out.extend_from_slice(&number.to_be_bytes()[8 - usize::from(bytes)..]);
            }
            Number::Little { bytes } => {
                out.extend_from_slice(&number.to_le_bytes()[..usize::from(bytes)]);
            }
        }
    }
}

impl Text {
    /// Appends `bytes`; null prints nothing, except as JSON.
    pub(crate) fn write(&self, bytes: Option<&[u8]>, out: &mut Vec<u8>) {
        if *self == Text::Json {
            record_json::write_payload(bytes, JsonStyle::default(), out);
            return;
        }
        let Some(bytes) = bytes else { return };
        match self {
            Text::Plain => out.extend_from_slice(bytes),
            Text::Hex => {
                let mut text = String::with_capacity(2 * bytes.len());
                for byte in bytes {
                    let _ = write!(text, "{byte:02x}");
                }
                out.extend_from_slice(text.as_bytes());
            }
            Text::Base64 => base64::encode_into(bytes, out),
            Text::Unpack(fields) => unpack::write(fields, bytes, out),
            Text::Json => {}
        }
    }
}

#[cfg(test)]
mod tests;
