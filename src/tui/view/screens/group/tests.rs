//! The group screen, drawn.

use kt_client::admin::GroupState;

use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};
use crate::tui::view::theme::{Glyphs, Theme};

fn group(town: Town, name: &str, width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(town, width, height);
    stage.go(&Target::about(Screen::Group, About::Group(name.to_owned())));
    stage.pass(61_000);
    stage
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(group(Town::troubled(), "billing-export", 80, 24).shown(), @"");
}

#[test]
fn at_160_columns_panes_stand_side_by_side() {
    let mut stage = group(Town::troubled(), "billing-export", 160, 50);
    insta::assert_snapshot!(stage.shown(), @"");
    stage.type_keys("<Tab>");
    let in_ascii = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
    insta::assert_snapshot!(stage.in_theme(in_ascii), @"");
}

#[test]
fn members_say_what_they_have() {
    let mut stage = group(Town::troubled(), "fraud-scoring", 80, 24);
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.body(), @"");
    let mut stage = group(Town::troubled(), "fraud-scoring", 120, 24);
    insta::assert_snapshot!(stage.body(), @"");
}

#[test]
fn nobody_reads_what_a_group_without_members_has_left() {
    insta::assert_snapshot!(group(Town::troubled(), "nightly-report", 80, 24).body(), @"");
}

#[test]
fn without_a_commit_there_is_no_lag() {
    insta::assert_snapshot!(group(Town::troubled(), "new-audit-reader", 80, 24).body(), @"");
}

#[test]
fn narrow_and_tiny() {
    insta::assert_snapshot!(group(Town::troubled(), "billing-export", 40, 12).shown(), @"");
    for (width, height) in [(1, 1), (20, 5), (60, 16), (41, 9), (119, 39), (150, 40), (300, 100)] {
        group(Town::troubled(), "billing-export", width, height).type_keys("<Tab>");
    }
}

#[test]
fn commits_that_are_denied_say_why_and_old_answers_are_stale() {
    let mut stage = group(Town::troubled(), "payments-recon", 80, 24);
    insta::assert_snapshot!(stage.body(), @"");
    let mut stage = group(Town::small(), "billing", 80, 24);
    stage.town.silent.extend(Kind::ALL);
    stage.pass(60_000);
    insta::assert_snapshot!(stage.shown(), @"");
}

#[test]
fn a_group_that_is_gone_says_so() {
    let mut stage = Stage::open(Town::small(), 80, 24);
    stage.app.go(&Target::about(Screen::Group, About::Group("billing".to_owned())));
    insta::assert_snapshot!(stage.body(), @"");
    stage.pass(31_000);
    stage.town.groups.remove("billing");
    stage.pass(20_000);
    insta::assert_snapshot!(stage.body(), @"");
}

#[test]
fn enter_opens_the_records_at_the_commit() {
    let mut town = Town::small();
    town.groups.get_mut("billing").unwrap().state = GroupState::Stable;
    let mut stage = group(town, "billing", 80, 24);
    stage.type_keys("sj");
    let at = stage.app.pages.group.partitions.line().unwrap();
    let expected = About::Partition {
        topic: "orders".to_owned(),
        partition: at.at.partition.0,
        offset: at.committed,
    };
    assert!(at.committed.is_some());
    let opened = stage.app.pages.page(Screen::Group).open(&stage.app.watch);
    assert_eq!(opened, Some(Target::about(Screen::Records, expected)));
    assert_eq!(stage.app.pages.page(Screen::Group).kt_line(), "kt groups describe billing");
    stage.type_keys("<Tab>");
    let line = stage.app.pages.page(Screen::Group).kt_line();
    assert_eq!(line, "kt groups describe billing --members");
    stage.type_keys("<Esc>");
    assert_eq!(stage.app.screen, Screen::Groups);
}
