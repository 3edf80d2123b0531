//! What to look at when kt and a broker do not come together: the listener, the certificates, the
//! login.

use kt_client::{AuthenticationFault, Foreign, Listener, TlsFault};

/// For who was found where a broker was expected.
pub(crate) fn of_listener(found: &Listener) -> Option<&'static str> {
    Some(match found {
        Listener::Closes | Listener::Speaks(Foreign::Tls) => {
            "-X security.protocol=SSL speaks TLS, SASL_SSL logs in as well"
        }
        Listener::NoTls | Listener::ClosesTls => {
            "-X security.protocol=PLAINTEXT, or SASL_PLAINTEXT, speaks without TLS"
        }
        Listener::WantsLogin => {
            "security.protocol=SASL_SSL or SASL_PLAINTEXT logs in, with sasl.mechanism and \
             sasl.jaas.config in --command-config FILE"
        }
        Listener::NoLogin => "security.protocol=SSL or PLAINTEXT does not log in",
        Listener::Silent | Listener::Speaks(_) | Listener::Garbage(_) => {
            "is a broker running there? -b HOST:PORT names another"
        }
    })
}

/// For two that do not believe each other.
pub(crate) fn of_fault(fault: &AuthenticationFault) -> Option<&'static str> {
    Some(match fault {
        AuthenticationFault::Tls(fault) => return of_tls(fault),
        AuthenticationFault::Refused { .. } => {
            "sasl.jaas.config says who logs in; `kt context explain` shows where settings are from"
        }
        AuthenticationFault::Mechanism { .. } => "sasl.mechanism names another",
        AuthenticationFault::Exchange { .. } => {
            "sasl.mechanism and sasl.jaas.config have to fit each other and the broker"
        }
        AuthenticationFault::Token(_) => {
            "sasl.oauthbearer.token.endpoint.url and sasl.jaas.config say where tokens are from"
        }
    })
}

fn of_tls(fault: &TlsFault) -> Option<&'static str> {
    Some(match fault {
        TlsFault::UnknownIssuer => {
            "ssl.truststore.location has to name the certificate of who issued it"
        }
        TlsFault::Expired { .. } => "the broker needs a new certificate",
        TlsFault::NotYetValid { .. } => "is the clock right?",
        TlsFault::WrongName { .. } => {
            "connect by a name that the certificate has; without comparing names \
             (-X ssl.endpoint.identification.algorithm=) anybody with a certificate of this \
             issuer can pose as the broker"
        }
        TlsFault::CertificateRequired => {
            "ssl.keystore.location has to name a key and its certificate"
        }
        TlsFault::CertificateRefused(_) => {
            "the broker has to trust who issued the certificate in ssl.keystore.location"
        }
        TlsFault::HandshakeRefused(_) => {
            "ssl.enabled.protocols and ssl.cipher.suites limit what kt offers"
        }
        TlsFault::Closed | TlsFault::NotTls | TlsFault::Certificate(_) | TlsFault::Other(_) => {
            return None;
        }
    })
}
