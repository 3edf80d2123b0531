//! `{unpack[…]}`: binary fields out of a key or a value, in the letters of Python's struct.

use super::Number;

/// A letter of an unpack format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// `x`: a space, reads nothing.
    Space,
    /// `b B h H i I q Q`
    Integer { bytes: usize, is_signed: bool, is_little: bool },
    /// `c` and `.`: one byte as it is.
    Byte,
    /// `s`: all that is left.
    Rest,
    /// `$`: nothing may be left.
    End,
}

/// Reads an unpack format.
pub(super) fn parse(text: &str) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    let mut is_little = false;
    for letter in text.chars() {
        let integer = |bytes, is_signed| Field::Integer { bytes, is_signed, is_little };
        fields.push(match letter {
            '<' | '>' => {
                is_little = letter == '<';
                continue;
            }
            'x' => Field::Space,
            'b' => integer(1, true),
            'B' => integer(1, false),
            'h' => integer(2, true),
            'H' => integer(2, false),
            'i' => integer(4, true),
            'I' => integer(4, false),
            'q' => integer(8, true),
            'Q' => integer(8, false),
            'c' | '.' => Field::Byte,
            's' => Field::Rest,
            '$' => Field::End,
            other => {
                return Err(format!("\"{other}\" in unpack: x < > b B h H i I q Q c . s $"));
            }
        });
    }
    Ok(fields)
}

/// Appends the fields; where bytes are missing or too many, it says so in their place.
pub(super) fn write(fields: &[Field], mut bytes: &[u8], out: &mut Vec<u8>) {
    for field in fields {
        match *field {
            Field::Space => out.push(b' '),
            Field::Rest => out.extend_from_slice(std::mem::take(&mut bytes)),
            Field::End if bytes.is_empty() => {}
            Field::End => {
                return out.extend_from_slice(
                    format!("(unpack: {} bytes are left)", bytes.len()).as_bytes(),
                );
            }
            Field::Byte => match bytes.split_first() {
                Some((first, rest)) => {
                    out.push(*first);
                    bytes = rest;
                }
                None => return out.extend_from_slice(ENDED),
            },
            Field::Integer { bytes: width, is_signed, is_little } => {
                let Some((taken, rest)) = bytes.split_at_checked(width) else {
                    return out.extend_from_slice(ENDED);
                };
                bytes = rest;
                write_integer(taken, is_signed, is_little, out);
            }
        }
    }
}

const ENDED: &[u8] = b"(unpack: bytes are missing)";

fn write_integer(taken: &[u8], is_signed: bool, is_little: bool, out: &mut Vec<u8>) {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    let value = match is_little {
        true => taken.iter().rev().fold(0, add),
        false => taken.iter().fold(0, add),
    };
    if !is_signed {
        out.extend_from_slice(value.to_string().as_bytes());
        return;
    }
    let unused = 64 - 8 * taken.len();
    Number::Ascii.write((value << unused).cast_signed() >> unused, out);
}
