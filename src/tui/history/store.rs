//! All series and offsets that are kept, within a fixed amount of memory.

mod footprint;
mod keeping;

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use self::footprint::{commit_bytes, end_bytes, name_bytes, subject_bytes};
use super::Rate;
use super::committed::CommittedHistory;
use super::ends::EndHistory;
use super::series::{Reach, Series};

/// What all history together may take.
pub(crate) const HARD_CAP_BYTES: usize = 64 << 20;

/// What a series is about. In rising order of what goes last when memory is short.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Subject {
    Group(String),
    Topic(String),
    Broker(i32),
    Total,
}

/// What a series counts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Metric {
    /// Records a second, from log ends.
    RecordsIn,
    /// Bytes a second, from sizes of replicas.
    BytesIn,
    /// Records a second, from commits.
    RecordsOut,
    /// Records.
    Lag,
    /// Records a second that are written to what a group reads.
    GroupIn,
    /// Partitions without a leader.
    Offline,
    /// Partitions below their min ISR.
    BelowMinIsr,
    /// Replicas that are out of sync.
    OutOfSync,
    /// Records that the slowest voter, or this observer, lacks.
    QuorumLag,
    /// Bytes of replicas.
    Size,
    /// Used share of the fullest directory, 0 to 1.
    DiskUsed,
}

/// The series of one subject.
#[derive(Debug, Default)]
struct Lines {
    series: Vec<(Metric, Series)>,
    /// When it stood on a screen.
    seen: Option<Millis>,
    /// When a sample was not 0.
    active: Option<Millis>,
}

/// The history of a cluster.
#[derive(Debug)]
pub(crate) struct Store {
    lines: BTreeMap<Subject, Box<Lines>>,
    ends: BTreeMap<String, BTreeMap<i32, Box<EndHistory>>>,
    commits: BTreeMap<String, BTreeMap<TopicPartition, Box<CommittedHistory>>>,
    bytes: usize,
    cap: usize,
    reach: Reach,
    /// Nobody has minutes or marks that could be given up: to look again would be in vain.
    is_spent: bool,
    /// How often everything was looked at to make room.
    #[cfg(test)]
    walks: usize,
}

/// Within that time on a screen a subject is seen, and with samples it is not quiet.
const LATELY_MS: u64 = 10 * 60_000;

impl Default for Store {
    fn default() -> Self {
        Store::capped(HARD_CAP_BYTES)
    }
}

impl Store {
    /// A store that keeps at most so many bytes.
    pub(crate) fn capped(cap: usize) -> Store {
        let (lines, ends, commits) = Default::default();
        Store {
            lines,
            ends,
            commits,
            bytes: footprint::EMPTY_BYTES,
            cap,
            reach: Reach::default(),
            is_spent: false,
            #[cfg(test)]
            walks: 0,
        }
    }

    /// What is kept, in bytes: never less than it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Subjects whose last day was given up for memory.
    pub(crate) fn shortened(&self) -> usize {
        let series = self.lines.values().map(|it| it.series.iter());
        series.filter_map(|mut it| it.find(|it| !it.1.has_minutes())).count()
    }

    /// Adds a sample to a line. Without memory for a new line, nothing is kept of it.
    pub(crate) fn push(&mut self, now: Millis, subject: &Subject, metric: Metric, value: f32) {
        let is_kept = self.add(now, subject, metric, value);
        if !is_kept && self.begin(now, subject, metric) {
            self.add(now, subject, metric, value);
        }
    }

    /// Whether there is such a line.
    fn add(&mut self, now: Millis, subject: &Subject, metric: Metric, value: f32) -> bool {
        let Some(lines) = self.lines.get_mut(subject) else { return false };
        let Some((_, series)) = lines.series.iter_mut().find(|it| it.0 == metric) else {
            return false;
        };
        series.push(now, value);
        if value != 0.0 {
            lines.active = Some(now);
        }
        true
    }

    fn begin(&mut self, now: Millis, subject: &Subject, metric: Metric) -> bool {
        let new_subject =
            if self.lines.contains_key(subject) { 0 } else { footprint::new_subject(subject) };
        let least = new_subject + footprint::SERIES_BYTES;
        let has_room = self.make_room(now, least + self.reach.bytes());
        if !has_room && !self.fits(least) {
            return false;
        }
        let mut series = Series::default();
        if has_room {
            series.keep_minutes(self.reach);
            self.is_spent = false;
        }
        let lines = self.lines.entry(subject.clone()).or_default();
        let before = if new_subject == 0 { subject_bytes(subject, &lines.series) } else { 0 };
        lines.series.reserve_exact(1);
        lines.series.push((metric, series));
        self.bytes += subject_bytes(subject, &lines.series) - before;
        true
    }

    /// One line.
    pub(crate) fn series(&self, subject: &Subject, metric: Metric) -> Option<&Series> {
        let lines = self.lines.get(subject)?;
        lines.series.iter().find(|it| it.0 == metric).map(|it| &it.1)
    }

    /// The subject stands on a screen: it keeps its minutes longer than others, and gets them back.
    pub(crate) fn see(&mut self, now: Millis, subject: &Subject) {
        let Some(lines) = self.lines.get_mut(subject) else { return };
        lines.seen = Some(now);
        let lacking = lines.series.iter().filter(|it| !it.1.has_minutes()).count();
        let needed = lacking * self.reach.bytes();
        if lacking == 0 || !self.make_room(now, needed) {
            return;
        }
        let Some(lines) = self.lines.get_mut(subject) else { return };
        for (_, series) in lines.series.iter_mut().filter(|it| !it.1.has_minutes()) {
            // Where it was the only one to give, its own lines gave their minutes too.
            if self.cap < self.bytes + self.reach.bytes() {
                return;
            }
            series.keep_minutes(self.reach);
            self.is_spent = false;
            self.bytes += series.coarse_bytes();
        }
    }

    /// The subject is no more.
    pub(crate) fn remove(&mut self, subject: &Subject) {
        if let Some(lines) = self.lines.remove(subject) {
            self.bytes -= subject_bytes(subject, &lines.series);
        }
        match subject {
            Subject::Topic(topic) => self.forget_topic(topic),
            Subject::Group(group) => {
                if let Some(commits) = self.commits.remove(group) {
                    let partitions: usize = commits.keys().map(commit_bytes).sum();
                    self.bytes -= partitions + name_bytes(group);
                }
            }
            Subject::Broker(_) | Subject::Total => {}
        }
    }

    /// The topic is no more, or was made again under its name: its offsets begin anew, and a lower
    /// commit is no rewinding.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        if let Some(partitions) = self.ends.remove(topic) {
            let bytes: usize = partitions.values().map(|it| end_bytes(it)).sum();
            self.bytes -= bytes + name_bytes(topic);
        }
        for of_group in self.commits.values_mut() {
            of_group.retain(|at, _| {
                let is_other = at.topic != topic;
                self.bytes -= if is_other { 0 } else { commit_bytes(at) };
                is_other
            });
        }
    }

    /// Adds the end offset of a partition.
    pub(crate) fn observe_end(&mut self, now: Millis, at: &TopicPartition, end: Offset) {
        let partition = at.partition.0;
        if let Some(known) = self.ends.get_mut(&at.topic).and_then(|it| it.get_mut(&partition)) {
            return known.observe(now, end);
        }
        let is_new = !self.ends.contains_key(&at.topic);
        let name = if is_new { name_bytes(&at.topic) } else { 0 };
        let mut history = EndHistory::with_marks();
        if !self.make_room(now, name + end_bytes(&history)) {
            history.drop_marks();
            if !self.fits(name + end_bytes(&history)) {
                return;
            }
        }
        history.observe(now, end);
        self.is_spent &= !history.has_marks();
        self.bytes += name + end_bytes(&history);
        self.ends.entry(at.topic.clone()).or_default().insert(partition, Box::new(history));
    }

    /// Adds a group's commit of a partition.
    pub(crate) fn observe_commit(
        &mut self,
        now: Millis,
        group: &str,
        at: &TopicPartition,
        committed: Offset,
    ) {
        if let Some(known) = self.commits.get_mut(group).and_then(|it| it.get_mut(at)) {
            return known.observe(now, committed);
        }
        let name = if self.commits.contains_key(group) { 0 } else { name_bytes(group) };
        let needed = name + commit_bytes(at);
        if !self.make_room(now, needed) {
            return;
        }
        let mut history = CommittedHistory::default();
        history.observe(now, committed);
        self.bytes += needed;
        let of_group = self.commits.entry(group.to_owned()).or_default();
        of_group.insert(at.clone(), Box::new(history));
    }

    /// Where the logs of a topic ended, by partition.
    pub(crate) fn ends_of(&self, topic: &str) -> Option<&BTreeMap<i32, Box<EndHistory>>> {
        self.ends.get(topic)
    }

    /// How far a group had come.
    pub(crate) fn commits_of(
        &self,
        group: &str,
    ) -> Option<&BTreeMap<TopicPartition, Box<CommittedHistory>>> {
        self.commits.get(group)
    }

    /// Records a second into a topic: the sum over its partitions that were measured since then.
    pub(crate) fn topic_rate(&self, topic: &str, since: Millis) -> Rate {
        let partitions = self.ends.get(topic).into_iter().flat_map(BTreeMap::values);
        let measured = partitions.filter_map(|it| it.rate(since).per_second());
        measured.reduce(|sum, rate| sum + rate).map_or(Rate::NotYet, Rate::PerSecond)
    }

    fn fits(&self, needed: usize) -> bool {
        self.bytes + needed <= self.cap
    }

    /// Makes room for so many bytes: first the minutes of quiet, unseen subjects go, then those of
    /// the others (totals and brokers keep theirs), then the minute-marks of partitions.
    fn make_room(&mut self, now: Millis, needed: usize) -> bool {
        if self.fits(needed) {
            return true;
        }
        if self.is_spent {
            return false;
        }
        #[cfg(test)]
        {
            self.walks += 1;
        }
        // A little more than needed: each round looks at everything.
        let goal = (self.cap - self.cap / 16).saturating_sub(needed);
        for subject in self.least_wanted(now) {
            if self.bytes <= goal {
                return true;
            }
            self.drop_minutes(&subject);
        }
        let histories = self.ends.values_mut().flat_map(BTreeMap::values_mut);
        for history in histories.filter(|it| it.has_marks()) {
            if self.bytes <= goal {
                break;
            }
            history.drop_marks();
            self.bytes -= EndHistory::MARKS_BYTES;
        }
        // All have given what they had.
        self.is_spent = goal < self.bytes;
        self.fits(needed)
    }

    /// Topics and groups that have minutes, in the order in which they lose them.
    fn least_wanted(&self, now: Millis) -> Vec<Subject> {
        let lately = |at: Option<Millis>| at.is_some_and(|it| now - it < LATELY_MS);
        let mut spare: Vec<(&Subject, &Lines)> = Vec::new();
        for (subject, lines) in &self.lines {
            let is_spare = matches!(subject, Subject::Topic(_) | Subject::Group(_));
            if is_spare && lines.series.iter().any(|it| it.1.has_minutes()) {
                spare.push((subject, lines));
            }
        }
        spare.sort_by_key(|(subject, it)| {
            (lately(it.seen), lately(it.active), it.seen, it.active, *subject)
        });
        spare.into_iter().map(|it| it.0.clone()).collect()
    }

    fn drop_minutes(&mut self, subject: &Subject) {
        let Some(lines) = self.lines.get_mut(subject) else { return };
        for (_, series) in lines.series.iter_mut().filter(|it| it.1.has_minutes()) {
            self.bytes -= series.coarse_bytes();
            series.drop_minutes();
        }
    }
}

#[cfg(test)]
mod tests;
