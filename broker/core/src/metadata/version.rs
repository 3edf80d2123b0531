//! The levels of `metadata.version`: which record is written at which version (`MetadataVersion`).

use std::fmt;

/// A level of the feature `metadata.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataVersion(i16);

/// The names of all levels, from the oldest that KRaft ever wrote.
const NAMES: &[(i16, &str)] = &[
    (7, "3.3-IV3"),
    (8, "3.4-IV0"),
    (9, "3.5-IV0"),
    (10, "3.5-IV1"),
    (11, "3.5-IV2"),
    (12, "3.6-IV0"),
    (13, "3.6-IV1"),
    (14, "3.6-IV2"),
    (15, "3.7-IV0"),
    (16, "3.7-IV1"),
    (17, "3.7-IV2"),
    (18, "3.7-IV3"),
    (19, "3.7-IV4"),
    (20, "3.8-IV0"),
    (21, "3.9-IV0"),
    (22, "4.0-IV0"),
    (23, "4.0-IV1"),
    (24, "4.0-IV2"),
    (25, "4.0-IV3"),
    (26, "4.1-IV0"),
    (27, "4.1-IV1"),
    (28, "4.2-IV0"),
    (29, "4.2-IV1"),
    (30, "4.3-IV0"),
    (31, "4.4-IV0"),
];

impl MetadataVersion {
    /// The feature's name.
    pub const FEATURE: &'static str = "metadata.version";
    /// The oldest level a log can hold on its way to a supported one, and what a log means that
    /// names none.
    pub const OLDEST: MetadataVersion = MetadataVersion(7);
    /// The oldest level this program works at.
    pub const MIN_SUPPORTED: MetadataVersion = MetadataVersion(22);
    /// The newest level this program works at.
    pub const MAX_SUPPORTED: MetadataVersion = MetadataVersion(30);

    /// The version of this level, if a log of a supported cluster may name it.
    pub fn from_level(level: i16) -> Option<MetadataVersion> {
        (Self::OLDEST.0..=Self::MAX_SUPPORTED.0).contains(&level).then_some(MetadataVersion(level))
    }

    /// The version of this name, such as `4.3-IV0`, if a log of a supported cluster may name it.
    pub fn from_name(name: &str) -> Option<MetadataVersion> {
        let (level, _) = NAMES.iter().find(|(_, it)| *it == name)?;
        Self::from_level(*level)
    }

    /// The number in `FeatureLevelRecord`.
    pub const fn level(self) -> i16 {
        self.0
    }

    /// Kafka's name of it.
    pub fn name(self) -> &'static str {
        level_name(self.0)
    }

    /// Whether this program works at it.
    pub fn is_supported(self) -> bool {
        (Self::MIN_SUPPORTED..=Self::MAX_SUPPORTED).contains(&self)
    }

    /// Whether replicas know their log directory (KIP-858).
    pub const fn is_directory_assignment_supported(self) -> bool {
        17 <= self.0
    }

    /// Whether partitions can hold eligible leader replicas (KIP-966).
    pub const fn is_elr_supported(self) -> bool {
        23 <= self.0
    }

    /// Whether log directories can be cordoned (KIP-1066).
    pub const fn are_cordoned_log_dirs_supported(self) -> bool {
        30 <= self.0
    }

    /// The version `RegisterBrokerRecord` is written at.
    pub const fn register_broker_record_version(self) -> i16 {
        match self.0 {
            30.. => 4,
            17.. => 3,
            8.. => 2,
            _ => 1,
        }
    }

    /// The version `PartitionRecord` is written at.
    pub const fn partition_record_version(self) -> i16 {
        match self.0 {
            23.. => 2,
            17.. => 1,
            _ => 0,
        }
    }

    /// The version `PartitionChangeRecord` is written at.
    pub const fn partition_change_record_version(self) -> i16 {
        self.partition_record_version()
    }
}

/// Kafka's name of a level of `metadata.version`, or `?`.
pub(super) fn level_name(level: i16) -> &'static str {
    NAMES.iter().find(|(it, _)| *it == level).map_or("?", |(_, name)| name)
}

impl fmt::Display for MetadataVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_that_a_log_may_name_has_a_name() {
        for level in MetadataVersion::OLDEST.level()..=MetadataVersion::MAX_SUPPORTED.level() {
            let version = MetadataVersion::from_level(level).unwrap();
            assert_eq!(MetadataVersion::from_name(version.name()), Some(version));
        }
        assert_eq!(MetadataVersion::from_level(6), None);
        assert_eq!(MetadataVersion::from_level(31), None);
        assert_eq!(MetadataVersion::from_name("4.4-IV0"), None);
        assert_eq!(MetadataVersion::MAX_SUPPORTED.to_string(), "30 (4.3-IV0)");
    }

    #[test]
    fn record_versions_follow_the_level() {
        let table: Vec<String> = [16, 17, 22, 23, 29, 30]
            .map(|level| {
                let version = MetadataVersion::from_level(level).unwrap();
                let broker = version.register_broker_record_version();
                let partition = version.partition_record_version();
                format!("{level}: RegisterBroker {broker}, Partition {partition}")
            })
            .into();
        assert_eq!(
            table,
            [
                "16: RegisterBroker 2, Partition 0",
                "17: RegisterBroker 3, Partition 1",
                "22: RegisterBroker 3, Partition 1",
                "23: RegisterBroker 3, Partition 2",
                "29: RegisterBroker 3, Partition 2",
                "30: RegisterBroker 4, Partition 2",
            ]
        );
    }
}
