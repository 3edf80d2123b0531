//! A medium in memory that can be full, and lose power in the middle of a write.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::file::Medium;

/// The bytes stay where every clone finds them, as those of a file do.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedMedium(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Bytes that can still be written before the power goes.
    power: Option<usize>,
    /// There is no more room than this.
    room: Option<usize>,
    writes: usize,
    bytes_read: u64,
    is_synced: bool,
}

impl SimulatedMedium {
    pub(crate) fn of(bytes: &[u8]) -> SimulatedMedium {
        let medium = SimulatedMedium::default();
        medium.state().bytes = bytes.to_vec();
        medium
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    pub(crate) fn lose_power_after(&self, bytes: usize) {
        self.state().power = Some(bytes);
    }

    pub(crate) fn has_room(&self, bytes: usize) {
        self.state().room = Some(bytes);
    }

    pub(crate) fn writes(&self) -> usize {
        self.state().writes
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.state().bytes_read
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.state().is_synced
    }
}

impl Medium for SimulatedMedium {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        let rest = state.bytes.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let read = rest[..count.min(rest.len())].to_vec();
        state.bytes_read += read.len() as u64;
        Ok(read)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let at = usize::try_from(at).unwrap();
        let power = state.power.unwrap_or(usize::MAX);
        let room = state.room.map_or(usize::MAX, |it| it.saturating_sub(at));
        let count = bytes.len().min(power).min(room);
        if state.bytes.len() < at + count {
            state.bytes.resize(at + count, 0);
        }
        state.bytes[at..at + count].copy_from_slice(&bytes[..count]);
        state.writes += 1;
        state.is_synced = false;
        if let Some(power) = &mut state.power {
            *power -= count;
        }
        match count == bytes.len() {
            true => Ok(()),
            false if room < power => Err(io::ErrorKind::StorageFull.into()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.is_synced = state.power != Some(0);
        if state.is_synced { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }
}
