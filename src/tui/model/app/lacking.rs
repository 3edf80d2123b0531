//! What a screen that is printed does not have: its subject, or answers.

use std::collections::BTreeSet;

use super::App;
use crate::tui::model::page::About;
use crate::tui::model::schedule::Kind;

impl App {
    /// Says that what the screen is about does not exist, as soon as that is known.
    pub(crate) fn absent(&self) -> Option<String> {
        let (topic, partition) = match self.page().about() {
            About::Cluster => return None,
            About::Group(name) => {
                let is_absent = self.pages.group.is_absent();
                return is_absent.then(|| format!("group \"{name}\" does not exist"));
            }
            About::Entity(entity) => (entity.strip_prefix("topic/")?.to_owned(), None),
            About::Topic(topic) => (topic, None),
            About::Partition { topic, partition, .. } => (topic, Some(partition)),
        };
        let cluster = &self.watch.cluster;
        cluster.oldest(&[Kind::Metadata])?;
        let Some(known) = cluster.topics.get(&topic) else {
            return Some(format!("topic \"{topic}\" does not exist"));
        };
        let partition = partition?;
        let is_here = known.partitions.keys().any(|it| it.0 == partition);
        (!is_here).then(|| format!("topic \"{topic}\" has no partition {partition}"))
    }

    /// What was not answered of all that the screen needs, in words.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        let kinds: BTreeSet<Kind> = self.watch.schedule.unsettled();
        let mut words: Vec<String> = kinds.into_iter().map(|it| it.words().to_owned()).collect();
        if !self.page().is_settled() {
            words.push(self.screen.name().to_owned());
        }
        if !self.has_recalled() {
            words.push("history".to_owned());
        }
        words.dedup();
        words
    }
}

#[cfg(test)]
mod tests {
    use crate::tui::model::page::Target;
    use crate::tui::model::screen::Screen;
    use crate::tui::stage::{Stage, Town};

    #[test]
    fn what_a_screen_is_about_may_not_exist() {
        let mut stage = Stage::settled(Town::small(), 80, 24);
        let mut absent = |screen, subject| {
            stage.go(&Target::named(screen, Some(subject)).unwrap());
            stage.pass(15_000);
            stage.app.absent().unwrap_or_default()
        };
        assert_eq!(absent(Screen::Topic, "orders"), "");
        assert_eq!(absent(Screen::Group, "billing"), "");
        assert_eq!(absent(Screen::Configs, "topic/orders"), "");
        assert_eq!(absent(Screen::Configs, "broker/1"), "");
        assert_eq!(absent(Screen::Topics, "nosuch"), "");
        assert_eq!(absent(Screen::Topic, "nosuch"), "topic \"nosuch\" does not exist");
        assert_eq!(absent(Screen::Records, "nosuch"), "topic \"nosuch\" does not exist");
        assert_eq!(absent(Screen::Records, "orders:99"), "topic \"orders\" has no partition 99");
        assert_eq!(absent(Screen::Configs, "topic/nosuch"), "topic \"nosuch\" does not exist");
        assert_eq!(absent(Screen::Group, "nosuch"), "group \"nosuch\" does not exist");
    }

    #[test]
    fn what_is_not_answered_is_named() {
        let mut stage = Stage::open(Town::small(), 80, 24);
        assert_eq!(stage.app.absent(), None);
        // The first answers have come, and what they lead to is asked for.
        stage.pass(8);
        assert!(!stage.app.is_settled());
        insta::assert_snapshot!(stage.app.unanswered().join(", "), @"log ends, groups, log directories, log starts, configs");
        let mut stage = Stage::settled(Town::small(), 80, 24);
        stage.go(&Target::screen(Screen::Groups));
        stage.pass(15_000);
        assert!(stage.app.is_settled());
        assert!(stage.app.unanswered().is_empty());
    }
}
