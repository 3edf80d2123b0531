//! The records as they stand on the screen, and what keys make of them.

mod reading;

use super::*;
use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::page::{About, Target};
use crate::tui::model::screen::Screen;
use crate::tui::model::screens::records::line::{PAYLOAD_MAX, Producer};
use crate::tui::model::screens::records::reading::{Offsets, ReadNews, ReadPlan, Way};
use crate::tui::stage::{Stage, Town, WALL};

fn payload(bytes: Option<&[u8]>) -> Payload {
    Payload::new(bytes, PAYLOAD_MAX)
}

fn record(partition: i32, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> RecordLine {
    RecordLine {
        name: format!("{partition}:{offset}"),
        partition,
        offset,
        timestamp: Some(WALL - 1_000 + offset % 1_000),
        stamped: "create",
        key: payload(key),
        value: payload(value),
        codec: "zstd",
        leader_epoch: Some(14),
        ..RecordLine::default()
    }
}

fn order() -> RecordLine {
    let value = br#"{"id":88215,"total":740.5,"lines":[1,2,3,4,5,6],"note":"a\u001b[2Jb"}"#;
    RecordLine {
        headers: vec![
            ("trace".to_owned(), payload(Some(&[0x5f, 0x1c, 0x09, 0xff]))),
            ("source".to_owned(), payload(Some(b"web"))),
            ("none".to_owned(), payload(None)),
        ],
        header_count: 3,
        producer: Some(Producer { id: 4_012, epoch: 3, sequence: 77 }),
        ..record(1, 182_202_998, Some(b"ord-88215"), Some(value))
    }
}

fn five() -> Vec<RecordLine> {
    vec![
        record(0, 182_203_770, Some(b"ord-88213"), Some(b"{\"id\":88213,\"total\":129}")),
        order(),
        record(1, 182_202_999, None, None),
        record(0, 182_203_771, Some(b""), Some(b"")),
        record(0, 182_203_772, Some(&[0, 0xa1, 0xff, 7, 0xc2]), Some(&[0x0a, 5, 0xff])),
    ]
}

/// The screen is open, and has said what it wants to read.
fn open(width: u16, height: u16, about: About) -> (Stage, ReadPlan) {
    let mut stage = Stage::settled(Town::small(), width, height);
    stage.go(&Target::about(Screen::Records, about));
    let plan = plan(&mut stage);
    (stage, plan)
}

fn all() -> About {
    About::Topic("orders".to_owned())
}

fn plan(stage: &mut Stage) -> ReadPlan {
    let mut found = stage.done.drain(..).filter_map(|it| match it {
        Effect::Read(plan) => Some(plan),
        _ => None,
    });
    found.next_back().expect("something is read")
}

fn come(stage: &mut Stage, plan: &ReadPlan, lines: Vec<RecordLine>, edges: &[(i32, i64)]) {
    let edges: Offsets = edges.iter().copied().collect();
    let news = ReadNews::Records { lines, edges, passed: 0 };
    stage.tell(Msg::Read { generation: plan.generation, news });
}

fn end(stage: &mut Stage, plan: &ReadPlan, is_exhausted: bool) {
    let news = ReadNews::Ended { is_exhausted };
    stage.tell(Msg::Read { generation: plan.generation, news });
}

fn loaded(width: u16, height: u16) -> Stage {
    let (mut stage, plan) = open(width, height, all());
    come(&mut stage, &plan, five(), &[(0, 182_203_770), (1, 182_202_998)]);
    end(&mut stage, &plan, false);
    stage
}

#[test]
fn the_newest_are_read_at_first_and_the_cursor_is_on_the_last() {
    let (mut stage, plan) = open(80, 24, all());
    assert!(matches!(plan.way, Way::Newest) && plan.filter.is_none());
    insta::assert_snapshot!(stage.body(), @"
     orders  all 6                                               0 records  reading
       part     offset time +01:00  key               size value
       reading orders







    ────────────────────────────────────────────────────────────────────────────────
       part               start                 end                read share
          0                   0             2003100                   –     –
          1                   0             2003100                   –     –
          2                   0             2003100                   –     –
          3                   0             2003100                   –     –
          4                   0             2003100                   –     –
          5                   0             2003100                   –     –
    ");
    come(&mut stage, &plan, five(), &[(0, 182_203_770), (1, 182_202_998)]);
    end(&mut stage, &plan, false);
    stage.type_keys("kkk");
    insta::assert_snapshot!(stage.shown(), @r#"
     prod-eu      OK            brk 3/3     ctl 101 MkU3…M2Qk PROTECTED          2s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     orders  all 6                                                        5 records
       part     offset time +01:00  key               size value
          0  182203770 14:59:59.770 ord-88213           24 {"id":88213,"total":129}
    >     1  182202998 14:59:59.998 ord-88215           69 {"id":88215,"total":740.…
          1  182202999 14:59:59.999 null                 0 null (tombstone)
          0  182203771 14:59:59.771 ""                   0 ""
          0  182203772 14:59:59.772 0x00a1ff07c2         3 0x0a05ff



    ────────────────────────────────────────────────────────────────────────────────
     orders-1 @182202998  create 14:59:59.998  zstd  producer 4012/3 seq 77  [json]
       headers  trace=0x5f1c09ff  source="web"  none=null
       key      ord-88215
       {
         "id": 88215,
         "total": 740.5,
         "lines": [ … 6 ],
         "note": "a\u001b[2Jb"
       }

     f follow  F find  @ go to  v view  y copy  Y kt line  p produce  ? help
    "#);
    stage.type_keys("jv");
    insta::assert_snapshot!(stage.body(), @r#"
     orders  all 6                                                        5 records
       part     offset time +01:00  key               size value
          0  182203770 14:59:59.770 ord-88213           24 {"id":88213,"total":129}
          1  182202998 14:59:59.998 ord-88215           69 {"id":88215,"total":740.…
    >     1  182202999 14:59:59.999 null                 0 null (tombstone)
          0  182203771 14:59:59.771 ""                   0 ""
          0  182203772 14:59:59.772 0x00a1ff07c2         3 0x0a05ff



    ────────────────────────────────────────────────────────────────────────────────
     orders-1 @182202999  create 14:59:59.999  zstd  epoch 14                [json]
       key      null
       null
    "#);
}

#[test]
fn a_wide_window_has_the_record_beside_the_list() {
    let mut stage = loaded(160, 50);
    stage.type_keys("kkkvv");
    let body: Vec<String> = stage.body().lines().take(12).map(str::to_owned).collect();
    insta::assert_snapshot!(body.join("\n"), @r#"
     orders  all 6                                                                                                                                        5 records
       part     offset time +01:00  key               size value                   │ orders-1 @182202998  create 14:59:59.998  zstd  producer 4012/3 seq 77  [text]
          0  182203770 14:59:59.770 ord-88213           24 {"id":88213,"total":129}│   headers  trace=0x5f1c09ff  source="web"  none=null
    >     1  182202998 14:59:59.998 ord-88215           69 {"id":88215,"total":740…│   key      ord-88215
          1  182202999 14:59:59.999 null                 0 null (tombstone)        │   {"id":88215,"total":740.5,"lines":[1,2,3,4,5,6],"note":"a\u001b[2Jb"}
          0  182203771 14:59:59.771 ""                   0 ""                      │
          0  182203772 14:59:59.772 0x00a1ff07c2         3 0x0a05ff                │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
    "#);
}

#[test]
fn small_windows_have_the_list_alone() {
    insta::assert_snapshot!(loaded(40, 12).shown(), @r#"
     prod-eu  OK                         2s
     orders  all 6
       part     offset value
          0  182203770 {"id":88213,"total":…
          1  182202998 {"id":88215,"total":…
          1  182202999 null (tombstone)
          0  182203771 ""
    >     0  182203772 0x0a05ff



     f follow  F find  @ go to  ? help
    "#);
    loaded(20, 5).shown();
    loaded(1, 1).shown();
}

#[test]
fn no_records_and_no_answer_say_so() {
    let (mut stage, plan) = open(80, 24, all());
    come(&mut stage, &plan, Vec::new(), &[(0, 0), (1, 0)]);
    end(&mut stage, &plan, true);
    insta::assert_snapshot!(stage.body(), @"
     orders  all 6                                                        0 records
       part     offset time +01:00  key               size value
       No records here in orders.
       Try: kt produce orders






    ────────────────────────────────────────────────────────────────────────────────
       part               start                 end                read share
          0                   0             2003100                   –     –
          1                   0             2003100                   –     –
          2                   0             2003100                   –     –
          3                   0             2003100                   –     –
          4                   0             2003100                   –     –
          5                   0             2003100                   –     –
    ");
    stage.type_keys("@-1h<Enter>");
    let read = self::plan(&mut stage);
    let news = ReadNews::Failed("orders-1: unreachable".to_owned());
    stage.tell(Msg::Read { generation: read.generation, news });
    insta::assert_snapshot!(stage.body(), @"
     orders  all 6  from -1h                                      0 records  failed
       part     offset time +01:00  key               size value
       orders-1: unreachable
       @ goes elsewhere.






    ────────────────────────────────────────────────────────────────────────────────
       part               start                 end                read share
          0                   0             2003100                   –     –
          1                   0             2003100                   –     –
          2                   0             2003100                   –     –
          3                   0             2003100                   –     –
          4                   0             2003100                   –     –
          5                   0             2003100                   –     –
    ");
    // What comes late of an old plan counts no more.
    come(&mut stage, &plan, five(), &[]);
    assert_eq!(stage.app.pages.records.list.count(), 0);
}

#[test]
fn a_scan_says_how_much_of_the_topic_it_has_seen() {
    let mut stage = loaded(80, 24);
    stage.done.clear();
    stage.type_keys("Fvalue.total > 100<Enter>");
    let scan = plan(&mut stage);
    assert!(matches!(scan.way, Way::Through(..)) && scan.filter.is_some());
    let (from, until) = ([(0, 0), (1, 100)].into(), [(0, 2_000_000), (1, 1_400_100)].into());
    stage.tell(Msg::Read { generation: scan.generation, news: ReadNews::Began { from, until } });
    stage.pass(10_000);
    come(&mut stage, &scan, vec![order()], &[(0, 900_000), (1, 1_400_100)]);
    stage.pass(2_000);
    insta::assert_snapshot!(stage.shown(), @r#"
     prod-eu      OK            brk 3/3     ctl 101 MkU3…M2Qk PROTECTED          4s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     orders  all 6  from earliest  where value.total > 100           1 hit  reading
       part     offset time +01:00  key               size value
    >     1  182202998 14:59:59.998 ord-88215           69 {"id":88215,"total":740.…







    ────────────────────────────────────────────────────────────────────────────────
     orders-1 @182202998  create 14:59:59.998  zstd  producer 4012/3 seq 77  [json]
       headers  trace=0x5f1c09ff  source="web"  none=null
       key      ord-88215
       {
         "id": 88215,
         "total": 740.5,
         "lines": [ … 6 ],
         "note": "a\u001b[2Jb"
       }
     scanned 2.3M of 3.4M (67%)  192K/s  2 partitions, 1 done             Esc stops
     f follow  F find  @ go to  v view  y copy  Y kt line  p produce  ? help
    "#);
    stage.type_keys("<Esc>");
    assert!(stage.done.iter().any(|it| matches!(it, Effect::StopReading)));
    insta::assert_snapshot!(stage.shown().lines().rev().nth(1).unwrap(), @" scanned 2.3M of 3.4M (67%)  192K/s  2 partitions, 1 done       F Enter goes on");
    // The filter of loaded rows is another thing.
    stage.type_keys("/nothing<Enter>");
    insta::assert_snapshot!(stage.body(), @"
     orders  all 6  from earliest  where value.total > 100     /nothing  0 of 1 hit
       part     offset time +01:00  key               size value
       No record matches /nothing. Esc clears the filter.
       / looks at the first 4KiB of a key and of a value, F at all of them.






    ────────────────────────────────────────────────────────────────────────────────
       part               start                 end                read share
          0                   0             2004301              900000   45%
          1                   0             2004301             1400100  100%
          2                   0             2004301                   –     –
          3                   0             2004301                   –     –
          4                   0             2004301                   –     –
          5                   0             2004301                   –     –
    ");
}

#[test]
fn following_stops_when_the_cursor_leaves_the_last_row_and_goes_on_there() {
    let mut stage = loaded(80, 24);
    stage.done.clear();
    stage.type_keys("f");
    let follow = plan(&mut stage);
    let Way::Follow(from) = &follow.way else { panic!("{:?}", follow.way) };
    assert_eq!(*from, [(0, 182_203_773), (1, 182_203_000)].into());
    let title = |stage: &mut Stage| stage.shown().lines().nth(2).unwrap_or_default().to_owned();
    insta::assert_snapshot!(title(&mut stage), @" orders  all 6                                                5 records  follow");
    come(
        &mut stage,
        &follow,
        vec![record(0, 182_203_773, None, Some(b"new"))],
        &[(0, 182_203_774)],
    );
    assert_eq!(stage.app.pages.records.list.subject(), Some("0:182203773"));
    stage.type_keys("k");
    let more = (0..214).map(|it| record(0, 182_203_774 + it, None, Some(b"x"))).collect();
    come(&mut stage, &follow, more, &[(0, 182_203_988)]);
    insta::assert_snapshot!(title(&mut stage), @" orders  all 6                                       6 records  paused, 214 new");
    assert_eq!(stage.app.pages.records.list.subject(), Some("0:182203772"));
    insta::assert_snapshot!(stage.app.pages.page(Screen::Records).kt_line(), @"kt consume orders -F");
    // Back at the end it goes on with what was left out.
    stage.type_keys("G");
    let Way::Follow(from) = plan(&mut stage).way else { panic!("it follows") };
    assert_eq!(from[&0], 182_203_774);
    stage.type_keys("f");
    insta::assert_snapshot!(title(&mut stage), @" orders  all 6                                                        6 records");
}

#[test]
fn the_ends_of_what_is_loaded_fetch_more() {
    let mut stage = loaded(80, 24);
    stage.type_keys("kkkkk");
    let older = plan(&mut stage);
    let Way::Before(offsets) = &older.way else { panic!("{:?}", older.way) };
    assert_eq!(*offsets, [(0, 182_203_770), (1, 182_202_998)].into());
    come(&mut stage, &older, vec![record(0, 182_203_769, None, Some(b"o"))], &[(0, 182_203_769)]);
    end(&mut stage, &older, true);
    assert_eq!(stage.app.pages.records.list.subject(), Some("0:182203770"));
    stage.type_keys("kkk");
    assert!(stage.done.is_empty(), "there is nothing before");
    stage.type_keys("@182203000<Enter>");
    assert!(matches!(plan(&mut stage).way, Way::From(_)));
    stage.type_keys("@nonsense<Enter>");
    insta::assert_snapshot!(stage.shown().lines().rev().nth(1).unwrap(), @r#" @"nonsense" is not a position: write earliest, latest, an offset (42), -10, +…"#);
}

#[test]
fn the_value_is_copied_and_the_record_is_told() {
    let mut stage = loaded(80, 24);
    stage.type_keys("kkky");
    let copied = stage.done.iter().find_map(|it| match it {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert!(copied.unwrap().starts_with("{\"id\":88215,"));
    stage.type_keys("d");
    insta::assert_snapshot!(stage.body(), @r#"
     orders  all 6                                                        5 records
    ── 1:182202998 ─────────────────────────────────────────────────────────────────
     topic: orders
     partition: 1
     offset: 182202998
     timestamp: 1795269599998
     timestamp_type: create
     key: ord-88215
     value: "{\"id\":88215,\"total\":740.5,\"lines\":[1,2,3,4,5,6],\"note\":\"a\\u0
     01b[2Jb\"}"
     headers:
     - key: trace
       value:
         base64: XxwJ/w==
     - key: source
       value: web
     - key: none
       value: null
     leader_epoch: 14
     Esc closes  j k scroll
    "#);
}

#[test]
fn the_detail_scrolls_while_it_has_the_keys() {
    let mut stage = loaded(80, 24);
    stage.type_keys("kkk<Tab>jj");
    assert_eq!(stage.app.pages.records.list.subject(), Some("1:182202998"));
    insta::assert_snapshot!(stage.body(), @r#"
     orders  all 6                                                        5 records
       part     offset time +01:00  key               size value
          0  182203770 14:59:59.770 ord-88213           24 {"id":88213,"total":129}
    >     1  182202998 14:59:59.998 ord-88215           69 {"id":88215,"total":740.…
          1  182202999 14:59:59.999 null                 0 null (tombstone)
          0  182203771 14:59:59.771 ""                   0 ""
          0  182203772 14:59:59.772 0x00a1ff07c2         3 0x0a05ff



    ────────────────────────────────────────────────────────────────────────────────
     orders-1 @182202998  create 14:59:59.998  zstd  producer 4012/3 seq 77  [json]
       headers  trace=0x5f1c09ff  source="web"  none=null
       key      ord-88215
       {
         "id": 88215,
         "total": 740.5,
         "lines": [1, 2, 3, 4, 5, 6],
         "note": "a\u001b[2Jb"
       }
    "#);
}

#[test]
fn leaving_stops_the_reading() {
    let (mut stage, plan) = open(80, 24, all());
    stage.type_keys("2");
    assert!(stage.done.iter().any(|it| matches!(it, Effect::StopReading)));
    come(&mut stage, &plan, five(), &[]);
    assert_eq!(stage.app.pages.records.list.count(), 0);
}

#[test]
fn a_partition_that_is_not_there_is_told() {
    let about = About::Partition { topic: "orders".to_owned(), partition: 99, offset: None };
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go(&Target::about(Screen::Records, about));
    assert!(stage.app.is_settled());
    insta::assert_snapshot!(stage.body(), @r#"
     orders-99                                                    0 records  failed
       part     offset time +01:00  key               size value
       topic "orders" has no partition 99
       @ goes elsewhere.






    ────────────────────────────────────────────────────────────────────────────────
       part               start                 end                read share
    "#);
}

#[test]
fn a_record_is_produced_from_three_lines() {
    let mut stage = loaded(80, 24);
    stage.type_keys("p");
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" prod-eu is protected: u, then type its name");
    stage.type_keys("uprod-eu<Enter>pk1<Enter>{\"a\":1}<Enter>trace=1");
    let lines: Vec<String> = stage.shown().lines().skip(17).map(str::to_owned).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"

    ── produce to orders ───────────────────────────────────────────────────────────
       key      k1
       value    {"a":1}
    >  headers  trace=1_
     unlocked for 5m
     Enter next, produce  Tab next  Esc leaves
    "#);
    stage.done.clear();
    stage.type_keys("<Enter>");
    let [Effect::Produce { record, .. }] = stage.done.as_slice() else {
        panic!("{:?}", stage.done)
    };
    assert_eq!((record.key.as_deref(), record.value.as_str()), (Some("k1"), "{\"a\":1}"));
}
