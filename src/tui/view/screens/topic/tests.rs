//! The topic screen, drawn.

use crate::config_entity::ConfigEntity;
use crate::tui::keymap::Key;
use crate::tui::model::msg::Msg;
use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};
use crate::tui::view::theme::{Glyphs, Theme};
use kt_protocol::types::TopicPartition;

fn orders(town: Town, width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(town, width, height);
    stage.go(&Target::about(Screen::Topic, About::Topic("orders".to_owned())));
    stage.pass(31_000);
    stage
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(orders(Town::troubled(), 80, 24).shown(), @"");
}

#[test]
fn at_160_columns_panes_stand_side_by_side() {
    let mut stage = orders(Town::troubled(), 160, 50);
    insta::assert_snapshot!(stage.shown(), @"");
    stage.type_keys("<Tab><Tab>");
    let in_ascii = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
    insta::assert_snapshot!(stage.in_theme(in_ascii), @"");
}

#[test]
fn tab_walks_through_the_panes() {
    let mut stage = orders(Town::troubled(), 80, 24);
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.shown(), @"");
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.body(), @"");
    stage.type_keys("<Tab><Tab>");
    assert!(stage.shown().contains("[segments]"));
    stage.type_keys("<Tab>");
    assert!(stage.shown().contains("[partitions]"));
}

#[test]
fn narrow_and_tiny() {
    insta::assert_snapshot!(orders(Town::troubled(), 40, 12).shown(), @"");
    orders(Town::troubled(), 20, 5).shown();
    for (width, height) in [(1, 1), (60, 16), (41, 9), (119, 39), (150, 40), (300, 100)] {
        orders(Town::troubled(), width, height).type_keys("<Tab><Tab><Tab>");
    }
}

#[test]
fn held_records_come_in_when_there_are_some() {
    let mut town = Town::small();
    town.held.insert(TopicPartition::new("orders", 2), 480);
    insta::assert_snapshot!(orders(town, 80, 24).body(), @"");
}

#[test]
fn a_topic_that_is_deleted_says_so_and_asks_no_more() {
    let mut stage = orders(Town::small(), 80, 24);
    stage.town.topics.remove("orders");
    stage.pass(30_000);
    insta::assert_snapshot!(stage.body(), @"");
    stage.asked.clear();
    stage.pass(30_000);
    let is_subject =
        |kind| matches!(kind, Kind::SubjectEnds | Kind::SubjectPartitions | Kind::EntityConfigs);
    assert!(!stage.asked.iter().any(|(_, it)| is_subject(it.lane.kind)));
    stage.go(&Target::about(Screen::Topic, About::Topic("nosuch".to_owned())));
    insta::assert_snapshot!(stage.body(), @"");
}

#[test]
fn before_the_first_answer_it_reads() {
    let mut stage = Stage::open(Town::small(), 80, 24);
    stage.app.go(&Target::about(Screen::Topic, About::Topic("orders".to_owned())));
    insta::assert_snapshot!(stage.body(), @"");
}

#[test]
fn configs_that_are_denied_say_why_and_old_answers_are_stale() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.go(&Target::about(Screen::Topic, About::Topic("pii-vault".to_owned())));
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.body(), @"");
    stage.town.silent.extend(Kind::ALL);
    stage.type_keys("<BackTab>");
    stage.pass(60_000);
    insta::assert_snapshot!(stage.shown(), @"");
}

#[test]
fn enter_opens_what_is_under_the_cursor_and_escape_comes_back_to_it() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("2j<Enter>");
    assert_eq!(stage.app.pages.topic.name, "payments");
    stage.pass(2_000);
    stage.type_keys("jj<Enter>");
    assert_eq!(stage.app.screen, Screen::Records);
    stage.type_keys("-");
    assert_eq!(stage.app.screen, Screen::Topic);
    assert_eq!(stage.app.pages.topic.partitions.line().map(|it| it.index), Some(2));
    stage.type_keys("<Tab>j<Enter>");
    assert_eq!(stage.app.screen, Screen::Configs);
    let entity = ConfigEntity::Topic("payments".to_owned());
    assert_eq!(stage.app.pages.configs.entity, Some(entity));
    stage.type_keys("-<Esc>");
    assert_eq!(stage.app.screen, Screen::Topics);
    assert_eq!(stage.app.pages.topics.list.line().map(|it| it.name.as_str()), Some("payments"));
}

#[test]
fn a_filter_looks_at_leaders_and_faults_and_the_line_is_copied() {
    let mut stage = orders(Town::troubled(), 80, 24);
    stage.type_keys("/offline<Enter>");
    let shown = |stage: &Stage| {
        stage.app.pages.topic.partitions.shown().map(|it| it.index).collect::<Vec<_>>()
    };
    assert_eq!(shown(&stage), [7, 8]);
    stage.type_keys("<Esc>x");
    assert_eq!(shown(&stage), [1, 2, 3, 4, 7, 8]);
    stage.type_keys("<Esc>ss");
    stage.tell(Msg::Key(Key::Char('Y')));
    let said = stage.app.message.as_ref().map(|it| it.text.as_str());
    assert_eq!(said, Some("copied: kt topics describe orders --context prod-eu"));
    stage.type_keys("d");
    insta::assert_snapshot!(stage.body(), @"");
}
