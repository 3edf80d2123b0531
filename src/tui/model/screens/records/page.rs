//! What the records screen answers to keys, wants to be read, and tells of itself.

use std::sync::Arc;

use jiff::tz::TimeZone;
use kt_protocol::types::Now;
use serde_json::{Value as Json, json};

use super::reading::{PAGE, Place, ReadPlan};
use super::{Following, Records, Run};
use crate::shell_words::quoted;
use crate::tui::figures;
use crate::tui::keymap::Command;
use crate::tui::model::input::Purpose;
use crate::tui::model::listing::List;
use crate::tui::model::msg::Effect;
use crate::tui::model::page::{About, Page, Reaction};
use crate::tui::model::schedule::{Kind, Needs, Subject};
use crate::tui::model::watch::Watch;

impl Page for Records {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.now = now.monotonic;
        if let Some(topic) = watch.cluster.topics.get(&self.topic) {
            let without = topic.partitions.iter().filter(|(_, it)| it.leader.is_none());
            self.without_leader = without.map(|(index, _)| index.0).collect();
            self.partitions = Some(topic.partitions.keys().map(|it| it.0).collect());
        } else if watch.cluster.oldest(&[Kind::Metadata]).is_some() && !self.topic.is_empty() {
            self.failed = Some(format!("topic \"{}\" is not there", self.topic));
        }
        self.renew_spans(watch);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Metadata]
    }

    fn needs(&self, _watch: &Watch, needs: &mut Needs) {
        if !self.topic.is_empty() {
            needs.subject = Some(Subject::Topic(self.topic.clone()));
        }
    }

    fn list(&self) -> &dyn List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        usize::from(self.is_in_detail)
    }

    fn focus(&mut self, pane: usize) {
        self.is_in_detail = pane == 1;
        self.scrolled = 0;
    }

    fn set_about(&mut self, about: &About) {
        let (topic, partition, offset) = match about {
            About::Topic(topic) => (topic, None, None),
            About::Partition { topic, partition, offset } => (topic, Some(*partition), *offset),
            _ => return,
        };
        let is_same = self.topic == *topic && self.partition == partition;
        if is_same && offset.is_none() && 0 < self.list.count() {
            return;
        }
        let generation = self.generation;
        let running = self.running;
        *self = Records { generation, running, now: self.now, ..Records::default() };
        self.topic.clone_from(topic);
        self.partition = partition;
        match (partition, offset) {
            (Some(partition), Some(offset)) => {
                self.from = Some(offset.to_string());
                self.begin_at(Place::Offsets([(partition, offset)].into()));
            }
            _ => self.newest(),
        }
    }

    fn about(&self) -> About {
        match (self.topic.as_str(), self.partition) {
            ("", _) => About::Cluster,
            (topic, None) => About::Topic(topic.to_owned()),
            (topic, Some(partition)) => {
                About::Partition { topic: topic.to_owned(), partition, offset: None }
            }
        }
    }

    fn command(&mut self, command: Command, _watch: &Watch, now: Now) -> Option<Reaction> {
        self.now = now.monotonic;
        if self.is_in_detail
            && let Some(done) = self.in_detail(command)
        {
            return Some(done);
        }
        match command {
            Command::Freeze => self.follow(),
            Command::Refresh => {
                self.refresh();
                // The cluster is asked again, too.
                return None;
            }
            Command::FirstRow => return Some(self.first_row()),
            Command::LastRow => return Some(self.last_row()),
            Command::ViewAs => {
                let line = self.list.line()?;
                self.shape = Some(self.shape_of(line).next());
                self.scrolled = 0;
            }
            Command::Back if self.running == Some(Run::Scan) => self.stop(),
            Command::Back if self.is_in_detail => self.is_in_detail = false,
            Command::Open => {
                self.is_in_detail = !self.is_in_detail;
                self.scrolled = 0;
            }
            _ => return None,
        }
        Some(Reaction::Done)
    }

    fn takes(&self, purpose: Purpose) -> bool {
        matches!(purpose, Purpose::GoTo | Purpose::Find)
    }

    fn typed(&mut self, purpose: Purpose, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        match purpose {
            Purpose::Find => self.find(text.trim(), now, zone),
            _ => self.go_to(text.trim(), now, zone),
        }
    }

    /// A scan that has ended goes on with what is in the line already.
    fn line_of(&self, purpose: Purpose) -> String {
        let condition = self.condition.as_ref().filter(|_| purpose == Purpose::Find);
        condition.map_or_else(String::new, |it| it.text.clone())
    }

    fn limit_scroll(&mut self, most: usize) {
        self.scrolled = self.scrolled.min(most);
    }

    fn wants(&mut self, effects: &mut Vec<Effect>) {
        self.note_cursor();
        if self.scrolled != 0 && !self.is_in_detail {
            self.scrolled = 0;
        }
        let partitions = self.readable();
        // A plan waits until it is known what there is to read.
        if let Some((way, run)) = self.wanted.take_if(|_| self.partitions.is_some()) {
            self.must_stop = false;
            self.generation += 1;
            if partitions.is_empty() {
                self.failed = Some(match self.partition {
                    Some(it) if self.partitions.iter().flatten().all(|all| *all != it) => {
                        format!("topic \"{}\" has no partition {it}", self.topic)
                    }
                    _ => format!("no partition of \"{}\" has a leader", self.topic),
                });
                // Who reads what was wanted before stops.
                return effects.push(Effect::StopReading);
            }
            self.failed = None;
            self.running = Some(run);
            self.asked = Some((way.clone(), run));
            effects.push(Effect::Read(ReadPlan {
                generation: self.generation,
                topic: self.topic.clone(),
                partitions,
                way,
                filter: self.condition.as_ref().map(|it| Arc::clone(&it.filter)),
            }));
        }
        if std::mem::take(&mut self.must_stop) {
            effects.push(Effect::StopReading);
        }
    }

    /// Nobody looks: nothing is read.
    fn rest(&mut self, effects: &mut Vec<Effect>) {
        if self.running.is_some() {
            self.stop();
        }
        self.must_stop = false;
        effects.push(Effect::StopReading);
    }

    fn says(&self, now: Now) -> Option<(String, String)> {
        match &self.failed {
            Some(why) => Some((why.clone(), "r retry".to_owned())),
            None => self.coverage_words(now),
        }
    }

    fn is_settled(&self) -> bool {
        let is_reading =
            self.wanted.is_some() || matches!(self.running, Some(Run::Page(_) | Run::Scan));
        self.failed.is_some() || !is_reading
    }

    fn copied(&self) -> Option<String> {
        let value = &self.list.line()?.value;
        Some(value.text().map_or_else(|| value.words(), str::to_owned))
    }

    fn copied_note(&self) -> Option<String> {
        let value = &self.list.line()?.value;
        let kept = value.bytes.as_ref().filter(|_| value.is_cut())?.len();
        let (kept, size) = (figures::bytes(kept as u64), figures::bytes(value.size as u64));
        Some(format!("copied the first {kept} of {size}"))
    }

    fn kt_line(&self) -> String {
        let topic = match self.partition {
            Some(partition) => format!("{}:{partition}", self.topic),
            None => self.topic.clone(),
        };
        let mut line = format!("kt consume {}", quoted(&topic));
        match &self.from {
            Some(from) => line.push_str(&format!(" --from {}", quoted(from))),
            // Left out, it would be the start of the topic; with `-F` it is the end.
            None if self.following == Following::No => line.push_str(&format!(" --from -{PAGE}")),
            None => {}
        }
        if let Some(condition) = &self.condition {
            line.push_str(&format!(" --where {}", quoted(&condition.text)));
        }
        if self.following != Following::No {
            line.push_str(" -F");
        }
        line
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        Some(self.list.line()?.json(&self.topic))
    }

    fn json(&self) -> Json {
        let records: Vec<Json> = self.list.shown().map(|it| it.json(&self.topic)).collect();
        json!({ "topic": self.topic, "partition": self.partition, "records": records })
    }
}
