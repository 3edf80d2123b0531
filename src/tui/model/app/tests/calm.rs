//! What comes and goes marks no row; what lasts does, and what is lost does at once.

use crate::tui::model::checks::Level;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

/// The worst level of a topic, second by second.
fn levels(stage: &mut Stage, seconds: usize) -> Vec<Level> {
    let level = |stage: &mut Stage| {
        stage.pass(1_000);
        stage.app.pages.topics.list.all().map(|it| it.level).max().unwrap_or_default()
    };
    (0..seconds).map(|_| level(stage)).collect()
}

#[test]
fn one_shrink_of_an_isr_marks_no_topic_and_a_lasting_one_does() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go_to(Screen::Topics);
    stage.pass(11_000);
    let behind = |stage: &mut Stage, partitions: &[i32]| {
        let orders = stage.town.topics.get_mut("orders").unwrap();
        orders.behind = partitions.iter().copied().collect();
    };
    behind(&mut stage, &[1]);
    assert_eq!(levels(&mut stage, 9), [Level::Ok; 9]);
    behind(&mut stage, &[]);
    assert_eq!(levels(&mut stage, 20), [Level::Ok; 20]);
    behind(&mut stage, &[1]);
    assert_eq!(levels(&mut stage, 25)[24], Level::Warn);
}

#[test]
fn a_lost_broker_is_marked_at_once() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go_to(Screen::Brokers);
    stage.pass(30_000);
    stage.town.down.insert(3);
    stage.pass(4_000);
    assert_eq!(stage.app.pages.brokers.list.get("3").unwrap().level, Level::Bad);
}
