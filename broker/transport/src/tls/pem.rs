//! Certificates and keys in PEM, also on one line, as Kafka's `ssl.keystore.key` takes them.

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::{Decode, SecretDocument};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::material::{Certificate, MaterialError};
use crate::secret::Secret;

const DASHES: &str = "-----";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// All certificates, in their order.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, MaterialError> {
    let text = in_lines(bytes);
    let all: Result<Vec<Certificate>, pem::Error> =
        CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    all.map_err(|error| not_pem(&error))
}

/// The first private key.
pub(super) fn key(
    bytes: &[u8],
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, MaterialError> {
    let text = in_lines(bytes);
    if let Some(section) = section(&text, ENCRYPTED) {
        let password = password.ok_or(MaterialError::PasswordMissing)?;
        return decrypt(section, password);
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound => MaterialError::NoKey,
        error => not_pem(&error),
    })
}

fn not_pem(error: &pem::Error) -> MaterialError {
    // The parser's words may quote the line, and the line may be of a key.
    MaterialError::Pem(match error {
        pem::Error::MissingSectionEnd { .. } => "an -----END line is missing".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        pem::Error::SectionTooLarge => "a section is too large".to_owned(),
        _ => "a section does not begin as it should".to_owned(),
    })
}

fn decrypt(section: &str, password: &Secret) -> Result<PrivateKeyDer<'static>, MaterialError> {
    let malformed = || MaterialError::Pem("the encrypted key is malformed".to_owned());
    let (_, document) = SecretDocument::from_pem(section).map_err(|_| malformed())?;
    let key = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| malformed())?;
    let plain = key.decrypt(password.reveal()).map_err(|_| MaterialError::WrongPassword)?;
    Ok(PrivateKeyDer::Pkcs8(plain.as_bytes().to_vec().into()))
}

/// The section with this label, its borders included.
fn section<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let start = text.find(&format!("{DASHES}BEGIN {label}{DASHES}"))?;
    let end_line = format!("{DASHES}END {label}{DASHES}");
    let end = start + text[start..].find(&end_line)? + end_line.len();
    Some(&text[start..end])
}

/// Puts the borders of sections on lines of their own, and breaks their bodies at white space.
/// What stands between sections is left out.
fn in_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(start) = rest.find("-----BEGIN ") {
        let Some(length) = rest[start + DASHES.len()..].find(DASHES) else { break };
        let (border, after) = rest[start..].split_at(length + 2 * DASHES.len());
        lines.push_str(border);
        lines.push('\n');
        let body = &after[..after.find(DASHES).unwrap_or(after.len())];
        for word in body.split_ascii_whitespace() {
            lines.push_str(word);
            lines.push('\n');
        }
        rest = &after[body.len()..];
        if rest.starts_with("-----END ") {
            let length = rest[DASHES.len()..].find(DASHES).unwrap_or(rest.len() - DASHES.len());
            let border_bytes = (length + 2 * DASHES.len()).min(rest.len());
            let (border, after) = rest.split_at(border_bytes);
            lines.push_str(border);
            lines.push('\n');
            rest = after;
        }
    }
    lines
}
