//! The shape of a record in JSON, for its schema. What writes it is `record_json`, by hand: a
//! record costs no more than its bytes.

use schemars::JsonSchema;

/// A record, as `consume -o jsonl` prints it and `produce --jsonl` reads it.
#[derive(JsonSchema)]
#[schemars(rename = "record")]
#[expect(dead_code, reason = "it describes what is written elsewhere")]
pub(crate) struct RecordShape {
    topic: String,
    partition: i32,
    offset: i64,
    /// Milliseconds since 1970; null if the record has none.
    timestamp: Option<i64>,
    timestamp_type: TimestampTypeShape,
    key: PayloadShape,
    value: PayloadShape,
    headers: Vec<HeaderShape>,
    /// With --meta.
    #[schemars(skip_serializing_if = "Option::is_none")]
    leader_epoch: Option<i32>,
    /// With --meta.
    #[schemars(skip_serializing_if = "Option::is_none")]
    producer_id: Option<i64>,
    /// With --meta.
    #[schemars(skip_serializing_if = "Option::is_none")]
    producer_epoch: Option<i16>,
    /// With --meta.
    #[schemars(skip_serializing_if = "Option::is_none")]
    sequence: Option<i32>,
}

/// Who gave the timestamp.
#[derive(JsonSchema)]
#[schemars(rename = "timestamp_type", rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes what is written elsewhere")]
enum TimestampTypeShape {
    Create,
    LogAppend,
}

#[derive(JsonSchema)]
#[schemars(rename = "header")]
#[expect(dead_code, reason = "it describes what is written elsewhere")]
struct HeaderShape {
    key: String,
    value: PayloadShape,
}

/// Null, text, or bytes that are not text.
#[derive(JsonSchema)]
#[schemars(rename = "payload", untagged)]
#[expect(dead_code, reason = "it describes what is written elsewhere")]
enum PayloadShape {
    Null(()),
    Text(String),
    Bytes(Base64Shape),
}

#[derive(JsonSchema)]
#[schemars(rename = "bytes")]
#[expect(dead_code, reason = "it describes what is written elsewhere")]
struct Base64Shape {
    base64: String,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::output::DocumentKind;
    use crate::record_json::tests::a_record;

    use super::*;

    /// What is described is what is written.
    #[test]
    fn lines_have_the_fields_of_the_schema() {
        let schema = DocumentKind::described::<RecordShape>("consume").schema();
        let record = &schema["$defs"]["record"];
        let required: Vec<&str> =
            record["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let all: Vec<&String> = record["properties"].as_object().unwrap().keys().collect();
        let plain: Value = serde_json::from_str(&a_record(false)).unwrap();
        let whole: Value = serde_json::from_str(&a_record(true)).unwrap();
        assert_eq!(plain.as_object().unwrap().keys().collect::<Vec<_>>(), required);
        assert_eq!(whole.as_object().unwrap().keys().collect::<Vec<_>>(), all);
    }
}
