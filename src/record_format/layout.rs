//! A format string, read: letters become parts, faults name their place.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::unpack::{self, Field};

/// A format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) parts: Vec<Part>,
}

/// What a layout is for: one letter differs in what may stand in its braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `consume -f`
    Output,
    /// `produce -f`
    Input,
}

/// A piece of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that stands for itself.
    Literal(Vec<u8>),
    Number(NumberField, Number),
    Text(TextField, Text),
    /// `%d{strftime[…]}`
    Time(String),
    /// `%h` alone: `k=v,…`
    HeaderList,
    /// `%h{…}`: for each header
    Headers(Vec<HeaderPart>),
    Attribute(Attribute),
}

/// A piece of what is inside `%h{…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderPart {
    Literal(Vec<u8>),
    Key(Text),
    Value(Text),
    KeyLength(Number),
    ValueLength(Number),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberField {
    Partition,
    Offset,
    Timestamp,
    KeyLength,
    ValueLength,
    HeaderCount,
    LeaderEpoch,
    ProducerId,
    ProducerEpoch,
    LogStart,
    LastStable,
    HighWatermark,
    Attributes,
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextField {
    Topic,
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Compression,
    TimestampType,
    TransactionalBit,
    ControlBit,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Ascii,
    /// `None`: as many digits as it needs.
    Hex {
        digits: Option<u8>,
    },
    Big {
        bytes: u8,
    },
    Little {
        bytes: u8,
    },
}

/// How bytes are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Plain,
    Hex,
    Base64,
    Json,
    Unpack(Vec<Field>),
}

/// Why a text is no layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormatError {
    /// The character that it begins at, from 1 on.
    column: usize,
    reason: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-f: {} (column {})", self.reason, self.column)
    }
}

impl std::error::Error for FormatError {}

const LETTERS: &str = "%t %p %o %k %K %v %V %s %S %T %d %h %H %e %a %x %y %[ %| %] %i %%";

impl Layout {
    /// Reads a format string.
    pub(crate) fn parse(text: &str, shape: Shape) -> Result<Layout, FormatError> {
        let mut reader = Reader { text, position: 0, shape };
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        while let Some(letter) = reader.next_letter(&mut literal)? {
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(reader.part(letter)?);
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Layout { parts })
    }
}

impl Layout {
    /// True if it shows the number of the record in the output.
    pub(crate) fn counts(&self) -> bool {
        self.parts.iter().any(|it| matches!(it, Part::Number(NumberField::Count, _)))
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
    shape: Shape,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn take(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn wrong(&self, at: usize, reason: impl Into<String>) -> FormatError {
        let column = self.text.get(..at).map_or(0, |it| it.chars().count()) + 1;
        FormatError { column, reason: reason.into() }
    }

    /// Adds text up to the next letter after a percent sign, and gives that letter.
    fn next_letter(&mut self, literal: &mut Vec<u8>) -> Result<Option<char>, FormatError> {
        loop {
            let at = self.position;
            match self.take() {
                None => return Ok(None),
                Some('\\') => literal.push(self.escape(at)?),
                Some('%') => match self.take() {
                    None => return Err(self.wrong(at, "a % at the end: %% is a percent sign")),
                    Some(it @ ('%' | '{' | '}')) => push_char(it, literal),
                    Some(letter) => return Ok(Some(letter)),
                },
                Some(it) => push_char(it, literal),
            }
        }
    }

    fn escape(&mut self, at: usize) -> Result<u8, FormatError> {
        match self.take() {
            Some('t') => Ok(b'\t'),
            Some('n') => Ok(b'\n'),
            Some('r') => Ok(b'\r'),
            Some('\\') => Ok(b'\\'),
            Some('x') => {
                let digits = self.rest().get(..2);
                let byte = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
                let byte = byte.ok_or_else(|| self.wrong(at, "\\x takes two hex digits"))?;
                self.position += 2;
                Ok(byte)
            }
            _ => Err(self.wrong(at, "after \\ comes t, n, r, \\ or xNN")),
        }
    }

    /// The part that a letter stands for.
    fn part(&mut self, letter: char) -> Result<Part, FormatError> {
        let at = self.position - letter.len_utf8() - 1;
        let number = match letter {
            'p' => NumberField::Partition,
            'o' => NumberField::Offset,
            'K' => NumberField::KeyLength,
            'V' | 'S' => NumberField::ValueLength,
            'H' => NumberField::HeaderCount,
            'e' => NumberField::LeaderEpoch,
            'x' => NumberField::ProducerId,
            'y' => NumberField::ProducerEpoch,
            '[' => NumberField::LogStart,
            '|' => NumberField::LastStable,
            ']' => NumberField::HighWatermark,
            'i' => NumberField::Count,
            't' => return Ok(Part::Text(TextField::Topic, self.text_shape()?)),
            'k' => return Ok(Part::Text(TextField::Key, self.text_shape()?)),
            'v' | 's' => return Ok(Part::Text(TextField::Value, self.text_shape()?)),
            'T' if self.rest().starts_with('{') => {
                let reason = "%T is the time in milliseconds and takes no braces: write %d{…}";
                return Err(self.wrong(at, reason));
            }
            'T' => return Ok(Part::Number(NumberField::Timestamp, Number::Ascii)),
            'd' => return self.time(),
            'h' => return self.headers(),
            'a' => return self.attribute(),
            other => {
                let reason = format!("%{other} is no letter of a format: {LETTERS}");
                return Err(self.wrong(at, reason));
            }
        };
        Ok(Part::Number(number, self.number_shape()?))
    }

    /// What stands in braces after a letter, if there are any; brackets inside may hold braces.
    fn braces(&mut self) -> Result<Option<(usize, &'a str)>, FormatError> {
        if !self.rest().starts_with('{') {
            return Ok(None);
        }
        let start = self.position + 1;
        let mut depth = 0_usize;
        let mut before = ' ';
        for (index, it) in self.rest().char_indices() {
            match it {
                '{' if before != '%' => depth += 1,
                '}' if before != '%' => depth -= 1,
                _ => {}
            }
            // %% is a percent sign and escapes no brace after it.
            before = if before == '%' && it == '%' { ' ' } else { it };
            if depth == 0 {
                let inside = &self.text[start..self.position + index];
                self.position += index + 1;
                return Ok(Some((start, inside)));
            }
        }
        Err(self.wrong(self.position, "this { is not closed; %{ is a brace"))
    }

    fn number_shape(&mut self) -> Result<Number, FormatError> {
        match self.braces()? {
            None => Ok(Number::Ascii),
            Some((at, name)) => number_shape(name).ok_or_else(|| {
                let reason = format!("\"{name}\" is no form of a number: ascii, hex, hex64 to hex4, big64 to big8, little64 to little8, byte");
                self.wrong(at, reason)
            }),
        }
    }

    fn text_shape(&mut self) -> Result<Text, FormatError> {
        let Some((at, name)) = self.braces()? else { return Ok(Text::Plain) };
        match name {
            "hex" => return Ok(Text::Hex),
            "base64" => return Ok(Text::Base64),
            "json" => return Ok(Text::Json),
            _ => {}
        }
        if let Some(fields) = name.strip_prefix("unpack")
            && self.shape == Shape::Output
        {
            let inside = enclosed(fields)
                .ok_or_else(|| self.wrong(at, "write unpack[…], such as unpack[>iq]"))?;
            let fields = unpack::parse(inside).map_err(|it| self.wrong(at, it))?;
            return Ok(Text::Unpack(fields));
        }
        let known = match self.shape {
            Shape::Output => "hex, base64, json, unpack[…]",
            Shape::Input => "hex, base64, json",
        };
        Err(self.wrong(at, format!("\"{name}\" is no form of text: {known}")))
    }

    fn time(&mut self) -> Result<Part, FormatError> {
        let Some((at, name)) = self.braces()? else {
            return Ok(Part::Number(NumberField::Timestamp, Number::Ascii));
        };
        if let Some(shape) = number_shape(name) {
            return Ok(Part::Number(NumberField::Timestamp, shape));
        }
        let format = name.strip_prefix("strftime").and_then(enclosed);
        let Some(format) = format.filter(|_| self.shape == Shape::Output) else {
            let known = match self.shape {
                Shape::Output => "%d{strftime[%F %T]}, or a form of number such as %d{big64}",
                Shape::Input => "milliseconds as %d, or a form of number such as %d{big64}",
            };
            return Err(self.wrong(at, format!("write {known}")));
        };
        let probe = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        match strtime::format(format, &probe) {
            Ok(_) => Ok(Part::Time(format.to_owned())),
            Err(error) => Err(self.wrong(at, format!("strftime: {error}"))),
        }
    }

    fn attribute(&mut self) -> Result<Part, FormatError> {
        let Some((at, name)) = self.braces()? else {
            return Ok(Part::Number(NumberField::Attributes, Number::Ascii));
        };
        Ok(Part::Attribute(match name {
            "compression" => Attribute::Compression,
            "timestamp-type" => Attribute::TimestampType,
            "transactional-bit" => Attribute::TransactionalBit,
            "control-bit" => Attribute::ControlBit,
            _ => {
                let reason = "after %a comes {compression}, {timestamp-type}, \
                              {transactional-bit}, {control-bit} or nothing";
                return Err(self.wrong(at, reason));
            }
        }))
    }

    fn headers(&mut self) -> Result<Part, FormatError> {
        let Some((at, inside)) = self.braces()? else { return Ok(Part::HeaderList) };
        let end = at + inside.len();
        let mut reader = Reader { text: &self.text[..end], position: at, shape: self.shape };
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        while let Some(letter) = reader.next_letter(&mut literal)? {
            if !literal.is_empty() {
                parts.push(HeaderPart::Literal(std::mem::take(&mut literal)));
            }
            let letter_at = reader.position - letter.len_utf8() - 1;
            parts.push(match letter {
                'k' => HeaderPart::Key(reader.text_shape()?),
                'v' | 's' => HeaderPart::Value(reader.text_shape()?),
                'K' => HeaderPart::KeyLength(reader.number_shape()?),
                'V' | 'S' => HeaderPart::ValueLength(reader.number_shape()?),
                other => {
                    let reason = format!("%{other} inside %h{{…}}: a header has %k %K %v %V");
                    return Err(reader.wrong(letter_at, reason));
                }
            });
        }
        if !literal.is_empty() {
            parts.push(HeaderPart::Literal(literal));
        }
        Ok(Part::Headers(parts))
    }
}

fn push_char(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn number_shape(name: &str) -> Option<Number> {
    Some(match name {
        "ascii" => Number::Ascii,
        "hex" => Number::Hex { digits: None },
        "hex64" => Number::Hex { digits: Some(16) },
        "hex32" => Number::Hex { digits: Some(8) },
        "hex16" => Number::Hex { digits: Some(4) },
        "hex8" => Number::Hex { digits: Some(2) },
        "hex4" => Number::Hex { digits: Some(1) },
        "big64" => Number::Big { bytes: 8 },
        "big32" => Number::Big { bytes: 4 },
        "big16" => Number::Big { bytes: 2 },
        "big8" | "byte" | "little8" => Number::Big { bytes: 1 },
        "little64" => Number::Little { bytes: 8 },
        "little32" => Number::Little { bytes: 4 },
        "little16" => Number::Little { bytes: 2 },
        _ => return None,
    })
}

/// What stands between brackets, braces or pounds, any number of them, the same at both ends.
fn enclosed(text: &str) -> Option<&str> {
    let depth = text.chars().take_while(|it| matches!(it, '[' | '{' | '#')).count();
    if depth == 0 || text.len() < 2 * depth {
        return None;
    }
    let (open, close) = (&text[..depth], &text[text.len().checked_sub(depth)?..]);
    let mirrored = open.chars().rev().map(|it| match it {
        '[' => ']',
        '{' => '}',
        it => it,
    });
    mirrored.eq(close.chars()).then(|| &text[depth..text.len() - depth])
}
