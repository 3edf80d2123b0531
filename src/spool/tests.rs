//! A spool that crashes at each of its calls, and one whose bytes are changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use kt_protocol::records::NewRecord;
use kt_protocol::types::{Offset, Timestamp};

use super::checkpoint::FILE_BYTES;
use super::files::Files;
use super::queue::{Cut, Spool};
use super::simulated::{Crash, SimulatedFiles};
use super::*;

const LIMIT: u64 = 4_000;

/// What a spool was told and what it promised.
#[derive(Default)]
struct Told {
    /// The last value that was written at a position.
    values: BTreeMap<i64, Vec<u8>>,
    /// The positions before these were promised as taken, were written at all, were acknowledged for
    /// good, and were acknowledged at all.
    taken: i64,
    written: i64,
    acknowledged: i64,
    acknowledging: i64,
    /// What was put aside for good.
    refused: BTreeSet<i64>,
}

struct Run<'a> {
    files: &'a SimulatedFiles,
    told: &'a mut Told,
    spool: Spool,
    cursor: Cursor,
    deliveries: Acknowledged,
    /// Records that were read and not delivered.
    reading: Vec<i64>,
    random: u64,
}

impl<'a> Run<'a> {
    fn open(
        files: &'a SimulatedFiles,
        told: &'a mut Told,
        seed: u64,
    ) -> Result<Run<'a>, SpoolError> {
        let spool = Spool::open(files, LIMIT)?.spool;
        let (acknowledged, taken) = (spool.acknowledged().0, spool.taken().0);
        assert!(told.acknowledged <= acknowledged && acknowledged <= told.acknowledging);
        assert!(told.taken <= taken && taken <= told.written, "{taken} is not what was told");
        told.acknowledging = acknowledged;
        told.written = taken;
        told.taken = taken;
        let deliveries = Acknowledged::new(spool.acknowledged());
        let cursor = spool.cursor();
        let reading = Vec::new();
        Ok(Run { files, told, spool, cursor, deliveries, reading, random: seed | 1 })
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn take(&mut self) -> Result<(), SpoolError> {
        let mut draft = self.spool.draft();
        for _ in 0..=self.random(4) {
            let value = vec![u8::try_from(self.random(256)).unwrap(); self.random(200) as usize];
            let record = NewRecord {
                value: Some(&value),
                headers: &[("h", None)],
                timestamp: Timestamp(7),
                ..NewRecord::default()
            };
            let partition = Some(3).filter(|_| value.len() % 2 == 0);
            let position = draft.add("topic", partition, record).unwrap();
            self.told.values.insert(position.0, value);
        }
        if !self.spool.has_room(&draft)? {
            assert_ne!(self.spool.depth(), 0, "a spool that was delivered has room");
            return Ok(());
        }
        self.told.written = draft.end().0;
        let written = self.spool.write(self.files, &draft)?;
        let result = written.sync(self.files);
        self.spool.synced(&written, result)?;
        self.told.taken = self.told.written;
        let refused = self.files.length(REFUSED).unwrap_or(0);
        let beside = FILE_BYTES as u64 + refused + 256;
        assert!(self.files.bytes() as u64 <= LIMIT + beside, "{} bytes", self.files.bytes());
        Ok(())
    }

    fn read(&mut self) -> Result<bool, SpoolError> {
        let Some(bytes) = self.spool.read(self.files, &mut self.cursor)? else { return Ok(false) };
        for entry in entries(&bytes) {
            let entry = entry.unwrap();
            let position = entry.position.0;
            assert_eq!(entry.value, self.told.values.get(&position).map(Vec::as_slice));
            let length = entry.value.unwrap().len();
            assert_eq!((entry.topic, entry.headers.as_slice()), ("topic", &[("h", None)][..]));
            assert_eq!(entry.partition, Some(3).filter(|_| length % 2 == 0));
            if self.spool.acknowledged().0 <= position {
                self.reading.push(position);
            }
        }
        Ok(true)
    }

    fn deliver(&mut self) -> Result<(), SpoolError> {
        for _ in 0..self.random(8) {
            if !self.reading.is_empty() {
                let index = self.random(self.reading.len() as u64) as usize;
                self.deliveries.add(Offset(self.reading.swap_remove(index)));
            }
        }
        let before = self.deliveries.before();
        if let Some(forgotten) = self.spool.acknowledge(before) {
            self.told.acknowledging = before.0;
            forgotten.perform(self.files)?;
            self.spool.forgotten(&forgotten);
            self.told.acknowledged = before.0;
        }
        Ok(())
    }

    /// What no cluster takes is put aside, and acknowledged with what comes next.
    fn refuse(&mut self) -> Result<(), SpoolError> {
        let Some(position) = self.reading.pop() else { return Ok(()) };
        put_aside(self.files, format!("{position} is refused\n").as_bytes())?;
        self.told.refused.insert(position);
        self.deliveries.add(Offset(position));
        Ok(())
    }

    fn steps(&mut self, count: usize) -> Result<(), SpoolError> {
        for _ in 0..count {
            match self.random(7) {
                0 | 1 => self.take()?,
                2 | 3 => drop(self.read()?),
                4 => self.refuse()?,
                _ => self.deliver()?,
            }
        }
        Ok(())
    }

    fn empty(&mut self) -> Result<(), SpoolError> {
        while self.spool.depth() != 0 {
            self.read()?;
            self.deliver()?;
        }
        Ok(())
    }

    /// Everything that was taken and not acknowledged is read, once and in order.
    fn check_rest(&mut self) {
        assert!(self.reading.is_empty());
        while self.read().unwrap() {}
        let expected: Vec<i64> = (self.spool.acknowledged().0..self.spool.taken().0).collect();
        assert_eq!(self.reading, expected);
        let refused = self.files.read(REFUSED, 0, usize::MAX >> 1).unwrap_or_default();
        let refused = String::from_utf8_lossy(&refused);
        for position in &self.told.refused {
            let line = format!("{position} is refused");
            assert!(refused.lines().any(|it| it == line), "{line}: {refused}");
        }
    }
}

/// Runs until a call crashes; false if none did.
fn crash(seed: u64, call: usize, kind: Crash) -> bool {
    let files = SimulatedFiles::new(seed.wrapping_add(call as u64));
    files.crash_at(call);
    let mut told = Told::default();
    let ended = Run::open(&files, &mut told, seed).and_then(|mut run| run.steps(60));
    assert_eq!(ended.is_err(), files.has_crashed(), "{ended:?}");
    if ended.is_ok() {
        return false;
    }
    let files = files.after(kind);
    // Once more, while it opens or soon after.
    files.crash_at(call % 7 + 1);
    let again = Run::open(&files, &mut told, seed).and_then(|mut run| run.steps(10));
    assert_eq!(again.is_err(), files.has_crashed(), "{again:?}");
    let files = files.after(kind);
    // What a killed process had not synced is not lost after it was delivered.
    Run::open(&files, &mut told, seed).and_then(|mut run| run.empty()).unwrap();
    let files = files.after(Crash::Power);
    Run::open(&files, &mut told, seed).unwrap().check_rest();
    Run::open(&files, &mut told, seed).and_then(|mut run| run.steps(30)).unwrap();
    Run::open(&files, &mut told, seed).unwrap().check_rest();
    true
}

#[test]
fn nothing_taken_is_lost_wherever_a_process_is_killed() {
    for seed in 1..6 {
        let calls = (1..).take_while(|call| crash(seed, *call, Crash::Process)).count();
        assert!(30 < calls, "{calls} calls");
    }
}

#[test]
fn nothing_taken_is_lost_wherever_the_power_fails() {
    for seed in 1..60 {
        let calls = (1..).take_while(|call| crash(seed, *call, Crash::Power)).count();
        assert!(30 < calls, "{calls} calls");
    }
}

/// Two batches of two records, none acknowledged.
fn filled(files: &SimulatedFiles) {
    let mut spool = Spool::open(files, 1 << 20).unwrap().spool;
    for _ in 0..2 {
        let mut draft = spool.draft();
        for value in [b"one", b"two"] {
            let record = NewRecord { value: Some(value), ..NewRecord::default() };
            draft.add("t", None, record).unwrap();
        }
        let written = spool.write(files, &draft).unwrap();
        let synced = written.sync(files);
        spool.synced(&written, synced).unwrap();
    }
}

const FIRST: &str = "00000000000000000000.log";

#[test]
fn a_changed_byte_is_told_unless_it_may_be_of_a_torn_end() {
    let length = {
        let files = SimulatedFiles::new(1);
        filled(&files);
        files.length(FIRST).unwrap()
    };
    for at in 0..length {
        let files = SimulatedFiles::new(1);
        filled(&files);
        files.damage(FIRST, usize::try_from(at).unwrap(), 0x10);
        match Spool::open(&files, LIMIT) {
            Err(SpoolError::Damaged { position: 0, .. }) => assert!(at < length / 2),
            Ok(opened) => {
                assert!(length / 2 <= at, "byte {at} is of the first batch");
                let Cut { file, at, bytes, .. } = opened.cut.expect("what is cut is told");
                assert_eq!((file.as_str(), at, bytes), (FIRST, length / 2, length / 2));
                assert_eq!(opened.spool.depth(), 2);
            }
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
}

#[test]
fn what_a_checkpoint_has_seen_synced_is_never_cut() {
    let files = SimulatedFiles::new(1);
    filled(&files);
    let mut spool = Spool::open(&files, LIMIT).unwrap().spool;
    spool.acknowledge(Offset(1)).unwrap().perform(&files).unwrap();
    let length = files.length(FIRST).unwrap();
    files.damage(FIRST, usize::try_from(length).unwrap() - 1, 1);
    let error = Spool::open(&files, LIMIT).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"00000000000000000000.log of the spool is damaged at byte 87: the checksum of a batch does not hold");
    files.truncate(FIRST, length / 2).unwrap();
    let error = Spool::open(&files, LIMIT).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the spool lacks the records 2 to 3: a file of it is gone or cut short");
    files.remove(FIRST).unwrap();
    let error = Spool::open(&files, LIMIT).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the spool lacks the records 1 to 3: a file of it is gone or cut short");
}

#[test]
fn damage_before_the_last_segment_is_told_when_it_is_read() {
    let files = SimulatedFiles::new(1);
    let mut told = Told::default();
    let mut run = Run::open(&files, &mut told, 1).unwrap();
    while files.list().unwrap().len() < 4 {
        run.take().unwrap();
    }
    let mut names = files.list().unwrap();
    names.sort();
    let second = &names[1];
    files.damage(second, 70, 1);
    let opened = Spool::open(&files, LIMIT).unwrap();
    let mut cursor = opened.spool.cursor();
    let error = loop {
        match opened.spool.read(&files, &mut cursor) {
            Ok(read) => assert!(read.is_some()),
            Err(error) => break error,
        }
    };
    let expected = format!("{second} of the spool is damaged at byte 0");
    assert!(error.to_string().starts_with(&expected), "{error}");
    files.remove(second).unwrap();
    let opened = Spool::open(&files, LIMIT).unwrap();
    let mut cursor = opened.spool.cursor();
    let error = loop {
        match opened.spool.read(&files, &mut cursor) {
            Ok(read) => assert!(read.is_some()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SpoolError::Missing { .. }), "{error}");
}

#[test]
fn a_full_spool_waits_and_a_batch_beyond_it_is_refused() {
    let files = SimulatedFiles::new(1);
    let mut told = Told::default();
    let mut run = Run::open(&files, &mut told, 5).unwrap();
    for _ in 0..100 {
        run.take().unwrap();
    }
    let full = run.spool.taken();
    run.take().unwrap();
    assert_eq!(run.spool.taken(), full);
    let before = full;
    let forgotten = run.spool.acknowledge(before).unwrap();
    forgotten.perform(&files).unwrap();
    run.spool.forgotten(&forgotten);
    assert_eq!(run.spool.depth(), 0);
    run.told.acknowledging = before.0;
    run.take().unwrap();
    assert!(full < run.spool.taken());
    let mut draft = run.spool.draft();
    let record = NewRecord { value: Some(&[0; 1_000]), ..NewRecord::default() };
    draft.add("t", None, record).unwrap();
    let error = run.spool.has_room(&draft).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"1073 bytes are too many for a spool of 4000: a quarter is allowed at once");
}

#[test]
fn a_full_disk_takes_nothing_and_can_be_emptied() {
    for room in (100..2_500).step_by(37) {
        let files = SimulatedFiles::new(room);
        let mut told = Told::default();
        let mut run = Run::open(&files, &mut told, room).unwrap();
        files.fill_at(FILE_BYTES + usize::try_from(room).unwrap());
        let error = loop {
            if let Err(error) = run.take() {
                break error;
            }
        };
        let is_full = |it: &io::Error| it.kind() == io::ErrorKind::StorageFull;
        assert!(matches!(&error, SpoolError::Io { error, .. } if is_full(error)), "{error}");
        assert!(matches!(run.take(), Err(SpoolError::Failed)));
        let taken = run.spool.depth();
        assert_eq!(run.spool.left(), taken);
        run.empty().unwrap();
        assert_eq!(run.spool.left(), 0);
        let files = files.after(Crash::Power);
        let opened = Spool::open(&files, LIMIT).unwrap();
        assert_eq!(
            (opened.spool.depth(), opened.spool.acknowledged().0),
            (0, i64::try_from(taken).unwrap())
        );
    }
}

/// One batch of so many bytes, or some more.
fn write(spool: &mut Spool, files: &SimulatedFiles, bytes: usize) {
    let mut draft = spool.draft();
    let value = vec![7; bytes];
    let record = NewRecord { value: Some(&value), ..NewRecord::default() };
    draft.add("t", None, record).unwrap();
    assert!(spool.has_room(&draft).unwrap());
    let written = spool.write(files, &draft).unwrap();
    let synced = written.sync(files);
    spool.synced(&written, synced).unwrap();
}

#[test]
fn a_smaller_limit_has_room_once_everything_is_delivered() {
    for is_delivered_before in [true, false] {
        let files = SimulatedFiles::new(1);
        let mut spool = Spool::open(&files, 1 << 20).unwrap().spool;
        write(&mut spool, &files, 3 * 4_000);
        let forget = |spool: &mut Spool| {
            let forgotten = spool.acknowledge(Offset(1)).unwrap();
            forgotten.perform(&files).unwrap();
            spool.forgotten(&forgotten);
        };
        if is_delivered_before {
            forget(&mut spool);
        }
        let mut spool = Spool::open(&files, LIMIT).unwrap().spool;
        let mut cursor = spool.cursor();
        if !is_delivered_before {
            assert!(spool.read(&files, &mut cursor).unwrap().is_some());
            forget(&mut spool);
        }
        write(&mut spool, &files, 500);
        let read = spool.read(&files, &mut cursor).unwrap().unwrap();
        assert_eq!(entries(&read).count(), 1);
        let opened = Spool::open(&files, LIMIT).unwrap();
        assert_eq!((opened.spool.depth(), opened.cut), (1, None));
    }
}

#[test]
fn a_directory_with_something_else_is_no_spool() {
    let files = SimulatedFiles::new(1);
    files.append("thesis.txt", b"all my work").unwrap();
    let error = Spool::open(&files, LIMIT).unwrap_err().to_string();
    insta::assert_snapshot!(error, @r#"this is not a spool: it holds "thesis.txt""#);
    assert_eq!(files.list().unwrap(), ["thesis.txt"]);
}
