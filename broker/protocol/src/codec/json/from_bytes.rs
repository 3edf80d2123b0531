//! Reads bytes as the JSON view that a description gives them.

use serde_json::{Map, Number, Value};

use crate::codec::{DecodeError, Field, Kind, Reader, base64};

/// Memory charged for each value: what serde_json takes for one, with its place in an object.
const VALUE_COST: usize = 2 * size_of::<Value>();

/// Reads a value that is not null.
pub(super) fn read(
    reader: &mut Reader<'_>,
    kind: &Kind,
    version: i16,
) -> Result<Value, DecodeError> {
    Ok(match kind {
        Kind::Bool => reader.bool()?.into(),
        Kind::Int8 => reader.i8()?.into(),
        Kind::Int16 => reader.i16()?.into(),
        Kind::Int32 => reader.i32()?.into(),
        Kind::Int64 => reader.i64()?.into(),
        Kind::Uint16 => reader.u16()?.into(),
        Kind::Uint32 => reader.u32()?.into(),
        Kind::Float64 => float(reader.f64()?),
        Kind::Uuid => reader.uuid()?.to_string().into(),
        Kind::Struct(fields) => return read_struct(reader, fields, version),
        Kind::String | Kind::Bytes | Kind::Records | Kind::Array(_) => {
            let value = read_nullable(reader, kind, version)?;
            return reader.present(value);
        }
    })
}

/// Reads a value with a length in front, which says whether it is null.
fn read_nullable(
    reader: &mut Reader<'_>,
    kind: &Kind,
    version: i16,
) -> Result<Option<Value>, DecodeError> {
    Ok(match kind {
        Kind::String => reader.nullable_string()?.map(Value::String),
        Kind::Bytes | Kind::Records => match reader.nullable_slice()? {
            Some(bytes) => {
                reader.charge(bytes.len().saturating_mul(2))?;
                Some(base64::encode(bytes).into())
            }
            None => None,
        },
        Kind::Array(element) => match reader.count(1)? {
            Some(count) => {
                reader.charge(count.saturating_mul(VALUE_COST))?;
                let elements = (0..count).map(|_| read(reader, element, version));
                Some(Value::Array(elements.collect::<Result<_, _>>()?))
            }
            None => None,
        },
        scalar => Some(read(reader, scalar, version)?),
    })
}

fn read_struct(
    reader: &mut Reader<'_>,
    fields: &[Field],
    version: i16,
) -> Result<Value, DecodeError> {
    let mut values: Vec<Option<Value>> = vec![None; fields.len()];
    for (field, value) in fields.iter().zip(&mut values) {
        if field.tag.is_none() && field.versions.contains(version) {
            *value = Some(read_field(reader, field, version)?);
        }
    }
    reader.tagged_fields(|reader, tag| {
        let carried = |it: &Field| it.tag == Some(tag) && it.versions.contains(version);
        let Some(index) = fields.iter().position(carried) else { return Ok(false) };
        values[index] = Some(read_field(reader, &fields[index], version)?);
        Ok(true)
    })?;
    let present = fields.iter().zip(values).filter_map(|(field, value)| Some((field, value?)));
    let object: Map<String, Value> =
        present.map(|(field, value)| (field.name.to_owned(), value)).collect();
    Ok(Value::Object(object))
}

fn read_field(reader: &mut Reader<'_>, field: &Field, version: i16) -> Result<Value, DecodeError> {
    reader.charge(VALUE_COST + field.name.len())?;
    if field.inflexible {
        return Ok(reader.inflexible_nullable_string()?.map_or(Value::Null, Value::String));
    }
    if !field.nullable.contains(version) {
        return read(reader, &field.kind, version);
    }
    let is_null = match (&field.kind, field.tag) {
        (Kind::Struct(_), None) => reader.i8()? < 0,
        (Kind::Struct(_), Some(_)) => reader.unsigned_varint()? == 0,
        _ => {
            let value = read_nullable(reader, &field.kind, version)?;
            return Ok(value.unwrap_or(Value::Null));
        }
    };
    if is_null { Ok(Value::Null) } else { read(reader, &field.kind, version) }
}

/// Numbers that JSON has no way to write are texts, as in Kafka's JSON.
fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}
