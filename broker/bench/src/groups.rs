//! The load on a coordinator: groups that commit, and groups that are loaded again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::load;

const SOON: Duration = Duration::from_secs(60);

/// What groups read.
const TOPIC: &str = "read";

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
