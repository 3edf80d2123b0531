//! The first page of the file: what it is, and whose history it holds.

use std::str;

use kt_protocol::records::crc32c;

use super::PAGE_BYTES;

/// Not text, so that no text is taken for a head that was cut off.
const MAGIC: [u8; 8] = *b"\x89kthist\n";
const VERSION: u32 = 1;
const SUM_AT: usize = HEAD_BYTES - 4;
const NAME_AT: usize = 14;

/// What it takes.
pub(super) const HEAD_BYTES: usize = PAGE_BYTES as usize;

/// What a file is by its first page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing is in it: it is new, or the first write of all was cut off.
    Blank,
    /// The history of this cluster.
    Of(String),
    /// Somebody else's.
    Foreign,
    /// Ours, and not as it was written.
    Damaged,
    /// A later kt has written it, in another way.
    Newer(u32),
}

impl Head {
    /// What a file of `length` bytes is that begins with `page`.
    pub(super) fn read(page: &[u8], length: u64) -> Head {
        let is_begun = page.starts_with(&MAGIC) || MAGIC.starts_with(page);
        let is_zero = page.iter().all(|it| *it == 0);
        match Head::whole(page) {
            Some(head) => head,
            // Blocks come when the head is synced: a file without any has nothing to lose.
            None if length <= PAGE_BYTES && (is_begun || is_zero) => Head::Blank,
            None if page.starts_with(&MAGIC) => Head::Damaged,
            None => Head::Foreign,
        }
    }

    fn whole(page: &[u8]) -> Option<Head> {
        let page: &[u8; HEAD_BYTES] = page.try_into().ok()?;
        let sum = u32::from_be_bytes(page[SUM_AT..].try_into().ok()?);
        if !page.starts_with(&MAGIC) || crc32c(&page[..SUM_AT]) != sum {
            return None;
        }
        let version = u32::from_be_bytes(page[8..12].try_into().ok()?);
        if version != VERSION {
            return Some(Head::Newer(version));
        }
        let length = usize::from(u16::from_be_bytes(page[12..NAME_AT].try_into().ok()?));
        let id = page.get(NAME_AT..NAME_AT + length)?;
        Some(Head::Of(str::from_utf8(id).ok()?.to_owned()))
    }
}

/// The first page of a cluster's history; `None` if its id has no place there.
pub(super) fn encode(cluster_id: &str) -> Option<Vec<u8>> {
    let mut page = Vec::with_capacity(HEAD_BYTES);
    page.extend(MAGIC);
    page.extend(VERSION.to_be_bytes());
    page.extend(u16::try_from(cluster_id.len()).ok()?.to_be_bytes());
    page.extend(cluster_id.as_bytes());
    if SUM_AT < page.len() {
        return None;
    }
    page.resize(SUM_AT, 0);
    page.extend(crc32c(&page).to_be_bytes());
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &[u8]) -> Head {
        Head::read(page, page.len() as u64)
    }

    #[test]
    fn a_head_is_read_again_and_cut_off_it_is_blank() {
        let page = encode("MkU3OEVBNTcwNTJENDM2Qk").unwrap();
        assert_eq!(read(&page), Head::Of("MkU3OEVBNTcwNTJENDM2Qk".to_owned()));
        for length in 0..page.len() {
            assert_eq!(read(&page[..length]), Head::Blank, "{length}");
        }
        assert_eq!(read(&[0; 4_096]), Head::Blank);
        assert_eq!(encode(&"x".repeat(5_000)), None);
    }

    #[test]
    fn nothing_of_somebody_else_is_taken_for_ours() {
        for foreign in [&b"k"[..], b"kthist", b"all my work", b"\x89PNG\r\n\x1a\n", &[1; 9_000]] {
            assert_eq!(read(foreign), Head::Foreign);
        }
        // Zeros with something behind them may be anything.
        assert_eq!(Head::read(&[0; 4_096], 4_097), Head::Foreign);
    }

    #[test]
    fn damage_is_told_once_there_are_blocks() {
        let page = encode("abc").unwrap();
        for bit in 0..page.len() * 8 {
            let mut page = page.clone();
            page[bit / 8] ^= 1 << (bit % 8);
            let found = Head::read(&page, 1 << 20);
            let expected = if bit < 64 { Head::Foreign } else { Head::Damaged };
            assert_eq!(found, expected, "{bit}");
        }
        let mut tomorrow = page;
        tomorrow[11] = 2;
        let sum = crc32c(&tomorrow[..SUM_AT]).to_be_bytes();
        tomorrow[SUM_AT..].copy_from_slice(&sum);
        assert_eq!(Head::read(&tomorrow, 1 << 20), Head::Newer(2));
    }
}
