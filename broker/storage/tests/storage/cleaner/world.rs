//! The log, its disk, its cleaner, and everything that may happen to them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::records::Compression;
use kt_protocol::records::control::TxnOutcome;
use kt_protocol::types::{Millis, Now, Offset, Timestamp, TopicPartition};
use kt_storage::checkpoints::{OffsetCheckpoint, Promises};
use kt_storage::cleaner::{CleanError, Cleaner, CleanerCheckpoint, CleanerConfig, HashKey};
use kt_storage::simulated_disk::{CrashMode, SimulatedDisk};
use kt_storage::{
    Deletion, Disk, FileCache, LoadFacts, Log, LogConfig, LogError, LogHome, Swapped,
};

use super::checks;
use super::model::{Batch, Fate, Kind, Model, Packing, Record};
use crate::ensure;
use crate::harness::{Random, Verdict};

const ROOT: &str = "/data";
const DIRECTORY: &str = "/data/orders-0";
/// `delete.retention.ms`
const RETENTION: i64 = 60;

pub(crate) struct World {
    disk: SimulatedDisk,
    config: LogConfig,
    log: Option<Log>,
    cleaner: Cleaner,
    checkpoint: CleanerCheckpoint,
    random: Random,
    model: Model,
    clock: i64,
    epoch: i32,
    /// Files that passes have replaced, to be removed some time.
    replaced: Vec<Deletion>,
    history: Vec<String>,
}

fn name() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn says(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn config(seed: u64) -> LogConfig {
    LogConfig {
        segment_bytes: if seed.is_multiple_of(3) { 4_000 } else { 1_200 },
        segment_index_bytes: 360,
        index_interval_bytes: 150,
        deletes: false,
        compacts: true,
        delete_retention_ms: RETENTION as u64,
        retention_ms: None,
        producer_id_expiration_ms: i64::MAX as u64,
        ..LogConfig::default()
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<World, String> {
        World::on_disk_of(seed, 0)
    }

    /// The same life, on a disk that loses other things.
    pub(crate) fn on_disk_of(seed: u64, variant: u64) -> Result<World, String> {
        let disk = SimulatedDisk::new(seed.wrapping_mul(31) + variant);
        disk.import([(PathBuf::from("/data/meta.properties"), b"version=1\n".to_vec())]);
        let (checkpoint, _) = CleanerCheckpoint::load(&disk, Path::new(ROOT)).map_err(says)?;
        // Of every other world the map holds a few keys only.
        let dedupe_buffer_bytes = if seed.is_multiple_of(2) { 24 * 10 } else { 24 * 1_000 };
        let mut world = World {
            disk,
            config: config(seed),
            log: None,
            cleaner: Cleaner::new(CleanerConfig {
                dedupe_buffer_bytes,
                io_buffer_bytes: 8_192,
                ..CleanerConfig::new(HashKey([seed as u8; 16]))
            }),
            checkpoint,
            random: Random(seed),
            model: Model::default(),
            clock: 1_000_000,
            epoch: 0,
            replaced: Vec::new(),
            history: Vec::new(),
        };
        world.open(LoadFacts::default()).map_err(says)?;
        world.flush()?;
        Ok(world)
    }

    pub(crate) fn history(&self) -> &[String] {
        self.history.get(self.history.len().saturating_sub(30)..).unwrap_or(&self.history)
    }

    pub(crate) fn changes(&self) -> u64 {
        self.disk.changes()
    }

    fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.history.push(format!("{what} (ends at {})", self.model.end()));
    }

    fn now(&self) -> Now {
        Now { monotonic: Millis(self.clock as u64), wall: Timestamp(self.clock) }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().expect("the log is open between steps")
    }

    /// Lets something happen.
    pub(crate) fn step(&mut self) -> Verdict {
        self.clock += self.random.below(12) as i64;
        match self.random.below(100) {
            0..66 => self.write_step(),
            66..76 => self.advance(),
            76..90 => self.clean(),
            90..92 => self.truncate(),
            92..94 => self.remove_replaced(),
            94..96 => self.close(),
            96..97 => self.replay_all(),
            97..98 => {
                let (after, mode) = (self.random.below(60), self.random.below(4));
                self.clean_and_crash(after, CrashMode::ALL[mode as usize])
            }
            _ => self.crash(),
        }
    }

    /// Writes something.
    pub(crate) fn write_step(&mut self) -> Verdict {
        self.clock += 1;
        if self.random.one_in(40) {
            self.epoch += 1;
        }
        match self.random.below(20) {
            0..15 => self.append_data(),
            15..19 => self.end_transaction(),
            _ => {
                let now = self.now();
                self.log().roll(now, None).map_err(says)
            }
        }
    }

    fn append(&mut self, batch: Batch) -> Verdict {
        self.note(format!("append {:?} at {}", batch.kind, batch.base));
        let now = self.now();
        self.log().append(now, &batch.bytes).map_err(says)?;
        self.model.batches.push(batch);
        Ok(())
    }

    fn packing(&mut self) -> Packing {
        let compression = match self.random.below(8) {
            at @ 0..5 => Compression::ALL[at as usize],
            _ => Compression::None,
        };
        let append_time = self.random.one_in(8).then_some(self.clock);
        Packing { compression, append_time, leader_epoch: self.epoch }
    }

    fn record(&mut self, offset: i64) -> Record {
        let key = match self.random.below(30) {
            0 => None,
            _ => Some(format!("key {}", self.random.below(14)).into_bytes()),
        };
        let size = 1 + self.random.below(60) as usize;
        let value = format!("{offset:08}{}", "x".repeat(size)).into_bytes();
        Record {
            offset,
            timestamp: self.clock + self.random.below(9) as i64 - 6,
            key,
            value: (!self.random.one_in(5)).then_some(value),
            header: self.random.one_in(4).then(|| vec![offset as u8; 3]),
        }
    }

    fn append_data(&mut self) -> Verdict {
        let id = self.random.below(6) as i64;
        let known = self.model.derive().producers.get(&id).cloned().unwrap_or_default();
        let begins_epoch = known.open.is_empty() && self.random.one_in(15);
        let (epoch, sequence) = match begins_epoch {
            true => (known.epoch + 1, 0),
            false => (known.epoch, known.next_sequence),
        };
        let kind = match id {
            0 => Kind::Plain,
            _ => Kind::Data { producer: id, epoch, sequence, is_transactional: 3 <= id },
        };
        let base = self.model.end();
        let count = 1 + self.random.below(6) as i64;
        let records = (0..count).map(|it| self.record(base + it)).collect();
        let packing = self.packing();
        self.append(Batch::new(base, kind, records, packing))
    }

    fn end_transaction(&mut self) -> Verdict {
        let producers = self.model.derive().producers;
        let open: Vec<_> = producers.iter().filter(|it| !it.1.open.is_empty()).collect();
        if open.is_empty() {
            return Ok(());
        }
        let (id, known) = open[self.random.below(open.len() as u64) as usize];
        // The last of them speaks version 2 of transactions.
        let epoch = known.epoch + i16::from(*id == 5);
        let outcome = match self.random.one_in(2) {
            true => TxnOutcome::Abort,
            false => TxnOutcome::Commit,
        };
        let kind = Kind::End { producer: *id, epoch, outcome };
        let marker = Batch::marker(self.model.end(), kind, self.clock, self.epoch);
        self.append(marker)
    }

    fn flush(&mut self) -> Verdict {
        // Twice: the leader epochs take two.
        for _ in 0..2 {
            let disk = self.disk.clone();
            let log = self.log();
            let Some(candidates) = log.flush_candidates().map_err(says)? else { return Ok(()) };
            candidates.files.iter().try_for_each(|file| file.sync()).map_err(says)?;
            let directories = candidates.directories.iter();
            directories.into_iter().try_for_each(|it| disk.sync_directory(it)).map_err(says)?;
            log.flushed(candidates.generation, candidates.up_to);
        }
        Ok(())
    }

    /// Flushes, and lets the high watermark follow.
    fn advance(&mut self) -> Verdict {
        self.flush()?;
        let model = &mut self.model;
        let passed: Vec<i64> = model.batches.iter().map(|it| it.last() + 1).collect();
        let ahead = passed.partition_point(|end| *end <= model.high_watermark);
        let ahead = passed.get(ahead..).unwrap_or(&[]);
        if !ahead.is_empty() {
            // Mostly to the end.
            let at = match self.random.one_in(3) {
                true => self.random.below(ahead.len() as u64) as usize,
                false => ahead.len() - 1,
            };
            model.high_watermark = ahead[at];
        }
        let high_watermark = Offset(self.model.high_watermark);
        self.log().on_high_watermark(high_watermark);
        Ok(())
    }

    /// Ends what is open, and has everything but an empty segment be cleanable.
    pub(crate) fn make_cleanable(&mut self) -> Verdict {
        for _ in 0..200 {
            self.end_transaction()?;
        }
        let now = self.now();
        self.log().roll(now, None).map_err(says)?;
        self.flush()?;
        self.model.high_watermark = self.model.end();
        let high_watermark = Offset(self.model.high_watermark);
        self.log().on_high_watermark(high_watermark);
        Ok(())
    }

    pub(crate) fn clean(&mut self) -> Verdict {
        match self.try_clean()? {
            Ok(()) => self.check(),
            Err(error) => Err(says(error)),
        }
    }

    /// A pass; the inner error is its own.
    fn try_clean(&mut self) -> Result<Result<(), CleanError>, String> {
        let (wall, high_watermark) = (self.clock, Offset(self.model.high_watermark));
        let log = self.log.as_mut().expect("the log is open between steps");
        let view = log.cleaning_view(high_watermark).map_err(says)?;
        let dirtiness =
            view.dirtiness(self.checkpoint.of(&name()), Timestamp(wall)).map_err(says)?;
        let (from, to) = (dirtiness.first_dirty_offset, dirtiness.first_uncleanable_offset);
        self.history.push(format!("clean from {from} to {to} at {wall}"));
        if from < to {
            self.model.touched_to = self.model.touched_to.max(to.0);
            note_horizons(&mut self.model, to.0, wall, false);
        }
        let replaced = &mut self.replaced;
        let mut swap = |cleaned: &kt_storage::cleaner::Cleaned| -> Result<Swapped, LogError> {
            let swapped = log.swap_cleaned(cleaned)?;
            if let Swapped::Done(deletion) = &swapped {
                replaced.push(deletion.clone());
            }
            Ok(swapped)
        };
        let mut pace = |_| ControlFlow::Continue(());
        let result = self.cleaner.clean(&view, &dirtiness, Timestamp(wall), &mut pace, &mut swap);
        let report = match result {
            Ok(report) => report,
            Err(error) => return Ok(Err(error)),
        };
        let end = report.end_offset;
        ensure!(from < end || to <= from, "a pass from {from} came to {end}, not to {to}");
        ensure!(report.is_map_full || end == to.max(from), "ends at {end}, not at {to}");
        self.model.cleaned_to = self.model.cleaned_to.max(end.0);
        if let Err(error) = self.checkpoint.set(&self.disk, &name(), end) {
            return Ok(Err(error.into()));
        }
        if from < to {
            note_horizons(&mut self.model, end.0, wall, true);
            checks::old_tombstones_are_gone(
                self.log.as_ref().expect("open"),
                &self.model,
                wall,
                RETENTION,
            )?;
        }
        checks::last_batches(self.log.as_ref().expect("open"), &self.model)?;
        Ok(Ok(()))
    }

    fn check(&mut self) -> Verdict {
        let Some(log) = &self.log else { return Ok(()) };
        checks::everything(log, &self.model, self.clock, RETENTION, &mut self.random)
    }

    fn remove_replaced(&mut self) -> Verdict {
        self.note("remove what was replaced");
        self.replaced.drain(..).try_for_each(|it| it.carry_out()).map_err(says)?;
        self.check()
    }

    fn truncate(&mut self) -> Verdict {
        let (least, end) = (self.model.high_watermark, self.model.end());
        let target = Offset(least + self.random.below((end - least + 1) as u64) as i64);
        self.note(format!("truncate to {target}"));
        let cut = self.log().prepare_truncation(target).map_err(says)?;
        if cut.0 < least {
            return Ok(());
        }
        let point = self.log().recovery_point_to_checkpoint().min(cut);
        let points = OffsetCheckpoint::from([(name(), point)]);
        let promises =
            Promises::write(&self.disk, Path::new(ROOT), points, OffsetCheckpoint::new());
        self.checkpoint.lower(&self.disk, &name(), cut).map_err(says)?;
        let (now, promised) = (self.now(), promises.map_err(says)?.of(&name()));
        let gone = self.log().truncate_to(now, target, promised).map_err(says)?;
        gone.carry_out().map_err(says)?;
        self.model.truncate(cut.0);
        self.model.unsure_below = self.model.touched_to;
        self.flush()?;
        self.settle();
        self.check()
    }

    fn open(&mut self, facts: LoadFacts) -> Result<(), LogError> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let home = LogHome {
            cache: FileCache::new(disk, 8),
            directory: PathBuf::from(DIRECTORY),
            config: Arc::new(self.config.clone()),
            seed: 1,
        };
        self.replaced.clear();
        let (log, _) = Log::open(home, facts, self.now())?;
        self.log = Some(log);
        self.settle();
        Ok(())
    }

    /// What is here when producers are loaded anew counts as replicated: which transactions the
    /// high watermark has not passed is not in their snapshots.
    fn settle(&mut self) {
        let end = self.log().log_end_offset();
        self.log().on_high_watermark(end);
        self.model.high_watermark = end.0;
    }

    fn check_opened(&mut self) -> Verdict {
        let entries = self.disk.list(Path::new(DIRECTORY)).map_err(says)?;
        let left = entries.iter().find(|entry| {
            [".cleaned", ".swap", ".deleted"].iter().any(|suffix| entry.name.ends_with(suffix))
        });
        ensure!(left.is_none(), "{left:?} was left");
        self.check()
    }

    fn close(&mut self) -> Verdict {
        self.note("close and open");
        self.log().close().map_err(says)?;
        self.log = None;
        self.disk.crash();
        self.disk.restart(CrashMode::LoseUnsynced);
        self.open(LoadFacts { clean_shutdown: true, ..LoadFacts::default() }).map_err(says)?;
        self.check_opened()
    }

    /// Opens the log without any snapshot of producers: all is known from the batches alone.
    fn replay_all(&mut self) -> Verdict {
        self.note("replay all");
        self.log().close().map_err(says)?;
        self.log = None;
        for entry in self.disk.list(Path::new(DIRECTORY)).map_err(says)? {
            if entry.name.ends_with(".snapshot") {
                self.disk.remove_file(&Path::new(DIRECTORY).join(entry.name)).map_err(says)?;
            }
        }
        let recovery_point = Offset(self.model.end());
        let facts = LoadFacts { same_boot: true, recovery_point, ..LoadFacts::default() };
        self.open(facts).map_err(says)?;
        self.check_opened()
    }

    fn crash(&mut self) -> Verdict {
        let mode = CrashMode::ALL[self.random.below(4) as usize];
        self.note(format!("crash {mode:?}"));
        self.flush_if_torn(mode)?;
        self.recover(mode)
    }

    /// What a torn write makes of an unflushed log that has holes, recovery may take for damage:
    /// that is its own affair. Here it is files of the cleaner that are to be torn.
    fn flush_if_torn(&mut self, mode: CrashMode) -> Verdict {
        if mode == CrashMode::Torn { self.flush() } else { Ok(()) }
    }

    fn recover(&mut self, mode: CrashMode) -> Verdict {
        let durable = self.log().recovery_point_to_checkpoint();
        self.log = None;
        self.disk.crash();
        self.disk.restart(mode);
        let (checkpoint, damage) =
            CleanerCheckpoint::load(&self.disk, Path::new(ROOT)).map_err(says)?;
        ensure!(damage.is_none(), "{damage:?}");
        self.checkpoint = checkpoint;
        let facts = LoadFacts {
            same_boot: mode == CrashMode::Process,
            recovery_point: durable,
            ..LoadFacts::default()
        };
        self.open(facts).map_err(says)?;
        let end = self.log().log_end_offset();
        ensure!(durable <= end, "ends at {end}: lost what was flushed up to {durable}");
        if end.0 < self.model.end() {
            self.model.unsure_below = self.model.touched_to;
        }
        self.model.truncate(end.0);
        if mode != CrashMode::Process {
            self.forget_lost(durable)?;
        }
        self.check_opened()
    }

    /// A power cut may take the unflushed end of a segment and leave the next. In a log that has
    /// holes nothing tells that one from the others: recovery goes by the order of offsets.
    fn forget_lost(&mut self, durable: Offset) -> Verdict {
        let found = super::found::batches(self.log.as_ref().expect("it was just opened"))?;
        let is_there = |base: i64| found.iter().any(|it| it.header.base_offset().0 == base);
        self.model.batches.retain(|it| it.base < durable.0 || is_there(it.base));
        self.model.empty_to = self.log().log_end_offset().0;
        self.model.unsure_below = self.model.touched_to;
        Ok(())
    }

    /// A pass that is cut short after some changes of the disk; then one that is not.
    pub(crate) fn clean_and_crash(&mut self, after: u64, mode: CrashMode) -> Verdict {
        self.note(format!("clean and crash after {after} ({mode:?})"));
        let cleaned_to = self.model.cleaned_to;
        self.flush_if_torn(mode)?;
        self.disk.crash_after(after);
        let result = self.try_clean()?;
        ensure!(result.is_ok() || self.disk.is_crashed(), "{:?}", result.err().map(says));
        if result.is_err() {
            self.model.cleaned_to = cleaned_to;
        }
        self.recover(mode)?;
        self.clean()
    }
}

/// Notes that tombstones below an offset may have a horizon now, or have one for sure.
fn note_horizons(model: &mut Model, below: i64, wall: i64, is_sure: bool) {
    let derived = model.derive();
    for batch in model.batches.iter().filter(|it| derived.fates[&it.base] != Fate::Aborted) {
        for record in batch.records.iter().filter(|it| it.value.is_none() && it.offset < below) {
            let horizons = match is_sure {
                true => &mut model.horizon_surely,
                false => &mut model.horizon_perhaps,
            };
            horizons.entry(record.offset).or_insert(wall);
        }
    }
}
