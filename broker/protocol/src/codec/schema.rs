//! What a message looks like, as data: for tools that learn at run time which message it is.

use super::Versions;

/// The type of a value on the wire.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One byte, zero for false.
    Bool,
    /// A signed byte.
    Int8,
    /// Two bytes, signed.
    Int16,
    /// Four bytes, signed.
    Int32,
    /// Eight bytes, signed.
    Int64,
    /// Two bytes, unsigned.
    Uint16,
    /// Four bytes, unsigned.
    Uint32,
    /// Eight bytes of IEEE 754.
    Float64,
    /// Sixteen bytes.
    Uuid,
    /// UTF-8 with a length in front: int16, or a varint one greater.
    String,
    /// Bytes with a length in front: int32, or a varint one greater.
    Bytes,
    /// Record batches with a length in front, as `Bytes`.
    Records,
    /// Fields one after the other, then tagged fields if the version is flexible.
    Struct(&'static [Field]),
    /// A count in front (int32, or a varint one greater), then the elements.
    Array(&'static Kind),
}

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// The versions that carry it.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Versions,
    /// Its tag, if it stands among the tagged fields.
    pub tag: Option<u32>,
    /// True for a string whose length stays an int16 in flexible versions.
    pub inflexible: bool,
}

/// A field of every version, never null, without a tag.
pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    let versions = Versions::since(0);
    Field { name, kind, versions, nullable: Versions::NONE, tag: None, inflexible: false }
}

impl Field {
    pub(crate) const fn since(mut self, version: i16) -> Field {
        self.versions.min = version;
        self
    }

    pub(crate) const fn until(mut self, version: i16) -> Field {
        self.versions.max = version;
        self
    }

    pub(crate) const fn nullable(mut self, versions: Versions) -> Field {
        self.nullable = versions;
        self
    }

    pub(crate) const fn tag(mut self, tag: u32) -> Field {
        self.tag = Some(tag);
        self
    }

    pub(crate) const fn inflexible(mut self) -> Field {
        self.inflexible = true;
        self
    }
}
