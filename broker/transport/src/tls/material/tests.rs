//! Stores of both forms, with right and wrong passwords, and what is no store.

use p12_keystore::{KeyStore, KeyStoreEntry, LocalKeyId, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate and a key, in PEM and in DER.
struct Made {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn made() -> Made {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    Made { certificate: params.self_signed(&key).unwrap(), key }
}

fn pkcs12(made: &Made, password: &str) -> Vec<u8> {
    let certificate = p12_keystore::Certificate::from_der(made.certificate.der()).unwrap();
    let key = PrivateKey::from_der(&made.key.serialize_der()).unwrap();
    let chain = PrivateKeyChain::new(LocalKeyId(vec![1]), key, [certificate.clone()]);
    let mut store = KeyStore::new();
    store.add_entry("key", KeyStoreEntry::PrivateKeyChain(chain));
    store.add_entry("ca", KeyStoreEntry::Certificate(certificate));
    store.writer(password).write().unwrap()
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

#[test]
fn pem_holds_certificates_and_a_key() {
    let made = made();
    let pem = format!("# ours\n{}{}", made.certificate.pem(), made.key.serialize_pem());
    let certificates = Store::Pem.certificates(pem.as_bytes(), None).unwrap();
    assert_eq!(certificates, [made.certificate.der().clone()]);
    let identity = Store::Pem.identity(pem.as_bytes(), None, None).unwrap();
    assert_eq!(identity.key.secret_der(), made.key.serialize_der());
    assert!(!format!("{identity:?}").contains(&format!("{:?}", made.key.serialize_der())[..20]));
}

#[test]
fn pem_may_stand_on_one_line() {
    let made = made();
    let line = |pem: String| pem.replace('\n', " ");
    let (key, chain) = (line(made.key.serialize_pem()), line(made.certificate.pem()));
    let identity = Identity::of_pem(key.as_bytes(), chain.as_bytes(), None).unwrap();
    assert_eq!(identity.key.secret_der(), made.key.serialize_der());
    assert_eq!(identity.chain, [made.certificate.der().clone()]);
}

/// Made by OpenSSL 3: `openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -v2 aes-256-cbc`.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\
    MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhKNQuKMYLntgICCAAw\n\
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPkOLpdgQoUpi+8ng6reppcEQLDA\n\
    MNAAUwBxoQ5lN0BqfIMcbYYiFKvT+puGL47Jy/MgxY7BogHLmptnd8vfDjyOVeDd\n\
    deLwPXHqObfvyeI8x9I=\n\
    -----END ENCRYPTED PRIVATE KEY-----";

#[test]
fn an_encrypted_key_needs_its_password() {
    let chain = made().certificate.pem();
    let open = |password: Option<Secret>| {
        Identity::of_pem(ENCRYPTED.as_bytes(), chain.as_bytes(), password.as_ref()).map(|_| ())
    };
    assert_eq!(open(secret("sesame")), Ok(()));
    assert_eq!(open(secret("simsim")), Err(MaterialError::WrongPassword));
    assert_eq!(open(None), Err(MaterialError::PasswordMissing));
}

#[test]
fn pkcs12_holds_what_is_trusted_and_a_key() {
    let made = made();
    let bytes = pkcs12(&made, "sesame");
    let password = secret("sesame");
    let certificates = Store::Pkcs12.certificates(&bytes, password.as_ref()).unwrap();
    assert_eq!(certificates, [made.certificate.der().clone()]);
    let identity = Store::Pkcs12.identity(&bytes, password.as_ref(), None).unwrap();
    assert_eq!(identity.key.secret_der(), made.key.serialize_der());
    let wrong = Store::Pkcs12.certificates(&bytes, secret("simsim").as_ref()).unwrap_err();
    assert_eq!(wrong, MaterialError::WrongPassword);
}

#[test]
fn what_is_no_store_is_said_to_be_none() {
    let fault = |store: Store, bytes: &[u8]| {
        store.certificates(bytes, None).map(|_| ()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(fault(Store::Pem, b""), @"it holds no certificate");
    insta::assert_snapshot!(fault(Store::Pem, b"-----BEGIN CERTIFICATE-----\nYQ=="), @"it is not PEM: an -----END line is missing");
    insta::assert_snapshot!(fault(Store::Pem, b"-----BEGIN CERTIFICATE----- *** -----END CERTIFICATE-----"), @"it is not PEM: a section is not base64");
    insta::assert_snapshot!(fault(Store::Pkcs12, &[0xfe, 0xed, 0xfe, 0xed, 0, 0]), @"it is a JKS store, which only Java reads");
    assert!(fault(Store::Pkcs12, b"text").starts_with("it is not PKCS#12: "));
    let certificate = made().certificate.pem();
    let keyless = Store::Pem.identity(certificate.as_bytes(), None, None).unwrap_err();
    assert_eq!(keyless, MaterialError::NoKey);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_store_panic(bytes: Vec<u8>, text in "(-----BEGIN |-----END |CERTIFICATE|-----|[ \n]|[A-Za-z=]{0,4}){0,12}") {
        for store in [Store::Pem, Store::Pkcs12] {
            let _ = store.certificates(&bytes, None);
            let _ = store.identity(text.as_bytes(), None, None);
        }
    }
}
