//! The ring on something that holds bytes: what is there is found, and blocks are added.

use std::io;

use super::block::{self, Block, HEADER_BYTES, Header};
use super::extents::{next, pages};
use super::head::{self, HEAD_BYTES, Head};
use super::{Draft, FILE_BYTES_MAX, PAGE_BYTES};

/// So much is read of blocks that turn out to be damaged, in bytes: as much as a whole file has.
const WASTED_MAX: u64 = FILE_BYTES_MAX;

/// What holds the bytes. A simulated one can fail and crash in the middle of a write.
pub(crate) trait Medium {
    /// How long it is, in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Bytes from `at` on; fewer than `count` at the end.
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>>;

    /// Writes over what is there, or behind it.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why a history cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// Something else than a history.
    #[error("it is no history of kt, and is left as it is")]
    Foreign,
    /// Its first page is not what was written.
    #[error("its first 4096 bytes are damaged; it is left as it is")]
    Damaged,
    /// From a later kt.
    #[error("a later kt has written it (version {0}); it is left as it is")]
    Newer(u32),
    /// Of another cluster.
    #[error("it holds the history of cluster {of}, and this is {wanted}; it is left as it is")]
    OtherCluster {
        /// Whose it is.
        of: String,
        /// Whose was asked for.
        wanted: String,
    },
    /// More than a block holds.
    #[error("the names and values of {0} minutes are more than it holds")]
    TooLarge(usize),
    /// What the system says.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Rises by one from block to block.
    pub(crate) number: u64,
    /// Minutes since 1970 of its first values.
    pub(crate) first: i64,
    at: u64,
    bytes: u64,
}

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Whole blocks, in the order in which they were written.
    pub(crate) blocks: Vec<Extent>,
    /// Blocks that are not as they were written: they are passed over.
    pub(crate) damaged: usize,
    /// What was read of those, in bytes.
    wasted: u64,
}

/// The file of a history.
#[derive(Debug)]
pub(crate) struct KeptFile<M> {
    medium: M,
    limit: u64,
    /// None until its cluster is known.
    cluster_id: Option<String>,
    /// The number of the last block, and where it ends.
    last: (u64, u64),
}

impl<M: Medium> KeptFile<M> {
    /// Looks what it is. Nothing is written.
    ///
    /// # Errors
    ///
    /// It is none of ours, or not to be read.
    pub(crate) fn open(medium: M) -> Result<KeptFile<M>, KeptError> {
        KeptFile::limited(medium, FILE_BYTES_MAX)
    }

    /// The same with another bound, in bytes.
    pub(super) fn limited(medium: M, limit: u64) -> Result<KeptFile<M>, KeptError> {
        let page = medium.read(0, HEAD_BYTES)?;
        let cluster_id = match Head::read(&page, medium.length()?) {
            Head::Blank => None,
            Head::Of(cluster_id) => Some(cluster_id),
            Head::Foreign => return Err(KeptError::Foreign),
            Head::Damaged => return Err(KeptError::Damaged),
            Head::Newer(version) => return Err(KeptError::Newer(version)),
        };
        Ok(KeptFile { medium, limit, cluster_id, last: (0, PAGE_BYTES) })
    }

    /// Whether it may hold this cluster's history: it does, or holds nothing yet.
    pub(crate) fn check(&self, wanted: &str) -> Result<(), KeptError> {
        match &self.cluster_id {
            Some(of) if of != wanted => {
                Err(KeptError::OtherCluster { of: of.clone(), wanted: wanted.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Makes it this cluster's, if it is nobody's.
    ///
    /// # Errors
    ///
    /// It is another's, or cannot be written.
    pub(crate) fn claim(&mut self, cluster_id: &str) -> Result<(), KeptError> {
        self.check(cluster_id)?;
        if self.cluster_id.is_none() {
            let page = head::encode(cluster_id).ok_or(KeptError::Foreign)?;
            self.medium.write(0, &page)?;
            self.medium.sync()?;
            self.cluster_id = Some(cluster_id.to_owned());
        }
        Ok(())
    }

    /// Finds all blocks; after it `append` goes on behind the last one.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn scan(&mut self) -> io::Result<Scanned> {
        let mut found = Scanned::default();
        let end = self.medium.length()?.min(self.limit);
        let mut at = PAGE_BYTES;
        while at < end {
            at += match self.look((at, end), &mut found)? {
                Some(it) => pages(it.bytes),
                None => PAGE_BYTES,
            };
        }
        found.blocks.sort_by_key(|it| it.number);
        if let Some(last) = found.blocks.last() {
            self.last = (last.number, last.at + last.bytes);
        }
        Ok(found)
    }

    /// The block that begins at `at`, in a file that ends at `end`.
    fn look(&self, (at, end): (u64, u64), found: &mut Scanned) -> io::Result<Option<Extent>> {
        let Some(header) = Header::read(&self.medium.read(at, HEADER_BYTES)?) else {
            return Ok(None);
        };
        let payload_at = at + HEADER_BYTES as u64;
        let length = u64::from(header.payload);
        // What is not there need not be read, and what overlaps not for ever again.
        if end < payload_at + length || WASTED_MAX < found.wasted {
            found.damaged += 1;
            return Ok(None);
        }
        let payload = self.medium.read(payload_at, header.payload as usize)?;
        if !header.is_of(&payload) {
            found.damaged += 1;
            found.wasted += length;
            return Ok(None);
        }
        let bytes = HEADER_BYTES as u64 + u64::from(header.payload);
        let extent = Extent { number: header.number, first: header.first, at, bytes };
        found.blocks.push(extent);
        Ok(Some(extent))
    }

    /// What a block says; `None` if that is not to be understood, or was written over meanwhile.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn block(&self, extent: &Extent) -> io::Result<Option<Block>> {
        let Some(header) = Header::read(&self.medium.read(extent.at, HEADER_BYTES)?) else {
            return Ok(None);
        };
        let at = extent.at + HEADER_BYTES as u64;
        let payload = self.medium.read(at, header.payload as usize)?;
        let is_whole = header.number == extent.number && header.is_of(&payload);
        Ok(is_whole.then(|| header.block(&payload)).flatten())
    }

    /// Adds a block behind the last one, and syncs it.
    ///
    /// # Errors
    ///
    /// It cannot be written. What was there before is there, but for what it was written over.
    pub(crate) fn append(&mut self, draft: &Draft) -> Result<(), KeptError> {
        let (last, end) = self.last;
        let number = last + 1;
        let too_large = || KeptError::TooLarge(draft.minutes);
        let bytes = block::encode(number, draft).ok_or_else(too_large)?;
        let length = bytes.len() as u64;
        let at = next(end, length, self.limit).ok_or_else(too_large)?;
        self.medium.write(at, &bytes)?;
        self.medium.sync()?;
        self.last = (number, at + length);
        Ok(())
    }
}
