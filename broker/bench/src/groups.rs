//! The load on a coordinator: members that join, groups that commit, and groups that are loaded
//! again.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::load;

const SOON: Duration = Duration::from_secs(60);

/// What groups read.
const TOPIC: &str = "read";

/// How long nothing may change for a group to have settled.
const STILL_FOR: Duration = Duration::from_secs(2);

fn member(address: &str, group: &str) -> Result<BaseConsumer, String> {
    ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("partition.assignment.strategy", "range")
        .create()
        .map_err(|it| it.to_string())
}

fn position(offset: i64) -> Result<TopicPartitionList, String> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Offset(offset)).map_err(|it| it.to_string())?;
    Ok(list)
}

/// So many groups commit as fast as they are answered, `count` times in all.
pub(crate) fn commit(address: &str, groups: u64, count: u64) -> Result<Duration, String> {
    load::create_topic(address, TOPIC, 1)?;
    let names: Vec<String> = (0..groups).map(|it| format!("group-{it}")).collect();
    let consumers: Result<Vec<BaseConsumer>, String> =
        names.iter().map(|group| member(address, group)).collect();
    let consumers = consumers?;
    // Connected, and the topic of the coordinators made.
    for consumer in &consumers {
        commit_once(consumer, 0)?;
    }
    let started = Instant::now();
    let commit_all = |consumer: &BaseConsumer| -> Result<(), String> {
        (1..=count / groups).try_for_each(|at| commit_once(consumer, at.cast_signed()))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            consumers.iter().map(|it| scope.spawn(move || commit_all(it))).collect();
        threads.into_iter().try_for_each(|it| it.join().map_err(|_| "a thread died".to_owned())?)
    })?;
    Ok(started.elapsed())
}

fn commit_once(consumer: &BaseConsumer, offset: i64) -> Result<(), String> {
    let deadline = Instant::now() + SOON;
    loop {
        match consumer.commit(&position(offset)?, CommitMode::Sync) {
            Ok(()) => return Ok(()),
            // The coordinator is being found, or its topic made.
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::WaitingForCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::OperationTimedOut,
            )) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// So many members share so many partitions: how long from the first that subscribes until each
/// partition is owned once.
pub(crate) fn rebalance(
    address: &str,
    members: usize,
    partitions: i32,
) -> Result<Duration, String> {
    load::create_topic(address, TOPIC, partitions)?;
    let consumers: Result<Vec<BaseConsumer>, String> =
        (0..members).map(|_| member(address, "large")).collect();
    let consumers = consumers?;
    let started = Instant::now();
    for consumer in &consumers {
        consumer.subscribe(&[TOPIC]).map_err(|it| it.to_string())?;
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Callbacks of rebalances run in polls.
        for some in consumers.chunks(members.div_ceil(4)) {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    for consumer in some {
                        let _ = consumer.poll(Duration::from_millis(1));
                    }
                }
            });
        }
        let settled = wait_until_settled(&consumers, partitions, started);
        is_over.store(true, Ordering::Relaxed);
        settled
    })
}

fn wait_until_settled(
    consumers: &[BaseConsumer],
    partitions: i32,
    started: Instant,
) -> Result<Duration, String> {
    let mut since: Option<Instant> = None;
    while started.elapsed() < 3 * SOON {
        let mut owned = BTreeSet::new();
        let mut count = 0;
        let mut idle = 0;
        for consumer in consumers {
            let assignment = consumer.assignment().map_err(|it| it.to_string())?;
            idle += usize::from(assignment.count() == 0);
            count += assignment.count();
            owned.extend(assignment.elements().iter().map(|it| it.partition()));
        }
        let is_shared = owned.len() == count && i32::try_from(count) == Ok(partitions) && idle == 0;
        match (is_shared, since) {
            (false, _) => since = None,
            (true, None) => since = Some(Instant::now()),
            (true, Some(at)) if STILL_FOR <= at.elapsed() => return Ok(at - started),
            (true, Some(_)) => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err("the group did not settle".to_owned())
}

/// Each of so many groups commits once, over one connection and by hand: that only prepares, and a
/// client for each would take longer than what is measured.
pub(crate) fn commit_groups(address: &str, groups: u64) -> Result<(), String> {
    load::create_topic(address, TOPIC, 1)?;
    // Has the topic of the coordinators made.
    commit_once(&member(address, "group-0")?, 0)?;
    let mut stream = TcpStream::connect(address).map_err(|it| format!("{address}: {it}"))?;
    for at in 0..groups {
        let code = commit_by_hand(&mut stream, &format!("group-{at}"));
        match code.map_err(|it| it.to_string())? {
            0 => {}
            code => return Err(format!("group-{at} may not commit: error {code}")),
        }
    }
    Ok(())
}

/// One OffsetCommit request (version 2) of a group without members; the error code of its answer.
fn commit_by_hand(stream: &mut TcpStream, group: &str) -> std::io::Result<i16> {
    let mut request: Vec<u8> = vec![0, 8, 0, 2, 0, 0, 0, 1, 0xff, 0xff];
    let string = |request: &mut Vec<u8>, text: &str| {
        let length = i16::try_from(text.len()).expect("names are short");
        request.extend_from_slice(&length.to_be_bytes());
        request.extend_from_slice(text.as_bytes());
    };
    string(&mut request, group);
    // The generation of no member, no member, the broker's retention, one topic.
    request.extend_from_slice(&(-1_i32).to_be_bytes());
    string(&mut request, "");
    request.extend_from_slice(&(-1_i64).to_be_bytes());
    request.extend_from_slice(&1_i32.to_be_bytes());
    string(&mut request, TOPIC);
    // One partition, 0, its offset, no metadata.
    request.extend_from_slice(&1_i32.to_be_bytes());
    request.extend_from_slice(&0_i32.to_be_bytes());
    request.extend_from_slice(&7_i64.to_be_bytes());
    string(&mut request, "");
    let size = u32::try_from(request.len()).expect("a request is small");
    // One write: the second of two would wait for the first to be acknowledged.
    let frame = [&size.to_be_bytes()[..], &request].concat();
    stream.write_all(&frame)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let mut answer = vec![0; u32::from_be_bytes(size) as usize];
    stream.read_exact(&mut answer)?;
    // The code is the last field.
    let code = answer.last_chunk::<2>().copied().unwrap_or([0xff, 0xff]);
    Ok(i16::from_be_bytes(code))
}

/// Asks until all of so many groups are listed.
pub(crate) fn list_groups(address: &str, groups: usize) -> Result<(), String> {
    let consumer = member(address, "asks")?;
    let deadline = Instant::now() + SOON;
    loop {
        match consumer.fetch_group_list(None, SOON) {
            Ok(list) if list.groups().len() == groups => return Ok(()),
            Ok(list) if deadline <= Instant::now() => {
                return Err(format!("{} groups are listed", list.groups().len()));
            }
            Err(error) if deadline <= Instant::now() => return Err(error.to_string()),
            _ => {}
        }
    }
}
