//! Answers that come late, crossed, or not at all, one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kt_protocol::messages::{
    FindCoordinatorResponse, HeartbeatResponse, JoinGroupResponse, OffsetCommitResponse,
};
use kt_protocol::types::Millis;

use super::app::{Plant, Setup};
use super::world::World;
use crate::consumer::group::Offsets;
use crate::consumer::group::membership::Event;
use crate::consumer::group::request::{Effect, GroupRequest, GroupResponse, RequestId};
use crate::error::{Error, Listener};

/// `ann`, who reads `a-0` alone, or is about to join; its answers are the test's.
fn ann(is_member: bool) -> World {
    let mut world = ann_with(Plant::Nothing);
    if is_member {
        world.run(3);
    }
    world
}

fn ann_with(plant: Plant) -> World {
    let setup = Setup { strategies: &["range"], instance_id: None, auto_commit: false, plant };
    let mut world = World::new(&[("a", 1)]);
    let app = world.add("ann", setup);
    world.apps[app].subscribe(&["a"]);
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

fn found() -> GroupResponse {
    let found = FindCoordinatorResponse { node_id: 1, ..FindCoordinatorResponse::default() };
    GroupResponse::FindCoordinator(found)
}

/// It is named again and again, and does not answer: a member that reads nothing hears of it too.
#[test]
fn a_coordinator_that_is_found_and_not_reached_is_complained_of() {
    let mut world = ann(false);
    let machine = &mut world.apps[0].machine;
    let mut effects = Vec::new();
    machine.on_poll(world.now, &mut effects);
    let end = world.now + 70_000;
    while world.now < end && !machine.wants_something() {
        for effect in std::mem::take(&mut effects) {
            let Effect::Send { id, request, .. } = effect else { panic!("{effect:?}") };
            let answer = match request {
                GroupRequest::FindCoordinator(_) => Ok(found()),
                _ => {
                    let reason = "b:9092 refuses connections".to_owned();
                    Err(Error::Unreachable { node: None, reason })
                }
            };
            machine.on_answer(world.now, id, answer, &mut effects);
        }
        if effects.is_empty() {
            world.now = machine.next_deadline().expect("it is tried again");
            machine.poll(world.now, &mut effects);
        }
    }
    let Some(Event::Failed(error)) = machine.event() else { panic!("nothing is said") };
    insta::assert_snapshot!(error, @r#"finding the coordinator of group "g" got no answer within 60 s: b:9092 refuses connections"#);
}

/// A follower is told of nothing that is missing, so it asks for what it names.
#[test]
fn a_topic_that_may_not_be_read_is_said_once() {
    let mut world = ann(false);
    let machine = &mut world.apps[0].machine;
    let mut effects = Vec::new();
    machine.on_poll(world.now, &mut effects);
    let id = sent(&effects, |_| true).expect("it looks for its coordinator");
    machine.on_answer(world.now, id, Ok(found()), &mut effects);
    let is_join = |it: &GroupRequest| matches!(it, GroupRequest::JoinGroup(_));
    let id = sent(&effects, is_join).expect("it joins");
    let joined = JoinGroupResponse {
        generation_id: 1,
        protocol_name: Some("range".to_owned()),
        leader: "other".to_owned(),
        member_id: "ann-1".to_owned(),
        ..JoinGroupResponse::default()
    };
    effects.clear();
    machine.on_answer(world.now, id, Ok(GroupResponse::JoinGroup(joined)), &mut effects);
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Metadata { topics, .. } => topics.clone(),
        Effect::Send { .. } => None,
    });
    assert_eq!(asked, Some(BTreeSet::from(["a".to_owned()])));
    let refused = |code| BTreeMap::from([("a".to_owned(), code)]);
    machine.on_refused_topics(&refused(ErrorCode::UnknownTopicOrPartition));
    assert!(machine.event().is_none());
    machine.on_refused_topics(&refused(ErrorCode::TopicAuthorizationFailed));
    machine.on_refused_topics(&refused(ErrorCode::TopicAuthorizationFailed));
    let Some(Event::Failed(error)) = machine.event() else { panic!("nothing is said") };
    insta::assert_snapshot!(error, @r#"not authorized for topic "a""#);
    machine.acknowledge(world.now, &mut effects);
    assert!(machine.event().is_none());
}

#[test]
fn an_assignor_that_panics_is_an_error_of_every_poll() {
    let mut world = ann_with(Plant::Panics);
    world.run(3);
    let fatal = world.apps[0].machine.membership().fatal().map(ToString::to_string);
    insta::assert_snapshot!(fatal.unwrap_or_default(), @r#"assignor "broken" panicked: 1 members are too many"#);
}

/// As Kafka's clients do: what is done is committed before the group goes on.
#[test]
fn between_two_polls_a_member_commits_and_does_not_join_again() {
    let mut world = ann(true);
    world.apps[0].machine.on_poll_end();
    let id = heartbeat(&mut world);
    answer_heartbeat(&mut world, id, ErrorCode::RebalanceInProgress);
    let machine = &mut world.apps[0].machine;
    machine.poll(world.now + 1, &mut Vec::new());
    assert!(machine.event().is_none());
    assert!(commit(&mut world).is_some());
    let machine = &mut world.apps[0].machine;
    machine.on_poll(world.now + 2, &mut Vec::new());
    assert!(matches!(machine.event(), Some(Event::Revoke(_))));
}

/// While the coordinator is not known.
fn without_coordinator() -> World {
    let mut world = ann(true);
    let gone = Error::Refused("gone".to_owned());
    world.apps[0].machine.on_committed_failed(world.now, &gone, &mut Vec::new());
    world
}

#[test]
fn commits_that_nobody_waits_for_do_not_use_up_the_memory() {
    let mut world = without_coordinator();
    let app = &mut world.apps[0];
    let offsets = app.positions();
    let mut refused = Vec::new();
    for _ in 0..1_002 {
        app.machine.commit_async(world.now, offsets.clone(), &mut Vec::new());
        refused.extend(app.machine.take_done().into_iter().map(|it| it.result));
    }
    assert_eq!(refused.len(), 2);
    let error = refused[0].clone().expect_err("it is refused").to_string();
    insta::assert_snapshot!(error, @r#"1000 commits of group "g" wait already"#);
}

/// A hook that was dropped in the middle runs again, and commits the same.
#[test]
fn a_commit_that_was_given_up_is_taken_up_by_who_asks_for_the_same() {
    let mut world = without_coordinator();
    let (now, app) = (world.now, &mut world.apps[0]);
    let (offsets, timeout) = (app.positions(), Duration::from_secs(60));
    let id = app.machine.commit_sync(now, offsets.clone(), timeout, &mut Vec::new());
    let take_up = |app: &mut super::app::App, offsets: &Offsets, is_given_up: bool| {
        app.machine.take_up_commit(now, offsets, timeout, |_| is_given_up)
    };
    assert_eq!(take_up(app, &offsets, true), Some(id));
    assert_eq!(take_up(app, &offsets, false), None);
    let other = offsets.into_keys().map(|it| (it, kt_protocol::types::Offset(9).into())).collect();
    assert_eq!(take_up(app, &other, true), None);
}
