//! A worker pool over a consumer of lists.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::records::{BatchBuilder, NewRecord};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::error::Subject;
use crate::worker_pool::Order;

/// Partitions with records that wait to be polled.
#[derive(Default)]
struct Lists {
    polls: VecDeque<FetchedRecords>,
    paused: BTreeSet<TopicPartition>,
    commits: Vec<(i32, i64)>,
    pauses: usize,
    refuses_commits: bool,
}

impl Source for Lists {
    async fn poll(&mut self) -> Result<Vec<FetchedRecords>, Error> {
        poll_fn(|_| {
            let next = self.polls.iter().position(|it| !self.paused.contains(it.partition()));
            match next.and_then(|it| self.polls.remove(it)) {
                Some(records) => Poll::Ready(Ok(vec![records])),
                // Only a partition that is resumed changes this, and the pool polls anew then.
                None => Poll::Pending,
            }
        })
        .await
    }

    fn pause(&mut self, partition: &TopicPartition) {
        self.pauses += 1;
        self.paused.insert(partition.clone());
    }

    fn resume(&mut self, partition: &TopicPartition) {
        self.paused.remove(partition);
    }

    async fn commit(&mut self, commits: &[Commit]) -> Result<(), Error> {
        if self.refuses_commits {
            let code = ErrorCode::RebalanceInProgress;
            return Err(Error::broker(ApiKey::OffsetCommit, code, Subject::Request));
        }
        self.commits.extend(commits.iter().map(|it| (it.partition.partition.0, it.offset.0)));
        Ok(())
    }
}

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("t", index)
}

/// A batch of records whose keys repeat after three.
fn fetched(index: i32, offsets: std::ops::Range<i64>) -> FetchedRecords {
    let mut batch = BatchBuilder::new().base_offset(Offset(offsets.start));
    for offset in offsets.clone() {
        let key = [u8::try_from(offset % 3).unwrap()];
        let value = offset.to_be_bytes();
        let record = NewRecord {
            key: Some(&key),
            value: Some(&value),
            headers: &[("h", Some(b"v"))],
            ..NewRecord::default()
        };
        batch.append(record).unwrap();
    }
    let end = Offset(offsets.end);
    let start = Offset(offsets.start);
    FetchedRecords::new(partition(index), &batch.build(), start, end, Vec::new()).unwrap()
}

fn lists(polls: Vec<FetchedRecords>) -> Lists {
    Lists { polls: VecDeque::from(polls), ..Lists::default() }
}

fn config(order: Order) -> WorkerPoolConfig {
    WorkerPoolConfig { workers: 4, order, ..WorkerPoolConfig::default() }
}

/// Lets a test know how many records were processed.
#[derive(Default)]
struct Counter {
    count: AtomicUsize,
    changed: Notify,
}

impl Counter {
    fn add(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
    }

    async fn reach(&self, count: usize) {
        while self.count.load(Ordering::SeqCst) < count {
            self.changed.notified().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_record_is_processed_and_committed_within_its_bounds() {
    let mut source = lists(vec![
        fetched(0, 0..50),
        fetched(1, 100..150),
        fetched(0, 50..90),
        fetched(1, 150..151),
    ]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let counter = Arc::new(Counter::default());
    let (process_seen, processed) = (Arc::clone(&seen), Arc::clone(&counter));
    let config = WorkerPoolConfig { queue_records_max: 8, ..config(Order::Key) };
    let pool = WorkerPool::new(config, move |record: OwnedRecord| {
        let (seen, counter) = (Arc::clone(&process_seen), Arc::clone(&processed));
        async move {
            // The later ones of a key would be faster.
            let ms = 200 - u64::try_from(record.offset.0).unwrap();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            assert_eq!(record.headers[0].0, "h");
            seen.lock().push((record.partition.partition.0, record.key, record.offset.0));
            counter.add();
            Ok::<(), Error>(())
        }
    });
    pool.handle().assigned(&partition(0), Offset(0));
    pool.handle().assigned(&partition(1), Offset(100));
    pool.run(&mut source, counter.reach(141)).await.unwrap();
    assert!(source.pauses != 0, "eight records are fewer than a batch");
    let last = |index| source.commits.iter().rev().find(|it| it.0 == index).copied();
    assert_eq!((last(0), last(1)), (Some((0, 90)), Some((1, 151))));
    let mut seen = std::mem::take(&mut *seen.lock());
    let in_order = seen.clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 141);
    for key in 0..3 {
        let of_key = |it: &&(i32, _, i64)| it.0 == 0 && it.2 % 3 == key;
        let offsets: Vec<i64> = in_order.iter().filter(of_key).map(|it| it.2).collect();
        assert!(offsets.is_sorted(), "{offsets:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_stops_the_pool_like_any_failure_and_is_not_committed() {
    let mut source = lists(vec![fetched(0, 0..10)]);
    let pool = WorkerPool::new(config(Order::Partition), |record: OwnedRecord| async move {
        assert!(record.offset != Offset(4), "not this one");
        Ok::<(), Error>(())
    });
    pool.handle().assigned(&partition(0), Offset(0));
    let error = pool.run(&mut source, std::future::pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "offset 4 of t-0 failed after 1 try: panicked: not this one");
    assert_eq!(source.commits, [(0, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_taken_away_ends_what_has_begun() {
    let mut source = lists(vec![fetched(0, 0..10)]);
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(Counter::default());
    let (handler_gate, handler_begun) = (Arc::clone(&gate), Arc::clone(&begun));
    let pool = WorkerPool::new(config(Order::Partition), move |_| {
        let (gate, begun) = (Arc::clone(&handler_gate), Arc::clone(&handler_begun));
        async move {
            begun.add();
            gate.acquire().await.unwrap().forget();
            Ok::<(), Error>(())
        }
    });
    let handle = pool.handle();
    handle.assigned(&partition(0), Offset(0));
    let given = tokio::spawn(async move {
        begun.reach(1).await;
        // One that the pool has never heard of holds up nothing.
        let partitions = [partition(0), partition(7)];
        let opening = async { gate.add_permits(1) };
        let (commits, ()) = tokio::join!(handle.revoked(&partitions), opening);
        commits.iter().map(|it| it.offset.0).collect::<Vec<_>>()
    });
    let end = async { assert_eq!(given.await.unwrap(), [1]) };
    pool.run(&mut source, end).await.unwrap();
    assert_eq!(source.commits, [], "who revokes commits");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_dropped_when_the_time_is_over() {
    let mut source = lists(vec![fetched(0, 0..10)]);
    let begun = Arc::new(Counter::default());
    let handler_begun = Arc::clone(&begun);
    let pool = WorkerPool::new(config(Order::Key), move |record: OwnedRecord| {
        let begun = Arc::clone(&handler_begun);
        async move {
            begun.add();
            if record.offset == Offset(2) {
                std::future::pending::<()>().await;
            }
            Ok::<(), Error>(())
        }
    });
    pool.handle().assigned(&partition(0), Offset(0));
    let started = Instant::now();
    // Keys 0 and 1 end, all of key 2 waits for offset 2.
    pool.run(&mut source, begun.reach(8)).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert_eq!(source.commits, [(0, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_on_the_way_is_told_and_tried_again() {
    let mut source = Lists { refuses_commits: true, ..lists(vec![fetched(0, 0..10)]) };
    let told = Arc::new(Counter::default());
    let on_report = Arc::clone(&told);
    let pool = WorkerPool::reporting(
        config(Order::Partition),
        |_| async { Ok::<(), Error>(()) },
        move |report| {
            assert!(matches!(report, Report::CommitFailed(_)), "{report:?}");
            on_report.add();
        },
    );
    pool.handle().assigned(&partition(0), Offset(0));
    let error = pool.run(&mut source, told.reach(2)).await.unwrap_err();
    assert_eq!(error.to_string(), "REBALANCE_IN_PROGRESS from OffsetCommit");
}
