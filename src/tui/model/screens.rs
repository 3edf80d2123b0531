//! The screens, one file each: what of the cluster they show, as plain values.

pub(crate) mod alerts;
pub(crate) mod brokers;
pub(crate) mod groups;
pub(crate) mod log_dirs;
pub(crate) mod overview;
pub(crate) mod quorum;
pub(crate) mod reassignments;
pub(crate) mod records;
pub(crate) mod segments;
pub(crate) mod topics;

use super::page::Page;
use super::screen::Screen;

/// All screens as they were left.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) overview: overview::Overview,
    pub(crate) topics: topics::Topics,
    pub(crate) groups: groups::Groups,
    pub(crate) brokers: brokers::Brokers,
    pub(crate) quorum: quorum::Quorum,
    pub(crate) reassignments: reassignments::Reassignments,
    pub(crate) log_dirs: log_dirs::LogDirs,
    pub(crate) records: records::Records,
    pub(crate) segments: segments::Segments,
    pub(crate) alerts: alerts::Alerts,
}

impl Pages {
    pub(crate) fn page(&self, screen: Screen) -> &dyn Page {
        match screen {
            Screen::Overview => &self.overview,
            Screen::Topics | Screen::Topic => &self.topics,
            Screen::Segments => &self.segments,
            Screen::Records => &self.records,
            Screen::Groups | Screen::Group => &self.groups,
            Screen::Quorum => &self.quorum,
            Screen::Reassignments => &self.reassignments,
            Screen::LogDirs => &self.log_dirs,
            Screen::Alerts => &self.alerts,
            _ => &self.brokers,
        }
    }

    pub(crate) fn page_mut(&mut self, screen: Screen) -> &mut dyn Page {
        match screen {
            Screen::Overview => &mut self.overview,
            Screen::Topics | Screen::Topic => &mut self.topics,
            Screen::Segments => &mut self.segments,
            Screen::Records => &mut self.records,
            Screen::Groups | Screen::Group => &mut self.groups,
            Screen::Quorum => &mut self.quorum,
            Screen::Reassignments => &mut self.reassignments,
            Screen::LogDirs => &mut self.log_dirs,
            Screen::Alerts => &mut self.alerts,
            _ => &mut self.brokers,
        }
    }
}
