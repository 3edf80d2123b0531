//! Answers that come late, crossed, or not at all, one by one.

use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kt_protocol::messages::{HeartbeatResponse, OffsetCommitResponse};
use kt_protocol::types::Millis;

use super::app::{Plant, Setup};
use super::world::World;
use crate::consumer::group::request::{Effect, GroupRequest, GroupResponse, RequestId};
use crate::error::{Error, Listener};

/// `ann`, who reads `a-0` alone, or is about to join; its answers are the test's.
fn ann(is_member: bool) -> World {
    let setup = Setup {
        strategies: &["range"],
        instance_id: None,
        auto_commit: false,
        plant: Plant::Nothing,
    };
    let mut world = World::new(&[("a", 1)]);
    let app = world.add("ann", setup);
    world.apps[app].subscribe(&["a"]);
    if is_member {
        world.run(3);
    }
    world
}

/// The id of the request of this kind that is sent.
fn sent(effects: &[Effect], is_it: impl Fn(&GroupRequest) -> bool) -> Option<RequestId> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send { id, request, .. } if is_it(request) => Some(*id),
        _ => None,
    })
}

fn is_heartbeat(it: &GroupRequest) -> bool {
    matches!(it, GroupRequest::Heartbeat(_))
}

fn is_commit(it: &GroupRequest) -> bool {
    matches!(it, GroupRequest::OffsetCommit(_))
}

/// Waits until it sends its heartbeat.
fn heartbeat(world: &mut World) -> RequestId {
    let machine = &mut world.apps[0].machine;
    loop {
        let mut effects = Vec::new();
        world.now = machine.next_deadline().expect("a heartbeat is due some time");
        machine.poll(world.now, &mut effects);
        if let Some(id) = sent(&effects, is_heartbeat) {
            return id;
        }
    }
}

/// Gives the heartbeat that is due with the answer, if one is.
fn answer_heartbeat(world: &mut World, id: RequestId, code: ErrorCode) -> Option<RequestId> {
    let answer = HeartbeatResponse { error_code: code.code(), ..HeartbeatResponse::default() };
    let answer = Ok(GroupResponse::Heartbeat(answer));
    let mut effects = Vec::new();
    world.apps[0].machine.on_answer(world.now, id, answer, &mut effects);
    sent(&effects, is_heartbeat)
}

/// Asks for a commit.
fn commit(world: &mut World) -> Option<RequestId> {
    let app = &mut world.apps[0];
    let mut effects = Vec::new();
    let offsets = app.positions();
    app.machine.commit_sync(world.now, offsets, Duration::from_secs(60), &mut effects);
    sent(&effects, is_commit)
}

fn answer_commit(world: &mut World, id: RequestId, code: ErrorCode) {
    let partition = OffsetCommitResponsePartition { partition_index: 0, error_code: code.code() };
    let topic = OffsetCommitResponseTopic {
        name: "a".to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    let answer = OffsetCommitResponse { topics: vec![topic], ..Default::default() };
    let answer = Ok(GroupResponse::OffsetCommit(answer));
    world.apps[0].machine.on_answer(world.now, id, answer, &mut Vec::new());
}

/// What the only commit came to.
fn error(world: &mut World) -> String {
    let done = world.apps[0].machine.take_done();
    assert_eq!(done.len(), 1);
    done[0].result.clone().expect_err("it is refused").to_string()
}

/// A broker that is killed while a connection is set up closes as a listener does that wants
/// something else.
#[test]
fn whoever_is_closed_on_without_a_word_asks_again() {
    let mut world = ann(false);
    let machine = &mut world.apps[0].machine;
    let mut effects = Vec::new();
    machine.on_poll(world.now, &mut effects);
    let is_question = |it: &GroupRequest| matches!(it, GroupRequest::FindCoordinator(_));
    let id = sent(&effects, is_question).expect("it looks for its coordinator");
    let closed = Error::WrongListener { address: "b:9092".to_owned(), found: Listener::Closes };
    machine.on_answer(world.now, id, Err(closed), &mut Vec::new());
    assert!(machine.membership().fatal().is_none());
    let mut effects = Vec::new();
    machine.poll(world.now + 1_000, &mut effects);
    assert!(sent(&effects, is_question).is_some());
}

/// A process stood still when the answer to its heartbeat came, and reads it as it goes on.
#[test]
fn an_answer_that_is_read_late_does_not_make_the_session_longer() {
    let mut world = ann(true);
    let id = heartbeat(&mut world);
    world.now = world.now + 40_000;
    let next = answer_heartbeat(&mut world, id, ErrorCode::None).expect("it is due");
    world.now = world.now + 6_000;
    assert_eq!(answer_heartbeat(&mut world, next, ErrorCode::UnknownMemberId), None);
    assert_eq!(commit(&mut world), None);
    insta::assert_snapshot!(error(&mut world), @r#"group "g": the coordinator heard nothing for too long: session.timeout.ms=45000 was passed by 1000 ms"#);
}

/// Heartbeat and commit are refused at the same time; the first answer takes the generation.
#[test]
fn a_commit_that_is_refused_second_says_why_as_well() {
    let mut world = ann(true);
    let beat = heartbeat(&mut world);
    let id = commit(&mut world).expect("it is a member, as far as it knows");
    world.now = Millis(world.now.0 + 50_000);
    assert_eq!(answer_heartbeat(&mut world, beat, ErrorCode::UnknownMemberId), None);
    answer_commit(&mut world, id, ErrorCode::UnknownMemberId);
    insta::assert_snapshot!(error(&mut world), @r#"group "g": the coordinator heard nothing for too long: session.timeout.ms=45000 was passed by 8000 ms"#);
}
