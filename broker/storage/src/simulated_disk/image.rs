//! The bytes of one simulated file: sparse pages, shared between the cached and the durable image.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What the page cache writes back as one.
pub(super) const PAGE_BYTES: u64 = 4096;
/// What a device writes whole or not at all.
const SECTOR_BYTES: usize = 512;

type Page = [u8; PAGE_BYTES as usize];

/// A length and the pages that are not all zero.
#[derive(Clone, Default)]
pub(super) struct Image {
    length: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Image {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Pages that take space.
    pub(super) fn allocated_pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Numbers of the pages from the one that holds `position` on that take space.
    pub(super) fn pages_from(&self, position: u64) -> impl Iterator<Item = u64> + '_ {
        self.pages.range(position / PAGE_BYTES..).map(|(number, _)| *number)
    }

    pub(super) fn read(&self, position: u64, buffer: &mut [u8]) -> usize {
        let available = self.length.saturating_sub(position).min(buffer.len() as u64) as usize;
        let mut done = 0;
        while done < available {
            let at = position + done as u64;
            let within = (at % PAGE_BYTES) as usize;
            let count = (PAGE_BYTES as usize - within).min(available - done);
            let into = &mut buffer[done..done + count];
            match self.pages.get(&(at / PAGE_BYTES)) {
                Some(page) => into.copy_from_slice(&page[within..within + count]),
                None => into.fill(0),
            }
            done += count;
        }
        available
    }

    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = position + done as u64;
            let within = (at % PAGE_BYTES) as usize;
            let count = (PAGE_BYTES as usize - within).min(bytes.len() - done);
            let page = self.page_mut(at / PAGE_BYTES);
            page[within..within + count].copy_from_slice(&bytes[done..done + count]);
            done += count;
        }
        if !bytes.is_empty() {
            self.length = self.length.max(position + bytes.len() as u64);
        }
    }

    /// Cuts, or extends with zeros.
    pub(super) fn set_length(&mut self, length: u64) {
        if length < self.length {
            self.pages.split_off(&length.div_ceil(PAGE_BYTES));
            let within = (length % PAGE_BYTES) as usize;
            if let Some(page) = self.pages.get_mut(&(length / PAGE_BYTES)) {
                Arc::make_mut(page)[within..].fill(0);
            }
        }
        self.length = length;
    }

    /// Takes page `number` over from `other`.
    pub(super) fn copy_page(&mut self, other: &Image, number: u64) {
        match other.pages.get(&number) {
            Some(page) => self.pages.insert(number, Arc::clone(page)),
            None => self.pages.remove(&number),
        };
    }

    /// Takes those sectors of page `number` over from `other` that `is_kept` says.
    pub(super) fn copy_sectors(
        &mut self,
        other: &Image,
        number: u64,
        mut is_kept: impl FnMut() -> bool,
    ) {
        let source = other.pages.get(&number).map_or([0; PAGE_BYTES as usize], |page| **page);
        let page = self.page_mut(number);
        for (into, from) in page.chunks_mut(SECTOR_BYTES).zip(source.chunks(SECTOR_BYTES)) {
            if is_kept() {
                into.copy_from_slice(from);
            }
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.length as usize];
        self.read(0, &mut bytes);
        bytes
    }

    fn page_mut(&mut self, number: u64) -> &mut Page {
        Arc::make_mut(
            self.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])),
        )
    }
}
