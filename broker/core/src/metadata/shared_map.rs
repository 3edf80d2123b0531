//! A sorted map that is cheap to clone and cheap to change by one entry.
//!
//! The metadata image is published whole after each batch, so its big parts share structure from
//! one image to the next. Two levels are enough: an array of chunks, each a sorted array. A change
//! copies one chunk and the array of pointers, which is a few kilobytes for a million entries.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Where a chunk is split in two. Larger ones cost more per change, smaller ones more per clone.
const CHUNK_ENTRIES_MAX: usize = 256;

/// Neighbours that together stay below this are merged, so that removals do not leave crumbs.
const CHUNK_ENTRIES_MERGED: usize = CHUNK_ENTRIES_MAX / 2;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map whose clones share what they have in common.
///
/// No chunk is empty; keys rise within a chunk and from chunk to chunk.
pub struct SharedMap<K, V> {
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Clone for SharedMap<K, V> {
    fn clone(&self) -> Self {
        SharedMap { chunks: Arc::clone(&self.chunks), len: self.len }
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        SharedMap { chunks: Arc::new(Vec::new()), len: 0 }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
            || (self.len == other.len && self.iter().eq(other.iter()))
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, V> SharedMap<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, by rising key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().map(|(key, value)| (key, value)))
    }

    /// All keys, rising.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, by rising key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries whose key is not below `from`, by rising key.
    pub fn iter_from<Q>(&self, from: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (chunk_index, entry_index) = self.lower_bound(from);
        let first = self.chunks.get(chunk_index).map_or(&[][..], |chunk| &chunk[entry_index..]);
        let rest = self.chunks.iter().skip(chunk_index + 1).flat_map(|chunk| chunk.iter());
        first.iter().chain(rest).map(|(key, value)| (key, value))
    }

    /// The value of `key`.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let index = chunk.binary_search_by(|(it, _)| it.borrow().cmp(key)).ok()?;
        Some(&chunk[index].1)
    }

    /// Whether there is an entry for `key`.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.get(key).is_some()
    }

    /// The chunk that holds `key` if any does: the last one that starts at or below it.
    fn chunk_of<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.chunks.partition_point(|chunk| chunk[0].0.borrow() <= key).saturating_sub(1)
    }

    fn lower_bound<Q>(&self, key: &Q) -> (usize, usize)
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let chunk_index = self.chunk_of(key);
        let entry_index = self
            .chunks
            .get(chunk_index)
            .map_or(0, |chunk| chunk.partition_point(|(it, _)| it.borrow() < key));
        (chunk_index, entry_index)
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Sets the value of `key` and gives back the one it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let chunk_index = self.chunk_of(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(chunk_index) else {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        };
        let chunk = Arc::make_mut(chunk);
        match chunk.binary_search_by(|(it, _)| it.cmp(&key)) {
            Ok(index) => return Some(std::mem::replace(&mut chunk[index].1, value)),
            Err(index) => chunk.insert(index, (key, value)),
        }
        self.len += 1;
        if chunk.len() > CHUNK_ENTRIES_MAX {
            let upper = chunk.split_off(CHUNK_ENTRIES_MAX / 2);
            chunks.insert(chunk_index + 1, Arc::new(upper));
        }
        None
    }

    /// The value of `key`, to be changed in place. Copies what other clones share with it.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let chunk_index = self.chunk_of(key);
        let chunk = self.chunks.get(chunk_index)?;
        let index = chunk.binary_search_by(|(it, _)| it.borrow().cmp(key)).ok()?;
        let chunk = &mut Arc::make_mut(&mut self.chunks)[chunk_index];
        Some(&mut Arc::make_mut(chunk)[index].1)
    }

    /// Takes out the entry of `key`.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let chunk_index = self.chunk_of(key);
        let index =
            self.chunks.get(chunk_index)?.binary_search_by(|(it, _)| it.borrow().cmp(key)).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let (_, value) = Arc::make_mut(&mut chunks[chunk_index]).remove(index);
        self.len -= 1;
        if chunks[chunk_index].is_empty() {
            chunks.remove(chunk_index);
        } else {
            merge_with_next(chunks, chunk_index);
        }
        Some(value)
    }
}

fn merge_with_next<K: Clone, V: Clone>(chunks: &mut Vec<Chunk<K, V>>, index: usize) {
    let Some(next) = chunks.get(index + 1) else { return };
    if chunks[index].len() + next.len() < CHUNK_ENTRIES_MERGED {
        let next = chunks.remove(index + 1);
        Arc::make_mut(&mut chunks[index]).extend(next.iter().cloned());
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SharedMap::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn assert_same(map: &SharedMap<u16, u32>, model: &BTreeMap<u16, u32>) {
        assert_eq!(map.len(), model.len());
        assert!(map.iter().eq(model.iter()));
        assert!(map.iter().rev().eq(model.iter().rev()));
        assert!(map.chunks.iter().all(|chunk| (1..=CHUNK_ENTRIES_MAX).contains(&chunk.len())));
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_map(steps in prop::collection::vec((0u16..900, any::<bool>()), 0..3000)) {
            let mut map = SharedMap::default();
            let mut model = BTreeMap::new();
            for (step, (key, is_insert)) in steps.into_iter().enumerate() {
                if is_insert {
                    prop_assert_eq!(map.insert(key, step as u32), model.insert(key, step as u32));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(map.get(&key), model.get(&key));
            }
            assert_same(&map, &model);
            for from in [0u16, 1, 127, 450, 899, 900] {
                prop_assert!(map.iter_from(&from).eq(model.range(from..)));
            }
        }
    }

    #[test]
    fn a_clone_keeps_what_it_saw() {
        let mut map: SharedMap<u16, u32> = (0..1000).map(|key| (key, 0)).collect();
        let before = map.clone();
        for key in 0..1000 {
            map.remove(&key);
        }
        assert!(map.is_empty());
        assert_same(&before, &(0..1000).map(|key| (key, 0)).collect());
    }

    #[test]
    fn a_change_copies_one_chunk() {
        let mut map: SharedMap<u16, u32> = (0..10_000).map(|key| (key, 0)).collect();
        let before = map.clone();
        map.insert(5000, 1);
        let shared = map.chunks.iter().zip(before.chunks.iter()).filter(|(a, b)| Arc::ptr_eq(a, b));
        assert_eq!(shared.count(), map.chunks.len() - 1);
    }
}
