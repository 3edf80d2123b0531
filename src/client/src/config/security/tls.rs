//! Keys that begin with `ssl.`: whom to trust, what to show, and in which versions.

use std::fs;
use std::path::{Path, PathBuf};

use kt_transport::Secret;
use kt_transport::tls::{
    Certificate, Identity, MaterialError, NameCheck, Store, TlsConnector, TlsOptions, TlsVersion,
};

use super::{secret, text, wrong_secret};
use crate::config::value::{ConfigError, list, word, wrong};

/// How TLS is spoken.
///
/// ```
/// use kt_client::{ClientConfig, SecurityProtocol, StoreType};
///
/// let mut config = ClientConfig::default();
/// config.security.protocol = SecurityProtocol::Ssl;
/// config.security.tls.truststore_location = Some("ca.pem".into());
/// config.security.tls.truststore_type = StoreType::Pem;
/// // The file is not there.
/// assert!(config.security.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Whom to trust (`ssl.truststore.location`); without it and `truststore_certificates` those
    /// whom the system trusts.
    pub truststore_location: Option<PathBuf>,
    /// The form of that file (`ssl.truststore.type`).
    pub truststore_type: StoreType,
    /// What opens it (`ssl.truststore.password`).
    pub truststore_password: Option<Secret>,
    /// Whom to trust, in PEM (`ssl.truststore.certificates`).
    pub truststore_certificates: Option<Secret>,
    /// Key and certificates to show (`ssl.keystore.location`).
    pub keystore_location: Option<PathBuf>,
    /// The form of that file (`ssl.keystore.type`).
    pub keystore_type: StoreType,
    /// What opens it (`ssl.keystore.password`).
    pub keystore_password: Option<Secret>,
    /// The key to show, in PEM (`ssl.keystore.key`).
    pub keystore_key: Option<Secret>,
    /// The certificates to show, in PEM (`ssl.keystore.certificate.chain`).
    pub keystore_certificate_chain: Option<Secret>,
    /// What opens the key (`ssl.key.password`).
    pub key_password: Option<Secret>,
    /// Whether a broker's certificate must name the host
    /// (`ssl.endpoint.identification.algorithm`).
    pub name_check: NameCheck,
    /// The versions to speak (`ssl.enabled.protocols`).
    pub versions: Vec<TlsVersion>,
    /// The cipher suites to offer (`ssl.cipher.suites`); all safe ones if empty.
    pub cipher_suites: Vec<String>,
}

/// The form of a store.
///
/// Shown at [`TlsConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreType {
    /// `JKS`, Kafka's default: Java opens PKCS#12 by that name too, and so does kt; PEM it tells by
    /// its first letters. Java's own older form it does not read.
    #[default]
    Jks,
    /// PEM, and nothing else.
    Pem,
    /// PKCS#12, and nothing else.
    Pkcs12,
}

const TYPES: &[(&str, StoreType)] =
    &[("JKS", StoreType::Jks), ("PKCS12", StoreType::Pkcs12), ("PEM", StoreType::Pem)];

const NAME_CHECKS: &[(&str, NameCheck)] = &[("https", NameCheck::Https), ("", NameCheck::Off)];

const VERSIONS: &[(&str, TlsVersion)] =
    &[("TLSv1.2", TlsVersion::Tls12), ("TLSv1.3", TlsVersion::Tls13)];

const CONTEXTS: &[(&str, ())] = &[("TLSv1.3", ()), ("TLSv1.2", ()), ("TLS", ())];

/// More than any store holds.
const STORE_BYTES_MAX: u64 = 64 << 20;

const JKS_HINT: &str = "keytool -importkeystore -srckeystore OLD -destkeystore NEW \
                        -deststoretype PKCS12 makes one that kt reads";

impl Default for TlsConfig {
    fn default() -> TlsConfig {
        TlsConfig {
            truststore_location: None,
            truststore_type: StoreType::default(),
            truststore_password: None,
            truststore_certificates: None,
            keystore_location: None,
            keystore_type: StoreType::default(),
            keystore_password: None,
            keystore_key: None,
            keystore_certificate_chain: None,
            key_password: None,
            name_check: NameCheck::Https,
            versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
            cipher_suites: Vec::new(),
        }
    }
}

impl TlsConfig {
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "ssl.cipher.suites" => self.cipher_suites = list(value),
            "ssl.enabled.protocols" => self.versions = versions(key, value)?,
            "ssl.endpoint.identification.algorithm" => {
                self.name_check = word(key, value, NAME_CHECKS)
                    .map_err(|_| wrong(key, value, "https is needed, or nothing behind the ="))?;
            }
            "ssl.key.password" => self.key_password = secret(value),
            "ssl.keystore.certificate.chain" => self.keystore_certificate_chain = secret(value),
            "ssl.keystore.key" => self.keystore_key = secret(value),
            "ssl.keystore.location" => self.keystore_location = text(value).map(PathBuf::from),
            "ssl.keystore.password" => self.keystore_password = secret(value),
            "ssl.keystore.type" => self.keystore_type = word(key, value, TYPES)?,
            // Java's name of a context; what it speaks is what `ssl.enabled.protocols` says.
            "ssl.protocol" => {
                word(key, value, CONTEXTS)?;
            }
            "ssl.truststore.certificates" => self.truststore_certificates = secret(value),
            "ssl.truststore.location" => self.truststore_location = text(value).map(PathBuf::from),
            "ssl.truststore.password" => self.truststore_password = secret(value),
            "ssl.truststore.type" => self.truststore_type = word(key, value, TYPES)?,
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }

    /// Whether there is something to show.
    pub(crate) fn has_identity(&self) -> bool {
        self.keystore_location.is_some() || self.keystore_key.is_some()
    }

    /// Reads the stores.
    pub(crate) fn connector(&self) -> Result<TlsConnector, ConfigError> {
        let options = TlsOptions {
            trusted: self.trusted()?,
            identity: self.identity()?,
            name_check: self.name_check,
            versions: self.versions.clone(),
            cipher_suites: self.cipher_suites.clone(),
        };
        TlsConnector::new(options).map_err(|error| {
            ConfigError::Together(match error {
                MaterialError::NoCertificate => "no trusted certificate can be used".to_owned(),
                error => format!("TLS cannot be spoken like this: {error}"),
            })
        })
    }

    fn trusted(&self) -> Result<Vec<Certificate>, ConfigError> {
        match (&self.truststore_certificates, &self.truststore_location) {
            (Some(_), Some(_)) => Err(ConfigError::Together(
                "ssl.truststore.certificates and ssl.truststore.location exclude each other"
                    .to_owned(),
            )),
            (Some(pem), None) => Store::Pem
                .certificates(pem.reveal().as_bytes(), None)
                .map_err(|error| wrong_secret("ssl.truststore.certificates", error.to_string())),
            (None, Some(path)) => {
                let key = "ssl.truststore.location";
                let bytes = read(key, path)?;
                let store = self.truststore_type.of(&bytes);
                store
                    .certificates(&bytes, self.truststore_password.as_ref())
                    .map_err(|error| unreadable(key, path, &error))
            }
            (None, None) => system_roots(),
        }
    }

    fn identity(&self) -> Result<Option<Identity>, ConfigError> {
        let key_password = self.key_password.as_ref();
        match (&self.keystore_key, &self.keystore_certificate_chain, &self.keystore_location) {
            (None, None, None) => Ok(None),
            (Some(key), Some(chain), None) => {
                let [key, chain] = [key, chain].map(|it| it.reveal().as_bytes());
                Identity::of_pem(key, chain, key_password)
                    .map(Some)
                    .map_err(|error| wrong_secret("ssl.keystore.key", error.to_string()))
            }
            (None, None, Some(path)) => {
                let key = "ssl.keystore.location";
                let bytes = read(key, path)?;
                let store = self.keystore_type.of(&bytes);
                store
                    .identity(&bytes, self.keystore_password.as_ref(), key_password)
                    .map(Some)
                    .map_err(|error| unreadable(key, path, &error))
            }
            (_, _, Some(_)) => Err(ConfigError::Together(
                "ssl.keystore.location excludes ssl.keystore.key and \
                 ssl.keystore.certificate.chain"
                    .to_owned(),
            )),
            (_, _, None) => Err(ConfigError::Together(
                "ssl.keystore.key and ssl.keystore.certificate.chain need each other".to_owned(),
            )),
        }
    }
}

impl StoreType {
    fn of(self, bytes: &[u8]) -> Store {
        match self {
            StoreType::Pem => Store::Pem,
            StoreType::Pkcs12 => Store::Pkcs12,
            StoreType::Jks if bytes.is_ascii() => Store::Pem,
            StoreType::Jks => Store::Pkcs12,
        }
    }
}

fn versions(key: &str, value: &str) -> Result<Vec<TlsVersion>, ConfigError> {
    let versions: Result<Vec<TlsVersion>, ConfigError> =
        list(value).iter().map(|it| word(key, it, VERSIONS)).collect();
    let versions = versions?;
    if versions.is_empty() {
        return Err(wrong(key, value, "one of TLSv1.2, TLSv1.3 is needed"));
    }
    Ok(versions)
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    let cannot = |reason: String| wrong(key, &path.display().to_string(), reason);
    let size = fs::metadata(path).map_err(|error| cannot(format!("it cannot be read: {error}")))?;
    if STORE_BYTES_MAX < size.len() {
        return Err(cannot("it is too large to be a store of certificates".to_owned()));
    }
    fs::read(path).map_err(|error| cannot(format!("it cannot be read: {error}")))
}

fn unreadable(key: &str, path: &Path, error: &MaterialError) -> ConfigError {
    let reason = match error {
        MaterialError::Jks => format!("{error}; {JKS_HINT}"),
        MaterialError::PasswordMissing => format!("{error} (ssl.key.password)"),
        MaterialError::WrongPassword => {
            let password = key.replace("location", "password");
            format!("{error} ({password})")
        }
        error => error.to_string(),
    };
    wrong(key, &path.display().to_string(), reason)
}

fn system_roots() -> Result<Vec<Certificate>, ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(ConfigError::Together(
            "the system trusts nobody: ssl.truststore.location has to name whom to trust"
                .to_owned(),
        ));
    }
    Ok(found.certs)
}
