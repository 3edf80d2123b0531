//! Scans that end and go on, readings that fail, and what is said of what is not whole.

use super::*;
use crate::tui::model::screens::records::reading::Place;

/// The message line.
fn says(stage: &mut Stage) -> String {
    stage.shown().lines().rev().nth(1).unwrap_or_default().to_owned()
}

fn begin(stage: &mut Stage, plan: &ReadPlan, from: &[(i32, i64)], until: &[(i32, i64)]) {
    let of = |it: &[(i32, i64)]| it.iter().copied().collect();
    let news = ReadNews::Began { from: of(from), until: of(until) };
    stage.tell(Msg::Read { generation: plan.generation, news });
}

#[test]
fn a_full_scan_says_so_and_goes_on_where_it_ended() {
    let mut stage = loaded(80, 24);
    stage.done.clear();
    stage.type_keys("Fkey = a<Enter>");
    let scan = plan(&mut stage);
    begin(&mut stage, &scan, &[(0, 0), (1, 0)], &[(0, 9_000), (1, 1_000)]);
    stage.pass(2_000);
    let hits = (0..2_000).map(|it| record(0, it, Some(b"a"), Some(b"x"))).collect();
    come(&mut stage, &scan, hits, &[(0, 8_999), (1, 1_000)]);
    end(&mut stage, &scan, false);
    stage.pass(1_000);
    insta::assert_snapshot!(says(&mut stage), @" scanned 9999 of 10.0K (99%)  2 partitions, 1 done  full        F Enter goes on");
    let before = stage.app.pages.records.coverage.clone().unwrap();
    stage.pass(60_000);
    stage.done.clear();
    stage.type_keys("F<Enter>");
    let more = plan(&mut stage);
    let Way::Through(Place::Offsets(from), room) = &more.way else { panic!("{:?}", more.way) };
    assert_eq!((from, room.records), (&[(0, 8_999), (1, 1_000)].into(), 2_000));
    begin(&mut stage, &more, &[(0, 8_999), (1, 1_000)], &[(0, 9_001), (1, 1_000)]);
    come(&mut stage, &more, vec![record(0, 9_000, Some(b"a"), None)], &[(0, 9_001), (1, 1_000)]);
    end(&mut stage, &more, true);
    stage.pass(1_000);
    insta::assert_snapshot!(says(&mut stage), @" scanned 10.0K of 10.0K (100%)  5000/s  2 partitions, 2 done");
    assert_eq!(stage.app.pages.records.list.count(), 1);
    let after = stage.app.pages.records.coverage.clone().unwrap();
    let spent = after.ended.unwrap() - after.began;
    assert!(spent < 10_000 + (before.ended.unwrap() - before.began), "pauses do not count");
}

#[test]
fn a_scan_that_is_stopped_keeps_its_rate_and_its_share() {
    let mut stage = loaded(80, 24);
    stage.done.clear();
    stage.type_keys("Fkey = a<Enter>");
    let scan = plan(&mut stage);
    begin(&mut stage, &scan, &[(0, 0)], &[(0, 10_000)]);
    stage.pass(10_000);
    come(&mut stage, &scan, vec![record(0, 100, Some(b"a"), None)], &[(0, 5_000)]);
    stage.type_keys("<Esc>");
    stage.pass(9_000);
    let stopped = says(&mut stage);
    insta::assert_snapshot!(stopped, @" scanned 5000 of 10.0K (50%)  500/s  1 partition, 0 done        F Enter goes on");
    stage.pass(30_000);
    assert_eq!(says(&mut stage), stopped);
    // What comes at the tail was not scanned.
    stage.type_keys("f");
    let follow = plan(&mut stage);
    come(&mut stage, &follow, vec![record(0, 10_000, Some(b"a"), None)], &[(0, 10_001)]);
    stage.type_keys("f");
    stage.pass(9_000);
    assert_eq!(says(&mut stage), stopped);
    // And it goes on with what it has, and the room that is left.
    stage.type_keys("F<Enter>");
    let Way::Through(Place::Offsets(from), room) = plan(&mut stage).way else { panic!("it scans") };
    assert_eq!((from, room.records), ([(0, 5_000)].into(), 1_998));
    assert_eq!(stage.app.pages.records.list.count(), 2);
}

#[test]
fn what_could_not_be_read_is_read_again() {
    let (mut stage, first) = open(80, 24, all());
    let fail = |stage: &mut Stage, plan: &ReadPlan| {
        let news = ReadNews::Failed("orders-1: unreachable".to_owned());
        stage.tell(Msg::Read { generation: plan.generation, news });
        stage.pass(9_000);
    };
    fail(&mut stage, &first);
    insta::assert_snapshot!(says(&mut stage), @" orders-1: unreachable                                                  r retry");
    stage.type_keys("r");
    let again = plan(&mut stage);
    assert!(matches!(again.way, Way::Newest), "{:?}", again.way);
    fail(&mut stage, &again);
    stage.type_keys("G");
    let again = plan(&mut stage);
    assert!(matches!(again.way, Way::Newest), "{:?}", again.way);
    come(&mut stage, &again, five(), &[(0, 182_203_770), (1, 182_202_998)]);
    end(&mut stage, &again, false);
    stage.type_keys("kkkkk");
    let older = plan(&mut stage);
    fail(&mut stage, &older);
    assert_eq!(stage.app.pages.records.list.count(), 5, "what is there stays");
    stage.type_keys("r");
    let Way::Before(from) = plan(&mut stage).way else { panic!("the same once more") };
    assert_eq!(from, [(0, 182_203_770), (1, 182_202_998)].into());
}

#[test]
fn a_cut_value_is_not_copied_as_if_it_were_whole() {
    let (mut stage, plan) = open(80, 24, all());
    let large = vec![b'x'; 1 << 20];
    come(&mut stage, &plan, vec![record(0, 1, None, Some(&large))], &[(0, 1)]);
    stage.type_keys("y");
    insta::assert_snapshot!(says(&mut stage), @" copied the first 64.0KiB of 1.0MiB");
    insta::assert_snapshot!(stage.app.pages.page(Screen::Records).kt_line(), @"kt consume orders --from -500");
}

#[test]
fn no_line_of_the_detail_loses_its_end() {
    let (mut stage, plan) = open(60, 24, all());
    let value = "0123456789".repeat(13);
    let mut long = record(0, 1, Some("k".repeat(70).as_bytes()), Some(value.as_bytes()));
    long.headers = vec![("trace".to_owned(), payload(Some("t".repeat(60).as_bytes())))];
    long.header_count = 1;
    come(&mut stage, &plan, vec![long], &[(0, 1)]);
    end(&mut stage, &plan, true);
    let detail = |stage: &mut Stage| {
        let body = stage.body();
        body.lines().skip_while(|it| !it.starts_with('─')).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(detail(&mut stage), @r#"
    ────────────────────────────────────────────────────────────
     orders-0 @1  create 14:59:59.001  zstd  epoch 14    [text]
       headers  trace="tttttttttttttttttttttttttttttttttttttttt
       tttttttttttttttttttt"
       key      kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
       kkkkkkkkkkkkkkkkkkkkkkk
       01234567890123456789012345678901234567890123456789012345
       67890123456789012345678901234567890123456789012345678901
       234567890123456789
    "#);
    // Its end is an end: one step back is seen at once.
    stage.type_keys("<Tab>G");
    let last = stage.app.pages.records.scrolled;
    stage.type_keys("jjjk");
    assert_eq!(stage.app.pages.records.scrolled, last.saturating_sub(1));
    assert_eq!(stage.app.pages.records.list.count(), 1, "the list stays");
}

#[test]
fn on_paper_there_is_no_cursor() {
    let stage = loaded(80, 24);
    let mut buffer = ratatui::buffer::Buffer::empty(Rect::new(0, 0, 80, 22));
    crate::tui::view::app::draw_once(&stage.app, &mut buffer);
    let text = crate::tui::view::export::text(&buffer);
    assert!(text.contains("182203772") && !text.contains("\n>"), "{text}");
}

#[test]
fn help_scrolls_no_farther_than_there_are_keys() {
    let mut stage = loaded(80, 12);
    stage.type_keys("?jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj");
    let last = stage.shown();
    stage.type_keys("G");
    assert_eq!(stage.shown(), last);
    stage.type_keys("k");
    assert_ne!(stage.shown(), last);
}

#[test]
fn a_long_name_makes_way_for_where_the_record_is() {
    let name = format!("clickstream-{}-eu", "x".repeat(70));
    let mut town = Town::small();
    town.add(&name, 6, 100);
    let mut stage = Stage::settled(town, 80, 24);
    stage.go(&Target::about(Screen::Records, About::Topic(name)));
    let plan = plan(&mut stage);
    come(&mut stage, &plan, five(), &[(0, 182_203_773)]);
    stage.type_keys("<Enter>");
    let shown = stage.shown();
    insta::assert_snapshot!(shown.lines().find(|it| it.contains(" @182")).unwrap(), @" clickstream-xxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxx-eu-0 @182203772 [hex]");
}

#[test]
fn who_reads_stops_where_nothing_can_be_read() {
    let (mut stage, _) = open(80, 24, all());
    stage.town.add("other", 1, 0);
    stage.town.topics.get_mut("other").unwrap().offline.insert(0);
    stage.pass(31_000);
    stage.done.clear();
    stage.go(&Target::about(Screen::Records, About::Topic("other".to_owned())));
    assert!(stage.shown().contains("no partition of \"other\" has a leader"));
    assert!(stage.done.iter().any(|it| matches!(it, Effect::StopReading)));
    assert!(!stage.done.iter().any(|it| matches!(it, Effect::Read(_))));
}

#[test]
fn the_line_that_reads_the_same_is_quoted() {
    let (mut stage, _) = open(80, 24, all());
    stage.type_keys("@committed:my group<Enter>");
    insta::assert_snapshot!(stage.app.pages.page(Screen::Records).kt_line(), @"kt consume orders --from 'committed:my group'");
    stage.type_keys("Fvalue ~ 'it'<Enter>");
    insta::assert_snapshot!(stage.app.pages.page(Screen::Records).kt_line(), @r"kt consume orders --from 'committed:my group' --where 'value ~ '\''it'\'''");
}
