//! Each cell of the lag table and each verdict by its own rule.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Our clock in all tests.
const NOW: Millis = Millis(100 * DAY);

fn wall(ms: u64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms as i64).unwrap()
}

fn now() -> Clocks {
    Clocks { monotonic: NOW, wall: wall(NOW.0) }
}

/// A partition that is read as fast as it is written: 76 records behind, 1 s late.
fn partition(number: i32) -> PartitionFacts {
    PartitionFacts {
        at: TopicPartition::new("orders", number),
        committed: Some(Offset(100_000)),
        start: Some(Offset(50_000)),
        end: Some(Offset(100_076)),
        appended: AppendedAt::At(Millis(NOW.0 - 1_000)),
        earliest: Some((Millis(NOW.0 - HOUR), Offset(60_000))),
        probe: None,
        read: Rate::PerSecond(100.0),
        incoming: Rate::PerSecond(76.0),
        unmoved_ms: Some(5_000),
        is_rewound: false,
        retention: Retention { deletes: Some(true), ms: Some(7 * DAY), bytes: None },
        size_bytes: Some(50_076_000),
        is_offline: false,
    }
}

fn group(partitions: Vec<PartitionFacts>) -> GroupFacts {
    let lag_samples = Vec::new();
    GroupFacts { kind: GroupKind::Committing, members: 3, partitions, lag_samples, rule: None }
}

fn verdict(group: &GroupFacts) -> Option<&'static str> {
    group.cells(now()).verdict.map(Verdict::name)
}

fn sentence(group: &GroupFacts) -> String {
    group.cells(now()).sentence(group).unwrap_or_else(|| "no verdict yet".to_owned())
}

fn probed(age_ms: u64) -> PartitionFacts {
    let time = wall(NOW.0 - age_ms);
    PartitionFacts { probe: Some(Probe { offset: Offset(100_000), time }), ..partition(2) }
}

#[test]
fn lag_is_summed_over_partitions_that_have_a_commit() {
    let bare = PartitionFacts { committed: None, ..partition(1) };
    let ahead = PartitionFacts { committed: Some(Offset(100_100)), ..partition(2) };
    let cells = group(vec![partition(0), bare.clone(), ahead]).cells(now());
    assert_eq!((cells.lag, cells.no_commit), (Lag::Records(76), 1));
    let cells = group(vec![bare.clone()]).cells(now());
    assert_eq!((cells.lag, cells.late, cells.eta), (Lag::NoCommit, Late::NoCommit, Eta::Done));
    assert_eq!((cells.expires, cells.verdict), (Expires::Never, Some(Verdict::Ok)));
    let unknown = PartitionFacts { end: None, ..partition(3) };
    let cells = group(vec![partition(0), unknown]).cells(now());
    assert_eq!((cells.lag, cells.verdict), (Lag::Unknown, None));
    let offline = PartitionFacts { end: None, is_offline: true, ..partition(3) };
    let cells = group(vec![partition(0), offline.clone()]).cells(now());
    assert_eq!((cells.lag, cells.verdict), (Lag::Records(76), Some(Verdict::Ok)));
    assert_eq!(group(vec![offline]).cells(now()).lag, Lag::Unknown);
    let share = GroupFacts { kind: GroupKind::Share, ..group(vec![bare]) };
    assert_eq!(share.cells(now()).no_commit, 0);
}

#[test]
fn the_arrow_is_the_slope_of_60_s_from_3_samples_and_5_percent() {
    let arrow = |lags: &[f32]| {
        let at = |n: usize| Millis(NOW.0 - (lags.len() - 1 - n) as u64 * 10_000);
        let samples: Vec<_> = lags.iter().enumerate().map(|(n, lag)| (at(n), *lag)).collect();
        trend::of(&samples)
    };
    assert_eq!(arrow(&[100.0, 200.0]), None);
    assert_eq!(arrow(&[100.0, 103.0, 106.0]), Some(Trend::Grows));
    assert_eq!(arrow(&[100.0, 102.0, 104.0]), Some(Trend::Steady));
    assert_eq!(arrow(&[100.0, 97.0, 94.0]), Some(Trend::Falls));
    assert_eq!(arrow(&[0.0, 0.0, 0.0]), Some(Trend::Steady));
    // What was before the last minute does not count, and one bad sample is no trend.
    assert_eq!(arrow(&[0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]), Some(Trend::Steady));
    assert_eq!(arrow(&[100.0, 100.0, 100.0, 160.0, 100.0, 100.0, 100.0]), Some(Trend::Steady));
}

#[test]
fn nobody_is_slow_before_all_of_it_is_measured() {
    // Three members that keep up; of one two commits were seen.
    let slow = |number, read| PartitionFacts {
        read,
        incoming: Rate::PerSecond(333.0),
        retention: Retention { deletes: Some(true), ms: Some(2 * HOUR), bytes: None },
        ..partition(number)
    };
    let begun = [Rate::PerSecond(350.0), Rate::NotYet, Rate::NotYet];
    let facts = group(begun.into_iter().zip(0..).map(|(read, it)| slow(it, read)).collect());
    let cells = facts.cells(now());
    assert_eq!((cells.read, cells.eta), (Rate::PerSecond(350.0), Eta::NotYet));
    assert_eq!(verdict(&facts), Some("ok"));
    let all = group((0..3).map(|it| slow(it, Rate::PerSecond(350.0))).collect());
    assert!(matches!(all.cells(now()).eta, Eta::In(_)));
    // Where nothing is unread, nothing is waited for.
    let done = PartitionFacts { end: Some(Offset(100_000)), ..slow(1, Rate::NotYet) };
    let cells = group(vec![slow(0, Rate::PerSecond(400.0)), done]).cells(now());
    assert_ne!(cells.eta, Eta::NotYet);
}

#[test]
fn late_says_how_it_is_known() {
    let late = |it: PartitionFacts| late::of(&it, now());
    assert_eq!(late(probed(12 * MINUTE)), Late::Read(12 * MINUTE));
    assert_eq!(late(partition(0)), Late::Estimated(1_000));
    let before = AppendedAt::Before(Millis(NOW.0 - 30 * MINUTE));
    let old = PartitionFacts { appended: before, ..partition(0) };
    assert_eq!(late(old.clone()), Late::OlderThan(30 * MINUTE));
    let done = PartitionFacts { end: Some(Offset(100_000)), ..old.clone() };
    assert_eq!(late(done), Late::CaughtUp);
    assert_eq!(late(PartitionFacts { committed: None, ..old.clone() }), Late::NoCommit);
    // A record was read at 90,000, our history begins at 110,000, the commit is half way.
    let probe = Some(Probe { offset: Offset(90_000), time: wall(NOW.0 - 90 * MINUTE) });
    let earliest = Some((Millis(NOW.0 - 30 * MINUTE), Offset(110_000)));
    let moved = PartitionFacts { probe, earliest, ..old };
    assert_eq!(late(moved), Late::Estimated(60 * MINUTE));
    // A record from the future is no lag.
    let time = wall(NOW.0 + HOUR);
    let future = Some(Probe { offset: Offset(100_000), time });
    assert_eq!(late(PartitionFacts { probe: future, ..partition(0) }), Late::Read(0));
    // The worst is told.
    let all = [Late::Read(5), Late::OlderThan(5), Late::CaughtUp, Late::Unknown, Late::NoCommit];
    assert_eq!(late::worst(all.into_iter()), Late::OlderThan(5));
}

#[test]
fn eta_is_never_stop_or_a_time() {
    let of = |lag, read, incoming| eta(lag, Rate::PerSecond(read), Rate::PerSecond(incoming));
    assert_eq!(of(Lag::Records(0), 0.0, 0.0), Eta::Done);
    assert_eq!(of(Lag::NoCommit, 0.0, 0.0), Eta::Done);
    assert_eq!(of(Lag::Records(1_000), 150.0, 50.0), Eta::In(10_000));
    assert_eq!(of(Lag::Records(1_000), 50.0, 50.0), Eta::Never);
    assert_eq!(of(Lag::Records(1_000), 0.0, 0.0), Eta::Stop);
    // Noise: sixteen days, by the numbers.
    assert_eq!(of(Lag::Records(82_900), 10_300.06, 10_300.0), Eta::Never);
    assert_eq!(of(Lag::Records(i64::MAX), 2e-9, 1e-9), Eta::In(u64::MAX));
    assert_eq!(eta(Lag::Records(1), Rate::NotYet, Rate::NotYet), Eta::NotYet);
}

#[test]
fn expires_is_the_earliest_of_time_and_size_and_the_least_over_partitions() {
    let expires = |it: &PartitionFacts| expires::of(it, late::of(it, now()));
    let by_time = probed(6 * DAY);
    assert_eq!(expires(&by_time), Expires::In(DAY));
    // 1,000 bytes a record, 76 records a second; 76,000 bytes are unread.
    let bytes = Some(76_000 + 76_000 * 60);
    let retention = Retention { bytes, ..by_time.retention };
    let by_size = PartitionFacts { retention, ..by_time.clone() };
    assert_eq!(expires(&by_size), Expires::In(MINUTE));
    let full = Retention { bytes: Some(75_000), ..retention };
    assert_eq!(expires(&PartitionFacts { retention: full, ..by_time.clone() }), Expires::In(0));
    let lost = PartitionFacts { start: Some(Offset(100_010)), ..by_time.clone() };
    assert_eq!(expires(&lost), Expires::Lost(10));
    let compacted = Retention { deletes: Some(false), ..retention };
    let compacted = PartitionFacts { retention: compacted, ..by_time.clone() };
    assert_eq!(expires(&compacted), Expires::Never);
    let forever = Retention { ms: None, bytes: None, deletes: Some(true) };
    assert_eq!(expires(&PartitionFacts { retention: forever, ..partition(0) }), Expires::Never);
    let read = PartitionFacts { end: Some(Offset(100_000)), ..by_time.clone() };
    assert_eq!(expires(&read), Expires::Never);
    let unknown = PartitionFacts { retention: Retention::default(), ..by_time.clone() };
    assert_eq!(expires(&unknown), Expires::Unknown);
    let of = |all: Vec<PartitionFacts>| group(all).cells(now()).expires;
    assert_eq!(of(vec![by_time.clone(), by_size, compacted]), Expires::In(MINUTE));
    assert_eq!(of(vec![by_time, lost.clone(), lost]), Expires::Lost(20));
}

#[test]
fn each_verdict_by_its_own_rule() {
    let still = |it: PartitionFacts| PartitionFacts {
        unmoved_ms: Some(MINUTE),
        appended: AppendedAt::At(Millis(NOW.0 - MINUTE)),
        ..it
    };
    assert_eq!(verdict(&group(vec![partition(0)])), Some("ok"));
    assert_eq!(verdict(&group(vec![probed(5 * MINUTE)])), Some("ok"));
    assert_eq!(verdict(&group(vec![probed(5 * MINUTE + 1)])), Some("behind"));
    let nobody = GroupFacts { members: 0, ..group(vec![partition(0)]) };
    assert_eq!(verdict(&nobody), Some("stopped"));
    let rewound = PartitionFacts { is_rewound: true, ..partition(0) };
    assert_eq!(verdict(&group(vec![rewound.clone()])), Some("rewound"));
    let share = GroupFacts { kind: GroupKind::Share, ..group(vec![rewound]) };
    assert_eq!(verdict(&share), Some("ok"));
    assert_eq!(verdict(&group(vec![still(partition(0))])), Some("stalled"));
    // One commit moved; or the records came only now.
    assert_eq!(verdict(&group(vec![still(partition(0)), partition(1)])), Some("ok"));
    let fresh = PartitionFacts { unmoved_ms: Some(HOUR), ..partition(0) };
    assert_eq!(verdict(&group(vec![fresh])), Some("ok"));
    let lost = PartitionFacts { start: Some(Offset(100_001)), ..partition(0) };
    assert_eq!(verdict(&group(vec![lost])), Some("lost"));
}

#[test]
fn losing_is_under_an_hour_or_before_the_eta_or_within_a_day_without_one() {
    let losing = |left_ms, eta| is_losing(Expires::In(left_ms), eta);
    assert!(losing(HOUR - 1, Eta::In(1_000)) && !losing(HOUR, Eta::In(1_000)));
    assert!(losing(2 * HOUR, Eta::In(3 * HOUR)) && !losing(3 * HOUR, Eta::In(3 * HOUR)));
    for eta in [Eta::Never, Eta::Stop] {
        assert!(losing(DAY - 1, eta) && !losing(DAY, eta));
    }
    assert!(!losing(2 * HOUR, Eta::NotYet));
    assert!(!is_losing(Expires::Never, Eta::Never) && !is_losing(Expires::Unknown, Eta::Stop));
}

#[test]
fn who_keeps_up_loses_nothing_however_short_records_are_kept() {
    let reads = |late, keeps| {
        let mut it = probed(late);
        (it.read, it.incoming) = (Rate::PerSecond(1_000.0), Rate::PerSecond(1_000.0));
        it.retention.ms = Some(keeps);
        verdict(&group(vec![it]))
    };
    assert_eq!(reads(1_000, 12 * HOUR), Some("ok"));
    assert_eq!(reads(1_000, 30 * MINUTE), Some("ok"));
    assert_eq!(reads(14 * MINUTE, 30 * MINUTE), Some("behind"));
    assert_eq!(reads(15 * MINUTE, 30 * MINUTE), Some("losing"));
    assert_eq!(reads(6 * HOUR, 12 * HOUR), Some("losing"));
    // By size: what is unread fills half of what is kept, or does not.
    let fills = |share: u64| {
        let mut it = probed(1_000);
        (it.read, it.incoming) = (Rate::PerSecond(1.0), Rate::PerSecond(1_000.0));
        // 76 records of 1,000 bytes.
        it.retention.bytes = Some(76_000 * share);
        expires::is_worn(&it, late::of(&it, now()))
    };
    assert!(fills(2) && !fills(3));
}

#[test]
fn behind_follows_the_users_rule_and_is_open_while_an_age_is_not_known() {
    let with = |lag, late_ms, it: PartitionFacts| {
        verdict(&GroupFacts { rule: Some(BehindRule { lag, late_ms }), ..group(vec![it]) })
    };
    assert_eq!(with(Some(75), None, partition(0)), Some("behind"));
    assert_eq!(with(Some(76), None, partition(0)), Some("ok"));
    assert_eq!(with(None, Some(999), partition(0)), Some("behind"));
    assert_eq!(with(None, Some(HOUR), probed(30 * MINUTE)), Some("ok"));
    let since = |minutes| PartitionFacts {
        appended: AppendedAt::Before(Millis(NOW.0 - minutes * MINUTE)),
        ..partition(0)
    };
    assert_eq!(verdict(&group(vec![since(5)])), None);
    assert_eq!(verdict(&group(vec![since(6)])), Some("behind"));
}

/// What makes each verdict, in rising order of precedence.
fn ailing(verdict: Verdict) -> GroupFacts {
    let mut it = probed(6 * MINUTE);
    let mut members = 3;
    if Verdict::Stopped <= verdict {
        members = 0;
    }
    if Verdict::Rewound <= verdict {
        it.is_rewound = true;
    }
    if Verdict::Stalled <= verdict {
        members = 3;
        (it.unmoved_ms, it.appended) = (Some(HOUR), AppendedAt::At(Millis(NOW.0 - HOUR)));
        it.read = Rate::PerSecond(0.0);
    }
    if Verdict::Losing <= verdict {
        it.retention.ms = Some(10 * MINUTE);
    }
    if Verdict::Lost <= verdict {
        it.start = Some(Offset(100_050));
    }
    let fine = PartitionFacts { unmoved_ms: it.unmoved_ms, read: it.read, ..partition(1) };
    let first = if verdict == Verdict::Ok { partition(2) } else { it };
    GroupFacts { members, ..group(vec![fine, first]) }
}

const RISING: [Verdict; 7] = [
    Verdict::Ok,
    Verdict::Behind,
    Verdict::Stopped,
    Verdict::Rewound,
    Verdict::Stalled,
    Verdict::Losing,
    Verdict::Lost,
];

#[test]
fn the_worst_verdict_is_told_in_one_sentence() {
    let mut text = String::new();
    for wanted in RISING {
        let group = ailing(wanted);
        let cells = group.cells(now());
        assert_eq!(cells.verdict, Some(wanted));
        text += &format!("{:>4} {}\n", wanted.level().name(), sentence(&group));
    }
    insta::assert_snapshot!(text, @"
      ok ok: 152 records are unread, ~1s late
    warn behind: the oldest unread record of orders-2 is 6m00s old, 152 records are unread, and eta 3s
    warn stopped: no member reads, 152 records are unread, most of orders-1, 6m00s late
    warn rewound: commits of orders-2 were set back, 152 records are unread, and eta 3s
     bad stalled: 3 members, but no commit moved for 1h00m, 152 records are unread, most of orders-1
     bad losing: unread records of orders-2 expire in 4m00s, and nothing is read
     bad lost: 50 records were deleted before being read, most of orders-2, and nothing is read
    ");
}

#[test]
fn the_sentence_of_the_page() {
    let mut it = probed(3 * HOUR + 5 * MINUTE);
    (it.read, it.incoming) = (Rate::PerSecond(812.0), Rate::PerSecond(1_240.0));
    it.retention.ms = Some(4 * HOUR + 17 * MINUTE);
    let lag_samples = (0..3).map(|n| (Millis(NOW.0 + n * 10_000), 4.0e6 + 2.0e5 * n as f32));
    let group = GroupFacts { lag_samples: lag_samples.collect(), ..group(vec![it]) };
    insta::assert_snapshot!(sentence(&group), @"losing: unread records of orders-2 expire in 1h12m, and lag grows (eta never)");
    let bare = |number| PartitionFacts { committed: None, ..partition(number) };
    let quiet = GroupFacts { partitions: (0..6).map(bare).collect(), ..group.clone() };
    insta::assert_snapshot!(sentence(&quiet), @"ok: nothing is committed yet, so there is no lag");
    let mixed = GroupFacts { partitions: vec![bare(0), partition(1)], ..group.clone() };
    insta::assert_snapshot!(sentence(&mixed), @"ok: 76 records are unread, ~1s late, 1 partition has no commit");
    let of_one = group.partition_cells(&TopicPartition::new("orders", 2), now()).unwrap();
    assert_eq!((of_one.verdict, of_one.trend), (Some(Verdict::Losing), None));
}

#[test]
fn share_groups_have_start_offsets_and_no_commit_words() {
    let share = |group| GroupFacts { kind: GroupKind::Share, ..group };
    let bare = PartitionFacts { committed: None, ..partition(0) };
    let mut text = sentence(&share(group(vec![bare]))) + "\n";
    for verdict in RISING {
        text += &(sentence(&share(ailing(verdict))) + "\n");
    }
    assert!(!text.contains("commit") && text.contains("no start offset moved"), "{text}");
}

#[test]
fn facts_come_from_the_history() {
    let (mut ends, mut commits) = (EndHistory::with_marks(), CommittedHistory::default());
    for n in 0..=12 {
        let at = Millis(NOW.0 - 60_000 + n * 5_000);
        ends.observe(at, Offset(99_400 + n as i64 * 50));
        commits.observe(at, Offset(99_000 + n as i64 * 50));
    }
    let it = PartitionFacts { committed: Some(Offset(99_600)), end: ends.latest(), ..partition(0) };
    let group = group(vec![it.watched(NOW, Millis(0), Some(&ends), Some(&commits))]);
    let cells = group.cells(now());
    assert_eq!(cells.read, Rate::PerSecond(10.0));
    assert_eq!(cells.incoming, Rate::PerSecond(10.0));
    assert_eq!((cells.lag, cells.eta), (Lag::Records(400), Eta::Never));
    assert_eq!(cells.late, Late::Estimated(39_950));
}

fn any_partition() -> impl Strategy<Value = PartitionFacts> {
    let offsets = (prop::option::of(0_i64..2_000), 0_i64..1_000, 0_i64..2_000);
    let rates = (0.0_f64..100.0, 0.0_f64..100.0);
    let flags = (any::<bool>(), any::<bool>(), 0_u64..2 * HOUR);
    (0_i32..50, offsets, rates, flags).prop_map(|(number, offsets, rates, flags)| {
        let mut it = partition(number);
        (it.committed, it.start) = (offsets.0.map(Offset), Some(Offset(offsets.1)));
        it.end = Some(Offset(offsets.1 + offsets.2));
        (it.read, it.incoming) = (Rate::PerSecond(rates.0), Rate::PerSecond(rates.1));
        (it.is_rewound, it.unmoved_ms) = (flags.0, flags.1.then_some(flags.2));
        it.appended = AppendedAt::At(Millis(NOW.0 - flags.2));
        it
    })
}

proptest! {
    #[test]
    fn a_shuffled_history_gives_the_same_row(
        (partitions, shuffled) in prop::collection::btree_map(0_i32..50, any_partition(), 0..12)
            .prop_map(|all| all.into_iter().map(|(number, it)| {
                PartitionFacts { at: TopicPartition::new("orders", number), ..it }
            }).collect::<Vec<_>>())
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        (samples, mixed) in prop::collection::vec(0.0_f32..1.0e6, 0..10)
            .prop_map(|all| (0_u64..).map(|n| Millis(NOW.0 + n * 7_000)).zip(all).collect::<Vec<_>>())
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        members in 0_usize..3,
    ) {
        let one = GroupFacts { members, lag_samples: samples, ..group(partitions) };
        let other = GroupFacts { members, lag_samples: mixed, ..group(shuffled) };
        let (one_cells, other_cells) = (one.cells(now()), other.cells(now()));
        prop_assert_eq!(one_cells.sentence(&one), other_cells.sentence(&other));
        prop_assert_eq!(one_cells, other_cells);
    }

    #[test]
    fn the_group_is_as_bad_as_its_lost_partitions(partitions in prop::collection::vec(any_partition(), 1..8)) {
        let is_lost = partitions.iter().any(|it| it.committed.is_some_and(|at| at < it.start.unwrap()));
        let cells = group(partitions).cells(now());
        prop_assert_eq!(is_lost, cells.verdict == Some(Verdict::Lost));
        prop_assert_eq!(is_lost, matches!(cells.expires, Expires::Lost(_)));
    }
}
