//! An open file of a simulated disk.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::calls::Call;
use super::image::PAGE_BYTES;
use super::node::{FileNode, damage};
use super::{ENOSPC, State, crashed, error};
use crate::disk::{DiskError, File};

const EBADF: i32 = 9;

pub(super) struct SimulatedFile {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) node: Arc<FileNode>,
    pub(super) path: PathBuf,
    pub(super) life: u32,
    pub(super) is_writable: bool,
}

impl SimulatedFile {
    /// The disk, unless it has gone down since the file was opened.
    fn alive(&self, call: Call) -> Result<MutexGuard<'_, State>, DiskError> {
        let state = self.state.lock();
        match state.life == self.life {
            true => Ok(state),
            false => Err(crashed(call, &self.path)),
        }
    }

    fn check_writable(&self, call: Call) -> Result<(), DiskError> {
        match self.is_writable {
            true => Ok(()),
            false => Err(error(call, &self.path, EBADF)),
        }
    }
}

/// How many bytes from `position` on fit into whole pages of which `usable_bytes` are left.
fn fitting(file: &FileNode, position: u64, length: u64, usable_bytes: u64) -> u64 {
    let content = file.content.lock();
    let end = position + length;
    let mut left = usable_bytes / PAGE_BYTES;
    let taken: Vec<u64> = content.cached.pages_from(position).collect();
    for page in position / PAGE_BYTES..end.div_ceil(PAGE_BYTES) {
        if taken.binary_search(&page).is_err() {
            let Some(rest) = left.checked_sub(1) else {
                return (page * PAGE_BYTES).saturating_sub(position);
            };
            left = rest;
        }
    }
    length
}

impl File for SimulatedFile {
    fn len(&self) -> Result<u64, DiskError> {
        let mut state = self.alive(Call::Length)?;
        state.begin(Call::Length, &self.path).map_err(|refusal| refusal.error)?;
        Ok(self.node.content.lock().cached.length())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let state = &mut *self.alive(Call::Read)?;
        let at = Some((position, buffer.len() as u64));
        let fault = state.begin_at(Call::Read, &self.path, at).map_err(|refusal| refusal.error)?;
        let count = self.node.content.lock().cached.read(position, buffer);
        state.bytes_read += count as u64;
        if let Some(fault) = fault {
            damage(fault, &mut buffer[..count], &mut state.random);
        }
        Ok(count)
    }

    fn write_at(&self, position: u64, buffers: &[IoSlice<'_>]) -> Result<(), DiskError> {
        let state = &mut *self.alive(Call::Write)?;
        self.check_writable(Call::Write)?;
        let bytes: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect();
        let at = Some((position, bytes.len() as u64));
        let written = match state.begin_at(Call::Write, &self.path, at) {
            Ok(_) => {
                let usable = state.usable_bytes();
                let fits = fitting(&self.node, position, bytes.len() as u64, usable) as usize;
                let full = error(Call::Write, &self.path, ENOSPC);
                if fits < bytes.len() { Err((full, fits)) } else { Ok(()) }
            }
            Err(refusal) if refusal.is_partial => {
                Err((refusal.error, state.random.below(bytes.len() as u64 + 1) as usize))
            }
            Err(refusal) => Err((refusal.error, 0)),
        };
        let mut content = self.node.content.lock();
        content.modified = state.wall;
        match written {
            Ok(()) => {
                content.write(position, &bytes);
                Ok(())
            }
            Err((error, part)) => {
                content.write(position, &bytes[..part]);
                Err(error)
            }
        }
    }

    fn set_len(&self, length: u64) -> Result<(), DiskError> {
        let mut state = self.alive(Call::SetLength)?;
        self.check_writable(Call::SetLength)?;
        let at = Some((0, length));
        state.begin_at(Call::SetLength, &self.path, at).map_err(|refusal| refusal.error)?;
        let mut content = self.node.content.lock();
        content.modified = state.wall;
        content.set_length(length);
        Ok(())
    }

    fn sync(&self) -> Result<(), DiskError> {
        let mut state = self.alive(Call::Sync)?;
        if let Err(refusal) = state.begin(Call::Sync, &self.path) {
            if refusal.is_partial && !state.is_crashed {
                self.node.content.lock().fail_sync();
            }
            return Err(refusal.error);
        }
        self.node.content.lock().sync();
        Ok(())
    }

    fn read_ahead(&self, _position: u64, _length: u64) {}

    fn modified(&self) -> Result<Timestamp, DiskError> {
        let mut state = self.alive(Call::Length)?;
        state.begin(Call::Length, &self.path).map_err(|refusal| refusal.error)?;
        Ok(self.node.content.lock().modified)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
