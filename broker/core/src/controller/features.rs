//! UpdateFeatures: only what is built can be finalized (`FeatureControlManager`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::update_features_request::FeatureUpdateKey;
use kt_protocol::messages::update_features_response::UpdatableFeatureResult;
use kt_protocol::messages::{FeatureLevelRecord, UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::{ApiError, Controller, Decision};
use crate::metadata::{MetadataVersion, VersionedRecord, supported_range};

/// The version of the request from which on all features are updated or none.
const ALL_OR_NONE_SINCE: i16 = 2;

impl Controller {
    /// Finalizes feature levels: `metadata.version` can be raised within what is supported, and of
    /// what is not built level 0 is the only one.
    pub fn update_features(
        &self,
        version: i16,
        request: &UpdateFeaturesRequest,
    ) -> Decision<UpdateFeaturesResponse> {
        let mut records = Vec::new();
        let mut response = UpdateFeaturesResponse::default();
        for update in &request.feature_updates {
            let outcome = self.updated_feature(update);
            if let Err(error) = &outcome
                && ALL_OR_NONE_SINCE <= version
            {
                return Decision::only(failed(error));
            }
            response.results.push(UpdatableFeatureResult {
                feature: update.feature.clone(),
                error_code: outcome.as_ref().err().map_or(0, |error| error.code as i16),
                error_message: outcome.as_ref().err().and_then(|error| error.message.clone()),
            });
            records.extend(outcome.ok().flatten());
        }
        if ALL_OR_NONE_SINCE <= version {
            response.results.clear();
        }
        if request.validate_only {
            records.clear();
        }
        Decision { records, response }
    }

    fn updated_feature(
        &self,
        update: &FeatureUpdateKey,
    ) -> Result<Option<VersionedRecord>, ApiError> {
        let (feature, level) = (update.feature.as_str(), update.max_version_level);
        self.check_supported_by_all(feature, level)?;
        let current = self.image().features().level(feature);
        if current == level {
            return Ok(None);
        }
        if feature != MetadataVersion::FEATURE {
            let message = "this feature's level cannot be changed while the cluster runs";
            return Err(invalid(feature, level, message));
        }
        if level < current {
            return Err(ApiError::new(
                ErrorCode::InvalidUpdateVersion,
                format!(
                    "Unsupported metadata.version downgrade from {current} to {level}. Refusing to perform the requested downgrade because it might delete metadata information."
                ),
            ));
        }
        let record = FeatureLevelRecord { name: feature.to_owned(), feature_level: level };
        Ok(Some(VersionedRecord::v0(record)))
    }

    fn check_supported_by_all(&self, feature: &str, level: i16) -> Result<(), ApiError> {
        let controller = format!("Local controller {}", self.config.node_id);
        let own = (controller, supported_range(feature));
        let brokers = self.image().brokers().iter().map(|broker| {
            (format!("Broker {}", broker.id), broker.supported_features.get(feature).copied())
        });
        for (who, range) in std::iter::once(own).chain(brokers) {
            let Some(range) = range else {
                let reason = format!("{who} does not support this feature.");
                return Err(invalid(feature, level, &reason));
            };
            if !range.contains(level) {
                let reason = format!("{who} only supports versions {}-{}", range.min, range.max);
                return Err(invalid(feature, level, &reason));
            }
        }
        Ok(())
    }
}

fn invalid(feature: &str, level: i16, reason: &str) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidUpdateVersion,
        format!("Invalid update version {level} for feature {feature}. {reason}"),
    )
}

fn failed(error: &ApiError) -> UpdateFeaturesResponse {
    let reason = error.message.as_deref().unwrap_or_default();
    UpdateFeaturesResponse {
        error_code: error.code as i16,
        error_message: Some(format!(
            "The update failed for all features since the following feature had an error: {reason}"
        )),
        ..Default::default()
    }
}
