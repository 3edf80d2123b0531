//! The screens: their names, their numbers on the bar, and what stands below what.

/// One screen of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Screen {
    Overview,
    Topics,
    Topic,
    Records,
    Segments,
    Groups,
    Group,
    Brokers,
    Quorum,
    Reassignments,
    LogDirs,
    Configs,
    Alerts,
}

impl Screen {
    /// In the order in which the help names them.
    pub(crate) const ALL: [Screen; 13] = [
        Screen::Overview,
        Screen::Topics,
        Screen::Topic,
        Screen::Records,
        Screen::Segments,
        Screen::Groups,
        Screen::Group,
        Screen::Brokers,
        Screen::Quorum,
        Screen::Reassignments,
        Screen::LogDirs,
        Screen::Configs,
        Screen::Alerts,
    ];

    /// As `--screen`, `--once` and `:` name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Screen::Overview => "overview",
            Screen::Topics => "topics",
            Screen::Topic => "topic",
            Screen::Records => "records",
            Screen::Segments => "segments",
            Screen::Groups => "groups",
            Screen::Group => "group",
            Screen::Brokers => "brokers",
            Screen::Quorum => "quorum",
            Screen::Reassignments => "reassignments",
            Screen::LogDirs => "log-dirs",
            Screen::Configs => "configs",
            Screen::Alerts => "alerts",
        }
    }

    /// As the bar names it; that works after `:` too.
    pub(crate) fn short_name(self) -> &'static str {
        match self {
            Screen::Overview => "over",
            Screen::Reassignments => "moves",
            Screen::LogDirs => "dirs",
            other => other.name(),
        }
    }

    /// What it shows, in a few words.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Screen::Overview => "is the cluster healthy, and if not, where",
            Screen::Topics => "all topics",
            Screen::Topic => "one topic: partitions, configs, groups",
            Screen::Records => "the records of a topic",
            Screen::Segments => "the files of a partition",
            Screen::Groups => "all groups",
            Screen::Group => "one group",
            Screen::Brokers => "all brokers",
            Screen::Quorum => "the metadata quorum",
            Screen::Reassignments => "partitions that move",
            Screen::LogDirs => "log directories and disks",
            Screen::Configs => "configs of topics, brokers, groups",
            Screen::Alerts => "what fires, and what was sent",
        }
    }

    /// The screen of this name or short name.
    pub(crate) fn by_name(name: &str) -> Option<Screen> {
        Screen::ALL.into_iter().find(|it| it.name() == name || it.short_name() == name)
    }

    /// What the bar shows, `1` first.
    pub(crate) const BAR: [Screen; 9] = [
        Screen::Overview,
        Screen::Topics,
        Screen::Groups,
        Screen::Brokers,
        Screen::Quorum,
        Screen::Reassignments,
        Screen::LogDirs,
        Screen::Configs,
        Screen::Alerts,
    ];

    /// The screen above: where Esc leads. `None` on the bar.
    pub(crate) fn parent(self) -> Option<Screen> {
        match self {
            Screen::Topic => Some(Screen::Topics),
            Screen::Records | Screen::Segments => Some(Screen::Topic),
            Screen::Group => Some(Screen::Groups),
            _ => None,
        }
    }

    /// Which of the bar is lit: its own, or that of the screen it was opened from.
    pub(crate) fn on_bar(self) -> Screen {
        let mut screen = self;
        while let Some(parent) = screen.parent() {
            screen = parent;
        }
        screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_leads_to_its_screen() {
        for screen in Screen::ALL {
            assert_eq!(Screen::by_name(screen.name()), Some(screen));
            assert_eq!(Screen::by_name(screen.short_name()), Some(screen));
        }
        assert_eq!(Screen::by_name("moves"), Some(Screen::Reassignments));
        assert_eq!(Screen::by_name("nosuch"), None);
    }

    #[test]
    fn what_was_opened_keeps_the_light_of_where_it_was_opened() {
        for (screen, lit) in [
            (Screen::Segments, Screen::Topics),
            (Screen::Records, Screen::Topics),
            (Screen::Group, Screen::Groups),
            (Screen::Alerts, Screen::Alerts),
        ] {
            assert_eq!(screen.on_bar(), lit);
            assert!(Screen::BAR.contains(&lit));
        }
    }
}
