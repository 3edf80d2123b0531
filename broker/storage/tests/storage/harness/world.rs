//! The log, its disk, and everything that may happen to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::{Millis, Now, Offset, Timestamp, TopicPartition};
use kt_storage::checkpoints::{self, OffsetCheckpoint, Promises};
use kt_storage::simulated_disk::{Call, CrashMode, Fault, SimulatedDisk};
use kt_storage::{Disk, FileCache, LoadFacts, Log, LogConfig, LogError, LogHome, RecoveryReport};

use super::model::{Content, Model, Written};
use super::{Random, Verdict, checks};
use crate::ensure;

const ROOT: &str = "/data";
const DIRECTORY: &str = "/data/orders-0";

pub(crate) struct World {
    disk: SimulatedDisk,
    config: LogConfig,
    log: Option<Log>,
    random: Random,
    model: Model,
    clock: u64,
    epoch: i32,
    /// Pages may count as clean and be on no device: a process that goes on cannot know.
    sync_failed: bool,
    history: Vec<String>,
}

fn name() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 2_500,
        segment_index_bytes: 480,
        index_interval_bytes: 150,
        retention_ms: None,
        retention_bytes: Some(12_000),
        producer_id_expiration_ms: i64::MAX as u64,
        ..LogConfig::default()
    }
}

fn says(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<World, String> {
        let disk = SimulatedDisk::new(seed);
        disk.import([(PathBuf::from("/data/meta.properties"), b"version=1\n".to_vec())]);
        let preallocate = seed.is_multiple_of(4);
        let mut world = World {
            disk,
            config: LogConfig { preallocate, ..config() },
            log: None,
            random: Random(seed),
            model: Model::default(),
            clock: 1_000,
            epoch: 0,
            sync_failed: false,
            history: Vec::new(),
        };
        world.open(LoadFacts::default()).map_err(says)?;
        // The partition exists: its directory is durable.
        world.flush()?;
        Ok(world)
    }

    /// The newest things that happened.
    pub(crate) fn history(&self) -> &[String] {
        self.history.get(self.history.len().saturating_sub(40)..).unwrap_or(&self.history)
    }

    /// Lets something happen, and perhaps the power go in the middle of it.
    pub(crate) fn step(&mut self) -> Verdict {
        self.clock += 1 + self.random.below(20);
        if self.random.one_in(12) {
            self.disk.crash_after(self.random.below(12));
        }
        let what = self.random.below(100);
        match what {
            0..40 => self.append_data()?,
            40..55 => self.end_transaction()?,
            55..58 => self.roll()?,
            58..74 => self.flush()?,
            74..82 => self.checkpoint()?,
            82..86 => self.truncate()?,
            86..89 => self.delete_records()?,
            89..92 => self.retain()?,
            92..94 => self.close()?,
            94..98 => self.crash()?,
            _ => self.check()?,
        }
        if self.disk.is_crashed() {
            self.recover()?;
        }
        Ok(())
    }

    fn now(&self) -> Now {
        Now { monotonic: Millis(self.clock), wall: Timestamp(self.clock as i64) }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().expect("the log is open between steps")
    }

    fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.history.push(format!("{what} (ends at {})", self.model.end()));
    }

    /// An error is none if the machine just went down.
    fn met<T>(&self, result: Result<T, LogError>) -> Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.disk.is_crashed() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn open(&mut self, facts: LoadFacts) -> Result<RecoveryReport, LogError> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let home = LogHome {
            cache: FileCache::new(disk, 8),
            directory: PathBuf::from(DIRECTORY),
            config: Arc::new(self.config.clone()),
            seed: 1,
        };
        let (log, report) = Log::open(home, facts, self.now())?;
        self.log = Some(log);
        Ok(report)
    }

    fn check(&mut self) -> Verdict {
        let Some(log) = &mut self.log else { return Ok(()) };
        checks::everything(log, &self.model, &mut self.random)
    }

    fn append(&mut self, content: Content, count: u64) -> Verdict {
        if self.random.one_in(25) {
            self.epoch += 1;
        }
        let late = self.random.below(30) as i64;
        let times = (0..count).map(|it| self.clock as i64 - late + it as i64 % 3).collect();
        let size = 1 + self.random.below(120) as usize;
        let written = Written::new(self.model.end(), self.epoch, content, times, size);
        self.note(format!("append {content:?} at {}", written.base));
        self.model.ever_written.push(written.clone());
        self.model.pending = Some(written.clone());
        let now = self.now();
        let result = self.log().append(now, &written.bytes);
        if self.met(result)?.is_some() {
            self.model.pending = None;
            self.model.batches.push(written);
        }
        Ok(())
    }

    fn append_data(&mut self) -> Verdict {
        let count = 1 + self.random.below(4);
        let producer = self.random.below(6) as i64;
        let known = self.model.producers().get(&producer).cloned().unwrap_or_default();
        let is_transactional = producer < 3;
        let begins_epoch = known.open.is_none() && self.random.one_in(15);
        let (epoch, sequence) = match begins_epoch {
            true => (known.epoch + 1, 0),
            false => (known.epoch, known.next_sequence),
        };
        let content = match producer {
            5 => Content::Plain,
            _ => Content::Data { producer, epoch, sequence, is_transactional },
        };
        self.append(content, count)
    }

    fn end_transaction(&mut self) -> Verdict {
        let open: Vec<(i64, i16)> = self
            .model
            .producers()
            .iter()
            .filter(|(_, it)| it.open.is_some())
            .map(|(id, it)| (*id, it.epoch))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let (producer, epoch) = open[self.random.below(open.len() as u64) as usize];
        let aborts = !self.random.one_in(3);
        self.append(Content::End { producer, epoch, aborts }, 1)
    }

    fn roll(&mut self) -> Verdict {
        self.note("roll");
        let now = self.now();
        let result = self.log().roll(now, None);
        self.met(result).map(|_| ())
    }

    /// As the flusher does it; an error takes the log directory offline, which is a crash here.
    fn flush(&mut self) -> Verdict {
        self.note("flush");
        let fails = self.random.one_in(10);
        if fails {
            self.disk.fail(Call::Sync, 1, Fault::Eio);
        }
        let result = self.try_flush();
        if fails && result.is_err() {
            self.sync_failed = true;
            self.disk.crash();
        }
        if let Some(Some(up_to)) = self.met(result)? {
            self.model.durable = self.model.durable.max(up_to.0);
        }
        self.disk.fail(Call::Sync, 1, Fault::FlippedBit);
        Ok(())
    }

    fn try_flush(&mut self) -> Result<Option<Offset>, LogError> {
        let disk = self.disk.clone();
        let log = self.log();
        let Some(candidates) = log.flush_candidates()? else { return Ok(None) };
        candidates.files.iter().try_for_each(|file| file.sync())?;
        candidates.directories.iter().try_for_each(|it| disk.sync_directory(it))?;
        log.flushed(candidates.generation, candidates.up_to);
        Ok(Some(candidates.up_to))
    }

    fn checkpoint(&mut self) -> Verdict {
        let high_watermark = Offset(self.model.durable);
        let disk = self.disk.clone();
        let result = self.log().snapshot_for_checkpoint(high_watermark);
        let result = result.and_then(|snapshot| snapshot.map_or(Ok(()), |it| it.sync(&disk)));
        self.met(result.map_err(LogError::from))?;
        let offset = self.log().recovery_point_to_checkpoint();
        self.note(format!("checkpoint {offset}"));
        self.promise(offset).map(|_| ())
    }

    /// Writes the checkpoints, and remembers what they may say from now on.
    fn promise(&mut self, offset: Offset) -> Result<Option<Promises>, String> {
        ensure!(offset.0 <= self.model.durable, "{offset} is promised and not durable");
        self.model.perhaps_promised = Some(offset.0);
        let offsets = OffsetCheckpoint::from([(name(), offset)]);
        let written =
            Promises::write(&self.disk, Path::new(ROOT), offsets, OffsetCheckpoint::new());
        let promises = self.met(written.map_err(LogError::from))?;
        if promises.is_some() {
            self.model.promised = offset.0;
            self.model.perhaps_promised = None;
        }
        Ok(promises)
    }

    fn truncate(&mut self) -> Verdict {
        let (start, end) = (self.model.log_start, self.model.end());
        // Within the batch that the log starts in, it would end before its start.
        let least = self.model.batches.iter().map(|it| it.base).find(|base| start <= *base);
        let Some(least) = least else { return Ok(()) };
        let target = least.max(end - self.random.below(20) as i64);
        self.note(format!("truncate to {target}"));
        let result = self.log().prepare_truncation(Offset(target));
        let Some(cut) = self.met(result)? else { return Ok(()) };
        self.model.truncating_to = Some(cut.0);
        let point = self.log().recovery_point_to_checkpoint().min(cut);
        let Some(promises) = self.promise(point)? else { return Ok(()) };
        let now = self.now();
        let result = self.log().truncate_to(now, Offset(target), promises.of(&name()));
        let Some(gone) = self.met(result)? else { return Ok(()) };
        self.model.truncate(cut.0);
        self.model.truncating_to = None;
        self.model.remembered_from = cut.0;
        self.model.log_start = self.log().log_start_offset().0;
        self.met(gone.carry_out().map_err(LogError::from))?;
        self.check_unless_crashed()
    }

    fn check_unless_crashed(&mut self) -> Verdict {
        if self.disk.is_crashed() { Ok(()) } else { self.check() }
    }

    fn delete_records(&mut self) -> Verdict {
        let (start, durable) = (self.model.log_start, self.model.durable);
        if durable <= start {
            return Ok(());
        }
        let offset = start + self.random.below((durable - start) as u64 / 2 + 1) as i64;
        self.note(format!("delete records below {offset}"));
        // The checkpoint first: leader epochs, which are cut with it, must not become durable
        // before it.
        self.model.log_start = self.model.log_start.max(offset);
        self.write_log_start()?;
        if self.disk.is_crashed() {
            return Ok(());
        }
        let result = self.log().raise_log_start_offset(Offset(offset), Offset(durable));
        self.met(result).map(|_| ())
    }

    fn write_log_start(&mut self) -> Verdict {
        let offsets = OffsetCheckpoint::from([(name(), Offset(self.model.log_start))]);
        let path = Path::new(ROOT).join(checkpoints::LOG_START);
        let written = checkpoints::write(&self.disk, &path, &offsets);
        self.met(written.map_err(LogError::from)).map(|_| ())
    }

    fn retain(&mut self) -> Verdict {
        self.note("retention");
        let (now, durable) = (self.now(), Offset(self.model.durable));
        let result = self.log().delete_old_segments(now, None, durable);
        let Some(gone) = self.met(result)? else { return Ok(()) };
        self.model.log_start = self.log().log_start_offset().0;
        self.write_log_start()?;
        self.met(gone.carry_out().map_err(LogError::from)).map(|_| ())
    }

    /// Closes cleanly, perhaps on a disk that fails once, and opens again after a power cut: what
    /// was closed without an error is whole.
    fn close(&mut self) -> Verdict {
        self.note("close");
        self.disk.fail(Call::Sync, 1 + self.random.below(12), Fault::Eio);
        let closed = self.log().close();
        if closed.is_err() || self.disk.is_crashed() {
            self.sync_failed = true;
            self.disk.crash();
            return Ok(());
        }
        let disk = self.disk.clone();
        checks::closed_index(&disk, self.log())?;
        self.log = None;
        self.disk.crash();
        self.disk.restart(CrashMode::LoseUnsynced);
        self.note("open after a clean close");
        let facts = LoadFacts {
            clean_shutdown: true,
            log_start_offset: Offset(self.model.log_start),
            ..LoadFacts::default()
        };
        self.open(facts).map_err(says)?;
        self.model.durable = self.model.end();
        self.model.remembered_from = self.model.end();
        self.model.log_start = self.log().log_start_offset().0;
        self.check()
    }

    fn crash(&mut self) -> Verdict {
        self.note("crash");
        self.disk.crash();
        Ok(())
    }

    /// Comes back with what some crash left.
    fn recover(&mut self) -> Verdict {
        self.log = None;
        let mode = match std::mem::take(&mut self.sync_failed) {
            true => CrashMode::ALL[1 + self.random.below(3) as usize],
            false => CrashMode::ALL[self.random.below(4) as usize],
        };
        self.disk.restart(mode);
        self.note(format!("restart after {mode:?}"));
        // What a write of the checkpoints left in the page cache is gone by, so it must be durable.
        self.disk.sync_directory(Path::new(ROOT)).map_err(says)?;
        let promised = self.checkpointed(checkpoints::RECOVERY_POINT)?;
        let model = &mut self.model;
        let expected = [Some(model.promised), model.perhaps_promised.take()];
        ensure!(
            expected.contains(&Some(promised)),
            "the checkpoint says {promised}, and should {expected:?}"
        );
        model.promised = promised;
        let facts = LoadFacts {
            same_boot: mode == CrashMode::Process,
            recovery_point: Offset(promised),
            log_start_offset: Offset(self.checkpointed(checkpoints::LOG_START)?),
            ..LoadFacts::default()
        };
        if mode == CrashMode::Process && self.random.one_in(3) {
            self.open_damaged(facts)?;
        }
        self.open(facts).map_err(says)?;
        self.learn_end(mode)?;
        self.check()
    }

    /// A flipped bit with intact batches behind it is damage, and nothing is cut off for it.
    fn open_damaged(&mut self, facts: LoadFacts) -> Verdict {
        let scanned = checks::batches_on(&self.disk, Path::new(DIRECTORY));
        let mut scanned: Vec<_> =
            scanned.into_iter().filter(|it| facts.recovery_point <= it.0).collect();
        // The last may be torn, and the one before it has nothing behind it then.
        scanned.truncate(scanned.len().saturating_sub(2));
        if scanned.is_empty() {
            return Ok(());
        }
        let (base, path, range) =
            scanned.swap_remove(self.random.below(scanned.len() as u64) as usize);
        let crc_from = 17;
        let at = range.start + crc_from + self.random.below(range.end - range.start - crc_from);
        self.note(format!("flip byte {at} of {}", path.display()));
        let before = self.disk.export();
        self.disk.flip_bit(&path, at, 3);
        let result = self.open(facts);
        let is_damage = matches!(&result, Err(LogError::Damaged { file, .. }) if *file == path);
        ensure!(is_damage, "damage of the batch at {base} gave {:?}", result.map_err(says));
        // What was read on the way may have been put in order, but no batch has gone.
        self.disk.restart(CrashMode::Process);
        self.disk.flip_bit(&path, at, 3);
        ensure!(self.disk.contents(&path) == before.get(&path).cloned(), "damage was cut off");
        Ok(())
    }

    fn checkpointed(&self, file: &str) -> Result<i64, String> {
        let path = Path::new(ROOT).join(file);
        let offsets = checkpoints::read(&self.disk, &path).map_err(says)?;
        Ok(offsets.get(&name()).map_or(0, |offset| offset.0))
    }

    /// What was not flushed may be gone from some batch on, but for what the page cache kept.
    fn learn_end(&mut self, mode: CrashMode) -> Verdict {
        let log = self.log.as_ref().expect("it was just opened");
        let (end, start) = (log.log_end_offset().0, log.log_start_offset().0);
        let model = &mut self.model;
        let whole = model.truncating_to.unwrap_or(i64::MAX);
        let least = match mode {
            CrashMode::Process => model.end(),
            _ => model.durable,
        };
        ensure!(least.min(whole) <= end, "ends at {end}: lost what was kept up to {least}");
        model.pending = None;
        model.truncating_to = None;
        model.truncate(model.durable.min(end));
        for bytes in checks::batches_from(log, model.end().max(start))? {
            let written = model.ever_written.iter().find(|it| it.bytes == bytes);
            let Some(written) = written.cloned() else { return Err("a strange batch".to_owned()) };
            ensure!(model.end() == written.base, "{} after {}", written.base, model.end());
            model.batches.push(written);
        }
        ensure!(model.end() == end, "ends at {end}, and not where its batches do");
        ensure!(start <= model.log_start.max(model.durable), "starts at {start}");
        model.log_start = start;
        // Recovery syncs what it accepts.
        model.durable = end;
        model.remembered_from = end;
        Ok(())
    }
}
