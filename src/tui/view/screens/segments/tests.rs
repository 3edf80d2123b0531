//! The segments as they stand on the screen, and the way down to the bytes.

use super::*;
use crate::tui::model::checks::Level;
use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::page::{About, Page as _, Target};
use crate::tui::model::screen::Screen;
use crate::tui::model::screens::records::line::{PAYLOAD_MAX, Payload};
use crate::tui::model::screens::segments::looking::{Goal, Look as Wanted, Looked};
use crate::tui::stage::{Stage, Town, WALL};

fn about() -> About {
    About::Partition { topic: "orders".to_owned(), partition: 1, offset: None }
}

fn open(width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(Town::small(), width, height);
    stage.go(&Target::about(Screen::Segments, about()));
    stage
}

/// What it wants to look at, once.
fn wanted(stage: &mut Stage) -> (u64, Wanted) {
    let found = stage.done.iter().position(|it| matches!(it, Effect::Look { .. }));
    match stage.done.remove(found.expect("it looks")) {
        Effect::Look { generation, look } => (generation, look),
        _ => unreachable!("it was found"),
    }
}

fn tell(stage: &mut Stage, generation: u64, looked: Looked) {
    stage.tell(Msg::Looked { generation, looked });
    stage.pass(1_000);
}

fn segment(base: i64, next: i64, size: u64) -> SegmentLine {
    SegmentLine {
        name: format!("{base:020}"),
        base_offset: base,
        next_offset: Some(next),
        size,
        first: Some(WALL - 80_000_000),
        last: Some(WALL - 2_000),
        bytes_per_entry: Some(4_096),
        has_index: true,
        ..SegmentLine::default()
    }
}

fn segments() -> Vec<SegmentLine> {
    vec![
        segment(0, 402_113, 512 << 20),
        SegmentLine {
            has_aborted: true,
            bytes_per_entry: Some(42_300),
            ..segment(402_113, 801_177, 512 << 20)
        },
        SegmentLine {
            has_index: false,
            bytes_per_entry: None,
            level: Level::Warn,
            ..segment(801_177, 1_178_004, 512 << 20)
        },
        SegmentLine { activity: Activity::Active, ..segment(1_178_004, 2_004_000, 498 << 20) },
    ]
}

fn batch(position: u64, first: i64, count: u64) -> BatchLine {
    BatchLine {
        name: format!("{position:020}"),
        position,
        first,
        offset: first.to_string(),
        count: Some(count),
        size: Some(49_254),
        codec: "zstd".to_owned(),
        epoch: Some(14),
        producer: Some((4_012, 3)),
        is_intact: true,
        ..BatchLine::default()
    }
}

fn batches() -> Vec<BatchLine> {
    vec![
        batch(0, 1_178_004, 120),
        BatchLine {
            codec: "none".to_owned(),
            size: Some(78),
            flags: "commit".to_owned(),
            ..batch(49_264, 1_178_124, 1)
        },
        BatchLine {
            is_intact: false,
            fault: Some("its checksum does not fit its bytes".to_owned()),
            ..batch(49_342, 1_178_125, 64)
        },
        BatchLine {
            count: None,
            offset: "–".to_owned(),
            codec: "–".to_owned(),
            epoch: None,
            producer: None,
            is_intact: false,
            fault: Some("it is no batch".to_owned()),
            ..batch(98_596, i64::MAX, 0)
        },
    ]
}

fn there(lines: Vec<SegmentLine>, log_end: Option<i64>) -> Looked {
    Looked::Segments { lines, log_end, directory: "/var/lib/kafka data/orders-1".to_owned() }
}

fn page(lines: Vec<BatchLine>, more_at: Option<u64>) -> Looked {
    Looked::Batches { lines, more_at, found: None }
}

fn full(width: u16, height: u16) -> Stage {
    let mut stage = open(width, height);
    let (generation, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Segments { .. }));
    tell(&mut stage, generation, there(segments(), Some(2_004_000)));
    let (generation, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Batches { base: 1_178_004, position: 0, .. }), "{look:?}");
    tell(&mut stage, generation, page(batches(), Some(147_850)));
    stage
}

#[test]
fn segments_and_the_batches_of_the_one_under_the_cursor() {
    insta::assert_snapshot!(full(80, 24).shown(), @"
     prod-eu      OK            brk 3/3     ctl 101 MkU3…M2Qk PROTECTED          4s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     segments  orders-1  hw 2003301  end 2004000                          isr 3,1,2
       base offset records    size first          last            B/idx state
                 0    402K  512MiB 11-20 16:46:40 14:59:58.000   4.0KiB closed
            402113    399K  512MiB 11-20 16:46:40 14:59:58.000    41KiB closed txn
     ▲      801177    377K  512MiB 11-20 16:46:40 14:59:58.000        – no index
    >      1178004    826K  498MiB 11-20 16:46:40 14:59:58.000   4.0KiB active hw
    ── batches of 1178004 ──────────────────────────────────────────────────────────
         position     offset count    size codec  epoch producer   crc  flags
                0    1178004   120 48.1KiB zstd      14 4012/3     ok
            49264    1178124     1      78 none      14 4012/3     ok   commit
     ✗      49342    1178125    64 48.1KiB zstd      14 4012/3     BAD  its checksu…
     ✗      98596          –     – 48.1KiB –          – –          BAD  it is no ba…









     Enter batch, record, bytes  Tab pane  @ go to  v hex  / filter  o save  ? help
    ");
    let wide: Vec<String> = full(160, 50).body().lines().take(8).map(str::to_owned).collect();
    insta::assert_snapshot!(wide.join("\n"), @"
     segments  orders-1  hw 2003301  end 2004000                                                                                                          isr 3,1,2
       base offset records    size first          last            B/idx state
                 0    402K  512MiB 11-20 16:46:40 14:59:58.000   4.0KiB closed
            402113    399K  512MiB 11-20 16:46:40 14:59:58.000    41KiB closed txn
     ▲      801177    377K  512MiB 11-20 16:46:40 14:59:58.000        – no index
    >      1178004    826K  498MiB 11-20 16:46:40 14:59:58.000   4.0KiB active hw
    ── batches of 1178004 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         position     offset count    size codec  epoch producer   crc  flags
    ");
    insta::assert_snapshot!(full(40, 12).shown(), @"
     prod-eu  OK                         4s
     segments  orders-1  hw 2003301
       base offset    size state
                 0  512MiB closed
            402113  512MiB closed txn
     ▲      801177  512MiB no index
    >      1178004  498MiB active hw
    ── batches of 1178004 ──────────────────
         position     offset crc
                0    1178004 ok
            49264    1178124 ok
     Enter batch, record, bytes  ? help
    ");
    full(20, 5).shown();
}

#[test]
fn without_a_directory_it_says_how_to_give_one() {
    let mut stage = open(80, 24);
    insta::assert_snapshot!(stage.body(), @"
    segments  orders-1  hw 2003100                                       isr 3,1,2
      reading orders-1
    ");
    let (generation, _) = wanted(&mut stage);
    tell(&mut stage, generation, Looked::NoData);
    insta::assert_snapshot!(stage.body(), @"
    segments  orders-1  hw 2003301                                       isr 3,1,2
      segments: no local data directory;
      start with kt serve --dashboard or give --data DIR
    ");
    assert!(stage.app.is_settled());
    stage.pass(20_000);
    assert!(!stage.done.iter().any(|it| matches!(it, Effect::Look { .. })), "there is nothing");
}

#[test]
fn a_directory_without_the_partition_says_so_and_is_looked_at_again() {
    let mut stage = open(80, 24);
    let (generation, _) = wanted(&mut stage);
    tell(&mut stage, generation, Looked::Failed("no directory has orders-1".to_owned()));
    insta::assert_snapshot!(stage.body(), @"
    segments  orders-1  hw 2003301                                       isr 3,1,2
      no directory has orders-1
    ");
    stage.pass(10_000);
    assert!(matches!(wanted(&mut stage).1, Wanted::Segments { .. }));
}

#[test]
fn the_way_leads_down_to_the_bytes_and_up_again() {
    let mut stage = full(80, 24);
    stage.type_keys("<Tab>g<Enter>");
    let (generation, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Records { position: 0, .. }), "{look:?}");
    let record = RecordLine {
        name: "1:1178004".to_owned(),
        partition: 1,
        offset: 1_178_004,
        timestamp: Some(WALL),
        key: Payload::new(Some(b"k"), PAYLOAD_MAX),
        value: Payload::new(Some(b"{\"id\":88215,\"total\":740.5}"), PAYLOAD_MAX),
        ..RecordLine::default()
    };
    tell(&mut stage, generation, Looked::Records(vec![record]));
    let below = |stage: &mut Stage| {
        let body = stage.body();
        let from = body.lines().skip_while(|it| !it.starts_with('─'));
        from.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(below(&mut stage), @r#"
    ── records of 1178004 at byte 0 ────────────────────────────────────────────────
       part     offset time +01:00    key               size value
    >     1    1178004 15:00:00.000   k                   26 {"id":88215,"total":74…
    "#);
    stage.type_keys("<Enter>");
    insta::assert_snapshot!(below(&mut stage), @r#"
    ── bytes of 1178004 at byte 0 ──────────────────────────────────────────────────
     key
     00000000  6b                                                k
     value
     00000000  7b 22 69 64 22 3a 38 38  32 31 35 2c 22 74 6f 74  {"id":88215,"tot
     00000010  61 6c 22 3a 37 34 30 2e  35 7d                    al":740.5}
    "#);
    stage.type_keys("<Esc><Esc>");
    assert_eq!(stage.app.pages.segments.depth, Depth::Batches);
    // The last batch in sight asks for the next page.
    stage.type_keys("G");
    let (_, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Batches { position: 147_850, .. }), "{look:?}");
}

#[test]
fn another_segment_has_other_batches_and_an_offset_leads_to_its_own() {
    let mut stage = full(80, 24);
    stage.type_keys("k");
    let (generation, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Batches { base: 801_177, .. }), "{look:?}");
    tell(&mut stage, generation, page(Vec::new(), None));
    stage.done.clear();
    stage.type_keys("@500000<Enter>");
    let (generation, _) = wanted(&mut stage);
    tell(&mut stage, generation, there(segments(), None));
    let (generation, look) = wanted(&mut stage);
    assert!(
        matches!(look, Wanted::Batches { base: 402_113, goal: Some(Goal::Offset(500_000)), .. }),
        "{look:?}"
    );
    let lines = vec![batch(700, 499_990, 9), batch(900, 499_999, 9), batch(950, 500_008, 9)];
    let (more_at, found) = (None, Some(900));
    tell(&mut stage, generation, Looked::Batches { lines, more_at, found });
    assert_eq!(stage.app.pages.segments.batches.line().map(|it| it.position), Some(900));
    assert_eq!(stage.app.pages.segments.pane, 1);
}

#[test]
fn a_time_leads_to_the_segment_that_has_it() {
    let mut stage = full(80, 24);
    stage.done.clear();
    // The segments end two seconds before the start of the stage.
    stage.type_keys("@-1h<Enter>");
    let (generation, _) = wanted(&mut stage);
    tell(&mut stage, generation, there(segments(), Some(2_004_000)));
    let (_, look) = wanted(&mut stage);
    let Wanted::Batches { base, goal: Some(Goal::Time(time)), .. } = look else {
        panic!("{look:?}")
    };
    assert_eq!(base, 0, "each of them has records up to now: the first one is meant");
    assert!((WALL - 3_600_000..WALL - 3_500_000).contains(&time));
    stage.type_keys("@committed:g<Enter>");
    insta::assert_snapshot!(stage.shown().lines().rev().nth(1).unwrap(), @" @committed:g: files know no commits; @42 or @-1h");
    stage.done.clear();
    stage.type_keys("@-100<Enter>");
    stage.pass(1_000);
    let goal = stage.app.pages.segments.kt_line();
    insta::assert_snapshot!(goal, @"kt dump-log '/var/lib/kafka data/orders-1'");
}

#[test]
fn a_page_that_cannot_be_read_is_tried_again_and_says_why() {
    let mut stage = full(80, 24);
    stage.type_keys("<Tab>G");
    let (generation, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Batches { position: 147_850, .. }), "{look:?}");
    let why = "open /var/lib/kafka data/orders-1/00000000000001178004.log: Permission denied";
    stage.tell(Msg::Looked { generation, looked: Looked::Failed(why.to_owned()) });
    insta::assert_snapshot!(stage.shown().lines().rev().nth(1).unwrap(), @" open 00000000000001178004.log: Permission denied                       r retry");
    assert!(!stage.done.iter().any(|it| matches!(it, Effect::Look { .. })), "not at once");
    stage.pass(6_000);
    loop {
        let (generation, look) = wanted(&mut stage);
        match look {
            Wanted::Segments { known, .. } => {
                assert_eq!(known.len(), 4);
                tell(&mut stage, generation, there(known, Some(2_004_000)));
            }
            Wanted::Batches { position, .. } => {
                assert_eq!(position, 147_850);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn with_w_offsets_have_all_their_digits() {
    let mut stage = open(80, 24);
    let (generation, _) = wanted(&mut stage);
    let base = 12_345_678_901_234;
    let lines = vec![segment(base, base + 99, 1 << 30)];
    tell(&mut stage, generation, there(lines, Some(base + 99)));
    let (generation, _) = wanted(&mut stage);
    let lines = vec![batch(1_073_741_799, base, 9), batch(1_073_741_823, base + 9, 9)];
    tell(&mut stage, generation, page(lines, None));
    insta::assert_snapshot!(stage.body(), @"
     segments  orders-1  hw 2003301  end 12345678901333                   isr 3,1,2
       base offset records    size first          last            B/idx state
    >  123456…1234      99  1.0GiB 11-20 16:46:40 14:59:58.000   4.0KiB closed
    ── batches of 12345678901234 ───────────────────────────────────────────────────
         position     offset count    size codec  epoch producer   crc  flags
       1073741799 123456…234     9 48.1KiB zstd      14 4012/3     ok
       1073741823 123456…243     9 48.1KiB zstd      14 4012/3     ok
    ");
    stage.type_keys("w<Tab>w");
    insta::assert_snapshot!(stage.body(), @"
     segments  orders-1  hw 2003301  end 12345678901333                   isr 3,1,2
               base offset records    size first          last            B/idx
            12345678901234      99  1.0GiB 11-20 16:46:40 14:59:58.000   4.0KiB
    ── batches of 12345678901234 ───────────────────────────────────────────────────
         position              offset count    size codec  epoch producer   crc
    >  1073741799      12345678901234     9 48.1KiB zstd      14 4012/3     ok
       1073741823      12345678901243     9 48.1KiB zstd      14 4012/3     ok
    ");
}

#[test]
fn who_leaves_wants_no_look_any_more() {
    let mut stage = open(80, 24);
    let (generation, _) = wanted(&mut stage);
    let stops =
        |stage: &mut Stage| stage.done.drain(..).any(|it| matches!(it, Effect::StopLooking));
    assert!(!stops(&mut stage));
    // Another partition is another look, once the one that is under way has ended.
    let payments = About::Partition { topic: "payments".to_owned(), partition: 0, offset: None };
    stage.go(&Target::about(Screen::Segments, payments));
    assert!(stops(&mut stage));
    tell(&mut stage, generation, Looked::Stopped);
    let (generation, look) = wanted(&mut stage);
    assert!(matches!(look, Wanted::Segments { place, .. } if place.topic == "payments"));
    stage.go(&Target::screen(Screen::Topics));
    assert!(stops(&mut stage));
    tell(&mut stage, generation, Looked::Stopped);
    assert!(!stops(&mut stage));
}
