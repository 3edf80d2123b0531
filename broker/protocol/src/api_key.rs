//! The API keys: which versions each has, who serves it, and which headers go with it.

mod table;

use std::fmt;

pub use table::ApiKey;
use table::FACTS;

use crate::codec::Versions;

/// What the schemas say of an API.
struct ApiFacts {
    key: ApiKey,
    name: &'static str,
    valid_versions: Versions,
    flexible_versions: Versions,
    on_broker: bool,
    on_controller: bool,
    forwardable: bool,
    cluster_action: bool,
    latest_unstable: bool,
}

/// Who listens: the two kinds of node that a request may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// A broker's listener, for clients and other brokers.
    Broker,
    /// A controller's listener, for brokers, other controllers and `--bootstrap-controller`.
    Controller,
}

impl ApiKey {
    /// Every key, in the order of its number; those without a valid version too.
    pub fn all() -> impl ExactSizeIterator<Item = ApiKey> {
        FACTS.iter().map(|facts| facts.key)
    }

    /// The key with this number on the wire.
    pub fn from_code(code: i16) -> Option<ApiKey> {
        // The table has a row for each number from 0 on, which a test holds.
        FACTS.get(usize::try_from(code).ok()?).map(|facts| facts.key)
    }

    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    fn facts(self) -> &'static ApiFacts {
        &FACTS[self as usize]
    }

    /// Kafka's name of it, such as `CreateTopics`.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The versions that 4.3 has; none for APIs that were removed.
    pub fn valid_versions(self) -> Versions {
        self.facts().valid_versions
    }

    /// The versions with compact lengths and tagged fields.
    pub fn flexible_versions(self) -> Versions {
        self.facts().flexible_versions
    }

    /// The first valid version with compact lengths and tagged fields, if there is one.
    pub fn first_flexible(self) -> Option<i16> {
        self.valid_versions().iter().find(|version| self.flexible_versions().contains(*version))
    }

    /// True if the highest version is not released: served only when unstable versions are enabled.
    pub fn latest_unstable(self) -> bool {
        self.facts().latest_unstable
    }

    /// The versions that a server may advertise: those that are released.
    pub fn stable_versions(self) -> Versions {
        let Versions { min, max } = self.valid_versions();
        Versions { min, max: max - i16::from(self.latest_unstable()) }
    }

    /// Whether such a listener serves it.
    pub fn is_served_on(self, listener: ListenerKind) -> bool {
        match listener {
            ListenerKind::Broker => self.facts().on_broker,
            ListenerKind::Controller => self.facts().on_controller,
        }
    }

    /// Whether a broker forwards it to the active controller in an Envelope.
    pub fn is_forwardable(self) -> bool {
        self.facts().forwardable
    }

    /// Whether it needs the cluster-action permission: only nodes send it.
    pub fn is_cluster_action(self) -> bool {
        self.facts().cluster_action
    }

    /// The version of the header in front of a request of version `version`.
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.flexible_versions().contains(version) { 2 } else { 1 }
    }

    /// The version of the header in front of a response of version `version`. That of ApiVersions
    /// is always 0: a client that does not know the server's versions yet must be able to read it.
    pub fn response_header_version(self, version: i16) -> i16 {
        match self {
            ApiKey::ApiVersions => 0,
            _ => i16::from(self.flexible_versions().contains(version)),
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
