//! What keys and clicks do to what is shown.

use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

#[test]
fn frozen_figures_stand_still() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    // To the end of a slot of five seconds: what comes later is in the next one.
    stage.pass(3_999);
    stage.type_keys("f");
    let before = stage.body();
    stage.town.topics.get_mut("orders").unwrap().rate = 5_000;
    stage.pass(60_000);
    assert_eq!(stage.body(), before);
}

#[test]
fn what_a_directory_holds_follows_the_cursor() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go_to(Screen::LogDirs);
    assert_eq!(stage.app.pages.log_dirs.of.as_deref(), Some("1 /data/kafka-0"));
    stage.type_keys("j");
    assert_eq!(stage.app.pages.log_dirs.of.as_deref(), Some("2 /data/kafka-0"));
}

#[test]
fn every_column_sorts() {
    for (width, height) in [(80, 24), (160, 50)] {
        let mut stage = Stage::settled(Town::troubled(), width, height);
        let screens = [Screen::Topics, Screen::Groups, Screen::Brokers, Screen::LogDirs];
        for screen in screens.into_iter().chain([Screen::Reassignments]) {
            stage.go_to(screen);
            for drawn in stage.app.drawn.lists.clone() {
                // A chart without a number beside it has nothing to sort by.
                let heads = drawn.heads.iter().filter(|it| !it.2.starts_with("last "));
                for (_, _, head) in heads {
                    let list = stage.app.pages.page_mut(screen).pane_mut(drawn.pane).unwrap();
                    assert!(list.sort_by(head), "{screen:?}: {head}");
                }
            }
        }
    }
}

#[test]
fn what_fires_now_is_no_list_for_the_mouse() {
    let mut stage = Stage::settled(Town::troubled(), 160, 50);
    assert!(stage.shown().contains("alerts now"));
    let panes = stage.app.pages.page(Screen::Overview).panes();
    assert!(stage.app.drawn.lists.iter().all(|it| it.pane < panes));
}
