//! When questions are asked, step by step; and what holds whatever brokers do.

use kt_protocol::types::NodeId;
use proptest::prelude::*;

use super::play::{Answered, Play, needs, quick, world};
use super::*;

const SAMPLES: [Kind; 3] = [Kind::Brokers, Kind::LogEnds, Kind::LogDirs];

#[test]
fn the_first_samples_come_soon() {
    let mut play = Play::new(&SAMPLES, &world(1, 10, 1, 0));
    play.run(14_000, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Brokers
    0.00 LogEnds@1 of 10
    0.00 LogDirs@1
    1.00 LogEnds@1 of 10
    1.00 LogDirs@1
    2.00 Brokers
    3.00 LogEnds@1 of 10
    3.00 LogDirs@1
    4.00 Brokers
    6.00 Brokers
    8.00 Brokers
    8.00 LogEnds@1 of 10
    8.00 LogDirs@1
    10.00 Brokers
    12.00 Brokers
    13.00 LogEnds@1 of 10
    13.00 LogDirs@1
    14.00 Brokers
    ");
}

#[test]
fn what_does_not_fit_one_request_goes_out_in_parts() {
    let mut play = Play::new(&[Kind::LogEnds], &world(1, 25, 1_000, 0));
    // The answer took a while: a rate needs two that are apart.
    play.run(1_200, |_, _| (100, Outcome::Known));
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 LogEnds@1 of 10000
    0.10 LogEnds@1 part 1 of 10000
    0.20 LogEnds@1 part 2 of 5000
    1.20 LogEnds@1 of 10000
    ");
}

#[test]
fn who_follows_has_the_rhythm_of_who_asks() {
    let world = world(1, 15, 1_000, 0);
    let mut asks = Play::new(&[Kind::LogEnds], &world).schedule;
    let mut follows = Play::new(&[Kind::LogEnds], &world).schedule;
    follows.follow();
    let (mut now, mut rhythms) = (Millis(0), Vec::new());
    while now < Millis(400_000) {
        let mut due = Vec::new();
        asks.due(now, &mut due);
        for question in &due {
            // For a while one part of the round is slow, and the other is not.
            let took = if question.part == 0 && now < Millis(200_000) { 8_000 } else { 100 };
            now = now + took;
            asks.answered(question, now, took, Outcome::Known);
            follows.answered(question, now, took, Outcome::Known);
            assert_eq!(follows.rhythm(Kind::LogEnds), asks.rhythm(Kind::LogEnds), "{now:?}");
        }
        if due.is_empty() {
            now = asks.next_deadline().unwrap().max(now + 1);
            rhythms.push(asks.rhythm(Kind::LogEnds));
        }
    }
    rhythms.dedup();
    assert!(2 < rhythms.len(), "{rhythms:?}");
}

#[test]
fn slow_answers_double_the_interval_and_fast_ones_halve_it() {
    let mut play = Play::new(&[Kind::Quorum], &World::default());
    // Slow for a while: more than a quarter of five seconds, of ten, of twenty.
    play.run(200_000, |_, now| (if now < 60_000 { 6_000 } else { 900 }, Outcome::Known));
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Quorum
    10.00 Quorum
    30.00 Quorum
    70.00 Quorum
    90.00 Quorum
    100.00 Quorum
    105.00 Quorum
    110.00 Quorum
    115.00 Quorum
    120.00 Quorum
    125.00 Quorum
    130.00 Quorum
    135.00 Quorum
    140.00 Quorum
    145.00 Quorum
    150.00 Quorum
    155.00 Quorum
    160.00 Quorum
    165.00 Quorum
    170.00 Quorum
    175.00 Quorum
    180.00 Quorum
    185.00 Quorum
    190.00 Quorum
    195.00 Quorum
    200.00 Quorum
    ");
}

#[test]
fn no_interval_is_stretched_beyond_a_minute() {
    let mut play = Play::new(&[Kind::Brokers], &World::default());
    play.run(1_000_000, |_, _| (30_000, Outcome::Known));
    assert_eq!(play.schedule.rhythm(Kind::Brokers), 60_000);
    let mut play = Play::new(&[Kind::Configs], &world(1, 10, 1, 0));
    play.run(2_000_000, |_, _| (100_000, Outcome::Known));
    assert_eq!(play.schedule.rhythm(Kind::Configs), 300_000, "what is longer by itself stays");
}

#[test]
fn intervals_grow_with_the_partitions() {
    let small = Play::new(&[], &world(3, 100, 6, 0)).schedule;
    let usual = Play::new(&[], &world(3, 1_000, 10, 0)).schedule;
    let large = Play::new(&[], &world(3, 1_000, 35, 0)).schedule;
    let intervals = |kind| [&small, &usual, &large].map(|it| it.interval(kind) / 1_000);
    assert_eq!(intervals(Kind::Brokers), [2, 2, 2]);
    assert_eq!(intervals(Kind::Metadata), [10, 10, 35]);
    assert_eq!(intervals(Kind::LogEnds), [5, 5, 17]);
    assert_eq!(intervals(Kind::LogDirs), [5, 60, 210]);
    assert_eq!(intervals(Kind::Groups), [10, 10, 10]);
}

#[test]
fn a_change_asks_for_metadata_at_once_but_not_twice_a_second() {
    let mut play = Play::new(&[Kind::Brokers, Kind::Metadata, Kind::LogEnds], &world(3, 9, 1, 0));
    let moved = |question: &Question, now: u64| match (question.lane.kind, question.lane.broker) {
        (Kind::Brokers, _) if now == 4_000 => (10, Outcome::Changed),
        // Each leader says so a little later than the other.
        (Kind::LogEnds, Some(node)) if now == 8_000 => (10 * node.0 as u64, Outcome::Changed),
        _ => (10, Outcome::Known),
    };
    play.run(11_000, moved);
    let transcript = play.transcript();
    let metadata: Vec<&str> = transcript.lines().filter(|it| it.contains("Metadata")).collect();
    insta::assert_snapshot!(metadata.join("\n"), @r"
    0.00 Metadata
    4.01 Metadata
    8.01 Metadata
    9.01 Metadata
    ");
}

#[test]
fn what_fails_is_asked_more_and_more_seldom_until_the_cluster_is_back() {
    let mut play = Play::new(&[Kind::Brokers, Kind::Quorum], &World::default());
    let fails = |_: &Question, now: u64| match now < 115_000 {
        true => (5, Outcome::Failed),
        false => (5, Outcome::Known),
    };
    // Brokers come back first: what failed with them is not waited for.
    play.run(121_000, fails);
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Brokers
    0.00 Quorum
    4.00 Brokers
    10.01 Quorum
    12.01 Brokers
    28.02 Brokers
    30.01 Quorum
    58.02 Brokers
    60.02 Quorum
    88.03 Brokers
    90.02 Quorum
    118.03 Brokers
    118.03 Quorum
    120.03 Brokers
    ");
}

#[test]
fn what_is_asked_seldom_is_tried_again_soon_where_it_fails() {
    let mut play = Play::new(&[Kind::Configs], &world(1, 10, 1, 0));
    let fails = |_: &Question, now: u64| match now < 40_000 {
        true => (10, Outcome::Failed),
        false => (10, Outcome::Known),
    };
    play.run(400_000, fails);
    let transcript = play.transcript();
    let of_topics: Vec<&str> = transcript.lines().filter(|it| it.ends_with("of 10")).collect();
    insta::assert_snapshot!(of_topics.join("\n"), @"
    0.00 Configs of 10
    2.01 Configs of 10
    6.02 Configs of 10
    14.03 Configs of 10
    30.04 Configs of 10
    60.05 Configs of 10
    360.05 Configs of 10
    ");
}

#[test]
fn members_of_share_groups_are_asked_for_too() {
    let mut world = world(2, 1, 1, 2);
    world.share_coordinators.insert(NodeId(2), vec!["share".to_owned()]);
    let mut play = Play::new(&[], &world);
    let subject = Subject::Group { name: "share".to_owned(), partitions: BTreeSet::new() };
    play.schedule.need(Needs {
        members: ["group-00001".to_owned(), "share".to_owned()].into(),
        subject: Some(subject),
        ..needs(&[])
    });
    play.run(0, quick);
    let asked: Vec<String> =
        play.asked.iter().map(|(_, it)| format!("{:?} {:?}", it.lane.broker, it.ask)).collect();
    insta::assert_snapshot!(asked.join("\n"), @r#"
    Some(NodeId(2)) Members(["group-00001", "share"])
    Some(NodeId(2)) ShareCommits(["share"])
    "#);
}

#[test]
fn what_is_refused_is_asked_again_only_on_refresh() {
    let mut play = Play::new(&[Kind::LogDirs, Kind::Quorum], &world(2, 1_000, 10, 0));
    let refuses = |question: &Question, _: u64| match question.lane.broker {
        Some(NodeId(1)) => (10, Outcome::Refused),
        _ => (10, Outcome::Known),
    };
    play.run(299_000, refuses);
    let at_first = play.asked.iter().filter(|(_, it)| it.lane.broker == Some(NodeId(1))).count();
    assert_eq!(at_first, 1);
    play.asked.clear();
    play.schedule.refresh(Millis(play.now));
    play.run(play.now, refuses);
    insta::assert_snapshot!(play.transcript(), @r"
    299.00 Quorum
    299.00 LogDirs@1
    299.00 LogDirs@2
    ");
}

#[test]
fn nothing_is_asked_while_suspended() {
    let mut play = Play::new(&SAMPLES, &world(1, 10, 1, 0));
    play.run(10_000, quick);
    play.schedule.suspend();
    play.asked.clear();
    play.run(60_000, quick);
    assert_eq!(play.schedule.next_deadline(), None);
    play.schedule.refresh(Millis(play.now));
    play.run(70_000, quick);
    assert_eq!(play.asked, []);
    play.schedule.resume();
    play.run(70_000, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    70.00 Brokers
    70.00 LogEnds@1 of 10
    70.00 LogDirs@1
    ");
}

#[test]
fn what_nobody_needs_is_not_asked_and_keeps_its_rhythm() {
    let mut play = Play::new(&[Kind::Groups], &world(1, 10, 1, 1));
    play.run(12_000, quick);
    play.schedule.need(needs(&[]));
    assert_eq!(play.schedule.next_deadline(), None);
    play.run(15_000, quick);
    play.schedule.need(needs(&[Kind::Groups]));
    play.run(21_000, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Groups@1
    10.00 Groups@1
    20.00 Groups@1
    ");
}

#[test]
fn a_round_that_nobody_needs_ends_with_the_part_under_way() {
    let mut play = Play::new(&[Kind::LogEnds], &world(1, 30, 1_000, 0));
    play.run(0, |_, _| (100, Outcome::Known));
    play.schedule.need(needs(&[]));
    play.run(5_000, quick);
    assert_eq!(play.asked.len(), 1);
    play.schedule.need(needs(&[Kind::LogEnds]));
    play.run(30_000, quick);
    assert!(4 <= play.asked.len(), "it goes on");
}

#[test]
fn a_broker_that_comes_back_is_a_new_one() {
    let both = world(2, 10, 1, 0);
    let mut play = Play::new(&[Kind::Groups], &both);
    let fails = |question: &Question, _: u64| match question.lane.broker {
        Some(NodeId(2)) => (5, Outcome::Failed),
        _ => (5, Outcome::Known),
    };
    play.run(60_000, fails);
    play.schedule.learn(&world(1, 10, 1, 0));
    play.run(61_000, fails);
    play.asked.clear();
    play.schedule.learn(&both);
    play.run(61_000, quick);
    insta::assert_snapshot!(play.transcript(), @"61.00 Groups@2");
}

#[test]
fn configs_are_read_again_for_new_topics_but_not_each_time() {
    let mut play = Play::new(&[Kind::Configs], &world(1, 10, 1, 0));
    play.run(5_000, quick);
    for topics in 11..30 {
        play.schedule.learn(&world(1, topics, 1, 0));
        play.run(play.now + 2_000, quick);
    }
    play.run(100_000, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Configs of 10
    0.00 Configs@1
    60.00 Configs of 29
    ");
}

/// What a broker may do to a question.
fn answers() -> impl Strategy<Value = Vec<Answered>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Known),
        1 => Just(Outcome::Changed),
        2 => Just(Outcome::Failed),
        1 => Just(Outcome::Refused),
    ];
    prop::collection::vec((0_u64..20_000, outcome), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// `Play` holds that no lane has two requests in flight.
    #[test]
    fn every_lane_is_asked_again_and_never_too_often(
        answers in answers(),
        brokers in 1_i32..5,
        topics in 0_i32..30,
        groups in 0_i32..900,
    ) {
        let kinds: Vec<Kind> = Kind::ALL.to_vec();
        let world = world(brokers, topics, 700, groups);
        let mut play = Play::new(&kinds, &world);
        let mut next = answers.iter().cycle();
        play.run(600_000, |_, _| *next.next().unwrap());
        // What is under way comes back before somebody refreshes.
        play.schedule.suspend();
        play.run(630_000, quick);
        play.schedule.resume();
        play.schedule.refresh(Millis(play.now));
        let from = play.now;
        // Well again: whatever happened before, all is asked within the longest interval.
        play.run(from + 400_000, quick);
        for lane in play.schedule.wanted() {
            let asked = play.asked.iter().filter(|(at, it)| from <= *at && it.lane == lane);
            prop_assert!(0 < asked.count(), "{lane:?} is never asked again");
        }
        // Nothing is asked more often than its kind may be: a change asks once a second.
        for lane in play.schedule.wanted() {
            let rounds = |it: &&(u64, Question)| it.1.lane == lane && it.1.part == 0;
            let begun: Vec<u64> = play.asked.iter().filter(rounds).map(|it| it.0).collect();
            for pair in begun.windows(2) {
                prop_assert!(1_000 <= pair[1] - pair[0] || pair[1] == from, "{lane:?} {pair:?}");
            }
        }
    }

    /// Each partition is asked of its leader once a round, and no request is too large.
    #[test]
    fn parts_are_the_whole(brokers in 1_i32..4, topics in 0_i32..50, partitions in 1_i32..900) {
        let world = world(brokers, topics, partitions, 500);
        let split = Split::of(&world);
        let needs = needs(&[Kind::LogEnds, Kind::Commits]);
        let mut asked = Vec::new();
        for lane in split.lanes(Kind::LogEnds, &needs) {
            for part in split.parts(lane, &needs) {
                prop_assert!((1..=10_000).contains(&part.items()));
                let Ask::Offsets(WhichOffset::End, partitions) = part else { panic!("{part:?}") };
                asked.extend(partitions.iter().cloned());
            }
        }
        let all: Vec<TopicPartition> = world.leaders.values().flatten().cloned().collect();
        prop_assert_eq!(asked, all);
        let commits = split.lanes(Kind::Commits, &needs).into_iter();
        let sizes: Vec<usize> =
            commits.flat_map(|it| split.parts(it, &needs)).map(|it| it.items()).collect();
        prop_assert_eq!(sizes.iter().sum::<usize>(), 500);
        prop_assert!(sizes.iter().all(|it| (1..=200).contains(it)));
    }
}
