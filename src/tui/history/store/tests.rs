//! The cap, the accounting, and who gives way when memory is short.

use proptest::prelude::*;

use super::*;
use crate::tui::history::kept::PastLine;
use crate::tui::history::series::PastSeries;

const MINUTE: u64 = 60_000;

fn topic(name: &str) -> Subject {
    Subject::Topic(name.to_owned())
}

/// What the values themselves take, walked: boxes, rings, names; of the trees only the entries.
fn walked(store: &Store) -> usize {
    let mut bytes = 0;
    for (subject, lines) in &store.lines {
        bytes += size_of::<(Subject, Box<Lines>)>() + size_of::<Lines>();
        bytes += match subject {
            Subject::Group(name) | Subject::Topic(name) => name.capacity(),
            Subject::Broker(_) | Subject::Total => 0,
        };
        bytes += lines.series.capacity() * size_of::<(Metric, Series)>();
        for (_, series) in &lines.series {
            let week = if store.reach == Reach::Week { 504 * 4 } else { 0 };
            bytes += 360 * 4 + if series.has_minutes() { 1_440 * 4 + week } else { 0 };
        }
    }
    for (name, partitions) in &store.ends {
        bytes += size_of::<(String, BTreeMap<i32, Box<EndHistory>>)>() + name.capacity();
        for history in partitions.values() {
            bytes += size_of::<(i32, Box<EndHistory>)>() + size_of::<EndHistory>();
            bytes += if history.has_marks() { 60 * 8 } else { 0 };
        }
    }
    for (name, partitions) in &store.commits {
        bytes += size_of::<(String, BTreeMap<TopicPartition, Box<u8>>)>() + name.capacity();
        for at in partitions.keys() {
            bytes += size_of::<(TopicPartition, Box<u8>)>() + size_of::<CommittedHistory>();
            bytes += at.topic.capacity();
        }
    }
    bytes
}

#[test]
fn the_size_of_the_page_takes_about_43_mb() {
    let mut store = Store::default();
    fill(&mut store);
    let (counted, true_bytes) = (store.bytes() / 1_000_000, walked(&store) / 1_000_000);
    assert_eq!((counted, true_bytes, store.shortened()), (51, 46, 0));
}

/// 1,000 topics of 10 partitions, and 1,000 groups of 10 commits.
fn fill(store: &mut Store) {
    for topic in 0..1_000 {
        let name = format!("topic-{topic:04}");
        for metric in [Metric::RecordsIn, Metric::BytesIn] {
            store.push(Millis(0), &Subject::Topic(name.clone()), metric, 1.0);
        }
        for metric in [Metric::Lag, Metric::RecordsOut, Metric::GroupIn] {
            store.push(Millis(0), &Subject::Group(name.clone()), metric, 1.0);
        }
        for partition in 0..10 {
            let at = TopicPartition::new(name.clone(), partition);
            store.observe_end(Millis(0), &at, Offset(1));
            store.observe_commit(Millis(0), &name, &at, Offset(1));
        }
    }
}

#[test]
fn with_a_history_on_disk_that_size_still_fits() {
    let mut store = Store::default();
    store.reach_a_week();
    fill(&mut store);
    assert_eq!((store.bytes() / 1_000_000, store.shortened()), (61, 0));
}

#[test]
fn quiet_unseen_subjects_lose_their_minutes_first() {
    let mut store = Store::default();
    let mut push = |at: u64, subject: &Subject, value| {
        store.push(Millis(at), subject, Metric::RecordsIn, value);
    };
    push(0, &Subject::Total, 0.0);
    push(0, &Subject::Broker(1), 0.0);
    push(0, &topic("was busy"), 5.0);
    push(0, &topic("quiet"), 0.0);
    push(15 * MINUTE, &topic("busy"), 5.0);
    push(15 * MINUTE, &topic("seen"), 0.0);
    push(15 * MINUTE, &topic("seen and busy"), 5.0);
    push(0, &topic("was seen"), 0.0);
    store.see(Millis(0), &topic("was seen"));
    store.see(Millis(15 * MINUTE), &topic("seen"));
    store.see(Millis(15 * MINUTE), &topic("seen and busy"));
    let order = store.least_wanted(Millis(16 * MINUTE));
    let order: Vec<String> = order.iter().map(|it| format!("{it:?}")).collect();
    insta::assert_snapshot!(order.join("\n"), @r#"
    Topic("quiet")
    Topic("was busy")
    Topic("was seen")
    Topic("busy")
    Topic("seen")
    Topic("seen and busy")
    "#);
}

#[test]
fn without_room_minutes_go_then_marks_and_then_nothing_new_comes() {
    let mut store = Store::capped(100_000);
    store.push(Millis(0), &Subject::Total, Metric::RecordsIn, 1.0);
    let mut text = String::new();
    for n in 0..120 {
        let name = format!("t{n:03}");
        let at = TopicPartition::new(name.clone(), 0);
        store.observe_end(Millis(n), &at, Offset(0));
        store.push(Millis(n), &topic(&name), Metric::RecordsIn, 1.0);
        if n % 10 == 9 {
            let marks = store.ends.values().flat_map(|it| it.values());
            let marks = marks.filter(|it| it.has_marks()).count();
            let (lines, ends) = (store.lines.len(), store.ends.len());
            let short = store.shortened();
            text += &format!("{n:>3}: {lines} lines, {short} short, {ends} ends, {marks} marked\n");
        }
    }
    let total = store.series(&Subject::Total, Metric::RecordsIn).unwrap();
    assert!(total.has_minutes());
    insta::assert_snapshot!(text, @"
      9: 11 lines, 2 short, 10 ends, 10 marked
     19: 21 lines, 17 short, 20 ends, 20 marked
     29: 30 lines, 29 short, 30 ends, 0 marked
     39: 30 lines, 29 short, 31 ends, 0 marked
     49: 30 lines, 29 short, 31 ends, 0 marked
     59: 30 lines, 29 short, 31 ends, 0 marked
     69: 30 lines, 29 short, 31 ends, 0 marked
     79: 30 lines, 29 short, 31 ends, 0 marked
     89: 30 lines, 29 short, 31 ends, 0 marked
     99: 30 lines, 29 short, 31 ends, 0 marked
    109: 30 lines, 29 short, 31 ends, 0 marked
    119: 30 lines, 29 short, 31 ends, 0 marked
    ");
}

#[test]
fn who_has_nothing_left_to_give_is_not_asked_again() {
    let mut store = Store::capped(100_000);
    let see_all = |store: &mut Store, from: u64| {
        for n in from..from + 500 {
            let at = TopicPartition::new(format!("t{n:04}"), 0);
            store.observe_end(Millis(n), &at, Offset(0));
            store.push(Millis(n), &topic(&at.topic), Metric::RecordsIn, 1.0);
            store.observe_commit(Millis(n), "g", &at, Offset(0));
        }
    };
    see_all(&mut store, 0);
    let walks = store.walks;
    assert!(walks < 40, "{walks} walks");
    see_all(&mut store, 500);
    assert_eq!(store.walks, walks, "it is full, and nothing changed");
    // What goes makes room for others.
    store.remove(&topic("t0000"));
    store.push(Millis(2_000), &topic("new"), Metric::RecordsIn, 1.0);
    assert!(store.series(&topic("new"), Metric::RecordsIn).is_some());
    assert!(store.walks <= walks + 1);
}

#[test]
fn who_is_looked_at_gets_minutes_again() {
    let mut store = Store::capped(60_000);
    for n in 0..12 {
        store.push(Millis(n), &topic(&format!("t{n:02}")), Metric::RecordsIn, 1.0);
    }
    let has = |store: &Store| store.series(&topic("t00"), Metric::RecordsIn).unwrap().has_minutes();
    assert!(!has(&store));
    store.see(Millis(99), &topic("t00"));
    assert!(has(&store) && store.bytes() <= 60_000);
}

#[test]
fn a_topic_made_again_has_no_rate_over_its_birth() {
    let mut store = Store::default();
    let at = TopicPartition::new("orders", 0);
    store.observe_end(Millis(0), &at, Offset(100));
    store.observe_end(Millis(5_000), &at, Offset(200));
    assert_eq!(store.topic_rate("orders", Millis(0)), Rate::PerSecond(20.0));
    let other = TopicPartition::new("refunds", 0);
    for it in [&at, &other] {
        store.observe_commit(Millis(5_000), "billing", it, Offset(200));
    }
    store.forget_topic("orders");
    for it in [&at, &other] {
        store.observe_commit(Millis(15_000), "billing", it, Offset(3));
    }
    let is_rewound = |it| store.commits_of("billing").unwrap()[it].is_rewound(Millis(15_000));
    assert!(!is_rewound(&at) && is_rewound(&other));
    assert_eq!(store.topic_rate("orders", Millis(0)), Rate::NotYet);
    store.observe_end(Millis(10_000), &at, Offset(9_000_000));
    assert_eq!(store.topic_rate("orders", Millis(0)), Rate::NotYet);
}

fn steps() -> impl Strategy<Value = Vec<(u8, u8, u16)>> {
    prop::collection::vec((0_u8..13, 0_u8..40, 0_u16..2_000), 1..300)
}

proptest! {
    #[test]
    fn accounting_is_never_below_the_truth_nor_above_the_cap(
        steps in steps(), cap in 20_000_usize..400_000, is_kept: bool,
    ) {
        let mut store = Store::capped(cap);
        if is_kept {
            store.reach_a_week();
        }
        let mut now = Millis(0);
        for (what, which, value) in steps {
            now = now + u64::from(value) * 60;
            let name = "n".repeat(usize::from(which) * 6);
            let at = TopicPartition::new(name.clone(), i32::from(which % 7));
            let offset = Offset(i64::from(value));
            match what {
                0 | 1 => store.push(now, &topic(&name), Metric::RecordsIn, f32::from(value)),
                2 => store.push(now, &topic(&name), Metric::BytesIn, 0.0),
                3 => store.push(now, &Subject::Group(name), Metric::Lag, f32::from(value)),
                4 => store.push(now, &Subject::Broker(i32::from(which)), Metric::Size, 1.0),
                5 | 6 => store.observe_end(now, &at, offset),
                7 | 8 => store.observe_commit(now, "g", &at, offset),
                9 => store.see(now, &topic(&name)),
                10 => store.remove(&topic(&name)),
                11 => {
                    let mut past = PastSeries::default();
                    past.push(now, f32::from(value));
                    let series = vec![(Metric::RecordsIn, past)];
                    store.recall(now, PastLine { subject: topic(&name), series });
                }
                _ => store.remove(&Subject::Group(if which < 20 { "g".to_owned() } else { name })),
            }
            let (walked, counted) = (walked(&store), store.bytes());
            prop_assert!(walked <= counted, "{} is walked, {} counted", walked, counted);
            prop_assert!(counted <= cap, "{} is over {}", counted, cap);
        }
    }

    #[test]
    fn what_is_removed_gives_its_memory_back(names in prop::collection::vec("[a-z]{0,40}", 1..40)) {
        let mut store = Store::default();
        let empty = store.bytes();
        for name in &names {
            let at = TopicPartition::new(name.clone(), 0);
            store.push(Millis(0), &topic(name), Metric::RecordsIn, 1.0);
            store.observe_end(Millis(0), &at, Offset(0));
            store.observe_commit(Millis(0), name, &at, Offset(0));
        }
        for name in &names {
            store.remove(&topic(name));
            store.remove(&Subject::Group(name.clone()));
        }
        prop_assert_eq!(store.bytes(), empty);
    }
}
