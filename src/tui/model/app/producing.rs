//! One record by a form: what is typed, whether it may go, and what became of it.

#[cfg(test)]
mod tests;

use super::App;
use super::overlay::{Overlay, Question};
use crate::tui::model::checks::Level;
use crate::tui::model::msg::Effect;
use crate::tui::model::page::About;
use crate::tui::model::produce::{Filled, ProduceForm};

impl App {
    /// `p`, where the screen is about a topic.
    pub(super) fn begin_produce(&mut self) {
        let (topic, partition) = match self.page().about() {
            About::Topic(topic) => (topic, None),
            About::Partition { topic, partition, .. } => (topic, Some(partition)),
            _ => return self.say("not on this screen"),
        };
        if self.is_locked() {
            let context = &self.setting.context;
            return self.say(format!("{context} is protected: u, then type its name"));
        }
        self.overlay = Overlay::Produce(ProduceForm::new(topic, partition));
    }

    /// What a key in the form came to.
    pub(super) fn fill(&mut self, filled: Filled, effects: &mut Vec<Effect>) {
        match filled {
            Filled::Goes(form) => self.overlay = Overlay::Produce(form),
            Filled::Left => {}
            // It was unlocked when the form was opened, which may be long ago.
            Filled::Produce(_) if self.is_locked() => {
                self.overlay = Overlay::Question(Question::Locked);
            }
            Filled::Produce(record) => {
                self.say(format!("producing to {}", record.topic));
                self.producing += 1;
                effects.push(Effect::Produce { record, unlocked: self.unlocked_name() });
            }
            Filled::Wrong(form, why) => {
                self.overlay = Overlay::Produce(form);
                self.say_level(Some(Level::Warn), why);
            }
        }
    }

    /// A record was written, or was not.
    pub(super) fn produced(&mut self, result: Result<String, String>) {
        self.producing = self.producing.saturating_sub(1);
        match result {
            Ok(said) => self.say(said),
            Err(why) => self.say_level(Some(Level::Bad), why),
        }
    }
}
