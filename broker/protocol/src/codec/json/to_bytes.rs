//! Writes JSON as the bytes that a description gives it.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::JsonError;
use crate::codec::{Field, Kind, Sink, Tags, Writer, base64};
use crate::types::Uuid;

/// The bytes of a whole message.
pub(super) fn write(
    kind: &Kind,
    json: &Value,
    version: i16,
    flexible: bool,
) -> Result<Bytes, JsonError> {
    let mut writer = Writer::new();
    writer.begin(flexible, version);
    write_value(&mut writer, kind, json, version)?;
    writer.result()?;
    Ok(writer.into_bytes()?)
}

/// Writes a value that is not null.
fn write_value(
    writer: &mut Writer,
    kind: &Kind,
    json: &Value,
    version: i16,
) -> Result<(), JsonError> {
    match kind {
        Kind::Bool => writer.bool(json.as_bool().ok_or_else(|| unexpected("true or false"))?),
        Kind::Int8 => writer.i8(integer(json, "an int8")?),
        Kind::Int16 => writer.i16(integer(json, "an int16")?),
        Kind::Int32 => writer.i32(integer(json, "an int32")?),
        Kind::Int64 => writer.i64(integer(json, "an int64")?),
        Kind::Uint16 => writer.u16(integer(json, "a uint16")?),
        Kind::Uint32 => writer.u32(integer(json, "a uint32")?),
        Kind::Float64 => writer.f64(float(json)?),
        Kind::Uuid => writer.uuid(uuid(json)?),
        Kind::String => writer.string(text(json, "a string")?),
        Kind::Bytes | Kind::Records => {
            let decoded = base64::decode(text(json, "Base64")?);
            writer.bytes(&decoded.ok_or_else(|| unexpected("Base64"))?.into());
        }
        Kind::Array(element) => {
            let elements = json.as_array().ok_or_else(|| unexpected("an array"))?;
            writer.length(Some(elements.len()));
            for (index, json) in elements.iter().enumerate() {
                write_value(writer, element, json, version)
                    .map_err(|error| error.within(&format!("[{index}]")))?;
            }
        }
        Kind::Struct(fields) => {
            let object = json.as_object().ok_or_else(|| unexpected("an object"))?;
            write_struct(writer, fields, object, version)?;
        }
    }
    Ok(())
}

fn write_struct(
    writer: &mut Writer,
    fields: &[Field],
    object: &Map<String, Value>,
    version: i16,
) -> Result<(), JsonError> {
    let carried = |field: &&Field| field.versions.contains(version);
    for name in object.keys() {
        if !fields.iter().filter(carried).any(|field| field.name == name) {
            return Err(JsonError::UnknownField { path: name.clone() });
        }
    }
    for field in fields.iter().filter(carried).filter(|field| field.tag.is_none()) {
        let Some(json) = object.get(field.name) else {
            return Err(JsonError::Missing { path: field.name.to_owned() });
        };
        write_field(writer, field, json, version)?;
    }
    if !writer.state().flexible {
        return Ok(());
    }
    let mut tagged: Vec<(u32, &Field, &Value)> = fields
        .iter()
        .filter(carried)
        .filter_map(|field| Some((field.tag?, field, object.get(field.name)?)))
        .collect();
    tagged.sort_by_key(|(tag, ..)| *tag);
    let mut tags = Tags::open(writer);
    let mut result = Ok(());
    for (tag, field, json) in tagged {
        tags.field(writer, tag, |writer| {
            result = result.clone().and(write_field(writer, field, json, version));
        });
    }
    tags.close(writer);
    result
}

fn write_field(
    writer: &mut Writer,
    field: &Field,
    json: &Value,
    version: i16,
) -> Result<(), JsonError> {
    write_field_value(writer, field, json, version).map_err(|error| error.within(field.name))
}

fn write_field_value(
    writer: &mut Writer,
    field: &Field,
    json: &Value,
    version: i16,
) -> Result<(), JsonError> {
    if field.inflexible {
        let value = if json.is_null() { None } else { Some(text(json, "a string")?) };
        writer.inflexible_nullable_string(value);
        return Ok(());
    }
    if field.nullable.contains(version) {
        let is_struct = matches!(field.kind, Kind::Struct(_));
        match (json.is_null(), is_struct, field.tag) {
            (is_null, true, None) => writer.i8(if is_null { -1 } else { 1 }),
            (is_null, true, Some(_)) => writer.bool(!is_null),
            (true, false, _) if matches!(field.kind, Kind::String) => writer.nullable_string(None),
            (true, false, _) => writer.length(None),
            (false, false, _) => {}
        }
        if json.is_null() {
            return Ok(());
        }
    }
    write_value(writer, &field.kind, json, version)
}

fn unexpected(expected: &'static str) -> JsonError {
    JsonError::Unexpected { path: String::new(), expected }
}

fn integer<T: TryFrom<i64>>(json: &Value, expected: &'static str) -> Result<T, JsonError> {
    let number = json.as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| unexpected(expected))
}

fn float(json: &Value) -> Result<f64, JsonError> {
    match json.as_str() {
        Some("NaN") => Ok(f64::NAN),
        Some("Infinity") => Ok(f64::INFINITY),
        Some("-Infinity") => Ok(f64::NEG_INFINITY),
        _ => json.as_f64().ok_or_else(|| unexpected("a number")),
    }
}

fn text<'a>(json: &'a Value, expected: &'static str) -> Result<&'a str, JsonError> {
    json.as_str().ok_or_else(|| unexpected(expected))
}

fn uuid(json: &Value) -> Result<Uuid, JsonError> {
    let parsed = json.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| unexpected("an id of 22 characters"))
}
