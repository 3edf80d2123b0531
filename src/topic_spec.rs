//! `TOPIC` or `TOPIC:PARTITIONS`, as every command takes topics: `orders`, `orders:3`,
//! `orders:0,2-4`.

use std::fmt;
use std::str::FromStr;

use kt_protocol::types::TopicPartition;

/// Ranges of partition numbers, as written. `3` is the range 3-3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionSet {
    ranges: Vec<(i32, i32)>,
}

/// A topic, and of its partitions all or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicSpec {
    pub(crate) topic: String,
    /// `None` means all.
    pub(crate) partitions: Option<PartitionSet>,
}

impl PartitionSet {
    /// The numbers that the set names and `existing` lacks come back as the error.
    pub(crate) fn select(&self, existing: &[i32]) -> Result<Vec<i32>, i32> {
        for (first, last) in &self.ranges {
            // Ranges are as wide as they like; only what exists is walked.
            let inside = existing.iter().filter(|it| *first <= **it && **it <= *last).count();
            if i64::try_from(inside) != Ok(i64::from(*last) - i64::from(*first) + 1) {
                let missing = (*first..=*last).find(|it| !existing.contains(it));
                return Err(missing.unwrap_or(*last));
            }
        }
        Ok(existing.iter().copied().filter(|it| self.contains(*it)).collect())
    }

    fn contains(&self, partition: i32) -> bool {
        self.ranges.iter().any(|(first, last)| *first <= partition && partition <= *last)
    }

    /// The partition, if the set names just one.
    pub(crate) fn single(&self) -> Option<i32> {
        match self.ranges.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }
}

impl TopicSpec {
    /// True of a partition that it names.
    pub(crate) fn names(&self, partition: &TopicPartition) -> bool {
        let index = partition.partition.0;
        self.topic == partition.topic
            && self.partitions.as_ref().is_none_or(|it| it.contains(index))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseTopicError {
    text: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NoTopic,
    Partitions,
}

impl fmt::Display for ParseTopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::NoTopic => write!(f, "\"{}\" names no topic", self.text),
            Fault::Partitions => {
                write!(f, "\"{}\" is not a list of partitions: write 3 or 0,2-4", self.text)
            }
        }
    }
}

impl std::error::Error for ParseTopicError {}

impl FromStr for PartitionSet {
    type Err = ParseTopicError;

    fn from_str(text: &str) -> Result<PartitionSet, ParseTopicError> {
        let wrong = || ParseTopicError { text: text.to_owned(), fault: Fault::Partitions };
        let number = |it: &str| {
            let is_digits = !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
            it.parse::<i32>().ok().filter(|_| is_digits)
        };
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first = number(first).ok_or_else(wrong)?;
            let last = number(last).filter(|last| first <= *last).ok_or_else(wrong)?;
            ranges.push((first, last));
        }
        Ok(PartitionSet { ranges })
    }
}

impl FromStr for TopicSpec {
    type Err = ParseTopicError;

    /// Topic names hold no colon, so the first one ends the name.
    fn from_str(text: &str) -> Result<TopicSpec, ParseTopicError> {
        let (topic, partitions) = match text.split_once(':') {
            Some((topic, partitions)) => (topic, Some(partitions.parse()?)),
            None => (text, None),
        };
        if topic.is_empty() {
            return Err(ParseTopicError { text: text.to_owned(), fault: Fault::NoTopic });
        }
        Ok(TopicSpec { topic: topic.to_owned(), partitions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str, existing: &[i32]) -> Result<Vec<i32>, i32> {
        let spec: TopicSpec = text.parse().unwrap();
        spec.partitions.unwrap().select(existing)
    }

    #[test]
    fn all_forms_are_read() {
        let spec: TopicSpec = "orders".parse().unwrap();
        assert_eq!((spec.topic.as_str(), spec.partitions), ("orders", None));
        assert_eq!(selected("orders:3", &[0, 1, 2, 3]), Ok(vec![3]));
        assert_eq!(selected("orders:0,2-4", &[0, 1, 2, 3, 4]), Ok(vec![0, 2, 3, 4]));
        assert_eq!(selected("orders:2,0", &[0, 1, 2]), Ok(vec![0, 2]));
    }

    #[test]
    fn a_partition_that_does_not_exist_is_named() {
        assert_eq!(selected("orders:0,7", &[0, 1, 2]), Err(7));
        assert_eq!(selected("orders:1-2147483647", &[0, 1, 2]), Err(3));
    }

    #[test]
    fn what_is_no_topic_is_refused() {
        for text in
            ["", ":3", "orders:", "orders:x", "orders:4-2", "orders:-1", "orders:1,", "o:+1"]
        {
            assert!(text.parse::<TopicSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_one_number_is_single() {
        assert_eq!("3".parse::<PartitionSet>().unwrap().single(), Some(3));
        assert_eq!("0-3".parse::<PartitionSet>().unwrap().single(), None);
        assert_eq!("0,3".parse::<PartitionSet>().unwrap().single(), None);
    }
}
