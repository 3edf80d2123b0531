//! Listeners: where the node binds, what it tells clients, and which protocol is spoken there.

use std::collections::BTreeMap;
use std::fmt;

use super::error::ConfigError;
use super::value::items;

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Neither encryption nor authentication.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without encryption.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// Its number in registration records and requests.
    pub const fn id(self) -> i16 {
        match self {
            SecurityProtocol::Plaintext => 0,
            SecurityProtocol::Ssl => 1,
            SecurityProtocol::SaslPlaintext => 2,
            SecurityProtocol::SaslSsl => 3,
        }
    }

    fn parse(text: &str) -> Option<SecurityProtocol> {
        match text {
            "PLAINTEXT" => Some(SecurityProtocol::Plaintext),
            "SSL" => Some(SecurityProtocol::Ssl),
            "SASL_PLAINTEXT" => Some(SecurityProtocol::SaslPlaintext),
            "SASL_SSL" => Some(SecurityProtocol::SaslSsl),
            _ => None,
        }
    }
}

/// `NAME://HOST:PORT`, with what is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Upper case.
    pub name: String,
    /// Empty: every address of the machine.
    pub host: String,
    /// 0: any free one.
    pub port: u16,
    /// What is spoken there.
    pub protocol: SecurityProtocol,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "{}://[{}]:{}", self.name, self.host, self.port);
        }
        write!(f, "{}://{}:{}", self.name, self.host, self.port)
    }
}

/// `listener.security.protocol.map`, with each protocol's own name mapped to itself.
pub(super) fn protocol_map(value: &str) -> Result<BTreeMap<String, SecurityProtocol>, ConfigError> {
    let refuse = |reason: &str| ConfigError::InvalidValue {
        key: "listener.security.protocol.map".to_owned(),
        value: value.to_owned(),
        reason: reason.to_owned(),
    };
    let mut map = BTreeMap::new();
    for item in items(value) {
        let (name, protocol) =
            item.split_once(':').ok_or_else(|| refuse("expected NAME:PROTOCOL pairs"))?;
        let protocol = SecurityProtocol::parse(protocol.trim()).ok_or_else(|| {
            refuse("a protocol is one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")
        })?;
        map.insert(name.trim().to_ascii_uppercase(), protocol);
    }
    Ok(map)
}

/// Reads a value of `listeners` or `advertised.listeners`.
pub(super) fn parse_listeners(
    key: &'static str,
    value: &str,
    protocols: &BTreeMap<String, SecurityProtocol>,
) -> Result<Vec<Listener>, ConfigError> {
    let refuse = |reason: String| ConfigError::InvalidValue {
        key: key.to_owned(),
        value: value.to_owned(),
        reason,
    };
    let mut listeners: Vec<Listener> = Vec::new();
    for item in items(value) {
        let listener = parse_listener(item, protocols).map_err(refuse)?;
        if listeners.iter().any(|other| other.name == listener.name) {
            let reason = format!("Each listener must have a different name, {item} has two");
            return Err(refuse(reason));
        }
        let same_port = |other: &Listener| {
            key == "listeners"
                && listener.port != 0
                && other.port == listener.port
                && other.host == listener.host
        };
        if let Some(other) = listeners.iter().find(|other| same_port(other)) {
            return Err(refuse(format!("{} and {} have the same port", other.name, listener.name)));
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

fn parse_listener(
    item: &str,
    protocols: &BTreeMap<String, SecurityProtocol>,
) -> Result<Listener, String> {
    let form = || format!("{item} is not NAME://HOST:PORT");
    let (name, address) = item.split_once("://").ok_or_else(form)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(form)?;
    let port: u16 =
        port.parse().map_err(|_| format!("{item} has a port that is not 0 to 65535"))?;
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    if host.contains(['/', ' ', '[', ']']) {
        return Err(form());
    }
    let name = name.trim().to_ascii_uppercase();
    let protocol = protocols.get(&name).copied();
    let protocol = protocol.or_else(|| SecurityProtocol::parse(&name)).ok_or_else(|| {
        format!("No security protocol defined for listener {name}; add {name}:PLAINTEXT to listener.security.protocol.map")
    })?;
    Ok(Listener { name, host: host.to_owned(), port, protocol })
}

/// An advertised address must be one that a client can connect to.
pub(super) fn check_advertised(listener: &Listener) -> Result<(), ConfigError> {
    if !matches!(listener.host.as_str(), "0.0.0.0" | "::" | "0:0:0:0:0:0:0:0") {
        return Ok(());
    }
    Err(ConfigError::Inconsistent(format!(
        "advertised.listeners cannot use the address {host}, no client can connect to it; \
         set advertised.listeners={name}://NAME-OF-THIS-HOST:{port}",
        host = listener.host,
        name = listener.name,
        port = listener.port,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_hosts_and_ports() {
        let map = protocol_map("CONTROLLER:PLAINTEXT,inside:SSL").unwrap();
        let value = "PLAINTEXT://:9092,controller://[::1]:9093,INSIDE://a.b:1";
        let listeners = parse_listeners("listeners", value, &map).unwrap();
        let shown: Vec<String> = listeners.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["PLAINTEXT://:9092", "CONTROLLER://[::1]:9093", "INSIDE://a.b:1"]);
        assert_eq!(listeners[2].protocol, SecurityProtocol::Ssl);
    }

    #[test]
    fn refuses_what_cannot_be_bound_or_reached() {
        let map = protocol_map("").unwrap();
        for wrong in ["OUTSIDE://:1", "PLAINTEXT://:70000", "PLAINTEXT:9092", "SSL://a:1,SSL://b:2"]
        {
            assert!(parse_listeners("listeners", wrong, &map).is_err(), "{wrong}");
        }
        let listener = parse_listeners("listeners", "PLAINTEXT://0.0.0.0:9092", &map).unwrap();
        let refusal = check_advertised(&listener[0]).unwrap_err().to_string();
        assert!(refusal.contains("advertised.listeners=PLAINTEXT://NAME-OF-THIS-HOST:9092"));
    }
}
