//! TLS: who is trusted, who this end says it is, and the handshake. The client's end.

mod connector;
mod fault;
mod material;
mod pem;
mod pkcs12;
mod verifier;

pub use connector::{NameCheck, TlsConnector, TlsOptions, TlsVersion};
pub use fault::TlsFault;
pub use material::{Certificate, Identity, MaterialError, Store};
pub use tokio_rustls::client::TlsStream;
