//! The screens, one file each: what of the cluster they show, as plain values.

pub(crate) mod brokers;
pub(crate) mod groups;
pub(crate) mod overview;
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
}

impl Pages {
    pub(crate) fn page(&self, screen: Screen) -> &dyn Page {
        match screen {
            Screen::Overview => &self.overview,
            Screen::Topics | Screen::Topic | Screen::Records | Screen::Segments => &self.topics,
            Screen::Groups | Screen::Group => &self.groups,
            _ => &self.brokers,
        }
    }

    pub(crate) fn page_mut(&mut self, screen: Screen) -> &mut dyn Page {
        match screen {
            Screen::Overview => &mut self.overview,
            Screen::Topics | Screen::Topic | Screen::Records | Screen::Segments => &mut self.topics,
            Screen::Groups | Screen::Group => &mut self.groups,
            _ => &mut self.brokers,
        }
    }
}
