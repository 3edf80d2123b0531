//! The kinds of questions: how often each is asked, and of whom.

use serde::{Deserialize, Serialize};

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Who belongs to the cluster and who is up (DescribeCluster).
    Brokers,
    /// Leaders and ISRs of all topics (Metadata).
    Metadata,
    /// The high watermarks (ListOffsets).
    LogEnds,
    /// What groups have committed (OffsetFetch).
    Commits,
    /// Where share groups have come to (DescribeShareGroupOffsets).
    ShareCommits,
    /// What groups there are, and their states (ListGroups).
    Groups,
    /// Who is in the groups on screen.
    Members,
    /// Who leads the metadata quorum, and how far the others are (DescribeQuorum).
    Quorum,
    /// Partitions that move (ListPartitionReassignments).
    Moves,
    /// Sizes and disks (DescribeLogDirs).
    LogDirs,
    /// The same of the brokers that take part in a move.
    MovingLogDirs,
    /// Where logs begin (ListOffsets).
    LogStarts,
    /// The configs that count (DescribeConfigs).
    Configs,
    /// How old the oldest unread record is (Fetch).
    Ages,
    /// The high watermarks of what the screen is about.
    SubjectEnds,
    /// And its last stable offsets.
    SubjectStableEnds,
    /// Its partitions with their ELR (DescribeTopicPartitions).
    SubjectPartitions,
    /// Its commits (OffsetFetch).
    SubjectCommits,
    /// All configs of one entity (DescribeConfigs).
    EntityConfigs,
}

/// Of whom a kind is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Any broker knows.
    Anywhere,
    /// Only certain brokers know, each its part.
    There,
}

impl Kind {
    pub(crate) const ALL: [Kind; 19] = [
        Kind::Brokers,
        Kind::Metadata,
        Kind::LogEnds,
        Kind::Commits,
        Kind::ShareCommits,
        Kind::Groups,
        Kind::Members,
        Kind::Quorum,
        Kind::Moves,
        Kind::LogDirs,
        Kind::MovingLogDirs,
        Kind::LogStarts,
        Kind::Configs,
        Kind::Ages,
        Kind::SubjectEnds,
        Kind::SubjectStableEnds,
        Kind::SubjectPartitions,
        Kind::SubjectCommits,
        Kind::EntityConfigs,
    ];

    /// What it asks for, in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Kind::Brokers => "brokers",
            Kind::Metadata => "metadata",
            Kind::LogEnds | Kind::SubjectEnds => "log ends",
            Kind::Commits | Kind::SubjectCommits => "commits",
            Kind::ShareCommits => "offsets of share groups",
            Kind::Groups => "groups",
            Kind::Members => "members",
            Kind::Quorum => "quorum",
            Kind::Moves => "reassignments",
            Kind::LogDirs | Kind::MovingLogDirs => "log directories",
            Kind::LogStarts => "log starts",
            Kind::Configs | Kind::EntityConfigs => "configs",
            Kind::Ages => "ages of lag",
            Kind::SubjectStableEnds => "last stable offsets",
            Kind::SubjectPartitions => "partitions",
        }
    }

    /// The base interval, in milliseconds.
    pub(crate) const fn every(self) -> u64 {
        match self {
            Kind::Brokers
            | Kind::SubjectEnds
            | Kind::SubjectStableEnds
            | Kind::SubjectPartitions
            | Kind::SubjectCommits => 2_000,
            Kind::LogEnds | Kind::Quorum | Kind::Moves => 5_000,
            Kind::Metadata
            | Kind::Commits
            | Kind::ShareCommits
            | Kind::Groups
            | Kind::Members
            | Kind::MovingLogDirs
            | Kind::Ages => 10_000,
            Kind::LogDirs | Kind::LogStarts => 60_000,
            Kind::Configs | Kind::EntityConfigs => 300_000,
        }
    }

    /// True of what is as large as the cluster. The others cost the same in any.
    pub(super) const fn grows_with_partitions(self) -> bool {
        matches!(
            self,
            Kind::Metadata
                | Kind::LogEnds
                | Kind::Commits
                | Kind::ShareCommits
                | Kind::LogDirs
                | Kind::LogStarts
                | Kind::Configs
        )
    }

    /// True of what rates are made of: two samples must come soon.
    pub(super) const fn is_sampled(self) -> bool {
        matches!(self, Kind::LogEnds | Kind::Commits | Kind::ShareCommits | Kind::LogDirs)
    }

    pub(super) const fn place(self) -> Place {
        match self {
            Kind::Brokers
            | Kind::Metadata
            | Kind::Quorum
            | Kind::Moves
            | Kind::Ages
            | Kind::SubjectPartitions
            | Kind::EntityConfigs => Place::Anywhere,
            _ => Place::There,
        }
    }

    /// What tells more, once an answer of this kind says that something changed.
    pub(super) const fn follows_change(self) -> Option<Kind> {
        match self {
            Kind::Commits | Kind::ShareCommits | Kind::Members | Kind::SubjectCommits => {
                Some(Kind::Groups)
            }
            Kind::Brokers
            | Kind::LogEnds
            | Kind::LogStarts
            | Kind::Ages
            | Kind::SubjectEnds
            | Kind::SubjectStableEnds
            | Kind::SubjectPartitions => Some(Kind::Metadata),
            _ => None,
        }
    }
}
