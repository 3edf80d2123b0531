//! A worker pool's decisions, as transcripts.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::backoff::BackoffRange;
use crate::worker_pool::Order;

/// A machine that is told things in few words, and what it wanted.
struct Pool {
    machine: Machine<i64>,
    now: Millis,
    said: Vec<String>,
}

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("t", index)
}

impl Pool {
    fn new(config: WorkerPoolConfig) -> Pool {
        Pool { machine: Machine::new(config, 7), now: Millis(0), said: Vec::new() }
    }

    fn assign(&mut self, index: i32, position: i64) {
        self.machine.assign(&partition(index), Offset(position), &mut Vec::new());
    }

    fn offer(&mut self, index: i32, offset: i64, key: Option<&'static str>) {
        let offered = Offered {
            offset: Offset(offset),
            leader_epoch: None,
            key: key.map(|it| Bytes::from_static(it.as_bytes())),
            bytes: 10,
            record: offset,
        };
        let mut effects = Vec::new();
        if let Err(refused) = self.machine.offer(&partition(index), offered, &mut effects) {
            let why = match refused {
                Refused::Full(_) => "full",
                Refused::NotAssigned => "not assigned",
                Refused::Repeated => "repeated",
            };
            self.said.push(format!("refused {offset}: {why}"));
        }
        self.machine.poll(self.now, &mut effects);
        self.say(effects);
    }

    fn finish(&mut self, work: u64, outcome: Outcome) {
        let mut effects = Vec::new();
        self.machine.finish(self.now, WorkId(work), outcome, &mut effects);
        self.say(effects);
    }

    fn fail(&mut self, work: u64) {
        self.finish(work, Outcome::Failed("no".to_owned()));
    }

    fn revoke(&mut self, index: i32) {
        let mut effects = Vec::new();
        self.machine.revoke(self.now, &partition(index), &mut effects);
        self.say(effects);
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now + ms;
        let mut effects = Vec::new();
        self.machine.poll(self.now, &mut effects);
        self.say(effects);
    }

    fn say(&mut self, effects: Vec<Effect<i64>>) {
        for effect in effects {
            self.said.push(match effect {
                Effect::Start { work, record } => format!("start {record} as {work}"),
                Effect::Abandon(work) => format!("abandon {work}"),
                Effect::Pause(it) => format!("pause {}", it.partition),
                Effect::Resume(it) => format!("resume {}", it.partition),
                Effect::Released { partition, commit } => {
                    let commit = commit.map_or("nothing".to_owned(), |it| it.offset.to_string());
                    format!("released {}, commit {commit}", partition.partition)
                }
                Effect::Report(Report::Retrying { failed, .. }) => format!("{failed}; again"),
                Effect::Report(Report::Skipped(failed)) => format!("{failed}; skipped"),
                Effect::Report(Report::Stopped(failed)) => format!("{failed}; stopped"),
                Effect::Report(Report::CommitFailed(_)) => unreachable!("it commits nothing"),
            });
        }
    }

    fn commits(&self) -> Vec<i64> {
        self.machine.committable().iter().map(|it| it.offset.0).collect()
    }

    fn transcript(&self) -> String {
        self.said.join("\n")
    }
}

fn config(order: Order, on_failure: FailurePolicy) -> WorkerPoolConfig {
    WorkerPoolConfig { workers: 3, order, on_failure, ..WorkerPoolConfig::default() }
}

fn retry(retries: Option<u32>, then: Exhausted) -> FailurePolicy {
    let backoff =
        BackoffRange { first: Duration::from_millis(100), max: Duration::from_millis(100) };
    FailurePolicy::Retry { backoff, retries, then }
}

#[test]
fn a_partition_has_one_record_under_way() {
    let mut pool = Pool::new(config(Order::Partition, FailurePolicy::Stop));
    pool.assign(0, 0);
    pool.assign(1, 50);
    pool.offer(0, 0, None);
    pool.offer(0, 1, None);
    pool.offer(1, 50, None);
    pool.finish(3, Outcome::Done);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 3
    start 50 as 4
    start 1 as 5
    ");
    assert_eq!(pool.commits(), [1]);
}

#[test]
fn keys_pass_one_another_and_the_commit_waits_for_the_slowest() {
    let mut pool = Pool::new(config(Order::Key, FailurePolicy::Stop));
    pool.assign(0, 0);
    for (offset, key) in [(0, Some("a")), (1, Some("b")), (2, Some("a")), (3, None), (4, None)] {
        pool.offer(0, offset, key);
    }
    pool.finish(3, Outcome::Done);
    pool.finish(4, Outcome::Done);
    pool.finish(5, Outcome::Done);
    assert_eq!(pool.commits(), [0; 0]);
    pool.finish(2, Outcome::Done);
    assert_eq!(pool.commits(), [2]);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    start 1 as 3
    start 3 as 4
    start 4 as 5
    start 2 as 6
    ");
}

#[test]
fn a_record_is_tried_again_while_others_go_on() {
    let mut pool = Pool::new(config(Order::Key, retry(Some(1), Exhausted::Skip)));
    pool.assign(0, 0);
    pool.offer(0, 0, Some("a"));
    pool.offer(0, 1, Some("a"));
    pool.fail(2);
    pool.offer(0, 2, Some("b"));
    pool.finish(3, Outcome::Done);
    assert_eq!(pool.commits(), [0; 0]);
    pool.wait(120);
    pool.fail(4);
    assert_eq!(pool.commits(), [1]);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    offset 0 of t-0 failed after 1 try: no; again
    start 2 as 3
    start 0 as 4
    offset 0 of t-0 failed after 2 tries: no; skipped
    start 1 as 5
    ");
}

#[test]
fn a_stopped_pool_starts_nothing_and_commits_what_lies_before_the_failure() {
    let mut pool = Pool::new(config(Order::Key, FailurePolicy::Stop));
    pool.assign(0, 0);
    for (offset, key) in [(0, "a"), (1, "b"), (2, "c"), (3, "d")] {
        pool.offer(0, offset, Some(key));
    }
    pool.fail(3);
    pool.finish(2, Outcome::Done);
    pool.finish(4, Outcome::Done);
    assert_eq!(pool.commits(), [1]);
    assert_eq!(pool.machine.load().running, 0);
    pool.revoke(0);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    start 1 as 3
    start 2 as 4
    offset 1 of t-0 failed after 1 try: no; stopped
    released 0, commit 1
    ");
}

#[test]
fn a_revoked_partition_closes_its_gaps_and_drops_what_was_not_begun() {
    let mut pool = Pool::new(WorkerPoolConfig {
        workers: 1,
        ..config(Order::Key, retry(None, Exhausted::Stop))
    });
    pool.assign(0, 0);
    for (offset, key) in [(0, "a"), (1, "b"), (2, "c"), (3, "d")] {
        pool.offer(0, offset, Some(key));
    }
    // 0 fails and waits, 1 ends, 2 is under way, 3 has not begun.
    pool.fail(2);
    pool.finish(3, Outcome::Done);
    pool.revoke(0);
    pool.finish(4, Outcome::Done);
    pool.offer(0, 4, None);
    pool.wait(120);
    pool.finish(5, Outcome::Done);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    offset 0 of t-0 failed after 1 try: no; again
    start 1 as 3
    start 2 as 4
    refused 4: not assigned
    start 0 as 5
    released 0, commit 3
    ");
}

#[test]
fn a_revoked_partition_waits_no_longer_than_it_may() {
    let mut pool = Pool::new(config(Order::Key, FailurePolicy::Stop));
    pool.assign(0, 0);
    for (offset, key) in [(0, "a"), (1, "b"), (2, "c")] {
        pool.offer(0, offset, Some(key));
    }
    pool.finish(2, Outcome::Done);
    pool.finish(4, Outcome::Done);
    pool.revoke(0);
    assert_eq!(pool.machine.next_deadline(), Some(Millis(10_000)));
    pool.wait(10_000);
    pool.finish(3, Outcome::Done);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    start 1 as 3
    start 2 as 4
    abandon 3
    released 0, commit 1
    ");
}

#[test]
fn a_full_pool_pauses_a_partition_until_half_of_its_share_is_free() {
    let mut pool = Pool::new(WorkerPoolConfig {
        queue_records_max: 8,
        ..config(Order::Partition, FailurePolicy::Stop)
    });
    pool.assign(0, 0);
    pool.assign(1, 0);
    for offset in 0..5 {
        pool.offer(0, offset, None);
    }
    // The one that was refused comes first.
    pool.offer(0, 5, None);
    pool.machine.pass(&partition(0), Offset(100));
    pool.offer(1, 0, None);
    pool.finish(3, Outcome::Done);
    pool.finish(5, Outcome::Done);
    pool.offer(0, 4, None);
    assert_eq!(pool.commits(), [2]);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 3
    refused 4: full
    pause 0
    refused 5: full
    start 0 as 4
    start 1 as 5
    resume 0
    start 2 as 6
    ");
}

#[test]
fn a_partition_that_comes_to_a_full_pool_has_room_for_one_record() {
    let mut pool = Pool::new(WorkerPoolConfig {
        queue_records_max: 4,
        ..config(Order::Partition, FailurePolicy::Stop)
    });
    pool.assign(0, 0);
    for offset in 0..4 {
        pool.offer(0, offset, None);
    }
    pool.assign(1, 0);
    pool.offer(1, 0, None);
    pool.offer(1, 1, None);
    // One more than four are left, then four, then three.
    pool.finish(2, Outcome::Done);
    pool.finish(5, Outcome::Done);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    start 0 as 4
    refused 1: full
    pause 1
    start 1 as 5
    resume 1
    start 2 as 6
    ");
}

#[test]
fn one_slow_record_lets_only_so_many_others_pass() {
    let mut pool =
        Pool::new(WorkerPoolConfig { ahead_max: 3, ..config(Order::Key, FailurePolicy::Stop) });
    pool.assign(0, 0);
    pool.offer(0, 0, Some("slow"));
    for offset in 1..4 {
        pool.offer(0, offset, Some("b"));
    }
    pool.finish(3, Outcome::Done);
    pool.finish(4, Outcome::Done);
    pool.finish(2, Outcome::Done);
    pool.offer(0, 3, None);
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    start 1 as 3
    refused 3: full
    pause 0
    start 2 as 4
    resume 0
    start 3 as 5
    ");
}

#[test]
fn what_ends_after_its_partition_was_lost_does_not_count() {
    let mut pool = Pool::new(config(Order::Partition, FailurePolicy::Stop));
    pool.assign(0, 0);
    pool.offer(0, 0, None);
    let mut effects = Vec::new();
    pool.machine.lose(pool.now, &partition(0), &mut effects);
    pool.say(effects);
    pool.assign(0, 0);
    pool.finish(2, Outcome::Done);
    assert_eq!(pool.commits(), [0; 0]);
    assert_eq!(pool.machine.load(), Load::default());
    insta::assert_snapshot!(pool.transcript(), @r"
    start 0 as 2
    abandon 2
    ");
}
