//! PKCS#12: the certificates that Java trusts, and keys with their certificates.
//!
//! `p12-keystore` and not `p12`: it reads what Java and OpenSSL 3 write today (PBES2, HMAC by
//! SHA-256) beside the old ciphers, knows Java's mark for trusted certificates, is kept up to date,
//! and is Rust down to its ciphers.

use p12_keystore::{KeyStore, Pkcs12Archive, Pkcs12ImportPolicy};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::material::{Certificate, Identity, MaterialError};

/// The certificates that are trusted: those with Java's mark; in a store without any mark (OpenSSL
/// writes none) all of them.
pub(super) fn certificates(
    bytes: &[u8],
    password: &str,
) -> Result<Vec<Certificate>, MaterialError> {
    let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|it| fault(&it))?;
    let has_marks = archive.certs.iter().any(|it| it.trusted);
    let trusted = archive.certs.iter().filter(|it| it.trusted || !has_marks);
    Ok(trusted.map(|it| CertificateDer::from(it.cert.as_der().to_vec())).collect())
}

/// The first key, with its certificates.
pub(super) fn identity(bytes: &[u8], password: &str) -> Result<Identity, MaterialError> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed)
        .map_err(|it| fault(&it))?;
    let (_, found) = store.private_key_chain().ok_or(MaterialError::NoKey)?;
    let chain: Vec<Certificate> =
        found.certs().iter().map(|it| CertificateDer::from(it.as_der().to_vec())).collect();
    if chain.is_empty() {
        return Err(MaterialError::NoCertificate);
    }
    Ok(Identity { chain, key: PrivateKeyDer::Pkcs8(found.key().as_der().to_vec().into()) })
}

fn fault(error: &p12_keystore::error::Error) -> MaterialError {
    match error {
        p12_keystore::error::Error::MacError(_) => MaterialError::WrongPassword,
        error => MaterialError::Pkcs12(error.to_string()),
    }
}
