//! A reader of all partitions without a group: seeks, pauses, and otherwise takes what comes.

use kt_core::random::Random;
use kt_protocol::types::{Now, Offset};

use super::cluster;
use super::program::{Answer, Asked, Desk, Program};
use super::reading::{Reading, ReadingSettings};
use crate::client_history::{Life, Place};

/// How a reader is set.
#[derive(Clone, Debug)]
pub(super) struct ReaderRole {
    settings: ReadingSettings,
    records_max: usize,
}

impl ReaderRole {
    pub(super) fn any(random: &mut Random) -> ReaderRole {
        let settings = ReadingSettings::any(random);
        ReaderRole { settings, records_max: [3, 20, 500][random.below(3)] }
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Reader {
    reading: Reading,
    records_max: usize,
    has_begun: bool,
    is_calm: bool,
}

impl Reader {
    pub(super) fn new(role: &ReaderRole, life: Life, seed: u64) -> Reader {
        let reading = Reading::new(&role.settings, life, seed);
        Reader { reading, records_max: role.records_max, has_begun: false, is_calm: false }
    }

    /// Somewhere within what is there.
    fn seek(&mut self, random: &mut Random, desk: &mut Desk) -> Result<(), String> {
        let (topic, index) = cluster::partition(Place(random.below(cluster::places())));
        let partition = kt_protocol::types::TopicPartition::new(topic, index);
        let given = self.reading.given.get(&partition).copied().unwrap_or(Offset(0));
        let end = usize::try_from(given.0).unwrap_or(0);
        let to = match random.below(3) {
            0 => None,
            _ => Some(Offset(random.below(end + 1) as i64)),
        };
        desk.note(format_args!("seeks {partition} to {to:?}"));
        self.reading.seek(&partition, to, desk)
    }

    fn pause_or_resume(&mut self, random: &mut Random) {
        let paused: Vec<_> = self.reading.fetcher.paused().cloned().collect();
        if !paused.is_empty() {
            self.reading.fetcher.resume(&paused[random.below(paused.len())]);
            return;
        }
        for partition in cluster::partitions() {
            if random.below(2) == 0 {
                self.reading.fetcher.pause(&partition);
            }
        }
    }
}

impl Program for Reader {
    fn act(&mut self, now: Now, random: &mut Random, desk: &mut Desk) -> Result<(), String> {
        if !self.has_begun {
            self.has_begun = true;
            cluster::partitions().try_for_each(|it| self.reading.assign(&it, None, desk))?;
        } else if !self.is_calm {
            match random.below(30) {
                0 => self.seek(random, desk)?,
                1..3 => self.pause_or_resume(random),
                _ => {}
            }
        } else {
            let paused: Vec<_> = self.reading.fetcher.paused().cloned().collect();
            for partition in &paused {
                self.reading.fetcher.resume(partition);
            }
        }
        self.reading.give(now, self.records_max, desk)
    }

    fn wake(&mut self, now: Now, desk: &mut Desk) -> Result<(), String> {
        self.reading.poll(now, desk)
    }

    fn hear(
        &mut self,
        now: Now,
        asked: Asked,
        answer: Answer,
        desk: &mut Desk,
    ) -> Result<(), String> {
        self.reading.hear(now, asked, answer, desk)
    }

    fn next_deadline(&self) -> Option<u64> {
        self.reading.next_deadline()
    }

    fn calm_down(&mut self) {
        self.is_calm = true;
    }

    fn is_done(&self, ends: Option<&[i64]>) -> bool {
        let Some(ends) = ends else { return false };
        cluster::partitions().zip(ends).all(|(partition, end)| {
            self.reading.given.get(&partition).is_some_and(|it| *end <= it.0)
        })
    }
}
