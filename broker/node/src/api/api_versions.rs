//! ApiVersions (18), v0-4.
//!
//! - An unknown version is answered with error 35 in a version 0 body, which names the versions of
//!   ApiVersions itself (KIP-511).
//! - v3 names the client's software, which has to look like a name.
//! - v0-3 leave out supported features whose minimum is 0: older clients cannot read them.
//! - v4 tells all supported features.

use kt_core::metadata::SUPPORTED_FEATURES;
use kt_core::raft::KRAFT_VERSION_RECONFIGURATION;
use kt_protocol::api_key::ListenerKind;
use kt_protocol::codec::Message;
use kt_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kt_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Context, Incoming, Listeners, served_on};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::ApiVersions,
    advertised: ApiVersionsRequest::VALID_VERSIONS,
    listeners: Listeners::Both,
    handle,
};

fn handle(node: &Node, _now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<ApiVersionsRequest>(effects) else {
        return;
    };
    if 3 <= context.version && !names_software(&request) {
        let error_code = ErrorCode::InvalidRequest as i16;
        context.answer(&ApiVersionsResponse { error_code, ..Default::default() }, effects);
        return;
    }
    let listener = match context.is_on_controller() {
        true => ListenerKind::Controller,
        false => ListenerKind::Broker,
    };
    let image = node.image();
    let finalized = image.features().finalized().into_iter();
    let kraft = ("kraft.version", KRAFT_VERSION_RECONFIGURATION);
    let finalized = finalized.chain([kraft]).map(|(name, level)| FinalizedFeatureKey {
        name: name.to_owned(),
        min_version_level: level,
        max_version_level: level,
    });
    let response = ApiVersionsResponse {
        api_keys: served_on(listener).map(entry).collect(),
        supported_features: supported_features(context.version),
        finalized_features_epoch: image.provenance().last_offset.0,
        finalized_features: finalized.collect(),
        ..Default::default()
    };
    context.answer(&response, effects);
}

/// Answers a version that we do not have, in one that every client can read.
pub(super) fn refuse_version(mut context: Context, effects: &mut Vec<Effect>) {
    context.version = 0;
    let own = ApiVersion {
        api_key: ApiKey::ApiVersions.code(),
        min_version: API.advertised.min,
        max_version: API.advertised.max,
    };
    let error_code = ErrorCode::UnsupportedVersion as i16;
    let response = ApiVersionsResponse { error_code, api_keys: vec![own], ..Default::default() };
    context.answer(&response, effects);
}

fn entry(api: &Api) -> ApiVersion {
    ApiVersion {
        api_key: api.key.code(),
        min_version: api.advertised.min,
        max_version: api.advertised.max,
    }
}

/// A feature of which no level but 0 is built is not told at all.
fn supported_features(version: i16) -> Vec<SupportedFeatureKey> {
    let built = SUPPORTED_FEATURES.iter().filter(|(_, range)| 0 < range.max);
    let readable = built.filter(|(_, range)| 4 <= version || 0 < range.min);
    let key = |(name, range): &(&str, kt_core::metadata::VersionRange)| SupportedFeatureKey {
        name: (*name).to_owned(),
        min_version: range.min,
        max_version: range.max,
    };
    readable.map(key).collect()
}

/// Letters and digits, with dashes and dots between them.
fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    is_edge(bytes.first()) && is_edge(bytes.last()) && bytes.iter().all(is_inner)
}

fn names_software(request: &ApiVersionsRequest) -> bool {
    is_name(&request.client_software_name) && is_name(&request.client_software_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_has_a_name() {
        for name in ["librdkafka", "apache-kafka-java", "4.3.1", "a"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "a-", "a b", "a_b", "."] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn old_clients_are_not_told_of_features_from_level_0_on() {
        let names = |version| -> Vec<String> {
            supported_features(version).into_iter().map(|feature| feature.name).collect()
        };
        assert_eq!(names(3), ["metadata.version"]);
        assert_eq!(names(4), ["kraft.version", "metadata.version"]);
    }
}
