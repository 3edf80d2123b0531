//! Other protocols, told by their first four bytes where a frame's size should stand.

use std::fmt;

/// A protocol that somebody speaks to a Kafka port by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A browser, a health check, a proxy; or an HTTP server where a broker was expected.
    Http,
    /// A client that was told `security.protocol=SSL`; or a TLS listener where plain was expected.
    Tls,
    /// An SSH client or server.
    Ssh,
}

impl Foreign {
    /// Recognizes the first four bytes of a stream. None of them makes a size that a limit allows.
    pub fn recognize(first: [u8; 4]) -> Option<Foreign> {
        match &first {
            b"GET " | b"POST" | b"HEAD" | b"PUT " | b"OPTI" | b"CONN" | b"DELE" | b"PRI "
            | b"HTTP" => Some(Foreign::Http),
            // A TLS record: type (21 alert, 22 handshake), then the version's major byte.
            [21 | 22, 3, 0..=4, _] => Some(Foreign::Tls),
            b"SSH-" => Some(Foreign::Ssh),
            _ => None,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Http => "HTTP",
            Foreign::Tls => "TLS",
            Foreign::Ssh => "SSH",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_often_knocks_by_mistake() {
        assert_eq!(Foreign::recognize(*b"GET "), Some(Foreign::Http));
        assert_eq!(Foreign::recognize([0x16, 3, 1, 2]), Some(Foreign::Tls));
        assert_eq!(Foreign::recognize([0x15, 3, 3, 0]), Some(Foreign::Tls));
        assert_eq!(Foreign::recognize(*b"SSH-"), Some(Foreign::Ssh));
        assert_eq!(Foreign::recognize([0, 0, 0, 40]), None);
    }
}
