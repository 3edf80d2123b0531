//! A minute of questions to a cluster of 1,000 topics of 10 partitions and 1,000 groups on three
//! brokers, against the table.

use super::play::{Play, needs, quick, world};
use super::*;

/// All that the overview and the alerts need.
const STEADY: [Kind; 9] = [
    Kind::Brokers,
    Kind::Metadata,
    Kind::LogEnds,
    Kind::Commits,
    Kind::Groups,
    Kind::Quorum,
    Kind::Moves,
    Kind::LogDirs,
    Kind::LogStarts,
];

/// Past the first samples.
const WARM: u64 = 120_000;

#[test]
fn a_minute_is_as_the_table_says() {
    let mut play =
        Play::new(&[&STEADY[..], &[Kind::Configs]].concat(), &world(3, 1_000, 10, 1_000));
    play.run(WARM - 1, quick);
    play.asked.clear();
    play.run(WARM + 59_999, quick);
    let counted: Vec<String> = Kind::ALL
        .into_iter()
        .map(|kind| (kind, play.count(kind, WARM)))
        .filter(|(_, count)| 0 < *count)
        .map(|(kind, count)| format!("{kind:?} {count}"))
        .collect();
    insta::assert_snapshot!(counted.join("\n"), @r"
    Brokers 30
    Metadata 6
    LogEnds 36
    Commits 36
    Groups 18
    Quorum 12
    Moves 12
    LogDirs 3
    LogStarts 3
    ");
}

#[test]
fn each_round_is_as_large_as_the_table_says() {
    let mut play =
        Play::new(&[&STEADY[..], &[Kind::Configs]].concat(), &world(3, 1_000, 10, 1_000));
    play.run(500, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Brokers
    0.00 Metadata
    0.00 LogEnds@1 of 3334
    0.00 LogEnds@2 of 3333
    0.00 LogEnds@3 of 3333
    0.00 Commits@1 of 200
    0.00 Commits@2 of 200
    0.00 Commits@3 of 200
    0.00 Groups@1
    0.00 Groups@2
    0.00 Groups@3
    0.00 Quorum
    0.00 Moves
    0.00 LogDirs@1
    0.00 LogDirs@2
    0.00 LogDirs@3
    0.00 LogStarts@1 of 3334
    0.00 LogStarts@2 of 3333
    0.00 LogStarts@3 of 3333
    0.00 Configs of 1000
    0.00 Configs@1
    0.00 Configs@2
    0.00 Configs@3
    0.01 Commits@1 part 1 of 134
    0.01 Commits@2 part 1 of 133
    0.01 Commits@3 part 1 of 133
    ");
}

#[test]
fn the_cost_is_as_the_page_says() {
    let mut play =
        Play::new(&[&STEADY[..], &[Kind::Configs]].concat(), &world(3, 1_000, 10, 1_000));
    let (mut requests, mut bytes) = (0.0, 0.0);
    play.run(WARM, quick);
    // Ten windows of half a minute: configs come once in these five minutes.
    for window in 1..=10 {
        play.run(WARM + window * 30_000, quick);
        let cost = play.schedule.cost(Millis(play.now));
        requests += cost.requests_per_second / 10.0;
        bytes += cost.bytes_per_second / 10.0;
    }
    assert!((2.55..2.70).contains(&requests), "{requests} requests a second");
    assert!((190_000.0..210_000.0).contains(&bytes), "{bytes} bytes a second");
}

#[test]
fn members_subject_and_ages_come_on_top() {
    let world = world(3, 1_000, 10, 1_000);
    let mut play = Play::new(&[], &world);
    let partitions: BTreeSet<TopicPartition> =
        (0..10).map(|it| TopicPartition::new("topic-00007", it)).collect();
    play.schedule.need(Needs {
        members: (0..40).map(|it| format!("group-{it:05}")).collect(),
        ages: partitions.iter().map(|it| (it.clone(), Offset(5))).collect(),
        subject: Some(Subject::Group { name: "group-00007".to_owned(), partitions }),
        ..needs(&[])
    });
    play.run(1_999, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    0.00 Members@1 of 14
    0.00 Members@2 of 13
    0.00 Members@3 of 13
    0.00 Ages of 8
    0.00 SubjectEnds@1 of 3
    0.00 SubjectEnds@2 of 4
    0.00 SubjectEnds@3 of 3
    0.00 SubjectStableEnds@1 of 3
    0.00 SubjectStableEnds@2 of 4
    0.00 SubjectStableEnds@3 of 3
    0.00 SubjectCommits@2 of 1
    ");
    play.run(61_999, quick);
    assert_eq!(play.count(Kind::SubjectEnds, 0), 3 * 30);
    assert_eq!(play.count(Kind::SubjectCommits, 0), 30);
    assert_eq!(play.count(Kind::Members, 0), 3 * 6);
    assert_eq!(play.count(Kind::Ages, 0), 6);

    play.asked.clear();
    let subject = Some(Subject::Topic("topic-00007".to_owned()));
    play.schedule.need(Needs { subject, ..needs(&[]) });
    play.run(62_500, quick);
    insta::assert_snapshot!(play.transcript(), @r"
    62.00 SubjectPartitions
    62.00 SubjectEnds@1 of 3
    62.00 SubjectEnds@2 of 4
    62.00 SubjectEnds@3 of 3
    62.00 SubjectStableEnds@1 of 3
    62.00 SubjectStableEnds@2 of 4
    62.00 SubjectStableEnds@3 of 3
    ");
}
