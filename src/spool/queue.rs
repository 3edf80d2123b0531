//! The queue of a spool: what was written, synced and acknowledged, and in which segments it is.
//!
//! A write is three steps, so that no lock is held while the disk works: [`Spool::write`],
//! [`Written::sync`], [`Spool::synced`]. Acknowledging is two: [`Spool::acknowledge`] and
//! [`Forgotten::perform`], told with [`Spool::forgotten`].

use std::collections::BTreeMap;

use kt_protocol::types::Offset;

use super::checkpoint::{self, Checkpoint};
use super::draft::Draft;
use super::error::SpoolError;
use super::files::Files;
use super::refused::REFUSED;
use super::segment::{self, Place};

/// Segments that a full spool has at least: so much of its room is free again at a time.
const SEGMENTS: u64 = 8;

/// Larger batches make a sync no cheaper.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// Larger segments save nothing.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// True if a spool has a file of this name.
pub(super) fn is_of_spool(name: &str) -> bool {
    segment::base_of(name).is_some()
        || [checkpoint::NAME, checkpoint::NEW_NAME, REFUSED].contains(&name)
}

/// The state of a spool. One thread writes, another may read and acknowledge.
#[derive(Debug)]
pub(crate) struct Spool {
    limit: u64,
    /// Bytes that were synced, by the first position. The last is written to.
    segments: BTreeMap<Offset, u64>,
    /// Bytes of segments whose files are still to be removed.
    forgotten_bytes: u64,
    /// Of a write that is not synced.
    pending: Option<u64>,
    synced: Offset,
    acknowledged: Offset,
    /// What the disk has of that.
    noted: Checkpoint,
    has_failed: bool,
}

/// What opening found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) spool: Spool,
    /// A batch that a crash had left unfinished, and that is gone.
    pub(crate) cut: Option<Cut>,
}

/// The end of a file that was cut off. Nothing of it had counted as taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) file: String,
    /// Where the file ends now, in bytes.
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    pub(crate) reason: String,
}

/// A write that is to be synced.
#[derive(Debug)]
#[must_use = "what is not synced is not taken"]
pub(crate) struct Written {
    base: Offset,
    is_new: bool,
    bytes: u64,
    end: Offset,
}

/// What is to be put on the disk of an acknowledgement.
#[derive(Debug)]
#[must_use = "what is not performed is delivered again after a crash"]
pub(crate) struct Forgotten {
    checkpoint: Checkpoint,
    segments: Vec<Offset>,
    bytes: u64,
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    segment: Offset,
    place: Place,
}

impl Cursor {
    /// The position of the record that is read next.
    pub(crate) fn position(&self) -> Offset {
        self.place.position
    }
}

impl Written {
    /// Syncs it, which may take a while.
    pub(crate) fn sync(&self, files: &impl Files) -> Result<(), SpoolError> {
        let name = segment::name(self.base);
        files.sync(&name).map_err(SpoolError::io("sync", &name))?;
        if self.is_new {
            files.sync_directory().map_err(SpoolError::io("sync the directory of", &name))?;
        }
        Ok(())
    }
}

impl Forgotten {
    /// Writes down what was acknowledged, then removes what is not needed.
    pub(crate) fn perform(&self, files: &impl Files) -> Result<(), SpoolError> {
        self.checkpoint.write(files)?;
        for base in &self.segments {
            let name = segment::name(*base);
            files.remove(&name).map_err(SpoolError::io("remove", &name))?;
        }
        Ok(())
    }
}

impl Spool {
    /// Opens what a directory holds; an empty one becomes a spool of at most `limit` bytes.
    pub(crate) fn open(files: &impl Files, limit: u64) -> Result<Opened, SpoolError> {
        let names = files.list().map_err(SpoolError::io("list", "the directory"))?;
        if let Some(foreign) = names.iter().find(|it| !is_of_spool(it)) {
            return Err(SpoolError::Foreign(foreign.clone()));
        }
        let mut bases: Vec<Offset> = names.iter().filter_map(|it| segment::base_of(it)).collect();
        bases.sort_unstable();
        let is_spool = names.iter().any(|it| it == checkpoint::NAME);
        if !is_spool && bases.is_empty() {
            Checkpoint::create(files)?;
        }
        let checkpoint = Checkpoint::read(files)?;
        let mut spool = Spool {
            limit,
            segments: BTreeMap::new(),
            forgotten_bytes: 0,
            pending: None,
            synced: checkpoint.acknowledged,
            acknowledged: checkpoint.acknowledged,
            noted: checkpoint,
            has_failed: false,
        };
        spool.find_segments(files, &bases, checkpoint)?;
        let cut = spool.find_end(files, checkpoint)?;
        if spool.depth() == 0 {
            // The limit may be less than the last segment has, and the disk may be full of it.
            for base in std::mem::take(&mut spool.segments).into_keys() {
                let name = segment::name(base);
                files.remove(&name).map_err(SpoolError::io("remove", &name))?;
            }
        }
        Ok(Opened { spool, cut })
    }

    /// Removes what was acknowledged and takes the rest in.
    fn find_segments(
        &mut self,
        files: &impl Files,
        bases: &[Offset],
        checkpoint: Checkpoint,
    ) -> Result<(), SpoolError> {
        let acknowledged = checkpoint.acknowledged;
        for (index, base) in bases.iter().enumerate() {
            let name = segment::name(*base);
            if bases.get(index + 1).is_some_and(|next| *next <= acknowledged) {
                files.remove(&name).map_err(SpoolError::io("remove", &name))?;
                continue;
            }
            let length = files.length(&name).map_err(SpoolError::io("look at", &name))?;
            self.segments.insert(*base, length);
        }
        let first = self.segments.keys().next().copied().unwrap_or(checkpoint.synced);
        if acknowledged < first {
            return Err(SpoolError::Missing { from: acknowledged.0, to: first.0 - 1 });
        }
        Ok(())
    }

    /// Reads the last segment to its end.
    fn find_end(
        &mut self,
        files: &impl Files,
        checkpoint: Checkpoint,
    ) -> Result<Option<Cut>, SpoolError> {
        let Some((base, length)) = self.segments.last_key_value() else { return Ok(None) };
        let (base, length) = (*base, *length);
        let name = segment::name(base);
        let mut place = Place { at: 0, position: base };
        let mut cut = None;
        while place.at < length {
            match segment::read(files, &name, place, length)? {
                Ok(piece) => place = piece.next,
                Err(flaw) => {
                    let damaged = |reason| SpoolError::Damaged {
                        file: name.clone(),
                        position: flaw.at,
                        reason,
                    };
                    if place.position < checkpoint.synced {
                        return Err(damaged(flaw.reason));
                    }
                    if let Some(next) = segment::whole_batch_behind(files, &name, place, length)? {
                        let reason =
                            format!("{}, and whole ones follow at byte {next}", flaw.reason);
                        return Err(damaged(reason));
                    }
                    let bytes = length - place.at;
                    cut = Some(Cut { file: name, at: place.at, bytes, reason: flaw.reason });
                    break;
                }
            }
        }
        if place.position < checkpoint.synced {
            let to = checkpoint.synced.0 - 1;
            return Err(SpoolError::Missing { from: place.position.0, to });
        }
        if let Some(cut) = &cut {
            files.truncate(&cut.file, cut.at).map_err(SpoolError::io("cut", &cut.file))?;
        }
        // Of what was written before, nobody knows whether it was synced.
        let name = segment::name(base);
        files.sync(&name).map_err(SpoolError::io("sync", &name))?;
        files.sync_directory().map_err(SpoolError::io("sync the directory of", &name))?;
        self.segments.insert(base, place.at);
        self.synced = place.position;
        Ok(cut)
    }

    /// A batch for the records that come next.
    pub(crate) fn draft(&self) -> Draft {
        Draft::new(self.synced)
    }

    /// How many records are not acknowledged.
    pub(crate) fn depth(&self) -> u64 {
        u64::try_from(self.synced - self.acknowledged).unwrap_or(0)
    }

    /// How many records a next run would find.
    pub(crate) fn left(&self) -> u64 {
        u64::try_from(self.synced - self.noted.acknowledged).unwrap_or(0)
    }

    /// Everything before this was delivered.
    pub(crate) fn acknowledged(&self) -> Offset {
        self.acknowledged
    }

    /// Everything before this counts as taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> Offset {
        self.synced
    }

    fn used(&self) -> u64 {
        let synced: u64 = self.segments.values().sum();
        synced + self.forgotten_bytes + self.pending.unwrap_or(0)
    }

    fn segment_bytes(&self) -> u64 {
        (self.limit / SEGMENTS).min(SEGMENT_BYTES_MAX)
    }

    /// How large a batch should become, unless a record is larger.
    pub(crate) fn batch_bytes(&self) -> usize {
        usize::try_from(self.segment_bytes()).unwrap_or(BATCH_BYTES_MAX).min(BATCH_BYTES_MAX)
    }

    /// True if there is room for a batch; else some must be acknowledged first.
    ///
    /// # Errors
    ///
    /// Fails if there never is.
    pub(crate) fn has_room(&self, draft: &Draft) -> Result<bool, SpoolError> {
        if self.has_failed {
            return Err(SpoolError::Failed);
        }
        let bytes = draft.bytes() as u64;
        if self.limit / 4 < bytes {
            return Err(SpoolError::TooLarge { bytes, limit: self.limit });
        }
        Ok(self.used() + bytes <= self.limit)
    }

    /// Writes a batch, which came from [`Spool::draft`] and for which there is room.
    pub(crate) fn write(
        &mut self,
        files: &impl Files,
        draft: &Draft,
    ) -> Result<Written, SpoolError> {
        if self.has_failed {
            return Err(SpoolError::Failed);
        }
        assert!(self.pending.is_none(), "one batch at a time is not synced");
        assert_eq!(draft.base(), self.synced, "a draft is written before the next is begun");
        let batch = draft.build();
        let bytes = batch.len() as u64;
        let last = self.segments.last_key_value();
        let open = last.filter(|(_, length)| **length < self.segment_bytes());
        let base = open.map_or(self.synced, |(base, _)| *base);
        let is_new = open.is_none_or(|(_, length)| *length == 0);
        self.pending = Some(bytes);
        let name = segment::name(base);
        if let Err(error) = files.append(&name, &batch) {
            self.has_failed = true;
            // On a full disk the part that was written takes room; opening would cut it off too.
            let _ = files.truncate(&name, self.segments.get(&base).copied().unwrap_or(0));
            return Err(SpoolError::io("write to", &name)(error));
        }
        Ok(Written { base, is_new, bytes, end: draft.end() })
    }

    /// A write was synced, or could not be: then nothing more is written.
    pub(crate) fn synced(
        &mut self,
        written: &Written,
        result: Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        self.has_failed = result.is_err();
        result?;
        self.pending = None;
        *self.segments.entry(written.base).or_default() += written.bytes;
        self.synced = written.end;
        Ok(())
    }

    /// Everything before `before` was delivered. `None` if that is known.
    pub(crate) fn acknowledge(&mut self, before: Offset) -> Option<Forgotten> {
        if before <= self.acknowledged {
            return None;
        }
        assert!(before <= self.synced, "only what was taken is delivered");
        self.acknowledged = before;
        let turn = self.noted.turn + 1;
        let checkpoint = Checkpoint { turn, acknowledged: before, synced: self.synced };
        let (segments, bytes) = self.take_segments_before(before);
        self.forgotten_bytes += bytes;
        Some(Forgotten { checkpoint, segments, bytes })
    }

    /// Takes out the segments that have nothing from `before` on and will get nothing, with their
    /// bytes.
    fn take_segments_before(&mut self, before: Offset) -> (Vec<Offset>, u64) {
        let mut segments = Vec::new();
        let mut bytes = 0;
        while let Some((base, length)) = self.segments.first_key_value() {
            let (base, length) = (*base, *length);
            // The last one is written to until it is full, perhaps by a smaller limit than an
            // earlier run had, or the disk is.
            let is_closed = self.segment_bytes() <= length || self.has_failed;
            let end = match self.segments.keys().nth(1) {
                Some(next) => *next,
                None if is_closed => self.synced,
                None => break,
            };
            if before < end {
                break;
            }
            self.segments.remove(&base);
            segments.push(base);
            bytes += length;
        }
        (segments, bytes)
    }

    /// The disk has what an acknowledgement said.
    pub(crate) fn forgotten(&mut self, forgotten: &Forgotten) {
        self.forgotten_bytes -= forgotten.bytes;
        self.noted = forgotten.checkpoint;
    }

    /// Where delivery goes on.
    pub(crate) fn cursor(&self) -> Cursor {
        let segment = self.segments.keys().next().copied().unwrap_or(self.acknowledged);
        Cursor { segment, place: Place { at: 0, position: segment } }
    }

    /// Reads the next batches that were synced; `None` if there are none yet. They may begin before
    /// what is not acknowledged.
    pub(crate) fn read(
        &self,
        files: &impl Files,
        cursor: &mut Cursor,
    ) -> Result<Option<Vec<u8>>, SpoolError> {
        loop {
            if self.synced <= cursor.place.position {
                return Ok(None);
            }
            let length = self.segments.get(&cursor.segment).copied().unwrap_or(0);
            if cursor.place.at < length {
                break;
            }
            // Behind the end of a segment is the beginning of the next, if none is missing.
            let position = cursor.place.position;
            if !self.segments.contains_key(&position) || cursor.segment == position {
                let next = self.segments.range(position.plus(1)..).next();
                let to = next.map_or(self.synced, |(base, _)| *base).0 - 1;
                return Err(SpoolError::Missing { from: position.0, to });
            }
            *cursor = Cursor { segment: position, place: Place { at: 0, position } };
        }
        let name = segment::name(cursor.segment);
        let length = self.segments[&cursor.segment];
        match segment::read(files, &name, cursor.place, length)? {
            Ok(piece) => {
                cursor.place = piece.next;
                Ok(Some(piece.bytes))
            }
            Err(flaw) => {
                let (position, reason) = (flaw.at, flaw.reason);
                Err(SpoolError::Damaged { file: name, position, reason })
            }
        }
    }
}
