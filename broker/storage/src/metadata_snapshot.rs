//! `.checkpoint` files: the metadata up to an offset as records (KIP-630), and
//! `bootstrap.checkpoint`, which has the same form.
//!
//! ```text
//! control batch   SNAPSHOT_HEADER [KRAFT_VERSION, KRAFT_VOTERS]
//! data batches    metadata records, offsets counted on from the header's
//! control batch   SNAPSHOT_FOOTER
//! ```
//!
//! A file without a footer was not finished. `END-EPOCH.checkpoint` is named after the first offset
//! that it does not hold and the epoch of the record before it; while it is written it is `.part`.

use std::io::IoSlice;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use kt_protocol::codec::{Message, Versions};
use kt_protocol::messages::{
    KRaftVersionRecord, SnapshotFooterRecord, SnapshotHeaderRecord, VotersRecord,
};
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchBuilder, BatchView, Batches, NewRecord, RecordView};
use kt_protocol::types::{LeaderEpoch, Offset, Timestamp};

use crate::disk::{Disk, DiskError, OpenMode};
use crate::small_file_error::SmallFileError;
use crate::{atomic_file, batch_records};

/// The file that formatting leaves for the first controller, in each log directory.
pub const BOOTSTRAP_FILE_NAME: &str = "bootstrap.checkpoint";
const SUFFIX: &str = ".checkpoint";
/// Bytes of values in one data batch: below what readers take at once.
const BATCH_BYTES: usize = 512 << 10;

/// What a snapshot's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId {
    /// The first offset that it does not hold.
    pub end_offset: Offset,
    /// The epoch of the record before it.
    pub epoch: LeaderEpoch,
}

impl SnapshotId {
    /// The snapshot at offset 0: the voters that the directory was formatted with.
    pub const BOOTSTRAP: SnapshotId = SnapshotId { end_offset: Offset(0), epoch: LeaderEpoch(0) };

    /// `00000000000000000000-0000000000.checkpoint`
    pub fn file_name(self) -> String {
        format!("{:020}-{:010}{SUFFIX}", self.end_offset, self.epoch)
    }

    /// Reads a name; none if it is not a finished snapshot's.
    pub fn parse(name: &str) -> Option<SnapshotId> {
        let (end_offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let is_number = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(end_offset, 20) || !is_number(epoch, 10) {
            return None;
        }
        Some(SnapshotId {
            end_offset: Offset(end_offset.parse().ok()?),
            epoch: LeaderEpoch(epoch.parse().ok()?),
        })
    }
}

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotContents {
    /// The append time of the last record that went into it.
    pub last_contained_log_timestamp: Timestamp,
    /// The finalized `kraft.version`, where it is in the snapshot.
    pub kraft_version: Option<i16>,
    /// The voters, where they are in the snapshot.
    pub voters: Option<VotersRecord>,
    /// Values of metadata records.
    pub records: Vec<Bytes>,
}

/// Why a snapshot cannot be written: a record that is no batch's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a snapshot cannot hold this: {0}")]
pub struct UnwritableSnapshot(String);

/// The bytes of a snapshot that no leader wrote (by formatting), with `written_at` as the time of
/// its batches.
///
/// # Errors
///
/// [`UnwritableSnapshot`] if a record is larger than a batch can be.
pub fn encode(
    contents: &SnapshotContents,
    written_at: Timestamp,
) -> Result<Bytes, UnwritableSnapshot> {
    encode_at(SnapshotId::BOOTSTRAP, contents, written_at)
}

/// The bytes of the snapshot `id`, whose epoch its batches carry, with `written_at` as their time.
///
/// # Errors
///
/// [`UnwritableSnapshot`] if a record is larger than a batch can be.
pub fn encode_at(
    id: SnapshotId,
    contents: &SnapshotContents,
    written_at: Timestamp,
) -> Result<Bytes, UnwritableSnapshot> {
    let mut batches =
        SnapshotBatches { bytes: BytesMut::new(), next: Offset(0), epoch: id.epoch, written_at };
    let mut controls = vec![control(
        ControlType::SnapshotHeader,
        &SnapshotHeaderRecord {
            version: 0,
            last_contained_log_timestamp: contents.last_contained_log_timestamp.0,
        },
    )?];
    if let Some(kraft_version) = contents.kraft_version {
        let record = KRaftVersionRecord { version: 0, kraft_version };
        controls.push(control(ControlType::KRaftVersion, &record)?);
    }
    if let Some(voters) = &contents.voters {
        controls.push(control(ControlType::KRaftVoters, voters)?);
    }
    batches.put_control(&controls)?;
    batches.put_records(&contents.records)?;
    let footer = control(ControlType::SnapshotFooter, &SnapshotFooterRecord { version: 0 })?;
    batches.put_control(&[footer])?;
    Ok(batches.bytes.freeze())
}

type Control = (ControlType, Bytes);

fn control<M: Message>(kind: ControlType, record: &M) -> Result<Control, UnwritableSnapshot> {
    let bytes = record.encode_to_bytes(0).map_err(unwritable)?;
    Ok((kind, bytes))
}

fn unwritable(error: impl std::fmt::Display) -> UnwritableSnapshot {
    UnwritableSnapshot(error.to_string())
}

/// A snapshot while it is made.
struct SnapshotBatches {
    bytes: BytesMut,
    next: Offset,
    epoch: LeaderEpoch,
    written_at: Timestamp,
}

impl SnapshotBatches {
    fn batch(&self) -> BatchBuilder {
        BatchBuilder::new().base_offset(self.next).leader_epoch(self.epoch)
    }

    fn put_control(&mut self, controls: &[Control]) -> Result<(), UnwritableSnapshot> {
        let mut batch = self.batch();
        for (kind, value) in controls {
            batch.append_control(self.written_at, *kind, value).map_err(unwritable)?;
        }
        self.next = self.next.plus(controls.len() as i64);
        self.bytes.extend_from_slice(&batch.build());
        Ok(())
    }

    fn put_records(&mut self, records: &[Bytes]) -> Result<(), UnwritableSnapshot> {
        let mut batch = self.batch();
        for value in records {
            if !batch.is_empty() && BATCH_BYTES < batch.uncompressed_size() + value.len() {
                self.bytes.extend_from_slice(&batch.build());
                batch = self.batch();
            }
            let timestamp = self.written_at;
            let record = NewRecord { timestamp, value: Some(value), ..NewRecord::default() };
            batch.append(record).map_err(unwritable)?;
            self.next = self.next.plus(1);
        }
        if !batch.is_empty() {
            self.bytes.extend_from_slice(&batch.build());
        }
        Ok(())
    }
}

/// Reads a snapshot's bytes.
///
/// # Errors
///
/// What is wrong, with the byte where it is: a bad batch or checksum, no header, no footer.
pub fn decode(bytes: &Bytes) -> Result<SnapshotContents, String> {
    let mut contents = SnapshotContents::default();
    let mut has_header = false;
    let mut has_footer = false;
    let mut batches = Batches::new(bytes);
    loop {
        let at = batches.position();
        let Some(batch) = batches.next() else { break };
        let batch = batch.map_err(|it| format!("at byte {at}: {it}"))?;
        if !batch.crc_is_valid() {
            return Err(format!("at byte {at}: the checksum is wrong"));
        }
        if has_footer {
            return Err(format!("at byte {at}: batches after the footer"));
        }
        read_batch(&batch, &mut contents, &mut has_header, &mut has_footer)
            .map_err(|it| format!("at byte {at}: {it}"))?;
    }
    match (has_header, has_footer) {
        (true, true) => Ok(contents),
        (false, _) => Err("it has no header".to_owned()),
        (true, false) => Err("it has no footer: it was not finished".to_owned()),
    }
}

fn read_batch(
    batch: &BatchView<'_>,
    contents: &mut SnapshotContents,
    has_header: &mut bool,
    has_footer: &mut bool,
) -> Result<(), String> {
    let is_control = batch.is_control();
    batch_records::for_each(batch, |record| {
        if !is_control {
            let value = record.value.ok_or("a metadata record has no value")?;
            contents.records.push(Bytes::copy_from_slice(value));
            return Ok(());
        }
        match ControlType::from_key(record.key).map_err(|it| it.to_string())? {
            ControlType::SnapshotHeader => {
                *has_header = true;
                let header: SnapshotHeaderRecord = message(record)?;
                contents.last_contained_log_timestamp =
                    Timestamp(header.last_contained_log_timestamp);
            }
            ControlType::SnapshotFooter => *has_footer = true,
            ControlType::KRaftVersion => {
                let version: KRaftVersionRecord = message(record)?;
                contents.kraft_version = Some(version.kraft_version);
            }
            ControlType::KRaftVoters => contents.voters = Some(message(record)?),
            other => return Err(format!("{} does not belong in a snapshot", other.name())),
        }
        Ok(())
    })
}

/// Reads a control record's value, which begins with its own version.
///
/// # Errors
///
/// What is wrong with it.
pub fn message<M: Message>(record: &RecordView<'_>) -> Result<M, String> {
    let value = record.value.ok_or("a control record has no value")?;
    let version = value.first_chunk().map(|it| i16::from_be_bytes(*it));
    let version = version.ok_or("a control record's value is too short")?;
    let known: Versions = M::VALID_VERSIONS;
    if !known.contains(version) {
        return Err(format!("{} has version {version}, which is unknown", M::NAME));
    }
    M::decode_all(&Bytes::copy_from_slice(value), version).map_err(|it| it.to_string())
}

/// Names the finished snapshots of a metadata log's directory, the oldest first.
///
/// # Errors
///
/// Those of the disk.
pub fn list(disk: &dyn Disk, directory: &Path) -> Result<Vec<SnapshotId>, DiskError> {
    let mut ids: Vec<SnapshotId> = disk
        .list(directory)?
        .iter()
        .filter(|entry| !entry.is_directory)
        .filter_map(|entry| SnapshotId::parse(&entry.name))
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Reads a snapshot file; none if it is not there.
///
/// # Errors
///
/// [`SmallFileError`] if it cannot be read or is damaged.
pub fn read(disk: &dyn Disk, path: &Path) -> Result<Option<SnapshotContents>, SmallFileError> {
    let Some(bytes) = atomic_file::read(disk, path)? else { return Ok(None) };
    let contents = decode(&Bytes::from(bytes));
    contents.map(Some).map_err(|reason| SmallFileError::damaged(path, reason))
}

/// Writes a snapshot into the directory of a metadata log, durably: `.part` until it is whole.
///
/// # Errors
///
/// Those of the disk.
pub fn write(
    disk: &dyn Disk,
    directory: &Path,
    id: SnapshotId,
    bytes: &Bytes,
) -> Result<(), DiskError> {
    let name = id.file_name();
    let part = directory.join(format!("{name}.part"));
    let file = disk.open(&part, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_at(0, &[IoSlice::new(bytes)])?;
    file.sync()?;
    disk.rename(&part, &directory.join(name))?;
    disk.sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(count: usize) -> SnapshotContents {
        SnapshotContents {
            last_contained_log_timestamp: Timestamp(7),
            kraft_version: Some(1),
            voters: Some(VotersRecord::default()),
            records: (0..count).map(|it| Bytes::from(format!("record {it}"))).collect(),
        }
    }

    #[test]
    fn names_read_back() {
        let id = SnapshotId { end_offset: Offset(1234), epoch: LeaderEpoch(5) };
        assert_eq!(id.file_name(), "00000000000000001234-0000000005.checkpoint");
        assert_eq!(SnapshotId::parse(&id.file_name()), Some(id));
        assert_eq!(SnapshotId::parse(BOOTSTRAP_FILE_NAME), None);
        assert_eq!(SnapshotId::parse("00000000000000001234-0000000005.checkpoint.part"), None);
        assert_eq!(SnapshotId::parse("+0000000000000001234-0000000005.checkpoint"), None);
    }

    #[test]
    fn contents_read_back_over_many_batches() {
        for count in [0, 1, 100_000] {
            let contents = contents(count);
            let bytes = encode(&contents, Timestamp(9)).unwrap();
            assert_eq!(decode(&bytes), Ok(contents));
        }
    }

    #[test]
    fn every_cut_and_every_flip_is_seen() {
        let bytes = encode(&contents(3), Timestamp(9)).unwrap();
        for at in 0..bytes.len() {
            assert!(decode(&bytes.slice(..at)).is_err(), "cut at {at}");
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x10;
            let decoded = decode(&Bytes::from(flipped));
            // The base offset and the leader epoch of a batch lie outside its checksum.
            assert!(decoded.is_err() || decoded == Ok(contents(3)), "flipped at {at}");
        }
    }
}
