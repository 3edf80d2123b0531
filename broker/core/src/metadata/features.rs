//! Finalized features, and which of them this program supports (`FeaturesImage`, `QuorumFeatures`).

use std::collections::BTreeMap;
use std::fmt;

use kt_protocol::messages::FeatureLevelRecord;

use super::version::level_name;
use super::{ApplyError, MetadataVersion};

/// A range of levels, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The least.
    pub min: i16,
    /// The greatest.
    pub max: i16,
}

impl VersionRange {
    /// Whether `level` lies in it.
    pub const fn contains(self, level: i16) -> bool {
        self.min <= level && level <= self.max
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// What this program supports, by name. A feature is raised when it is built, not before.
pub const SUPPORTED_FEATURES: &[(&str, VersionRange)] = &[
    ("eligible.leader.replicas.version", VersionRange { min: 0, max: 0 }),
    ("group.version", VersionRange { min: 0, max: 0 }),
    ("kraft.version", VersionRange { min: 0, max: 1 }),
    (
        MetadataVersion::FEATURE,
        VersionRange {
            min: MetadataVersion::MIN_SUPPORTED.level(),
            max: MetadataVersion::MAX_SUPPORTED.level(),
        },
    ),
    ("share.version", VersionRange { min: 0, max: 0 }),
    ("streams.version", VersionRange { min: 0, max: 0 }),
    ("transaction.version", VersionRange { min: 0, max: 0 }),
];

/// The supported range of a feature; nothing for one that is unknown.
pub fn supported_range(feature: &str) -> Option<VersionRange> {
    SUPPORTED_FEATURES.iter().find(|(name, _)| *name == feature).map(|(_, range)| *range)
}

/// A finalized level that this program does not support.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster is finalized at {feature} {level}{}, and this program supports {}",
    describe_level(feature, *level),
    describe_range(feature)
)]
pub struct UnsupportedFeature {
    /// The feature.
    pub feature: String,
    /// Its finalized level.
    pub level: i16,
}

fn describe_level(feature: &str, level: i16) -> String {
    if feature == MetadataVersion::FEATURE {
        return format!(" ({})", level_name(level));
    }
    String::new()
}

fn describe_range(feature: &str) -> String {
    match supported_range(feature) {
        None | Some(VersionRange { max: 0, .. }) => "no level of it yet".to_owned(),
        Some(range) => format!("{range}"),
    }
}

/// The part of the image that holds finalized features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeaturesImage {
    metadata_version: Option<MetadataVersion>,
    /// All others. A level of 0 is the same as none and is not stored.
    levels: BTreeMap<String, i16>,
}

impl FeaturesImage {
    /// The finalized `metadata.version`; a log that names none is of the oldest.
    pub fn metadata_version(&self) -> MetadataVersion {
        self.metadata_version.unwrap_or(MetadataVersion::OLDEST)
    }

    /// The finalized level of any feature, 0 for one that is not enabled.
    pub fn level(&self, feature: &str) -> i16 {
        if feature == MetadataVersion::FEATURE {
            return self.metadata_version().level();
        }
        self.levels.get(feature).copied().unwrap_or(0)
    }

    /// All finalized features, `metadata.version` among them, by name.
    pub fn finalized(&self) -> BTreeMap<&str, i16> {
        let mut finalized: BTreeMap<&str, i16> =
            self.levels.iter().map(|(name, level)| (name.as_str(), *level)).collect();
        if let Some(version) = self.metadata_version {
            finalized.insert(MetadataVersion::FEATURE, version.level());
        }
        finalized
    }

    /// Whether eligible leader replicas are kept (KIP-966).
    pub fn is_elr_enabled(&self) -> bool {
        1 <= self.level("eligible.leader.replicas.version")
    }

    /// Checks that this program supports every finalized level: what it does not know it could
    /// only get wrong.
    ///
    /// # Errors
    ///
    /// The first feature that it does not support.
    pub fn check_supported(&self) -> Result<(), UnsupportedFeature> {
        for (feature, level) in self.finalized() {
            if !supported_range(feature).is_some_and(|range| range.contains(level)) {
                return Err(UnsupportedFeature { feature: feature.to_owned(), level });
            }
        }
        Ok(())
    }

    /// A log may pass through levels that are too old to work at, but not through newer ones: the
    /// records after that could mean anything.
    pub(super) fn apply(&mut self, record: &FeatureLevelRecord) -> Result<(), ApplyError> {
        let level = record.feature_level;
        if record.name == MetadataVersion::FEATURE {
            let version = MetadataVersion::from_level(level)
                .ok_or(ApplyError::UnknownMetadataVersion { level })?;
            self.metadata_version = Some(version);
        } else if level == 0 {
            self.levels.remove(&record.name);
        } else {
            self.levels.insert(record.name.clone(), level);
        }
        Ok(())
    }

    /// `metadata.version` comes first: it says how the records after it are to be read.
    pub(super) fn records(&self) -> impl Iterator<Item = FeatureLevelRecord> {
        let first = self.metadata_version.map(|version| FeatureLevelRecord {
            name: MetadataVersion::FEATURE.to_owned(),
            feature_level: version.level(),
        });
        let rest = self
            .levels
            .iter()
            .map(|(name, level)| FeatureLevelRecord { name: name.clone(), feature_level: *level });
        first.into_iter().chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finalize(features: &mut FeaturesImage, name: &str, level: i16) -> Result<(), ApplyError> {
        features.apply(&FeatureLevelRecord { name: name.to_owned(), feature_level: level })
    }

    #[test]
    fn what_is_newer_is_refused_with_its_numbers() {
        let mut features = FeaturesImage::default();
        let error = finalize(&mut features, "metadata.version", 31).unwrap_err();
        insta::assert_snapshot!(error, @"metadata.version 31 (4.4-IV0) is unknown: this program reads metadata logs of levels 7 (3.3-IV3) to 30 (4.3-IV0)");
    }

    #[test]
    fn what_is_older_is_read_and_not_worked_at() {
        let mut features = FeaturesImage::default();
        assert_eq!(features.metadata_version(), MetadataVersion::OLDEST);
        finalize(&mut features, "metadata.version", 21).unwrap();
        insta::assert_snapshot!(features.check_supported().unwrap_err(), @"the cluster is finalized at metadata.version 21 (3.9-IV0), and this program supports 22 to 30");
        finalize(&mut features, "metadata.version", 30).unwrap();
        assert_eq!(features.check_supported(), Ok(()));
    }

    #[test]
    fn a_feature_that_is_not_built_is_not_supported() {
        let mut features = FeaturesImage::default();
        finalize(&mut features, "metadata.version", 30).unwrap();
        finalize(&mut features, "share.version", 1).unwrap();
        insta::assert_snapshot!(features.check_supported().unwrap_err(), @"the cluster is finalized at share.version 1, and this program supports no level of it yet");
        finalize(&mut features, "share.version", 0).unwrap();
        assert_eq!(features.check_supported(), Ok(()));
        assert_eq!(
            features.finalized().into_iter().collect::<Vec<_>>(),
            [("metadata.version", 30)]
        );
    }
}
