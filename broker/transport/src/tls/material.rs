//! Certificates and keys as they come out of files: PEM and PKCS#12.

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{pem, pkcs12};
use crate::secret::Secret;

/// A certificate, in DER.
pub type Certificate = CertificateDer<'static>;

/// The form of a store (`ssl.truststore.type`, `ssl.keystore.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Text with `-----BEGIN CERTIFICATE-----`.
    Pem,
    /// What Java writes since version 9, and OpenSSL with `pkcs12 -export`.
    Pkcs12,
}

/// Who this end says it is: a key, and the certificates from its own to the one before the root.
pub struct Identity {
    pub(super) chain: Vec<Certificate>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// Why a store gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaterialError {
    /// PEM that breaks off, or is not base64.
    #[error("it is not PEM: {0}")]
    Pem(String),
    /// No certificate in it.
    #[error("it holds no certificate")]
    NoCertificate,
    /// No private key in it.
    #[error("it holds no private key")]
    NoKey,
    /// The key is encrypted and no password was given.
    #[error("its private key is encrypted, and no password is given")]
    PasswordMissing,
    /// The password does not open it.
    #[error("the password does not open it")]
    WrongPassword,
    /// It is no PKCS#12.
    #[error("it is not PKCS#12: {0}")]
    Pkcs12(String),
    /// A Java key store in Java's own form.
    #[error("it is a JKS store, which only Java reads")]
    Jks,
    /// A certificate or key that TLS cannot use.
    #[error("{0}")]
    Unusable(String),
}

/// The first bytes of every file that Java's `JKS` writes.
const JKS_MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

impl Store {
    /// The certificates of a trust store, at least one.
    ///
    /// # Errors
    ///
    /// Fails if it is not of this form, the password is wrong, or it is empty.
    pub fn certificates(
        self,
        bytes: &[u8],
        password: Option<&Secret>,
    ) -> Result<Vec<Certificate>, MaterialError> {
        let certificates = match self {
            Store::Pem => pem::certificates(bytes)?,
            Store::Pkcs12 => pkcs12::certificates(check_jks(bytes)?, text(password))?,
        };
        if certificates.is_empty() {
            return Err(MaterialError::NoCertificate);
        }
        Ok(certificates)
    }

    /// The key of a key store, with its certificates. `key_password` opens an encrypted key in PEM
    /// (`ssl.key.password`), `password` the whole of a PKCS#12.
    ///
    /// # Errors
    ///
    /// Fails if it is not of this form, a password is wrong, or something is missing.
    pub fn identity(
        self,
        bytes: &[u8],
        password: Option<&Secret>,
        key_password: Option<&Secret>,
    ) -> Result<Identity, MaterialError> {
        match self {
            Store::Pem => Identity::of_pem(bytes, bytes, key_password),
            Store::Pkcs12 => pkcs12::identity(check_jks(bytes)?, text(password)),
        }
    }
}

impl Identity {
    /// Key and certificates in PEM, each in a text of its own (`ssl.keystore.key`,
    /// `ssl.keystore.certificate.chain`) or both in the same.
    ///
    /// # Errors
    ///
    /// Fails if one is missing, or the key is encrypted and the password does not open it.
    pub fn of_pem(
        key: &[u8],
        chain: &[u8],
        key_password: Option<&Secret>,
    ) -> Result<Identity, MaterialError> {
        let chain = pem::certificates(chain)?;
        if chain.is_empty() {
            return Err(MaterialError::NoCertificate);
        }
        Ok(Identity { chain, key: pem::key(key, key_password)? })
    }
}

fn check_jks(bytes: &[u8]) -> Result<&[u8], MaterialError> {
    if bytes.starts_with(&JKS_MAGIC) { Err(MaterialError::Jks) } else { Ok(bytes) }
}

fn text(password: Option<&Secret>) -> &str {
    password.map_or("", Secret::reveal)
}

#[cfg(test)]
mod tests;
