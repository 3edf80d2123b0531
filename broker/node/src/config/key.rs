//! What is known of a key: name, type, default, range, when it may change, what it does here.

/// The type of a value (Kafka's ConfigDef.Type, with its numbers in DescribeConfigs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// 32 bits.
    Int,
    /// 16 bits.
    Short,
    /// 64 bits.
    Long,
    /// A floating point number.
    Double,
    /// Texts with commas between them.
    List,
    /// The name of a Java class.
    Class,
    /// A secret: never shown.
    Password,
}

impl Kind {
    /// Its number in DescribeConfigs answers (DescribeConfigsResponse.ConfigType).
    pub const fn wire_code(self) -> i8 {
        match self {
            Kind::Boolean => 1,
            Kind::String => 2,
            Kind::Int => 3,
            Kind::Short => 4,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
            Kind::Class => 8,
            Kind::Password => 9,
        }
    }
}

/// What a key is when nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing: it must be set.
    Required,
    /// No value.
    Null,
    /// This.
    Value(&'static str),
}

impl Default {
    /// The value, where there is one.
    pub const fn value(self) -> Option<&'static str> {
        match self {
            Default::Value(value) => Some(value),
            Default::Required | Default::Null => None,
        }
    }
}

/// Which values of the type are accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accepted {
    /// All.
    Any,
    /// This and more.
    AtLeast(i64),
    /// From the one to the other.
    Between(i64, i64),
    /// From 0 to 1.
    Fraction,
    /// 1 to 9, or -1.
    GzipLevel,
    /// One of these; of a list, only these.
    OneOf(&'static [&'static str]),
    /// One of these, in any case.
    OneOfIgnoringCase(&'static [&'static str]),
    /// Not empty.
    NotEmpty,
    /// `*`, or `partition:broker` pairs with commas between them.
    ThrottledReplicas,
}

/// When a key may change (KIP-226).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// At a restart.
    ReadOnly,
    /// While it runs, for one broker.
    PerBroker,
    /// While it runs, for one broker or all.
    ClusterWide,
}

/// What a key does in this broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What Kafka's documentation says.
    Acts,
    /// Nothing; and nobody is less safe for it.
    Inert,
    /// Nothing yet, where somebody would rely on it: setting it is refused.
    Protects,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigKey {
    /// Kafka's name, letter for letter.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// What it is when nobody sets it.
    pub default: Default,
    /// Its range.
    pub accepted: Accepted,
    /// When it may change.
    pub update_mode: UpdateMode,
    /// What it does here.
    pub effect: Effect,
}

impl ConfigKey {
    /// True for secrets.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }

    /// True if only a restart changes it.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.update_mode, UpdateMode::ReadOnly)
    }
}
