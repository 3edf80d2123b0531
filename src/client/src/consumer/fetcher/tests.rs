//! The fetcher against brokers that are a model: what is given, whatever they do.

mod transcripts;
mod world;

use std::collections::BTreeMap;

use kt_protocol::types::{Offset, TopicPartition};
use proptest::prelude::*;

use super::{Position, Start};
use crate::error::Error;
use crate::random::Random;
use world::{Stamp, World};

/// What the reader may be given next of one partition.
#[derive(Debug, Default)]
struct Expected {
    /// `None`: it begins anew, and anything may come first.
    next: Option<Offset>,
    /// The record before it.
    last: Option<Stamp>,
}

/// The caller: checks each record against the one before.
#[derive(Debug, Default)]
struct Reader {
    expected: BTreeMap<TopicPartition, Expected>,
    given: u64,
}

impl Reader {
    /// Takes what there is. Where a position is lost it begins anew at the start of the log.
    fn take(&mut self, world: &mut World, max: usize) {
        let given = match world.fetcher.give(max) {
            Ok(given) => given,
            Err(error) => return self.hear(world, &error),
        };
        let mut count = 0;
        for records in &given.records {
            let partition = records.partition().clone();
            assert!(!world.is_paused(&partition), "{partition} is paused");
            let expected = self.expected.entry(partition.clone()).or_default();
            let mut cursor = records.cursor();
            while let Some(record) = cursor.next().unwrap() {
                count += 1;
                let stamp = Stamp::of(record.value.unwrap());
                if let Some(next) = expected.next {
                    assert_eq!(record.offset, next, "{partition}");
                }
                if let Some(last) = expected.last {
                    assert_eq!(stamp.before, last.own, "{partition} {}", record.offset);
                }
                expected.next = Some(record.offset.plus(1));
                expected.last = Some(stamp);
            }
            let position = world.fetcher.position(&partition).unwrap();
            assert!(records.next_offset() <= position.offset);
        }
        assert!(count <= max, "{count} records, {max} were wanted");
        self.given += count as u64;
    }

    fn hear(&mut self, world: &mut World, error: &Error) {
        match error {
            Error::OffsetOutOfRange { partition, .. } | Error::LogTruncated { partition, .. } => {
                let partition = partition.clone();
                assert!(world.fetcher.failed().any(|it| *it == partition));
                self.seek(world, &partition, Start::Earliest);
            }
            // Before the first metadata nobody was ever there.
            Error::TimedOut { .. } | Error::Disconnected { .. } => {}
            error => panic!("{error}"),
        }
    }

    fn seek(&mut self, world: &mut World, partition: &TopicPartition, start: Start) {
        let next = match start {
            Start::Position(position) => Some(position.offset),
            _ => None,
        };
        self.expected.insert(partition.clone(), Expected { next, last: None });
        assert!(world.fetcher.seek(partition, start));
    }
}

fn run(seed: u64, steps: u32) -> World {
    let mut random = Random::new(seed);
    let mut world = World::new(seed, 3, 5);
    let mut reader = Reader::default();
    let partitions = world.partitions();
    world.fetcher.assign(partitions.iter().map(|it| (it.clone(), Start::Earliest)));
    for _ in 0..steps {
        let partition = random.choose(&partitions).unwrap().clone();
        match random.below(40) {
            0..10 => world.append(&partition, &mut random),
            10..13 => world.move_leader(&partition, &mut random),
            13 => world.trim(&partition, &mut random),
            14 => world.lose_sessions(&mut random),
            15 => assert!(world.fetcher.pause(&partition)),
            16..18 => assert!(world.fetcher.resume(&partition)),
            18 => {
                let end = world.end(&partition);
                let offset = Offset(i64::try_from(random.below(end.0 as u64 + 1)).unwrap());
                reader.seek(&mut world, &partition, Start::Position(Position::from(offset)));
            }
            19 => {
                if let Some(position) = world.fetcher.position(&partition) {
                    let last = reader.expected.get(&partition).and_then(|it| it.last);
                    reader.seek(&mut world, &partition, Start::Position(position));
                    reader.expected.entry(partition).or_default().last = last;
                }
            }
            20..30 => world.answer_one(&mut random),
            30..33 => world.pass(random.below(400)),
            _ => reader.take(&mut world, 1 + usize::try_from(random.below(30)).unwrap()),
        }
        world.step();
    }
    world.heal();
    for partition in &partitions {
        world.fetcher.resume(partition);
    }
    for _ in 0..4_000 {
        world.step();
        world.answer_all(&mut random);
        reader.take(&mut world, 1_000);
        let is_at_end = |it: &TopicPartition| {
            world.fetcher.position(it).is_some_and(|position| position.offset == world.end(it))
        };
        if partitions.iter().all(is_at_end) {
            return world;
        }
        world.pass(10);
    }
    let stuck: Vec<_> =
        partitions.iter().map(|it| (it, world.fetcher.position(it), world.end(it))).collect();
    panic!("seed {seed}: not read to the end: {stuck:?}\n{:#?}", world.fetcher);
}

#[test]
fn each_offset_is_given_once_and_in_order_whatever_brokers_do() {
    for seed in 0..400 {
        run(seed, 400);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_seed_reads_to_the_end(seed in any::<u64>()) {
        let world = run(seed, 150);
        prop_assert!(world.fetcher.failed().next().is_none());
    }
}

#[test]
fn the_walks_come_by_what_they_are_for() {
    let mut total = world::Happened::default();
    for seed in 0..60 {
        total = total.plus(&run(seed, 400).happened);
    }
    let world::Happened { incremental, forgotten, fenced, validated, truncated, lost, refused } =
        total;
    let counts = [incremental, forgotten, fenced, validated, truncated, lost, refused];
    assert!(counts.iter().all(|it| 20 < *it), "{total:?}");
}
