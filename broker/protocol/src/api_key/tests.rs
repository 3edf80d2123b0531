//! The table of API keys beside what the classes of Apache Kafka 4.3.1 say.

use super::*;
use crate::codec::MessageKind;
use crate::messages::catalog;

/// Columns of `tests/data/apis.tsv`, printed by a running 4.3.1: key, name, versions, advertised by
/// a broker, advertised by a controller, first flexible request, listeners, flags.
fn rows() -> Vec<Vec<&'static str>> {
    let text = include_str!("../../tests/data/apis.tsv");
    text.lines().skip(1).map(|line| line.split('\t').collect()).collect()
}

fn listeners(key: ApiKey) -> String {
    let kinds = [("broker", ListenerKind::Broker), ("controller", ListenerKind::Controller)];
    let served = kinds.iter().filter(|(_, kind)| key.is_served_on(*kind));
    served.map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}

fn flags(key: ApiKey) -> String {
    let flags = [
        ("cluster-action", key.is_cluster_action()),
        ("forwardable", key.is_forwardable()),
        ("latest-unstable", key.latest_unstable()),
    ];
    let set = flags.iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

/// As the table writes versions: a single one as a range too.
fn range(versions: Versions) -> String {
    if versions.is_empty() { "none".into() } else { format!("{}-{}", versions.min, versions.max) }
}

#[test]
fn every_key_is_as_in_kafka() {
    assert_eq!(ApiKey::all().len(), rows().len());
    for (key, row) in ApiKey::all().zip(rows()) {
        let flexible = key.first_flexible().map_or(String::new(), |it| it.to_string());
        let versions = range(key.valid_versions());
        let code = key.code().to_string();
        let listeners = listeners(key);
        let flags = flags(key);
        let ours = [&code, key.name(), &versions, &flexible, &listeners, &flags];
        assert_eq!(ours, [row[0], row[1], row[2], row[5], row[6], row[7]]);
    }
}

#[test]
fn keys_read_back_from_their_numbers() {
    for (index, key) in ApiKey::all().enumerate() {
        assert_eq!(usize::try_from(key.code()), Ok(index));
        assert_eq!(ApiKey::from_code(key.code()), Some(key));
    }
    assert_eq!(ApiKey::from_code(-1), None);
    assert_eq!(ApiKey::from_code(93), None);
    assert_eq!(ApiKey::from_code(i16::MAX), None);
}

#[test]
fn only_released_versions_are_stable() {
    assert_eq!(ApiKey::InitProducerId.valid_versions(), Versions::new(0, 6));
    assert_eq!(ApiKey::InitProducerId.stable_versions(), Versions::new(0, 5));
    assert_eq!(ApiKey::Fetch.stable_versions(), Versions::new(4, 18));
    assert!(ApiKey::LeaderAndIsr.stable_versions().is_empty());
}

#[test]
fn headers_follow_the_flexible_versions() {
    let versions = |key: ApiKey, version| {
        (key.request_header_version(version), key.response_header_version(version))
    };
    assert_eq!(versions(ApiKey::Metadata, 8), (1, 0));
    assert_eq!(versions(ApiKey::Metadata, 9), (2, 1));
    assert_eq!(versions(ApiKey::SaslHandshake, 1), (1, 0));
    assert_eq!(versions(ApiKey::ApiVersions, 2), (1, 0));
    assert_eq!(versions(ApiKey::ApiVersions, 4), (2, 0));
    // A client newer than us: its header must be readable all the same.
    assert_eq!(versions(ApiKey::ApiVersions, 99), (2, 0));
}

#[test]
fn every_api_with_a_version_has_both_messages() {
    for key in ApiKey::all() {
        for kind in [MessageKind::Request, MessageKind::Response] {
            let message =
                catalog::ALL.iter().find(|it| it.kind == kind && it.key == Some(key.code()));
            assert_eq!(message.is_some(), !key.valid_versions().is_empty(), "{key} {kind:?}");
            if let Some(message) = message {
                assert_eq!(message.valid_versions, key.valid_versions(), "{key} {kind:?}");
            }
        }
    }
}
