//! What keys mean together, what is missing, and that no secret is ever shown.

use serde_json::json;

use super::*;

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                     username=alice password=geheim;";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required \
                     username=alice password=geheim tokenauth=true;";

fn config(pairs: &[(&str, &str)]) -> Result<SecurityConfig, ConfigError> {
    let mut config = SecurityConfig::default();
    for (key, value) in pairs {
        config.set(key, value)?;
    }
    Ok(config)
}

fn login(pairs: &[(&str, &str)]) -> Result<Login, ConfigError> {
    config(pairs)?.sasl.resolve()
}

fn fault(pairs: &[(&str, &str)]) -> String {
    let error = config(pairs).and_then(|it| it.check()).unwrap_err();
    assert!(!error.to_string().contains("geheim"), "{error}");
    error.to_string()
}

#[test]
fn mechanisms_take_their_modules() {
    let plain = login(&[("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", PLAIN)]).unwrap();
    assert_eq!((plain.mechanism().name(), plain.user()), ("PLAIN", Some("alice")));
    let scram = login(&[("sasl.mechanism", "SCRAM-SHA-512"), ("sasl.jaas.config", SCRAM)]).unwrap();
    assert_eq!(scram.mechanism().name(), "SCRAM-SHA-512");
    assert!(matches!(scram, Login::Scram { is_token: true, .. }));
}

#[test]
fn what_is_wrong_or_missing_is_named() {
    let sasl = ("security.protocol", "sasl_plaintext");
    let with =
        |mechanism, jaas| fault(&[sasl, ("sasl.mechanism", mechanism), ("sasl.jaas.config", jaas)]);
    insta::assert_snapshot!(fault(&[sasl]), @"sasl.mechanism is needed: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER");
    insta::assert_snapshot!(fault(&[("sasl.mechanism", "GSSAPI")]), @"sasl.mechanism=GSSAPI: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER is needed");
    insta::assert_snapshot!(fault(&[sasl, ("sasl.mechanism", "PLAIN")]), @"sasl.jaas.config is needed: PlainLoginModule required …;");
    insta::assert_snapshot!(with("PLAIN", SCRAM), @"sasl.jaas.config=[hidden]: the mechanism needs PlainLoginModule, not ScramLoginModule");
    insta::assert_snapshot!(with("PLAIN", "PlainLoginModule required username=a;"), @"sasl.jaas.config=[hidden]: the option password is missing");
    insta::assert_snapshot!(with("PLAIN", "PlainLoginModule required password=\"geheim;"), @"sasl.jaas.config=[hidden]: a quoted value does not end");
    insta::assert_snapshot!(fault(&[("security.protocol", "TLS")]), @"security.protocol=TLS: one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL is needed");
    insta::assert_snapshot!(fault(&[("sasl.login.callback.handler.class", "com.example.Mine")]), @"sasl.login.callback.handler.class=com.example.Mine: one of OAuthBearerLoginCallbackHandler, OAuthBearerUnsecuredLoginCallbackHandler is needed: no other Java class runs here");
}

#[test]
fn what_would_protect_is_never_given_in_vain() {
    insta::assert_snapshot!(fault(&[("sasl.jaas.config", PLAIN)]), @"a login is given, and security.protocol=PLAINTEXT does not log in: SASL_SSL would");
    insta::assert_snapshot!(fault(&[("ssl.truststore.location", "/ca.pem")]), @"keys and certificates are given, and security.protocol=PLAINTEXT makes no use of them: SSL or SASL_SSL would");
}

#[test]
fn stores_that_cannot_be_read_are_named() {
    let ssl = ("security.protocol", "SSL");
    let with = |pairs: &[(&str, &str)]| fault(&[&[ssl], pairs].concat());
    insta::assert_snapshot!(with(&[("ssl.truststore.location", "/does/not/exist")]), @"ssl.truststore.location=/does/not/exist: it cannot be read: No such file or directory (os error 2)");
    insta::assert_snapshot!(with(&[("ssl.truststore.certificates", "geheim")]), @"ssl.truststore.certificates=[hidden]: it holds no certificate");
    let pem = [("ssl.truststore.certificates", "x"), ("ssl.truststore.location", "y")];
    insta::assert_snapshot!(with(&pem), @"ssl.truststore.certificates and ssl.truststore.location exclude each other");
    insta::assert_snapshot!(with(&[("ssl.enabled.protocols", "TLSv1.2,TLSv1.1")]), @"ssl.enabled.protocols=TLSv1.1: one of TLSv1.2, TLSv1.3 is needed");
    insta::assert_snapshot!(with(&[("ssl.endpoint.identification.algorithm", "LDAPS")]), @"ssl.endpoint.identification.algorithm=LDAPS: https is needed, or nothing behind the =");
    let file = std::env::temp_dir().join(format!("kt-jks-{}", std::process::id()));
    std::fs::write(&file, [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]).unwrap();
    let said = with(&[("ssl.truststore.location", file.to_str().unwrap())]);
    std::fs::remove_file(&file).unwrap();
    let said = said.replace(file.to_str().unwrap(), "FILE");
    insta::assert_snapshot!(said, @"ssl.truststore.location=FILE: it is a JKS store, which only Java reads; keytool -importkeystore -srckeystore OLD -destkeystore NEW -deststoretype PKCS12 makes one that kt reads");
}

#[test]
fn the_name_check_is_on_until_it_is_taken_away() {
    let key = "ssl.endpoint.identification.algorithm";
    assert_eq!(config(&[]).unwrap().tls.name_check, kt_transport::tls::NameCheck::Https);
    assert_eq!(config(&[(key, "")]).unwrap().tls.name_check, kt_transport::tls::NameCheck::Off);
}

#[test]
fn tokens_come_from_where_the_keys_say() {
    let unsecured = "OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"alice\" \
                     unsecuredLoginNumberClaim_level=\"3\" \
                     unsecuredLoginListClaim_scope=\"|read|write\" \
                     unsecuredLoginExtension_tenant=blue;";
    let mechanism = ("sasl.mechanism", "OAUTHBEARER");
    let found = login(&[mechanism, ("sasl.jaas.config", unsecured)]).unwrap();
    let Login::OAuthBearer { source: TokenSource::Unsecured(token), extensions } = found else {
        panic!("{found:?}");
    };
    assert_eq!(extensions, [("tenant".to_owned(), "blue".to_owned())]);
    assert_eq!(
        json!(token.claims),
        json!({ "sub": "alice", "level": 3.0, "scope": ["read", "write"] })
    );
    let url = "sasl.oauthbearer.token.endpoint.url";
    let found = login(&[mechanism, (url, "file:///run/token")]).unwrap();
    assert!(matches!(found, Login::OAuthBearer { source: TokenSource::File(path), .. }
        if path == std::path::Path::new("/run/token")));
    let https = (url, "https://issuer.example/token");
    let jaas = "OAuthBearerLoginModule required clientId=me clientSecret=geheim scope=all;";
    let found = login(&[mechanism, https, ("sasl.jaas.config", jaas)]).unwrap();
    assert!(!format!("{found:?}").contains("geheim"));
    let Login::OAuthBearer { source: TokenSource::Endpoint(endpoint), .. } = found else {
        panic!("{found:?}");
    };
    assert_eq!((endpoint.client_id.as_str(), endpoint.scope.as_deref()), ("me", Some("all")));
    let protocol = ("security.protocol", "SASL_SSL");
    insta::assert_snapshot!(fault(&[protocol, mechanism, https]), @"sasl.oauthbearer.client.credentials.client.id is needed: the client's name");
    insta::assert_snapshot!(fault(&[protocol, mechanism, (url, "ldap://x")]), @"sasl.oauthbearer.token.endpoint.url=ldap://x: file:///… or https://… is needed");
    insta::assert_snapshot!(fault(&[protocol, mechanism, ("sasl.jaas.config", "OAuthBearerLoginModule required;")]), @"sasl.jaas.config=[hidden]: the option unsecuredLoginStringClaim_sub is missing");
}

#[test]
fn every_key_is_taken_and_no_secret_is_shown() {
    assert!(SecurityConfig::KEYS.is_sorted());
    for key in SecurityConfig::KEYS {
        let jaas = "M required password=geheim;";
        let values = [jaas, "geheim", "PLAIN", "SSL", "TLSv1.3", "PEM", "https", "true", "1"];
        let class = "OAuthBearerLoginCallbackHandler";
        let values = values.into_iter().chain([class, "DefaultJwtRetriever"]);
        let mut config = SecurityConfig::default();
        let taken = values.filter(|value| config.set(key, value).is_ok()).count();
        assert_ne!(taken, 0, "{key}");
        let mut config = SecurityConfig::default();
        if is_secret(key)
            && config.set(key, if key.ends_with("config") { jaas } else { "geheim" }).is_ok()
        {
            assert!(!format!("{config:?}").contains("geheim"), "{key}: {config:?}");
        }
    }
}
