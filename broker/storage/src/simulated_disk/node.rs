//! Files and directories of a simulated disk: what the process sees beside what is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kt_protocol::types::Timestamp;
use parking_lot::Mutex;

use super::image::{Image, PAGE_BYTES};
use super::{CrashMode, Fault};
use crate::random::Random;

/// What a name in a directory stands for.
#[derive(Clone)]
pub(super) enum Node {
    File(Arc<FileNode>),
    Directory(Arc<DirectoryNode>),
}

impl Node {
    /// Makes everything beneath durable.
    pub(super) fn sync_all(&self) {
        match self {
            Node::File(file) => file.content.lock().sync(),
            Node::Directory(directory) => {
                let names = &mut directory.names.lock();
                names.sync();
                names.live.values().for_each(Node::sync_all);
            }
        }
    }

    /// Cuts the power: what was not synced is kept, lost or torn.
    pub(super) fn cut_power(&self, mode: CrashMode, random: &mut Random) {
        match self {
            Node::File(file) => file.content.lock().cut_power(mode, random),
            Node::Directory(directory) => {
                let names = &mut directory.names.lock();
                names.cut_power(mode, random);
                names.live.values().for_each(|node| node.cut_power(mode, random));
            }
        }
    }

    /// Bytes that the files beneath take.
    pub(super) fn allocated_bytes(&self) -> u64 {
        match self {
            Node::File(file) => file.content.lock().cached.allocated_pages() * PAGE_BYTES,
            Node::Directory(directory) => {
                directory.names.lock().live.values().map(Node::allocated_bytes).sum()
            }
        }
    }
}

/// A file, with or without a name.
#[derive(Default)]
pub(super) struct FileNode {
    pub(super) content: Mutex<Content>,
}

/// The bytes of a file: in the page cache, and on the device.
#[derive(Default)]
pub(super) struct Content {
    pub(super) cached: Image,
    pub(super) durable: Image,
    /// When the cached bytes were last changed.
    pub(super) modified: Timestamp,
    /// Pages that may differ between the two.
    unsynced: BTreeSet<u64>,
}

impl Content {
    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.cached.write(position, bytes);
        let last = position + bytes.len() as u64 - 1;
        self.unsynced.extend(position / PAGE_BYTES..=last / PAGE_BYTES);
    }

    pub(super) fn set_length(&mut self, length: u64) {
        if length < self.cached.length() {
            self.unsynced.extend(self.cached.pages_from(length));
            self.unsynced.extend(self.durable.pages_from(length));
        }
        self.cached.set_length(length);
    }

    pub(super) fn sync(&mut self) {
        self.durable.set_length(self.cached.length());
        for page in std::mem::take(&mut self.unsynced) {
            self.durable.copy_page(&self.cached, page);
        }
    }

    /// What a failed `fsync` leaves on Linux: nothing reached the device, and the pages count as
    /// clean, so that the next one succeeds without writing them.
    pub(super) fn fail_sync(&mut self) {
        self.unsynced.clear();
    }

    fn cut_power(&mut self, mode: CrashMode, random: &mut Random) {
        let (old, new) = (self.durable.length(), self.cached.length());
        let length = match mode {
            CrashMode::Process => return,
            CrashMode::LoseUnsynced => old,
            CrashMode::KeepUnsynced => new,
            CrashMode::Torn => match random.below(4) {
                0 => old,
                1 => old.min(new) + random.below(old.abs_diff(new) + 1),
                _ => new,
            },
        };
        let mut image = std::mem::take(&mut self.durable);
        // Only what was durable counts here: pages that were written back beyond the end appear
        // with the length that shows them.
        image.set_length(image.length().max(length));
        for page in std::mem::take(&mut self.unsynced) {
            match (mode, random.below(3)) {
                (CrashMode::LoseUnsynced, _) | (CrashMode::Torn, 0) => {}
                (CrashMode::Torn, 1) => {
                    image.copy_sectors(&self.cached, page, || random.one_in(2));
                }
                _ => image.copy_page(&self.cached, page),
            }
        }
        image.set_length(length);
        self.cached = image.clone();
        self.durable = image;
    }
}

/// A directory, with or without a name.
#[derive(Default)]
pub(super) struct DirectoryNode {
    pub(super) names: Mutex<Names>,
}

/// A change to a directory that is not durable yet.
enum Change {
    Link(String, Node),
    Unlink(String),
    Rename(String, String),
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, Node>) {
        match self {
            Change::Link(name, node) => {
                names.insert(name, node);
            }
            Change::Unlink(name) => {
                names.remove(&name);
            }
            Change::Rename(from, to) => {
                if let Some(node) = names.remove(&from) {
                    names.insert(to, node);
                }
            }
        }
    }
}

/// The names of a directory: as the process sees them, and on the device.
#[derive(Default)]
pub(super) struct Names {
    pub(super) live: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn link(&mut self, name: &str, node: Node) {
        self.live.insert(name.to_owned(), node.clone());
        self.pending.push(Change::Link(name.to_owned(), node));
    }

    pub(super) fn unlink(&mut self, name: &str) {
        self.live.remove(name);
        self.pending.push(Change::Unlink(name.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(node) = self.live.remove(from) {
            self.live.insert(to.to_owned(), node);
        }
        self.pending.push(Change::Rename(from.to_owned(), to.to_owned()));
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.live);
        self.pending.clear();
    }

    /// A file system keeps the order of the changes to one directory, and no other order.
    fn cut_power(&mut self, mode: CrashMode, random: &mut Random) {
        let pending = std::mem::take(&mut self.pending);
        let kept = match mode {
            CrashMode::Process => {
                self.pending = pending;
                return;
            }
            CrashMode::LoseUnsynced => 0,
            CrashMode::KeepUnsynced => pending.len(),
            CrashMode::Torn => random.below(pending.len() as u64 + 1) as usize,
        };
        for change in pending.into_iter().take(kept) {
            change.apply(&mut self.durable);
        }
        self.live.clone_from(&self.durable);
    }
}

/// Applies what a planned fault does to bytes that were read.
pub(super) fn damage(fault: Fault, bytes: &mut [u8], random: &mut Random) {
    if fault == Fault::FlippedBit && !bytes.is_empty() {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
    }
}
