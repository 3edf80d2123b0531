//! The screens, one file each: what of the cluster they show, as plain values.

pub(crate) mod alerts;
pub(crate) mod brokers;
pub(crate) mod configs;
pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod log_dirs;
pub(crate) mod overview;
pub(crate) mod quorum;
pub(crate) mod reassignments;
pub(crate) mod records;
pub(crate) mod segments;
pub(crate) mod topic;
pub(crate) mod topics;

use super::page::Page;
use super::screen::Screen;

/// All screens as they were left.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) overview: overview::Overview,
    pub(crate) topics: topics::Topics,
    pub(crate) topic: topic::TopicPage,
    pub(crate) groups: groups::Groups,
    pub(crate) group: group::GroupPage,
    pub(crate) brokers: brokers::Brokers,
    pub(crate) quorum: quorum::Quorum,
    pub(crate) reassignments: reassignments::Reassignments,
    pub(crate) log_dirs: log_dirs::LogDirs,
    pub(crate) records: records::Records,
    pub(crate) segments: segments::Segments,
    pub(crate) configs: configs::Configs,
    pub(crate) alerts: alerts::Alerts,
}

impl Pages {
    pub(crate) fn page(&self, screen: Screen) -> &dyn Page {
        match screen {
            Screen::Overview => &self.overview,
            Screen::Topics => &self.topics,
            Screen::Topic => &self.topic,
            Screen::Segments => &self.segments,
            Screen::Records => &self.records,
            Screen::Groups => &self.groups,
            Screen::Group => &self.group,
            Screen::Quorum => &self.quorum,
            Screen::Reassignments => &self.reassignments,
            Screen::LogDirs => &self.log_dirs,
            Screen::Configs => &self.configs,
            Screen::Alerts => &self.alerts,
            Screen::Brokers => &self.brokers,
        }
    }

    pub(crate) fn page_mut(&mut self, screen: Screen) -> &mut dyn Page {
        match screen {
            Screen::Overview => &mut self.overview,
            Screen::Topics => &mut self.topics,
            Screen::Topic => &mut self.topic,
            Screen::Segments => &mut self.segments,
            Screen::Records => &mut self.records,
            Screen::Groups => &mut self.groups,
            Screen::Group => &mut self.group,
            Screen::Quorum => &mut self.quorum,
            Screen::Reassignments => &mut self.reassignments,
            Screen::LogDirs => &mut self.log_dirs,
            Screen::Configs => &mut self.configs,
            Screen::Alerts => &mut self.alerts,
            Screen::Brokers => &mut self.brokers,
        }
    }
}
