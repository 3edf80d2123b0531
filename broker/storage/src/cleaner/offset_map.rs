//! Which offset is the last of each key: a table of one allocation, by a hash of the key.
//!
//! ```text
//! 24 bytes an entry:  0  u128  hash of the key      16  u64  offset + 1, 0 for an empty entry
//! ```
//!
//! Keys are not kept, so two keys with one hash would lose a record. Kafka's `SkimpyOffsetMap`
//! takes MD5 for it, of which anybody can make two keys with one hash. Here it is SipHash-1-3 of
//! 128 bits under a key that nobody outside knows: chance alone does it, once in 10^25 passes over
//! five million keys, and nobody can help it along.

use kt_protocol::types::Offset;
use siphasher::sip128::SipHasher13;

use super::HashKey;

/// Offset (plus one) and both halves of the hash.
type Entry = [u64; 3];

const ENTRY_BYTES: u64 = size_of::<Entry>() as u64;

/// A key more than the map may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Which offset is the last of each key.
pub(crate) struct OffsetMap {
    /// Probed from where the hash says on, to the first empty entry.
    entries: Vec<Entry>,
    used: u64,
    /// How many entries may be used, below all of them.
    limit: u64,
    hasher: SipHasher13,
}

impl OffsetMap {
    /// A map within `bytes`, of which a part of `load_factor` may be used. The more, the longer a
    /// search takes.
    pub(crate) fn new(bytes: u64, load_factor: f64, key: HashKey) -> OffsetMap {
        let count = (bytes / ENTRY_BYTES).max(2);
        let limit = (count as f64 * load_factor.clamp(0.0, 1.0)) as u64;
        let (first, second) = key.halves();
        OffsetMap {
            // Zeroed by the system, and so no memory before it is used.
            entries: vec![[0; 3]; usize::try_from(count).unwrap_or(usize::MAX)],
            used: 0,
            limit: limit.clamp(1, count - 1),
            hasher: SipHasher13::new_with_keys(first, second),
        }
    }

    /// Forgets all keys.
    pub(crate) fn clear(&mut self) {
        if 0 < self.used {
            self.entries.fill([0; 3]);
            self.used = 0;
        }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> u64 {
        self.used
    }

    /// How many keys it may hold.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes it takes, used or not.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.len() as u64 * ENTRY_BYTES
    }

    /// Notes that a record with `key` stands at `offset`, above all that were noted.
    pub(crate) fn put(&mut self, key: &[u8], offset: Offset) -> Result<(), Full> {
        let (at, hash) = self.find(key);
        let (used, limit) = (self.used, self.limit);
        let Some(entry) = self.entries.get_mut(at) else { return Err(Full) };
        if entry[0] == 0 {
            if limit <= used {
                return Err(Full);
            }
            self.used += 1;
        }
        *entry = [offset.0 as u64 + 1, hash[0], hash[1]];
        Ok(())
    }

    /// The last offset of `key`, if there is one.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Offset> {
        let (at, _) = self.find(key);
        let stored = self.entries.get(at).map_or(0, |entry| entry[0]);
        stored.checked_sub(1).map(|offset| Offset(offset as i64))
    }

    /// Where the entry of `key` is, or the empty one that would become it. There is one, as never
    /// all are used.
    fn find(&self, key: &[u8]) -> (usize, [u64; 2]) {
        let hash = self.hasher.hash(key);
        let hash = [hash.h1, hash.h2];
        let count = self.entries.len();
        let mut at = ((u128::from(hash[0]) * count as u128) >> 64) as usize;
        while let Some(entry) = self.entries.get(at) {
            if entry[0] == 0 || entry[1..] == hash {
                break;
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
        (at, hash)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn map(entries: u64) -> OffsetMap {
        OffsetMap::new(entries * ENTRY_BYTES, 0.9, HashKey([7; 16]))
    }

    #[test]
    fn a_full_map_takes_known_keys_only() {
        let mut map = map(10);
        for key in 0..9u8 {
            map.put(&[key], Offset(i64::from(key))).unwrap();
        }
        assert_eq!((map.len(), map.limit()), (9, 9));
        assert_eq!(map.put(&[9], Offset(9)), Err(Full));
        assert_eq!(map.put(&[3], Offset(20)), Ok(()));
        assert_eq!((map.get(&[3]), map.get(&[9])), (Some(Offset(20)), None));
        map.clear();
        assert_eq!((map.len(), map.get(&[3])), (0, None));
    }

    #[test]
    fn the_default_buffer_holds_five_million_keys() {
        let map = OffsetMap::new(128 << 20, 0.9, HashKey([0; 16]));
        assert_eq!((map.limit(), map.bytes()), (5_033_164, (128 << 20) - 8));
    }

    proptest! {
        #[test]
        fn it_knows_what_a_map_knows(puts in prop::collection::vec(0..80u16, 0..200)) {
            let (mut map, mut known) = (map(64), BTreeMap::new());
            for (key, offset) in puts.into_iter().zip(0..) {
                if map.put(&key.to_be_bytes(), Offset(offset)).is_ok() {
                    known.insert(key, offset);
                }
            }
            for key in 0..80u16 {
                prop_assert_eq!(map.get(&key.to_be_bytes()).map(|it| it.0), known.get(&key).copied());
            }
        }
    }
}
