//! What can be wrong with bytes that should be a message, and with a message that should be bytes.

use super::Versions;

/// Why bytes are not a message. `at` is the position in what the reader was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value or a length reaches past the end.
    #[error("{needed} bytes wanted at byte {at}, {remaining} are left")]
    Truncated {
        /// Where the value begins.
        at: usize,
        /// How many bytes it needs.
        needed: usize,
        /// How many there are.
        remaining: usize,
    },
    /// An array claims more elements than the rest of the bytes could hold.
    #[error("an array of {count} elements at byte {at}, {remaining} bytes are left")]
    TooManyElements {
        /// Where the elements begin.
        at: usize,
        /// How many elements it claims.
        count: usize,
        /// How many bytes there are.
        remaining: usize,
    },
    /// A length below -1.
    #[error("a length of {length} at byte {at}")]
    NegativeLength {
        /// Where the value begins.
        at: usize,
        /// The length.
        length: i32,
    },
    /// Null where this version has none.
    #[error("null at byte {at}, where it is not allowed")]
    UnexpectedNull {
        /// After the null.
        at: usize,
    },
    /// A string of more bytes than any of Kafka's has, whatever its length field could say.
    #[error("a string of {length} bytes at byte {at}")]
    StringTooLong {
        /// Where its characters begin.
        at: usize,
        /// Its length.
        length: usize,
    },
    /// A string that is not UTF-8.
    #[error("a string at byte {at} is not UTF-8")]
    NotUtf8 {
        /// Where its characters begin.
        at: usize,
    },
    /// A varint of more than 32 bits.
    #[error("a varint of more than 32 bits at byte {at}")]
    VarintTooLong {
        /// Where it begins.
        at: usize,
    },
    /// More tagged fields in one struct than any sender has reason for.
    #[error("{count} tagged fields at byte {at}")]
    TooManyTags {
        /// Where the tagged fields begin.
        at: usize,
        /// How many it claims.
        count: u32,
    },
    /// A tagged field is shorter than its length says.
    #[error("the tagged field {tag} has {unread} bytes too many before byte {at}")]
    TagNotConsumed {
        /// Where the field ends.
        at: usize,
        /// Its tag.
        tag: u32,
        /// How many bytes its value leaves over.
        unread: usize,
    },
    /// Decoding would take more memory than the frame may cost.
    #[error("decoding needs {needed} bytes of memory at byte {at}, {left} are left of the budget")]
    OverBudget {
        /// Where the value begins.
        at: usize,
        /// How much it would take.
        needed: usize,
        /// How much the budget still has.
        left: usize,
    },
    /// Bytes after the end of the message.
    #[error("{count} bytes follow the message, which ends at byte {at}")]
    TrailingBytes {
        /// Where the message ends.
        at: usize,
        /// How many follow.
        count: usize,
    },
    /// The message has no such version.
    #[error("{message} has no version {version} (it has {valid})")]
    UnsupportedVersion {
        /// The message's name.
        message: &'static str,
        /// The version asked for.
        version: i16,
        /// The versions there are.
        valid: Versions,
    },
}

/// Why a message cannot be written in a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The message has no such version.
    #[error("{message} has no version {version} (it has {valid})")]
    UnsupportedVersion {
        /// The message's name.
        message: &'static str,
        /// The version asked for.
        version: i16,
        /// The versions there are.
        valid: Versions,
    },
    /// A field is set that this version cannot carry and that may not be left out.
    #[error("{field} is set, which version {version} cannot carry")]
    UnsupportedField {
        /// Struct and field, as the schema names them.
        field: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// A field is null, which this version does not allow.
    #[error("{field} is null, which version {version} does not allow")]
    UnexpectedNull {
        /// Struct and field, as the schema names them.
        field: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// Record bytes that are elsewhere, where all bytes are needed.
    #[error("{length} bytes of records are not in memory")]
    ExternalRecords {
        /// How many bytes.
        length: u32,
    },
    /// An array or byte string is longer than its length field can say, or a string than
    /// [`MAX_STRING_BYTES`](super::MAX_STRING_BYTES).
    #[error("a value of {length} bytes or elements is too long for its length field")]
    TooLong {
        /// The length.
        length: usize,
    },
}
