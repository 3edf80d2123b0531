//! What members and their coordinator say to each other, case by case.

use std::time::Duration;

use insta::assert_snapshot;
use kt_protocol::types::Millis;

use super::app::{Plant, Setup};
use super::world::World;

fn setup(strategies: &'static [&'static str]) -> Setup {
    Setup { strategies, instance_id: None, auto_commit: false, plant: Plant::Nothing }
}

/// `ann` is a member for two seconds when `bob` comes.
fn two(strategies: &'static [&'static str]) -> World {
    let mut world = World::new(&[("a", 3)]);
    for name in ["ann", "bob"] {
        let app = world.add(name, setup(strategies));
        world.apps[app].subscribe(&["a"]);
    }
    world.apps[1].is_frozen = true;
    world.run(2);
    world.apps[1].is_frozen = false;
    world
}

/// `ann` alone, settled; what was said until then is left out.
fn alone(setup: Setup) -> World {
    let mut world = World::new(&[("a", 1)]);
    let app = world.add("ann", setup);
    world.apps[app].subscribe(&["a"]);
    world.run(3);
    world.lines.clear();
    world
}

fn commit(world: &mut World, is_sync: bool) {
    world.apps[0].read();
    world.act(0, |app, now, effects| {
        let offsets = app.positions();
        match is_sync {
            true => app.machine.commit_sync(now, offsets, Duration::from_secs(5), effects),
            false => app.machine.commit_async(now, offsets, effects),
        };
    });
}

/// What became of the commits of `ann`.
fn outcomes(world: &mut World) -> String {
    world.apps[0].collect();
    let show = |it: &crate::consumer::group::commits::Committed| match &it.result {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    world.apps[0].done.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[test]
fn eager_members_give_all_back_before_they_join_again() {
    let mut world = two(&["range"]);
    world.run(6);
    assert_snapshot!(world.lines, @"
          0 ann -> FindCoordinator
          0 ann -> JoinGroup ? (the consumer has subscribed)
          0 ann <- MEMBER_ID_REQUIRED
          0 ann -> JoinGroup m1 (need to re-join with the given member-id)
       1000 ann -> SyncGroup 1 of 1
       1000 ann assign a-0 a-1 a-2
       2000 bob -> FindCoordinator
       2000 bob -> JoinGroup ? (the consumer has subscribed)
       2000 bob <- MEMBER_ID_REQUIRED
       2000 bob -> JoinGroup m2 (need to re-join with the given member-id)
       4000 ann <- REBALANCE_IN_PROGRESS
       4000 ann revoke a-0 a-1 a-2
       4000 ann -> JoinGroup m1 (group is already rebalancing)
       4000 bob -> SyncGroup 2 of 0
       4000 ann -> SyncGroup 2 of 2
       5000 ann assign a-0 a-1
       5000 bob assign a-2
    ");
}

#[test]
fn a_member_counts_what_it_does() {
    let mut world = two(&["range"]);
    world.run(6);
    let [ann, bob] = [0, 1].map(|app: usize| world.apps[app].machine.membership().counts());
    // MEMBER_ID_REQUIRED is part of joining.
    assert_eq!((ann.joins, ann.rebalances, ann.failed_rebalances, ann.losses), (3, 2, 0, 0));
    assert_eq!((bob.joins, bob.rebalances, bob.failed_rebalances, bob.losses), (2, 1, 0, 0));
    assert_eq!((ann.rebalance_ms, ann.assigned), (1000, 2));
    assert_eq!((bob.rebalance_ms, bob.assigned), (2000, 1));
    assert!(0 < ann.heartbeats);
    commit(&mut world, true);
    world.deliver_all();
    world.run(2);
    let commits = world.apps[0].machine.commits().counts();
    assert_eq!((commits.requests, commits.stored, commits.failed), (1, 1, 0));
}

#[test]
fn cooperative_members_give_back_only_what_moves() {
    let mut world = two(&["cooperative-sticky"]);
    world.run(8);
    assert_snapshot!(world.lines, @"
          0 ann -> FindCoordinator
          0 ann -> JoinGroup ? (the consumer has subscribed)
          0 ann <- MEMBER_ID_REQUIRED
          0 ann -> JoinGroup m1 (need to re-join with the given member-id)
       1000 ann -> SyncGroup 1 of 1
       1000 ann assign a-0 a-1 a-2
       2000 bob -> FindCoordinator
       2000 bob -> JoinGroup ? (the consumer has subscribed)
       2000 bob <- MEMBER_ID_REQUIRED
       2000 bob -> JoinGroup m2 (need to re-join with the given member-id)
       4000 ann <- REBALANCE_IN_PROGRESS
       4000 ann -> JoinGroup m1 (group is already rebalancing)
       4000 bob -> SyncGroup 2 of 0
       4000 ann -> SyncGroup 2 of 2
       4000 ann revoke a-2
       4000 ann assign
       4000 ann -> JoinGroup m1 (need to revoke partitions and re-join)
       4000 bob assign
       7000 bob <- REBALANCE_IN_PROGRESS
       7000 bob -> JoinGroup m2 (group is already rebalancing)
       7000 bob -> SyncGroup 3 of 0
       7000 ann -> SyncGroup 3 of 2
       7000 ann assign
       7000 bob assign a-2
    ");
}

#[test]
fn who_does_not_poll_leaves_and_hears_by_how_much() {
    let mut world = alone(setup(&["range"]));
    commit(&mut world, true);
    world.deliver_all();
    world.apps[0].read();
    // Heartbeats go on meanwhile.
    for _ in 0..312 {
        world.advance(1_000);
        world.deliver_all();
    }
    commit(&mut world, true);
    assert_snapshot!(outcomes(&mut world), @r#"
    ok
    group "g": too long between two polls: max.poll.interval.ms=300000 was passed by 13000 ms
    "#);
    world.run(2);
    assert_snapshot!(world.lines, @r#"
       3000 ann -> OffsetCommit 1 a-0@1
     302001 ann -> LeaveGroup
     315000 ann lost a-0
     315000 ann error group "g": too long between two polls: max.poll.interval.ms=300000 was passed by 13000 ms
     315000 ann -> JoinGroup ? (consumer pro-actively leaving the group)
     315000 ann <- MEMBER_ID_REQUIRED
     315000 ann -> JoinGroup m2 (need to re-join with the given member-id)
     316000 ann -> SyncGroup 3 of 1
     316000 ann assign a-0
    "#);
}

#[test]
fn whose_session_has_passed_loses_its_partitions() {
    let mut world = two(&["range"]);
    world.run(6);
    world.lines.clear();
    // Its process stands still, and bob takes over.
    world.apps[0].is_frozen = true;
    world.run(52);
    world.apps[0].is_frozen = false;
    commit(&mut world, true);
    world.deliver_all();
    assert_snapshot!(outcomes(&mut world), @r#"group "g": the coordinator heard nothing for too long: session.timeout.ms=45000 was passed by 8000 ms"#);
    world.run(6);
    assert_snapshot!(world.lines, @"
      52000 bob <- REBALANCE_IN_PROGRESS
      52000 bob revoke a-2
      52000 bob -> JoinGroup m2 (group is already rebalancing)
      52000 bob -> SyncGroup 3 of 1
      53000 bob assign a-0 a-1 a-2
      60000 ann -> OffsetCommit 2 a-0@1 a-1@1
      60000 ann <- UNKNOWN_MEMBER_ID
      60116 ann -> FindCoordinator
      61000 ann lost a-0 a-1
      61000 ann -> JoinGroup ? (encountered UNKNOWN_MEMBER_ID from OffsetCommit response)
      61000 ann <- MEMBER_ID_REQUIRED
      61000 ann -> JoinGroup m3 (need to re-join with the given member-id)
      64000 bob <- REBALANCE_IN_PROGRESS
      64000 bob revoke a-0 a-1 a-2
      64000 bob -> JoinGroup m2 (group is already rebalancing)
      64000 ann -> SyncGroup 4 of 0
      64000 bob -> SyncGroup 4 of 2
      65000 ann assign a-0 a-1
      65000 bob assign a-2
    ");
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let mut world = World::new(&[("a", 2)]);
    let named = |name: &str| Setup { instance_id: Some(name.to_owned()), ..setup(&["range"]) };
    for name in ["ann", "bob"] {
        let app = world.add(name, named(name));
        world.apps[app].subscribe(&["a"]);
    }
    world.run(8);
    world.lines.clear();
    world.restart(1);
    world.apps[1].subscribe(&["a"]);
    world.run(4);
    assert_snapshot!(world.lines, @"
       8000 bob -> FindCoordinator
       8000 bob -> JoinGroup ? (the consumer has subscribed)
       8000 bob -> SyncGroup 1 of 0
       9000 bob assign a-1
    ");
}

/// Whoever of two static members has to give something back is killed before it does, and comes back
/// within its session, to what it was given last.
#[test]
fn what_a_static_member_did_not_give_back_is_read_in_the_end() {
    for killed in 0..3 {
        let mut world = World::new(&[("a", 5)]);
        let named = |name: &str| {
            let instance_id = Some(name.to_owned());
            Setup { instance_id, ..setup(&["cooperative-sticky"]) }
        };
        for name in ["ann", "bob", "eve"] {
            let app = world.add(name, named(name));
            world.apps[app].subscribe(&["a"]);
        }
        world.apps[2].is_frozen = true;
        world.run(8);
        world.apps[2].is_frozen = false;
        world.poll(2);
        // The members' machines go on; their programs do not look at what they have to do.
        for _ in 0..8 {
            world.deliver_all();
            world.advance(1_000);
        }
        world.restart(killed);
        world.apps[killed].subscribe(&["a"]);
        world.run(120);
        let read: Vec<usize> = world.apps.iter().map(|it| it.reading.len()).collect();
        assert_eq!(read.iter().sum::<usize>(), 5, "{killed} was killed: {read:?}\n{}", world.lines);
    }
}

#[test]
fn a_second_member_of_one_name_fences_the_first() {
    let named = || Setup { instance_id: Some("one".to_owned()), ..setup(&["range"]) };
    let mut world = alone(named());
    let second = world.add("bob", named());
    world.apps[second].subscribe(&["a"]);
    world.run(6);
    assert_snapshot!(world.lines, @"
       3000 bob -> FindCoordinator
       3000 bob -> JoinGroup ? (the consumer has subscribed)
       3000 bob -> SyncGroup 1 of 0
       4000 ann <- FENCED_INSTANCE_ID
       4000 ann lost a-0
       4000 bob assign a-0
    ");
    let fatal = world.apps[0].machine.membership().fatal().map(ToString::to_string);
    assert_snapshot!(fatal.unwrap_or_default(), @r#"group "g": another member has joined with the same group.instance.id"#);
}

#[test]
fn a_coordinator_that_moves_is_found_again() {
    let mut world = alone(setup(&["range"]));
    world.is_moved = true;
    world.run(4);
    world.is_moved = false;
    world.run(4);
    assert_snapshot!(world.lines, @"
       4000 ann <- NOT_COORDINATOR
       4097 ann -> FindCoordinator
       5000 ann <- NOT_COORDINATOR
       5119 ann -> FindCoordinator
       6000 ann <- NOT_COORDINATOR
       6093 ann -> FindCoordinator
    ");
}

#[test]
fn a_waiting_commit_is_tried_again_and_the_others_follow_in_order() {
    let mut world = alone(setup(&["range"]));
    world.is_moved = true;
    commit(&mut world, true);
    commit(&mut world, false);
    world.deliver_all();
    world.is_moved = false;
    world.run(2);
    assert_snapshot!(world.lines, @"
       3000 ann -> OffsetCommit 1 a-0@1
       3000 ann <- NOT_COORDINATOR
       3116 ann -> FindCoordinator
       4000 ann -> OffsetCommit 1 a-0@1
       4000 ann -> OffsetCommit 1 a-0@2
    ");
    assert_snapshot!(outcomes(&mut world), @"
    ok
    ok
    ");
}

#[test]
fn an_asynchronous_commit_is_not_tried_again() {
    let mut world = alone(setup(&["range"]));
    world.is_moved = true;
    commit(&mut world, false);
    world.deliver_all();
    world.is_moved = false;
    world.run(2);
    assert_snapshot!(world.lines, @"
       3000 ann -> OffsetCommit 1 a-0@1
       3000 ann <- NOT_COORDINATOR
       3116 ann -> FindCoordinator
    ");
    assert_snapshot!(outcomes(&mut world), @r#"partition 0 of topic "a": NOT_COORDINATOR from OffsetCommit"#);
}

#[test]
fn a_waiting_commit_gives_up_when_its_time_is_up() {
    let mut world = alone(setup(&["range"]));
    world.is_moved = true;
    commit(&mut world, true);
    world.run(7);
    assert_snapshot!(outcomes(&mut world), @r#"OffsetCommit got no answer within 5 s: partition 0 of topic "a": NOT_COORDINATOR from OffsetCommit"#);
    assert!(world.apps[0].machine.commits().is_idle());
}

#[test]
fn auto_commit_covers_what_was_given_in_earlier_polls() {
    let mut world = alone(Setup { auto_commit: true, ..setup(&["range"]) });
    world.apps[0].read();
    // Given by a poll, and no poll since: not done yet.
    world.advance(20_000);
    world.deliver_all();
    assert_snapshot!(world.lines, @"   5000 ann -> OffsetCommit 1 a-0@0");
    world.poll(0);
    world.apps[0].read();
    world.advance(10_000);
    world.deliver_all();
    assert_snapshot!(world.lines, @"
       5000 ann -> OffsetCommit 1 a-0@0
      28000 ann -> OffsetCommit 1 a-0@1
    ");
}

#[test]
fn more_partitions_are_shared_out_by_the_leader() {
    let mut world = alone(setup(&["range"]));
    world.topics.insert("a".to_owned(), 2);
    world.run(302);
    assert_snapshot!(world.lines, @"
     301000 ann revoke a-0
     301000 ann -> JoinGroup m1 (cached metadata has changed)
     301000 ann -> SyncGroup 2 of 1
     302000 ann assign a-0 a-1
    ");
}

#[test]
fn a_pattern_follows_new_topics() {
    let mut world = World::new(&[("a", 1), ("other", 1)]);
    let app = world.add("ann", setup(&["range"]));
    let pattern = crate::consumer::group::Subscription::pattern("a.*").unwrap();
    world.apps[app].machine.subscribe(pattern);
    world.run(3);
    world.topics.insert("ab".to_owned(), 1);
    world.topics.insert("ba".to_owned(), 1);
    world.run(302);
    assert_snapshot!(world.lines, @"
          0 ann -> FindCoordinator
          0 ann -> JoinGroup ? (the consumer has subscribed)
          0 ann <- MEMBER_ID_REQUIRED
          0 ann -> JoinGroup m1 (need to re-join with the given member-id)
       1000 ann -> SyncGroup 1 of 1
       1000 ann assign a-0
     301000 ann revoke a-0
     301000 ann -> JoinGroup m1 (subscription has changed)
     301000 ann -> SyncGroup 2 of 1
     302000 ann assign a-0 ab-0
    ");
}

#[test]
fn who_leaves_says_so_and_a_deadline_is_never_missed() {
    let mut world = alone(setup(&["range"]));
    world.act(0, |app, now, effects| {
        app.machine.leave(now, "the consumer is being closed", effects);
    });
    world.deliver_all();
    assert_snapshot!(world.lines, @"   3000 ann -> LeaveGroup");
    assert!(!world.apps[0].machine.membership().is_leaving());
    assert_eq!(world.apps[0].machine.next_deadline(), None::<Millis>);
}
