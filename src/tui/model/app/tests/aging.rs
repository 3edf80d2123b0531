//! How old what is shown is: only those who are asked can be silent.

use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

/// For how long the oldest answer that counts is too old.
fn stale_ms(stage: &Stage) -> Option<u64> {
    stage.app.age().filter(|it| it.is_stale()).map(|it| it.age)
}

#[test]
fn whoever_coordinates_nothing_any_more_is_not_silent() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.groups.clear();
    stage.pass(90_000);
    assert_eq!(stale_ms(&stage), None);
    assert!(!stage.shown().to_lowercase().contains("stale"), "{}", stage.shown());
}

#[test]
fn whoever_leads_nothing_any_more_is_not_silent() {
    let mut town = Town::small();
    // Of broker 3 alone, which comes back empty.
    town.add("alone", 1, 10);
    let leader = |stage: &Stage| {
        let topic = &stage.app.watch.cluster.topics["alone"];
        topic.partitions.values().find_map(|it| it.leader).unwrap().0
    };
    let mut stage = Stage::settled(town, 80, 24);
    let node = leader(&stage);
    stage.town.topics.remove("orders");
    stage.town.topics.remove("payments");
    stage.town.topics.remove("alone");
    stage.town.add("elsewhere", 1, 10);
    stage.town.topics.get_mut("elsewhere").unwrap().id = u8::try_from(node % 3).unwrap();
    stage.go_to(Screen::Topics);
    stage.pass(90_000);
    assert_eq!(stale_ms(&stage), None);
}

#[test]
fn one_that_never_answered_does_not_hide_the_silence_of_the_others() {
    let mut town = Town::small();
    town.mute.insert((Kind::LogEnds, 3));
    let mut stage = Stage::settled(town, 80, 24);
    stage.go_to(Screen::Topics);
    assert_eq!(stale_ms(&stage), None, "what the others tell is fresh");
    stage.town.mute.extend([(Kind::LogEnds, 1), (Kind::LogEnds, 2)]);
    stage.pass(40_000);
    assert!(stale_ms(&stage).is_some_and(|it| 30_000 < it), "{:?}", stale_ms(&stage));
}
