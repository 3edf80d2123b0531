//! Fetch sessions (KIP-227): made, continued, forgotten, evicted, and their errors.

use kt_protocol::ErrorCode;
use kt_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kt_protocol::messages::{FetchRequest, FetchResponse};

use crate::records::{FETCH_VERSION, batch, read_values};
use crate::support::Harness;

fn poll(session: i32, epoch: i32, asked: &[(i32, i64)]) -> FetchRequest {
    let partition = |(partition, fetch_offset): &(i32, i64)| FetchPartition {
        partition: *partition,
        fetch_offset: *fetch_offset,
        current_leader_epoch: -1,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    };
    let topics = match asked {
        [] => Vec::new(),
        _ => vec![FetchTopic {
            topic: "orders".to_owned(),
            partitions: asked.iter().map(partition).collect(),
            ..FetchTopic::default()
        }],
    };
    FetchRequest {
        session_id: session,
        session_epoch: epoch,
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics,
        ..FetchRequest::default()
    }
}

fn call(harness: &mut Harness, request: &FetchRequest) -> FetchResponse {
    harness.call(FETCH_VERSION, request)
}

/// Which partitions an answer names, with the values that it brings.
fn news(response: &FetchResponse) -> Vec<(i32, Vec<String>)> {
    assert_eq!(response.error_code, 0);
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
    let values = partitions.map(|it| {
        assert_eq!(it.error_code, 0);
        let values = read_values(it.records.as_ref(), 0);
        (it.partition_index, values.into_iter().map(|(_, value)| value).collect())
    });
    let mut news: Vec<_> = values.collect();
    news.sort();
    news
}

fn harness() -> Harness {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 3, &[]);
    harness
}

/// A session over all three partitions, from their ends on.
fn session(harness: &mut Harness) -> i32 {
    let response = call(harness, &poll(0, 0, &[(0, 0), (1, 0), (2, 0)]));
    assert_eq!(news(&response).len(), 3, "a full answer names all");
    assert_ne!(response.session_id, 0);
    response.session_id
}

#[test]
fn a_session_tells_what_is_new_and_nothing_else() {
    let mut harness = harness();
    let id = session(&mut harness);
    assert_eq!(news(&call(&mut harness, &poll(id, 1, &[]))), []);
    harness.produce("orders", 1, batch(&["a"]));
    let response = call(&mut harness, &poll(id, 2, &[]));
    assert_eq!((response.session_id, news(&response)), (id, vec![(1, vec!["a".to_owned()])]));
    // It comes again until the client asks for more.
    assert_eq!(news(&call(&mut harness, &poll(id, 3, &[]))), [(1, vec!["a".to_owned()])]);
    assert_eq!(news(&call(&mut harness, &poll(id, 4, &[(1, 1)]))), []);
    assert_eq!(harness.node().metrics().fetch_sessions, 1);
}

/// What did not fit is ready still, although nothing happens to it any more.
#[test]
fn a_batch_for_which_there_was_no_room_comes_with_the_next_poll() {
    let mut harness = harness();
    let id = session(&mut harness);
    let large = "b".repeat(3_000);
    harness.produce("orders", 0, batch(&["a"]));
    harness.produce("orders", 1, batch(&[&large]));
    let small =
        |epoch, asked: &[(i32, i64)]| FetchRequest { max_bytes: 1_000, ..poll(id, epoch, asked) };
    let first = news(&call(&mut harness, &small(1, &[])));
    assert_eq!(first, [(0, vec!["a".to_owned()]), (1, vec![])]);
    assert_eq!(news(&call(&mut harness, &small(2, &[(0, 1)]))), [(1, vec![large.clone()])]);
    // The same where the partition's own bound is the narrow one.
    harness.produce("orders", 0, batch(&["c"]));
    harness.produce("orders", 2, batch(&[&large]));
    let mut narrow = poll(id, 3, &[(1, 1), (2, 0)]);
    narrow.topics[0].partitions[1].partition_max_bytes = 1_000;
    assert_eq!(news(&call(&mut harness, &narrow))[0], (0, vec!["c".to_owned()]));
    assert_eq!(news(&call(&mut harness, &poll(id, 4, &[(0, 2)]))), [(2, vec![large])]);
}

#[test]
fn what_is_forgotten_is_not_heard_of_and_may_come_back() {
    let mut harness = harness();
    let id = session(&mut harness);
    let forgotten =
        ForgottenTopic { topic: "orders".to_owned(), partitions: vec![0, 1], ..Default::default() };
    let request = FetchRequest { forgotten_topics_data: vec![forgotten], ..poll(id, 1, &[]) };
    assert_eq!(news(&call(&mut harness, &request)), []);
    for partition in 0..3 {
        harness.produce("orders", partition, batch(&["a"]));
    }
    assert_eq!(news(&call(&mut harness, &poll(id, 2, &[]))), [(2, vec!["a".to_owned()])]);
    let again = news(&call(&mut harness, &poll(id, 3, &[(0, 0), (2, 1)])));
    assert_eq!(again, [(0, vec!["a".to_owned()])]);
}

#[test]
fn a_wrong_epoch_or_id_is_an_error_and_changes_nothing() {
    let mut harness = harness();
    let id = session(&mut harness);
    for (id, epoch, expected) in [
        (id, 7, ErrorCode::InvalidFetchSessionEpoch),
        (id, 2, ErrorCode::InvalidFetchSessionEpoch),
        (id ^ 1, 1, ErrorCode::FetchSessionIdNotFound),
        (0, 1, ErrorCode::FetchSessionIdNotFound),
    ] {
        let response = call(&mut harness, &poll(id, epoch, &[]));
        assert_eq!(response.error_code, expected as i16, "session {id} epoch {epoch}");
        assert!(response.responses.is_empty());
    }
    assert_eq!(call(&mut harness, &poll(id, 1, &[])).error_code, 0);
    let again = call(&mut harness, &poll(id, 1, &[]));
    assert_eq!(again.error_code, ErrorCode::InvalidFetchSessionEpoch as i16);
}

#[test]
fn a_session_of_names_is_not_continued_by_ids() {
    let mut harness = harness();
    let id = session(&mut harness);
    let response: FetchResponse = harness.call(13, &poll(id, 1, &[]));
    assert_eq!(response.error_code, ErrorCode::FetchSessionTopicIdError as i16);
}

#[test]
fn a_final_epoch_ends_a_session_and_an_initial_one_replaces_it() {
    let mut harness = harness();
    let first = session(&mut harness);
    let response = call(&mut harness, &poll(first, -1, &[(0, 0)]));
    assert_eq!((response.error_code, response.session_id), (0, 0));
    let code = call(&mut harness, &poll(first, 1, &[])).error_code;
    assert_eq!(code, ErrorCode::FetchSessionIdNotFound as i16);
    let second = session(&mut harness);
    let response = call(&mut harness, &poll(second, 0, &[(0, 0)]));
    assert!(response.session_id != 0 && response.session_id != second);
    let code = call(&mut harness, &poll(second, 1, &[])).error_code;
    assert_eq!(code, ErrorCode::FetchSessionIdNotFound as i16);
    assert_eq!(harness.node().metrics().fetch_sessions, 1);
}

#[test]
fn a_full_cache_keeps_no_more_and_evicts_what_is_not_used() {
    // One place in each of the cache's parts.
    let mut harness = Harness::new(&[("max.incremental.fetch.session.cache.slots", "8")]);
    harness.create_topic("orders", 3, &[]);
    let mut kept = Vec::new();
    for _ in 0..40 {
        let id = call(&mut harness, &poll(0, 0, &[(0, 0)])).session_id;
        if id != 0 {
            kept.push(id);
        }
    }
    assert!(kept.len() <= 8, "{kept:?}");
    assert_eq!(harness.node().metrics().fetch_sessions, kept.len());
    harness.advance(120_001);
    for _ in 0..40 {
        call(&mut harness, &poll(0, 0, &[(0, 0)]));
    }
    assert!(harness.node().metrics().fetch_sessions <= 8);
    for id in kept {
        let code = call(&mut harness, &poll(id, 1, &[])).error_code;
        assert_eq!(code, ErrorCode::FetchSessionIdNotFound as i16, "it was evicted");
    }
}

#[test]
fn a_poll_that_waits_in_a_session_hears_of_the_append() {
    let mut harness = harness();
    let id = session(&mut harness);
    let request = FetchRequest { max_wait_ms: 500, ..poll(id, 1, &[]) };
    let reply_to = harness.send(1, FETCH_VERSION, &request);
    assert!(!harness.is_answered(reply_to));
    harness.produce("orders", 2, batch(&["a"]));
    let response: FetchResponse = harness.answer(reply_to, FETCH_VERSION);
    assert_eq!(news(&response), [(2, vec!["a".to_owned()])]);
    // And one to which nothing happens ends in time, empty.
    let request = FetchRequest { max_wait_ms: 500, ..poll(id, 2, &[(2, 1)]) };
    let reply_to = harness.send(1, FETCH_VERSION, &request);
    harness.advance(499);
    assert!(!harness.is_answered(reply_to));
    harness.advance(1);
    let response: FetchResponse = harness.answer(reply_to, FETCH_VERSION);
    assert_eq!(news(&response), []);
}

#[test]
fn a_partition_that_fails_is_named_in_every_poll() {
    let mut harness = harness();
    let response = call(&mut harness, &poll(0, 0, &[(0, 0), (9, 0)]));
    let id = response.session_id;
    for epoch in 1..4 {
        let response = call(&mut harness, &poll(id, epoch, &[]));
        let partitions: Vec<_> = response.responses.iter().flat_map(|it| &it.partitions).collect();
        assert_eq!(partitions.len(), 1);
        let code = ErrorCode::UnknownTopicOrPartition as i16;
        assert_eq!((partitions[0].partition_index, partitions[0].error_code), (9, code));
    }
}
