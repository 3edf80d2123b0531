//! Answers that come late, crossed, or not at all, one by one.

use super::app::{Plant, Setup};
use super::world::World;
use crate::consumer::group::request::{Effect, GroupRequest, RequestId};
use crate::error::{Error, Listener};

/// `ann`, who is about to join to read `a-0`; its answers are the test's.
fn ann() -> World {
    let setup = Setup {
        strategies: &["range"],
        instance_id: None,
        auto_commit: false,
        plant: Plant::Nothing,
    };
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

/// A broker that is killed while a connection is set up closes as a listener does that wants
/// something else.
#[test]
fn whoever_is_closed_on_without_a_word_asks_again() {
    let mut world = ann();
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
