//! Rust for the enums over the records of an internal topic.

use std::fmt::Write;

use crate::message_code::GENERATED;
use crate::schema::{Message, MessageKind};

/// The coordinators' topics: the enum, the topic, and the schema file with its records.
const COORDINATORS: [(&str, &str, &str); 3] = [
    ("GroupCoordinatorRecord", "__consumer_offsets", "group_coordinator"),
    ("TransactionCoordinatorRecord", "__transaction_state", "transaction_coordinator"),
    ("ShareCoordinatorRecord", "__share_group_state", "share_coordinator"),
];

/// The enums, each with its name and module text.
pub(crate) fn unions(messages: &[Message]) -> Vec<(&'static str, String)> {
    let mut unions = vec![("MetadataRecord", metadata_record(messages))];
    for (name, topic, file) in COORDINATORS {
        let mut keys: Vec<&Message> = messages
            .iter()
            .filter(|message| message.kind == MessageKind::Key && message.file == file)
            .collect();
        keys.sort_by_key(|message| message.key);
        let records: Vec<(i16, &str)> = keys
            .iter()
            .map(|it| (it.key.expect("a key has a type"), it.name.trim_end_matches("Key")))
            .collect();
        unions.push((name, coordinator_record(name, topic, &records)));
    }
    unions
}

/// Sorted by type, as `(Topic, TopicRecord)`.
fn metadata_record(messages: &[Message]) -> String {
    let mut records: Vec<&Message> =
        messages.iter().filter(|message| message.kind == MessageKind::MetadataRecord).collect();
    records.sort_by_key(|message| message.key);
    let mut parts = Parts::default();
    let mut froms = String::new();
    let imports: Vec<&str> = records.iter().map(|message| message.name.as_str()).collect();
    let imports = imports.join(", ");
    for message in &records {
        let (record, key) = (&message.name, message.key.expect("a record has a type"));
        let name = record.trim_end_matches("Record");
        _ = writeln!(parts.variants, "/// Type {key}.\n{name}({record}),");
        _ = writeln!(parts.decode, "{key} => Self::{name}(read_message(reader, version)?),");
        _ = writeln!(parts.encode, "Self::{name}(it) => record_bytes(it, version),");
        _ = writeln!(parts.json, "Self::{name}(it) => it.to_json(version),");
        _ = writeln!(parts.names, "Self::{name}(_) => {record}::NAME,");
        _ = writeln!(parts.versions, "Self::{name}(_) => {record}::VALID_VERSIONS,");
        _ = writeln!(
            froms,
            "\nimpl From<{record}> for MetadataRecord {{\n\
             fn from(record: {record}) -> Self {{\nSelf::{name}(record)\n}}\n}}"
        );
    }
    let Parts { variants, decode, encode, json, names, versions } = parts;
    format!(
        "//! The records of `__cluster_metadata`, as one type.\n{GENERATED}\n\
        use bytes::Bytes;\nuse serde_json::Value;\n\nuse super::{{{imports}}};\n\
        use crate::codec::record_value::metadata::{{open_value, read_message, record_bytes, \
        unknown_record_bytes}};\n\
        use crate::codec::record_value::{{RecordError, UnknownMetadataRecord}};\n\
        use crate::codec::{{EncodeError, Message, Versions, base64}};\n\n\
        /// A record of `__cluster_metadata`.\n\
        #[derive(Clone, Debug, PartialEq)]\n\
        pub enum MetadataRecord {{\n{variants}\
        /// A type that this program does not know.\nUnknown(UnknownMetadataRecord),\n}}\n\n\
        impl MetadataRecord {{\n\
        /// Reads the value of a record, and tells the version it was written in.\n\
        ///\n/// # Errors\n///\n/// Fails if the bytes are not such a record, or of a newer version.\n\
        pub fn decode(value: &Bytes) -> Result<(Self, i16), RecordError> {{\n\
        let (record_type, version, reader) = open_value(value)?;\n\
        let record = match record_type {{\n{decode}\
        _ => {{\nlet message = value.slice(reader.position()..);\n\
        Self::Unknown(UnknownMetadataRecord {{ record_type, version, message }})\n}}\n\
        }};\nOk((record, version))\n}}\n\n\
        /// The value of a record. An unknown one keeps its version.\n\
        ///\n/// # Errors\n///\n/// Fails if the version cannot carry what the record says.\n\
        pub fn encode(&self, version: i16) -> Result<Bytes, EncodeError> {{\n\
        match self {{\n{encode}\
        Self::Unknown(it) => unknown_record_bytes(it),\n}}\n}}\n\n\
        /// The message as JSON; that of an unknown type as Base64.\n\
        ///\n/// # Errors\n///\n/// As [`MetadataRecord::encode`].\n\
        pub fn to_json(&self, version: i16) -> Result<Value, EncodeError> {{\n\
        match self {{\n{json}\
        Self::Unknown(it) => Ok(base64::encode(&it.message).into()),\n}}\n}}\n\n\
        /// The schema's name.\n\
        pub fn name(&self) -> &'static str {{\nmatch self {{\n{names}\
        Self::Unknown(_) => \"Unknown\",\n}}\n}}\n\n\
        /// The versions that the record can be written in; of an unknown one, its own.\n\
        pub fn valid_versions(&self) -> Versions {{\nmatch self {{\n{versions}\
        Self::Unknown(it) => Versions::new(it.version, it.version),\n}}\n}}\n}}\n{froms}"
    )
}

/// What each record adds to the arms of an enum.
#[derive(Default)]
struct Parts {
    variants: String,
    decode: String,
    encode: String,
    json: String,
    names: String,
    versions: String,
}

fn coordinator_record(name: &str, topic: &str, records: &[(i16, &str)]) -> String {
    let mut parts = Parts::default();
    let mut imports = Vec::new();
    for (key, record) in records {
        imports.extend([format!("{record}Key"), format!("{record}Value")]);
        _ = writeln!(
            parts.variants,
            "/// Type {key}: [`{record}Key`] and its value.\n\
             {record} {{\n/// What it is about.\nkey: {record}Key,\n\
             /// None for a tombstone.\nvalue: Option<{record}Value>,\n}},"
        );
        _ = writeln!(
            parts.decode,
            "{key} => Self::{record} {{ key: read_key(reader)?, value: read_value(value)? }},"
        );
        _ = writeln!(
            parts.encode,
            "Self::{record} {{ key, value }} => record_bytes(key, value.as_ref(), version),"
        );
        _ = writeln!(
            parts.json,
            "Self::{record} {{ key, value }} => record_json(key, value.as_ref(), version),"
        );
        _ = writeln!(parts.names, "Self::{record} {{ .. }} => \"{record}\",");
        _ = writeln!(parts.versions, "Self::{record} {{ .. }} => {record}Value::VALID_VERSIONS,");
    }
    let Parts { variants, decode, encode, json, names, versions } = parts;
    let imports = imports.join(", ");
    format!(
        "//! The records of `{topic}`, as one type.\n{GENERATED}\n\
        use bytes::Bytes;\nuse serde_json::Value;\n\nuse super::{{{imports}}};\n\
        use crate::codec::record_value::coordinator::{{open_key, read_key, read_value, \
        record_bytes, record_json, unknown_record, unknown_record_bytes, unknown_record_json}};\n\
        use crate::codec::record_value::{{RecordError, UnknownCoordinatorRecord}};\n\
        use crate::codec::{{EncodeError, Message, Versions}};\n\n\
        /// A record of `{topic}`: its key, and its value unless it is a tombstone.\n\
        #[derive(Clone, Debug, PartialEq)]\n\
        pub enum {name} {{\n{variants}\
        /// A type that this program does not know.\nUnknown(UnknownCoordinatorRecord),\n}}\n\n\
        impl {name} {{\n\
        /// Reads key and value of a record.\n\
        ///\n/// # Errors\n///\n/// Fails if the bytes are not such a record, or of a newer version.\n\
        pub fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Self, RecordError> {{\n\
        let (record_type, reader) = open_key(key)?;\n\
        Ok(match record_type {{\n{decode}\
        _ => Self::Unknown(unknown_record(record_type, key, value)),\n\
        }})\n}}\n\n\
        /// Key and value of a record. An unknown one keeps its version.\n\
        ///\n/// # Errors\n///\n/// Fails if the version cannot carry what the value says.\n\
        pub fn encode(&self, version: i16) -> Result<(Bytes, Option<Bytes>), EncodeError> {{\n\
        match self {{\n{encode}\
        Self::Unknown(it) => unknown_record_bytes(it),\n}}\n}}\n\n\
        /// Key and value as JSON, the messages alone; those of an unknown type as Base64.\n\
        ///\n/// # Errors\n///\n/// As [`{name}::encode`].\n\
        pub fn to_json(&self, version: i16) -> Result<(Value, Option<Value>), EncodeError> {{\n\
        match self {{\n{json}\
        Self::Unknown(it) => Ok(unknown_record_json(it)),\n}}\n}}\n\n\
        /// The schema's name, without `Key` or `Value`.\n\
        pub fn name(&self) -> &'static str {{\nmatch self {{\n{names}\
        Self::Unknown(_) => \"Unknown\",\n}}\n}}\n\n\
        /// The versions that the value can be written in; none for an unknown one.\n\
        pub fn valid_versions(&self) -> Versions {{\nmatch self {{\n{versions}\
        Self::Unknown(_) => Versions::NONE,\n}}\n}}\n}}\n"
    )
}
