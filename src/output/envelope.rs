//! The envelope of `json` and `yaml`: what the document is, of which cluster, when; its items; and
//! the errors of items.

use jiff::{Timestamp, Unit};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::{Item, Report};
use crate::error::CliError;

/// Rises only when a field goes or changes its meaning.
pub(crate) const ENVELOPE_VERSION: u32 = 1;

/// The document around the items.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<'a, I> {
    kind: &'static str,
    version: u32,
    cluster_id: Option<&'a str>,
    #[serde(serialize_with = "rfc3339_ms")]
    time: Timestamp,
    items: &'a [I],
    errors: &'a [ItemError],
}

/// What stands in front of the items.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    kind: &'static str,
    version: u32,
    cluster_id: Option<&'a str>,
    #[serde(serialize_with = "rfc3339_ms")]
    time: Timestamp,
}

/// One item that could not be done or shown.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub(crate) struct ItemError {
    /// The item, as it was named on the command line.
    pub(crate) item: String,
    /// Kafka's name of the error where it has one.
    pub(crate) error: String,
    /// The exit code if all had failed like this.
    pub(crate) exit: u8,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl ItemError {
    pub(crate) fn new(item: impl Into<String>, error: &CliError) -> ItemError {
        ItemError {
            item: item.into(),
            error: error.name.to_owned(),
            exit: error.kind.code(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        }
    }
}

impl<I: Item> Report<I> {
    /// The document up to its items.
    pub(super) fn head(&self) -> Head<'_> {
        let cluster_id = self.cluster_id.as_deref();
        Head { kind: I::KIND, version: ENVELOPE_VERSION, cluster_id, time: self.time }
    }

    /// The document around `items`: this report's, or what a view leaves of them.
    pub(super) fn envelope<'a, J>(&'a self, items: &'a [J]) -> Envelope<'a, J> {
        Envelope {
            kind: I::KIND,
            version: ENVELOPE_VERSION,
            cluster_id: self.cluster_id.as_deref(),
            time: self.time,
            items,
            errors: &self.errors,
        }
    }
}

/// `2026-11-21T01:14:07.123Z`: UTC, always three digits, so that texts compare like instants.
pub(crate) fn rfc3339_ms<S: Serializer>(
    time: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let rounded = time.round(Unit::Millisecond).unwrap_or(*time);
    serializer.collect_str(&format_args!("{rounded:.3}"))
}
