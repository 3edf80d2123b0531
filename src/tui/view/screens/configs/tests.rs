//! The configs screen, drawn.

use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

fn configs(entity: &str, width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(Town::troubled(), width, height);
    stage.go(&Target::about(Screen::Configs, About::Entity(entity.to_owned())));
    // What was said of going there makes way for what configs are for.
    stage.pass(10_000);
    stage
}

#[test]
fn at_80_columns() {
    let mut stage = configs("topic/orders", 80, 24);
    stage.app.message = None;
    insta::assert_snapshot!(stage.shown(), @"");
    stage.type_keys("jjjj");
    assert!(stage.shown().contains("whether a replica that lacks records may lead"));
}

#[test]
fn at_160_columns_types_and_meanings_stand_beside() {
    insta::assert_snapshot!(configs("topic/orders", 160, 50).body(), @"");
    insta::assert_snapshot!(configs("topic/orders", 120, 24).body(), @"");
}

#[test]
fn the_entities_are_behind_tab() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("8");
    stage.pass(1_000);
    insta::assert_snapshot!(stage.body(), @"");
    stage.type_keys("/^topic<Enter>j<Enter>");
    stage.pass(1_000);
    assert!(stage.body().starts_with(" configs  topic/payments"), "{}", stage.body());
    stage.type_keys("<Tab>");
    assert_eq!(stage.app.pages.configs.entities.line().map(|it| it.says()), Some("a topic"));
}

#[test]
fn another_entity_is_asked_for_at_once_and_the_same_one_every_five_minutes() {
    let mut stage = configs("topic/orders", 80, 24);
    let asked = |stage: &mut Stage| {
        let asked = std::mem::take(&mut stage.asked);
        asked.iter().filter(|(_, it)| it.lane.kind == Kind::EntityConfigs).count()
    };
    assert_eq!(asked(&mut stage), 1);
    stage.pass(200_000);
    assert_eq!(asked(&mut stage), 0);
    stage.pass(110_000);
    assert_eq!(asked(&mut stage), 1);
    stage.type_keys(":configs topic/payments<Enter>");
    stage.pass(100);
    assert_eq!(asked(&mut stage), 1);
    stage.type_keys("r");
    stage.pass(100);
    assert_eq!(asked(&mut stage), 1);
    stage.type_keys("1");
    stage.pass(400_000);
    assert_eq!(asked(&mut stage), 0);
}

#[test]
fn what_weakens_safety_is_a_fault() {
    let mut stage = configs("topic/orders", 80, 24);
    stage.type_keys("x");
    let shown: Vec<&str> =
        stage.app.pages.configs.configs.shown().map(|it| it.name.as_str()).collect();
    assert_eq!(shown, ["unclean.leader.election.enable"]);
    assert_eq!(
        stage.app.pages.page(Screen::Configs).kt_line(),
        "kt configs describe topic/orders --all"
    );
    stage.type_keys("d");
    insta::assert_snapshot!(stage.body(), @"");
}

#[test]
fn what_is_not_told_says_why() {
    insta::assert_snapshot!(configs("topic/nosuch", 80, 24).body(), @"");
    insta::assert_snapshot!(configs("topic/pii-vault", 80, 24).body(), @"");
    let mut stage = configs("topic/orders", 80, 24);
    stage.type_keys(":configs orders<Enter>");
    let said = stage.app.message.as_ref().map(|it| it.text.clone()).unwrap_or_default();
    assert!(said.contains("write topic/NAME"), "{said}");
}

#[test]
fn narrow_and_tiny() {
    insta::assert_snapshot!(configs("topic/orders", 40, 12).shown(), @"");
    for (width, height) in [(1, 1), (20, 5), (60, 16), (41, 9), (119, 39), (300, 100)] {
        configs("topic/orders", width, height).type_keys("<Tab>");
    }
}
