//! What the segments screen answers to keys, wants to be looked at, and tells of itself.

use jiff::tz::TimeZone;
use kt_protocol::types::{Now, PartitionIndex};
use serde_json::{Value as Json, json};

use super::{Aim, Depth, Segments};
use crate::position::At;
use crate::shell_words::quoted;
use crate::tui::keymap::Command;
use crate::tui::model::input::Purpose;
use crate::tui::model::listing::List;
use crate::tui::model::msg::Effect;
use crate::tui::model::page::{About, Page, Reaction};
use crate::tui::model::schedule::{Kind, Needs, Subject};
use crate::tui::model::watch::Watch;

impl Page for Segments {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.now = now.monotonic;
        let topic = watch.cluster.topics.get(&self.topic);
        let partition = topic.and_then(|it| it.partitions.get(&PartitionIndex(self.partition)));
        if let Some(it) = partition {
            self.high_watermark = it.end.map(|it| it.value.0);
            self.isr = it.isr.iter().map(|it| it.0).collect();
            self.replicas = it.replicas.iter().map(|it| it.0).collect();
        }
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
        match (self.pane, self.depth) {
            (0, _) => &self.segments,
            (_, Depth::Batches) => &self.batches,
            _ => &self.records,
        }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        match (self.pane, self.depth) {
            (0, _) => &mut self.segments,
            (_, Depth::Batches) => &mut self.batches,
            _ => &mut self.records,
        }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match (pane, self.depth) {
            (0, _) => Some(&mut self.segments),
            (1, Depth::Batches) => Some(&mut self.batches),
            (1, _) => Some(&mut self.records),
            _ => None,
        }
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        self.pane
    }

    fn focus(&mut self, pane: usize) {
        self.pane = pane;
    }

    fn set_about(&mut self, about: &About) {
        let (topic, partition, offset) = match about {
            About::Topic(topic) => (topic, 0, None),
            About::Partition { topic, partition, offset } => (topic, *partition, *offset),
            _ => return,
        };
        if self.topic == *topic && self.partition == partition && offset.is_none() {
            return;
        }
        let (generation, looking, now) = (self.generation + 1, self.looking.take(), self.now);
        let must_stop = looking.is_some();
        *self = Segments { generation, looking, must_stop, now, ..Segments::default() };
        self.topic.clone_from(topic);
        self.partition = partition;
        self.aim = offset.map(|it| Aim { at: At::Offset(it), time: None });
    }

    fn about(&self) -> About {
        if self.topic.is_empty() {
            return About::Cluster;
        }
        let (topic, partition) = (self.topic.clone(), self.partition);
        About::Partition { topic, partition, offset: None }
    }

    fn command(&mut self, command: Command, _watch: &Watch, _now: Now) -> Option<Reaction> {
        if self.pane == 1
            && self.depth == Depth::Bytes
            && let Some(done) = self.in_bytes(command)
        {
            return Some(done);
        }
        match command {
            Command::Open => self.enter(),
            Command::ViewAs => self.view_bytes(),
            Command::Refresh => {
                (self.looked, self.of_segment, self.again) = (None, None, None);
                // The cluster is asked again, too.
                return None;
            }
            Command::Back => return self.up(),
            _ => return None,
        }
        Some(Reaction::Done)
    }

    fn takes(&self, purpose: Purpose) -> bool {
        purpose == Purpose::GoTo
    }

    fn typed(&mut self, _purpose: Purpose, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        self.go_to(text.trim(), now, zone)
    }

    fn wants(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.must_stop) {
            effects.push(Effect::StopLooking);
        }
        if self.looking.is_some() {
            return;
        }
        if let Some(look) = self.next_look() {
            self.looking = Some(look.clone());
            effects.push(Effect::Look { generation: self.generation, look });
        }
    }

    /// Nobody looks: nothing is looked for.
    fn rest(&mut self, effects: &mut Vec<Effect>) {
        if self.looking.is_some() {
            effects.push(Effect::StopLooking);
        }
    }

    fn is_settled(&self) -> bool {
        let is_done = self.is_known && self.of_segment.is_some();
        let is_empty = self.is_known && self.segments.count() == 0;
        self.looking.is_none()
            && (is_done || is_empty || self.failed.is_some() || self.has_data == Some(false))
    }

    fn says(&self, _now: Now) -> Option<(String, String)> {
        Some((self.failed.clone()?, "r retry".to_owned()))
    }

    fn kt_line(&self) -> String {
        match &self.directory {
            Some(directory) => format!("kt dump-log {}", quoted(directory)),
            None => {
                format!("kt dump-log {}", quoted(&format!("{}-{}", self.topic, self.partition)))
            }
        }
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        match (self.pane, self.depth) {
            (0, _) => serde_json::to_value(self.segments.line()?).ok(),
            (_, Depth::Batches) => serde_json::to_value(self.batches.line()?).ok(),
            _ => Some(self.records.line()?.json(&self.topic)),
        }
    }

    fn json(&self) -> Json {
        json!({
            "topic": self.topic,
            "partition": self.partition,
            "high_watermark": self.high_watermark,
            "log_end_offset": self.log_end,
            "segments": self.segments.shown().collect::<Vec<_>>(),
            "batches": self.batches.shown().collect::<Vec<_>>(),
        })
    }
}
