//! What the message line says of a cluster that does not answer.

use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

#[test]
fn what_is_not_asked_any_more_promises_no_next_try() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.silent.insert(Kind::Members);
    stage.go_to(Screen::Groups);
    let text = |stage: &Stage| stage.app.message.as_ref().map(|it| it.text.clone());
    let said = text(&stage).unwrap_or_default();
    assert!(said.contains("DescribeGroups") && said.contains("next try in"), "{said}");
    stage.go_to(Screen::Quorum);
    assert_eq!(text(&stage), None);
}

#[test]
fn nobody_answers_as_soon_as_nobody_does() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.silent.extend(Kind::ALL);
    stage.pass(30_000);
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" ✗ STALE 32s: no broker answers (unreachable ×4, next in 29s)           r retry");
}
