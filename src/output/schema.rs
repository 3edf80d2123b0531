//! The JSON Schema of what a command prints: of its envelope, or of one line of `jsonl`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::{ENVELOPE_VERSION, Item, ItemError};

/// The kind of a document, and how its schema is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DocumentKind {
    /// As the envelope says it.
    pub(crate) name: &'static str,
    schema: fn() -> Value,
}

impl DocumentKind {
    /// The kind of a command's items.
    pub(crate) const fn of<I: Item>() -> DocumentKind {
        DocumentKind::described::<I>(I::KIND)
    }

    /// The kind of items that are written by hand, and described by a type.
    pub(crate) const fn described<D: JsonSchema>(name: &'static str) -> DocumentKind {
        DocumentKind { name, schema: envelope::<D> }
    }

    /// Its JSON Schema, draft 2020-12.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = (self.schema)();
        if let Some(properties) = schema.get_mut("properties") {
            properties["kind"] = json!({ "const": self.name });
        }
        schema["title"] = json!(self.name);
        schema
    }
}

/// The envelope around items of this shape.
fn envelope<D: JsonSchema>() -> Value {
    // What is printed is described, not what would be read.
    let mut generator: SchemaGenerator =
        SchemaSettings::draft2020_12().for_serialize().into_generator();
    let items = generator.subschema_for::<D>();
    let errors = generator.subschema_for::<ItemError>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "",
        "description": "the document of -o json and -o yaml; a line of -o jsonl is one of its items",
        "type": "object",
        "properties": {
            "kind": {},
            "version": { "const": ENVELOPE_VERSION },
            "cluster_id": { "type": ["string", "null"] },
            "time": { "type": "string", "format": "date-time" },
            "items": { "type": "array", "items": items },
            "errors": { "type": "array", "items": errors },
        },
        "required": ["kind", "version", "cluster_id", "time", "items", "errors"],
        "$defs": generator.definitions(),
    })
}
