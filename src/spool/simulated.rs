//! A directory in memory that can crash at each call, by the end of the process or a loss of power.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard};

use super::files::Files;

/// What a power loss may lose of a file at a time.
const PAGE_BYTES: usize = 64;

/// How everything ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// The process is killed: what it wrote is there.
    Process,
    /// What was not synced is there in part, in any order of pages; directory entries up to one.
    Power,
}

#[derive(Clone, Debug)]
enum Entry {
    Name(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

type Names = BTreeMap<String, usize>;

#[derive(Debug)]
struct State {
    files: Vec<File>,
    names: Names,
    durable_names: Names,
    /// Changes of names since the directory was synced.
    entries: Vec<Entry>,
    calls: usize,
    crash_at: usize,
    /// Bytes that the disk has room for.
    room: usize,
    random: u64,
}

#[derive(Debug)]
pub(super) struct SimulatedFiles {
    state: Mutex<State>,
}

impl State {
    fn random(&mut self, below: usize) -> usize {
        // Knuth's MMIX numbers.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005);
        self.random = self.random.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap() % below.max(1)
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        let index = self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut self.files[*index])
    }

    fn bytes(&self) -> usize {
        self.names.values().map(|it| self.files[*it].bytes.len()).sum()
    }

    fn enter(&mut self, entry: Entry) {
        apply(&mut self.names, &entry);
        self.entries.push(entry);
    }
}

fn apply(names: &mut Names, entry: &Entry) {
    match entry {
        Entry::Name(name, file) => {
            names.insert(name.clone(), *file);
        }
        Entry::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Entry::Remove(name) => {
            names.remove(name);
        }
    }
}

impl SimulatedFiles {
    pub(super) fn new(seed: u64) -> SimulatedFiles {
        SimulatedFiles {
            state: Mutex::new(State {
                files: Vec::new(),
                names: Names::new(),
                durable_names: Names::new(),
                entries: Vec::new(),
                calls: 0,
                crash_at: usize::MAX,
                room: usize::MAX,
                random: seed,
            }),
        }
    }

    /// The call of that number fails, and all after it.
    pub(super) fn crash_at(&self, call: usize) {
        self.state.lock().unwrap().crash_at = call;
    }

    pub(super) fn has_crashed(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.crash_at <= state.calls
    }

    /// What is found after the crash.
    pub(super) fn after(self, crash: Crash) -> SimulatedFiles {
        let mut state = self.state.into_inner().unwrap();
        if crash == Crash::Power {
            let survive = state.random(state.entries.len() + 1);
            state.names = state.durable_names.clone();
            for entry in &state.entries[..survive] {
                apply(&mut state.names, entry);
            }
            for index in 0..state.files.len() {
                state.files[index].bytes = lose(&mut state, index);
            }
            for file in &mut state.files {
                file.durable.clone_from(&file.bytes);
            }
            state.durable_names.clone_from(&state.names);
            state.entries.clear();
        }
        (state.calls, state.crash_at) = (0, usize::MAX);
        SimulatedFiles { state: Mutex::new(state) }
    }

    /// Changes a byte of a file.
    pub(super) fn damage(&self, name: &str, at: usize, mask: u8) {
        self.state.lock().unwrap().file(name).unwrap().bytes[at] ^= mask;
    }

    pub(super) fn bytes(&self) -> usize {
        self.state.lock().unwrap().bytes()
    }

    /// From now on all files together have no more bytes than this.
    pub(super) fn fill_at(&self, room: usize) {
        self.state.lock().unwrap().room = room;
    }

    /// Looks at a file, unless everything has ended.
    fn look(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock().unwrap();
        match state.crash_at <= state.calls {
            true => Err(io::Error::other("crashed")),
            false => Ok(state),
        }
    }

    /// Changes something; a call that crashes may have done it all the same.
    fn change(&self, change: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.look()?;
        state.calls += 1;
        let crashes = state.calls == state.crash_at;
        if !crashes || state.random(2) == 0 {
            change(&mut state)?;
        }
        match crashes {
            true => Err(io::Error::other("crashed")),
            false => Ok(()),
        }
    }
}

/// A file's bytes after a loss of power.
fn lose(state: &mut State, index: usize) -> Vec<u8> {
    let File { bytes, durable } = state.files[index].clone();
    if bytes == durable {
        return bytes;
    }
    if bytes.len() < durable.len() {
        return if state.random(2) == 0 { bytes } else { durable };
    }
    let grown = bytes.len() - durable.len();
    let mut found = bytes[..durable.len() + state.random(grown + 1)].to_vec();
    // Each page is there, or what was there before, which is nothing behind the end.
    let mut old = durable;
    old.resize(found.len(), 0);
    for (page, old) in found.chunks_mut(PAGE_BYTES).zip(old.chunks(PAGE_BYTES)) {
        if state.random(4) == 0 {
            page.copy_from_slice(old);
        }
    }
    found
}

impl Files for SimulatedFiles {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.look()?.names.keys().cloned().collect())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(self.look()?.file(name)?.bytes.len() as u64)
    }

    fn read(&self, name: &str, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut state = self.look()?;
        let bytes = &state.file(name)?.bytes;
        let start = bytes.len().min(usize::try_from(at).unwrap());
        Ok(bytes[start..bytes.len().min(start + length)].to_vec())
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes;
        self.change(|state| {
            if !state.names.contains_key(name) {
                state.files.push(File::default());
                let index = state.files.len() - 1;
                state.enter(Entry::Name(name.to_owned(), index));
            }
            if state.calls == state.crash_at {
                bytes = &bytes[..state.random(bytes.len() + 1)];
            }
            let room = state.room.saturating_sub(state.bytes());
            state.file(name)?.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
            match room < bytes.len() {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        })
    }

    fn overwrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes;
        let at = usize::try_from(at).unwrap();
        self.change(|state| {
            if state.calls == state.crash_at {
                bytes = &bytes[..state.random(bytes.len() + 1)];
            }
            let file = state.file(name)?;
            assert!(at + bytes.len() <= file.bytes.len(), "only what is there is overwritten");
            file.bytes[at..at + bytes.len()].copy_from_slice(bytes);
            Ok(())
        })
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap();
        self.change(|state| {
            state.file(name)?.bytes.truncate(length);
            Ok(())
        })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.change(|state| {
            let file = state.file(name)?;
            file.durable.clone_from(&file.bytes);
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state| {
            state.enter(Entry::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(|state| {
            state.file(name)?;
            state.enter(Entry::Remove(name.to_owned()));
            Ok(())
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.change(|state| {
            state.durable_names.clone_from(&state.names);
            state.entries.clear();
            Ok(())
        })
    }
}
