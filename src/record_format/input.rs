//! Records out of bytes, as a format string says where each field stands (`produce -f`): between
//! texts, or with its size before it.

use crate::base64;
use crate::record_json;

use super::layout::{
    FormatError, HeaderPart, Layout, Number, NumberField, Part, Shape, Text, TextField,
};

/// A layout that bytes can be read by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputFormat {
    parts: Vec<Part>,
}

/// What a layout found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FormattedRecord {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    /// Milliseconds since 1970.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// The next record of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// It, and how many bytes it took.
    Record(Box<FormattedRecord>, usize),
    /// It goes on behind the bytes that are there.
    NeedsMore,
}

/// Whether more may come behind the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It may.
    Open,
    /// The input has ended.
    Ended,
}

impl InputFormat {
    /// Reads a format string. One that ends in a field without a size reads lines.
    pub(crate) fn parse(text: &str) -> Result<InputFormat, String> {
        let Layout { mut parts } =
            Layout::parse(text, Shape::Input).map_err(|it: FormatError| it.to_string())?;
        let mut sizes = Sizes::default();
        let is_open = parts.last().is_some_and(|it| is_open_ended(it, &parts));
        if is_open {
            parts.push(Part::Literal(b"\n".to_vec()));
        }
        for (index, part) in parts.iter().enumerate() {
            let is_delimited = matches!(parts.get(index + 1), Some(Part::Literal(_)));
            check(part, &mut sizes, is_delimited)?;
        }
        if !parts.iter().any(|it| matches!(it, Part::Text(TextField::Value, _))) {
            return Err("-f: a record needs a value: %v".to_owned());
        }
        Ok(InputFormat { parts })
    }

    /// Takes the record at the beginning of `bytes`. The error says what was found instead.
    pub(crate) fn read(&self, bytes: &[u8], tail: Tail) -> Result<Parsed, String> {
        let mut cursor = Cursor { bytes, position: 0, tail, sizes: Sizes::default() };
        let mut record = FormattedRecord::default();
        for (index, part) in self.parts.iter().enumerate() {
            let end = match self.parts.get(index + 1) {
                Some(Part::Literal(text)) => {
                    Delimiter { text, is_last: index + 2 == self.parts.len() }
                }
                _ => Delimiter { text: &[], is_last: false },
            };
            let is_last = index + 1 == self.parts.len();
            match cursor.part(part, &mut record, end, is_last) {
                Ok(()) => {}
                Err(Stop::NeedsMore) => return Ok(Parsed::NeedsMore),
                Err(Stop::Wrong(reason)) => return Err(reason),
            }
        }
        Ok(Parsed::Record(Box::new(record), cursor.position))
    }
}

/// Sizes that stood before what they measure.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    key: Option<usize>,
    value: Option<usize>,
    headers: Option<usize>,
}

/// A last part whose end only a text behind it can tell.
fn is_open_ended(part: &Part, parts: &[Part]) -> bool {
    let has =
        |wanted| parts.iter().any(|it| matches!(it, Part::Number(field, _) if *field == wanted));
    match part {
        Part::Text(TextField::Key, _) => !has(NumberField::KeyLength),
        Part::Text(TextField::Value, _) => !has(NumberField::ValueLength),
        Part::Text(TextField::Topic, _) => true,
        Part::Number(_, Number::Ascii | Number::Hex { digits: None }) => true,
        _ => false,
    }
}

/// Refuses what could never be read.
fn check(part: &Part, sizes: &mut Sizes, is_delimited: bool) -> Result<(), String> {
    let ends = |is_sized: bool, name: &str, size: &str| match is_sized || is_delimited {
        true => Ok(()),
        false => Err(format!("-f: nothing tells where {name} ends: put text behind it{size}")),
    };
    match part {
        Part::Literal(_) => Ok(()),
        Part::Number(field, _) => {
            match field {
                NumberField::KeyLength => sizes.key = Some(0),
                NumberField::ValueLength => sizes.value = Some(0),
                NumberField::HeaderCount => sizes.headers = Some(0),
                _ => {}
            }
            Ok(())
        }
        Part::Text(TextField::Topic, _) => ends(false, "%t", ""),
        Part::Text(TextField::Key, _) => {
            ends(sizes.key.is_some(), "%k", ", or its size %K before it")
        }
        Part::Text(TextField::Value, _) => {
            ends(sizes.value.is_some(), "%v", ", or its size %V before it")
        }
        Part::Headers(parts) => check_headers(parts, sizes.headers),
        Part::HeaderList => Err("-f: %h reads nothing without braces: %H %h{%k=%v }".to_owned()),
        Part::Time(_) | Part::Attribute(_) => Err("-f: this letter is for consume only".to_owned()),
    }
}

fn check_headers(parts: &[HeaderPart], count: Option<usize>) -> Result<(), String> {
    if count.is_none() {
        return Err("-f: %h{…} needs their number before it: %H".to_owned());
    }
    if !parts.iter().any(|it| matches!(it, HeaderPart::Key(_))) {
        return Err("-f: a header needs its key: %h{%k=%v }".to_owned());
    }
    let mut sized = (false, false);
    for (index, part) in parts.iter().enumerate() {
        let is_delimited = matches!(parts.get(index + 1), Some(HeaderPart::Literal(_)));
        let (name, is_sized) = match part {
            HeaderPart::Literal(_) => continue,
            HeaderPart::KeyLength(_) => {
                sized.0 = true;
                continue;
            }
            HeaderPart::ValueLength(_) => {
                sized.1 = true;
                continue;
            }
            HeaderPart::Key(_) => ("%k", sized.0),
            HeaderPart::Value(_) => ("%v", sized.1),
        };
        if !is_sized && !is_delimited {
            return Err(format!("-f: nothing tells where {name} of a header ends"));
        }
    }
    Ok(())
}

/// Why a part was not read.
enum Stop {
    NeedsMore,
    Wrong(String),
}

/// The text that ends a field.
#[derive(Clone, Copy)]
struct Delimiter<'a> {
    text: &'a [u8],
    /// It ends the record too.
    is_last: bool,
}

impl Delimiter<'_> {
    /// The last line of a file may lack its end.
    fn may_be_missing(&self) -> bool {
        self.is_last && self.text == b"\n"
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    tail: Tail,
    sizes: Sizes,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// There are not enough bytes.
    fn short(&self) -> Stop {
        match self.tail {
            Tail::Open => Stop::NeedsMore,
            Tail::Ended => Stop::Wrong("the input ends inside a record".to_owned()),
        }
    }

    fn part(
        &mut self,
        part: &Part,
        record: &mut FormattedRecord,
        end: Delimiter<'_>,
        is_last: bool,
    ) -> Result<(), Stop> {
        match part {
            Part::Literal(text) => self.literal(Delimiter { text, is_last }),
            Part::Number(field, shape) => {
                let number = self.number(*shape)?;
                self.keep(*field, number, record)
            }
            Part::Text(field, shape) => {
                let size = match field {
                    TextField::Topic => None,
                    TextField::Key => self.sizes.key,
                    TextField::Value => self.sizes.value,
                };
                let bytes = decoded(self.field(size, end)?, shape)?;
                match field {
                    TextField::Topic => record.topic = bytes.map(text).transpose()?,
                    TextField::Key => record.key = bytes,
                    TextField::Value => record.value = bytes,
                }
                Ok(())
            }
            Part::Headers(parts) => {
                for _ in 0..self.sizes.headers.unwrap_or_default() {
                    let header = self.header(parts)?;
                    record.headers.push(header);
                }
                Ok(())
            }
            Part::Time(_) | Part::HeaderList | Part::Attribute(_) => Ok(()),
        }
    }

    fn literal(&mut self, expected: Delimiter<'_>) -> Result<(), Stop> {
        let (text, rest) = (expected.text, self.rest());
        if rest.starts_with(text) {
            self.position += text.len();
            return Ok(());
        }
        if rest.is_empty() && self.tail == Tail::Ended && expected.may_be_missing() {
            return Ok(());
        }
        if text.starts_with(rest) {
            return Err(self.short());
        }
        let found = String::from_utf8_lossy(&rest[..rest.len().min(text.len().max(16))]);
        let text = String::from_utf8_lossy(text);
        Err(Stop::Wrong(format!(
            "\"{}\" is expected before \"{}\"",
            text.escape_debug(),
            found.escape_debug()
        )))
    }

    fn field(&mut self, size: Option<usize>, end: Delimiter<'_>) -> Result<&'a [u8], Stop> {
        let rest = self.rest();
        let length = match size {
            Some(size) if size <= rest.len() => size,
            Some(_) => return Err(self.short()),
            None => match find(rest, end.text) {
                Some(length) => length,
                None if self.tail == Tail::Ended && end.may_be_missing() => rest.len(),
                None if self.tail == Tail::Ended => {
                    let text = String::from_utf8_lossy(end.text);
                    let reason = format!("no \"{}\" in what is left", text.escape_debug());
                    return Err(Stop::Wrong(reason));
                }
                None => return Err(Stop::NeedsMore),
            },
        };
        self.position += length;
        Ok(&rest[..length])
    }

    fn number(&mut self, shape: Number) -> Result<i64, Stop> {
        let fixed = |bytes: u8| usize::from(bytes);
        match shape {
            Number::Ascii => self.digits(10),
            Number::Hex { digits: None } => self.digits(16),
            Number::Hex { digits: Some(digits) } => {
                let taken =
                    self.field(Some(fixed(digits)), Delimiter { text: &[], is_last: false })?;
                parse_digits(taken, 16)
            }
            Number::Big { bytes } | Number::Little { bytes } => {
                let taken =
                    self.field(Some(fixed(bytes)), Delimiter { text: &[], is_last: false })?;
                let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
                let value = match shape {
                    Number::Little { .. } => taken.iter().rev().fold(0, add),
                    _ => taken.iter().fold(0, add),
                };
                Ok(value.cast_signed())
            }
        }
    }

    fn digits(&mut self, radix: u32) -> Result<i64, Stop> {
        let rest = self.rest();
        let is_inside = |(index, it): (usize, &u8)| {
            char::from(*it).is_digit(radix) || (index == 0 && *it == b'-')
        };
        let length = rest.iter().enumerate().take_while(|it| is_inside(*it)).count();
        if length == rest.len() && self.tail == Tail::Open {
            return Err(Stop::NeedsMore);
        }
        self.position += length;
        parse_digits(&rest[..length], radix)
    }

    fn keep(
        &mut self,
        field: NumberField,
        number: i64,
        record: &mut FormattedRecord,
    ) -> Result<(), Stop> {
        match field {
            NumberField::KeyLength => self.sizes.key = Some(size(number)?),
            NumberField::ValueLength => self.sizes.value = Some(size(number)?),
            NumberField::HeaderCount => self.sizes.headers = Some(size(number)?),
            NumberField::Timestamp => record.timestamp = Some(number),
            NumberField::Partition => {
                let partition = i32::try_from(number).ok().filter(|it| 0 <= *it);
                let wrong = || Stop::Wrong(format!("{number} is no partition"));
                record.partition = Some(partition.ok_or_else(wrong)?);
            }
            // What only a log gives is read over.
            _ => {}
        }
        Ok(())
    }

    fn header(&mut self, parts: &[HeaderPart]) -> Result<(String, Option<Vec<u8>>), Stop> {
        let (mut key, mut value) = (None, None);
        let (mut key_size, mut value_size) = (None, None);
        for (index, part) in parts.iter().enumerate() {
            let end = match parts.get(index + 1) {
                Some(HeaderPart::Literal(text)) => Delimiter { text, is_last: false },
                _ => Delimiter { text: &[], is_last: false },
            };
            match part {
                HeaderPart::Literal(text) => self.literal(Delimiter { text, is_last: false })?,
                HeaderPart::KeyLength(shape) => key_size = Some(size(self.number(*shape)?)?),
                HeaderPart::ValueLength(shape) => value_size = Some(size(self.number(*shape)?)?),
                HeaderPart::Key(shape) => key = decoded(self.field(key_size, end)?, shape)?,
                HeaderPart::Value(shape) => value = decoded(self.field(value_size, end)?, shape)?,
            }
        }
        Ok((text(key.unwrap_or_default())?, value))
    }
}

fn size(number: i64) -> Result<usize, Stop> {
    usize::try_from(number).map_err(|_| Stop::Wrong(format!("{number} is no size")))
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    match text {
        [] => None,
        [byte] => bytes.iter().position(|it| it == byte),
        text => bytes.windows(text.len()).position(|it| it == text),
    }
}

fn parse_digits(digits: &[u8], radix: u32) -> Result<i64, Stop> {
    let text = String::from_utf8_lossy(digits);
    i64::from_str_radix(&text, radix)
        .map_err(|_| Stop::Wrong(format!("a number is expected, not \"{}\"", text.escape_debug())))
}

fn text(bytes: Vec<u8>) -> Result<String, Stop> {
    String::from_utf8(bytes).map_err(|_| Stop::Wrong("a name is not text".to_owned()))
}

fn decoded(bytes: &[u8], shape: &Text) -> Result<Option<Vec<u8>>, Stop> {
    let wrong = |what: &str| {
        let text = String::from_utf8_lossy(bytes);
        Stop::Wrong(format!("\"{}\" is not {what}", text.escape_debug()))
    };
    match shape {
        Text::Hex => hex(bytes).map(Some).ok_or_else(|| wrong("hex")),
        Text::Base64 => {
            let text = std::str::from_utf8(bytes).ok();
            text.and_then(base64::decode).map(Some).ok_or_else(|| wrong("base64"))
        }
        Text::Json => record_json::read_payload(bytes).map_err(Stop::Wrong),
        Text::Plain | Text::Unpack(_) => Ok(Some(bytes.to_vec())),
    }
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |it: &u8| char::from(*it).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}
