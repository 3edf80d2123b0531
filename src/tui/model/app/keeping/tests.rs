//! A restart, with what was kept and without it.

use std::collections::BTreeSet;

use kt_protocol::types::{Now, Timestamp};

use super::*;
use crate::tui::history::kept::simulated::SimulatedMedium;
use crate::tui::history::kept::{Draft, KeptFile, Past};
use crate::tui::model::msg::Msg;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town, WALL};

const MINUTE: u64 = 60_000;

/// A dashboard that keeps its history, from `later` on.
fn opened(later: u64) -> Stage {
    let mut stage = Stage::open_later(Town::troubled(), 80, 24, later);
    stage.app.keep_history();
    stage
}

/// What it wants to be done with its history.
fn effects(stage: &mut Stage) -> (Option<BTreeSet<Subject>>, Vec<Minute>) {
    let (mut recalled, mut minutes) = (None, Vec::new());
    for effect in stage.done.drain(..) {
        match effect {
            Effect::Recall { alive, .. } => recalled = Some(alive),
            Effect::Keep(minute) => minutes.push(minute),
            _ => {}
        }
    }
    (recalled, minutes)
}

/// A file with these minutes.
fn kept(minutes: Vec<Minute>) -> SimulatedMedium {
    let medium = SimulatedMedium::default();
    let mut file = KeptFile::open(medium.clone()).unwrap();
    file.claim("cluster").unwrap();
    let mut draft = Draft::default();
    for minute in minutes {
        if !draft.takes(&minute) {
            file.append(&std::mem::take(&mut draft)).unwrap();
        }
        draft.add(minute);
    }
    file.append(&draft).unwrap();
    medium
}

fn recall(stage: &mut Stage, medium: &SimulatedMedium, alive: BTreeSet<Subject>, now: Now) {
    let mut past = Past::new(now, alive);
    let mut file = KeptFile::open(medium.clone()).unwrap();
    for extent in file.scan().unwrap().blocks {
        past.add(&file.block(&extent).unwrap().unwrap());
    }
    stage.tell(Msg::Kept(KeptNews::Past(past.into_lines().collect())));
    stage.tell(Msg::Kept(KeptNews::Recalled { damaged: 0 }));
}

fn rates(stage: &mut Stage) -> String {
    let shown = stage.shown();
    let lines = shown.lines().skip_while(|it| !it.contains("   rates"));
    lines.take(4).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_restart_shows_the_chart_of_the_run_before() {
    let mut first = opened(0);
    first.pass(16 * MINUTE + 20_000);
    let (recalled, mut minutes) = effects(&mut first);
    assert!(recalled.is_some_and(|it| it.contains(&Subject::Topic("orders".to_owned()))));
    assert_eq!(minutes.len(), 16);
    let wall = WALL / 60_000;
    assert!(minutes.iter().map(|it| it.minute).eq(wall..wall + 16));
    minutes.extend(first.app.last_minute());
    assert_eq!(minutes.len(), 17);
    let medium = kept(minutes);
    // Five minutes nobody looks. Then the chart begins anew, and then the old one is there.
    let later = 22 * MINUTE;
    let mut second = opened(later);
    second.pass(2 * MINUTE);
    let mut text = format!("{}\n\n", rates(&mut first));
    text += &format!("{}\n\n", rates(&mut second));
    let (recalled, minutes) = effects(&mut second);
    assert_eq!(minutes.len(), 2);
    let now = Now {
        monotonic: second.millis(),
        wall: Timestamp(WALL + i64::try_from(later + 2 * MINUTE).unwrap()),
    };
    recall(&mut second, &medium, recalled.unwrap(), now);
    text += &rates(&mut second);
    insta::assert_snapshot!(text, @"
    rates               now      peak -30m                                 now
    records in      78.5K/s   78.5K/s                   ⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶
    bytes in      15.0MiB/s 15.0MiB/s                   ⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶
    records out ~   36.7K/s   37.7K/s                   ⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶

    rates               now      peak -30m                                 now
    records in      78.5K/s   78.5K/s                                     ⢰⣶⣶⡆
    bytes in      15.0MiB/s 15.0MiB/s                                     ⢰⣶⣶⡆
    records out ~   36.7K/s   36.7K/s                                      ⣶⣶⡆

    rates               now      peak -30m                                 now
    records in      78.5K/s   78.5K/s        ⢰⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⡆     ⢰⣶⣶⡆
    bytes in      15.0MiB/s 15.0MiB/s        ⢰⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⡆     ⢰⣶⣶⡆
    records out ~   36.7K/s   37.7K/s        ⢰⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⡆     ⢰⣶⣶⡆
    ");
    assert!(second.app.has_recalled());
}

#[test]
fn a_topic_and_a_group_have_their_past_too() {
    let mut first = opened(0);
    first.pass(20 * MINUTE);
    let (_, minutes) = effects(&mut first);
    let medium = kept(minutes);
    let mut second = opened(21 * MINUTE);
    second.pass(30_000);
    let (recalled, _) = effects(&mut second);
    let now = Now {
        monotonic: second.millis(),
        wall: Timestamp(WALL + i64::try_from(21 * MINUTE + 30_000).unwrap()),
    };
    recall(&mut second, &medium, recalled.unwrap(), now);
    second.tell(Msg::Resize(160, 50));
    second.go_to(Screen::Topics);
    let topics: Vec<String> = second.body().lines().take(5).map(str::to_owned).collect();
    second.go_to(Screen::Groups);
    let groups: Vec<String> = second.body().lines().take(5).map(str::to_owned).collect();
    insta::assert_snapshot!(format!("{}\n\n{}", topics.join("\n"), groups.join("\n")), @"
     topics  8   4 bad  1 unknown                                                                                                            sort level, name  live
       topic                                        part rf min faults    rec/s     B/s records    size  keep sprd skew lskw grp  worst rec/s, last 30m
    >✗ clickstream-web-raw-eu-west-1                  48  3   2 min7 urp9 41.0K  7.8MiB    149M 27.7GiB    7d 100%   0%  66%   1    21m        ⢰⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⣶⡆⣶
     ✗ metrics-host-1m                                24  3   2 min3 urp5 11.8K  2.2MiB   63.2M 11.8GiB    7d 100%   0%  66%   1    11s        ⢠⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⡄⣤
     ✗ orders                                         12  3   2 off2 min4 10.3K  2.0MiB  ~33.3M  6.9GiB    7d 100%   0%   0%   2    16m        ⢠⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⡄⣤

     groups  8   3 warn  1 unknown                                                                                                           sort level, late  live
       group                                    type     state       mbr   tp  part    lag   late  in/s read/s   eta expires  n/c verdict lag, last 30m
    >▲ nightly-report                           Classic  Empty         0    1     6 14.3M→    57m  4116      …     …   6d23h      stopped                          ⣶
     ▲ search-indexer                           Consumer Stable        3    1    48 53.8M→    21m 41.0K      …     …   6d23h      behind                           ⣤
     ▲ billing-export                           Classic  Stable        3    1    12 10.4M→   ~16m 10.3K   5000 never   6d23h      behind         ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣠⣤⣤⣤⣤⣤⣤⡄⣤
    ");
}

#[test]
fn what_ends_the_keeping_is_one_line_and_the_dashboard_goes_on() {
    let mut stage = opened(0);
    stage.pass(2 * MINUTE);
    assert_eq!(effects(&mut stage).1.len(), 2);
    stage.tell(Msg::Kept(KeptNews::Ended("/h: No space left on device".to_owned())));
    let shown = stage.shown();
    let line = shown.lines().nth(22).unwrap();
    assert_eq!(line, " ▲ history is kept no longer: /h: No space left on device");
    stage.pass(3 * MINUTE);
    assert_eq!(effects(&mut stage).1.len(), 0);
    assert_eq!(stage.app.last_minute(), None);
}

#[test]
fn without_being_asked_nothing_is_kept() {
    let mut stage = Stage::open(Town::troubled(), 80, 24);
    stage.pass(3 * MINUTE);
    let (recalled, minutes) = effects(&mut stage);
    assert!(recalled.is_none() && minutes.is_empty());
    assert_eq!(stage.app.last_minute(), None);
}
