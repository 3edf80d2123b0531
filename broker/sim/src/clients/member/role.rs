//! How a member of a group is set.

use std::sync::Arc;

use kt_client::consumer::assignor::Assignor;
use kt_client::consumer::group::Subscription;
use kt_core::random::Random;

use crate::clients::cluster::TOPICS;
use crate::clients::reading::ReadingSettings;

/// How a caller commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committing {
    /// `enable.auto.commit`
    Auto,
    /// It does not wait.
    Async,
    /// It waits.
    Sync,
}

/// The versions that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    New,
    Old,
}

/// How a member is set.
#[derive(Clone, Debug)]
pub(in crate::clients) struct MemberRole {
    pub(super) group: usize,
    pub(super) instance_id: Option<String>,
    pub(super) assignors: Vec<Arc<dyn Assignor>>,
    has_pattern: bool,
    pub(super) committing: Committing,
    versions: Versions,
    pub(super) reading: ReadingSettings,
    pub(super) records_max: usize,
}

impl MemberRole {
    pub(in crate::clients) fn any(
        group: usize,
        number: usize,
        is_static: bool,
        assignors: Vec<Arc<dyn Assignor>>,
        random: &mut Random,
    ) -> MemberRole {
        let committing = [Committing::Auto, Committing::Async, Committing::Sync];
        MemberRole {
            group,
            instance_id: is_static.then(|| format!("static-{group}-{number}")),
            assignors,
            has_pattern: random.below(3) == 0,
            committing: committing[random.below(3)],
            versions: [Versions::New, Versions::Old][random.below(2)],
            reading: ReadingSettings::any(random),
            records_max: [5, 40, 500][random.below(3)],
        }
    }

    pub(super) fn subscription(&self) -> Result<Subscription, String> {
        match self.has_pattern {
            true => Subscription::pattern("orders|pay.*").map_err(|it| it.to_string()),
            false => Ok(Subscription::names(TOPICS.map(|(name, _)| name))),
        }
    }

    pub(super) fn version(&self, new: i16, old: i16) -> i16 {
        if self.versions == Versions::New { new } else { old }
    }
}
