//! What holds for every screen: any size, any name, and words that say what is known.

mod whole;
mod words;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::terminal::is_unsafe;
use crate::tui::figures::cells;
use crate::tui::model::app::DrawnList;
use crate::tui::model::msg::Msg;
use crate::tui::model::page::{About, Target};
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};
use crate::tui::view::app::draw_once;

/// Every screen, those that are about something too.
fn targets() -> Vec<Target> {
    let about = |screen: Screen| match screen {
        Screen::Topic | Screen::Segments => About::Topic("orders".to_owned()),
        Screen::Records => {
            About::Partition { topic: "orders".to_owned(), partition: 1, offset: None }
        }
        Screen::Group => About::Group("billing".to_owned()),
        _ => About::Cluster,
    };
    Screen::ALL.into_iter().map(|it| Target::about(it, about(it))).collect()
}

#[test]
fn no_size_is_too_small_to_be_printed_or_drawn() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let small = (1..=20).flat_map(|width| (1..=20).map(move |height| (width, height)));
    let none = [(0, 0), (0, 24), (80, 0)];
    let larger = [(21, 3), (40, 1), (79, 24), (77, 20), (150, 40), (150, 5), (300, 100)];
    let sizes: Vec<(u16, u16)> = none.into_iter().chain(small).chain(larger).collect();
    for target in targets() {
        stage.go(&target);
        for (width, height) in &sizes {
            let mut buffer = Buffer::empty(Rect::new(0, 0, *width, *height));
            draw_once(&stage.app, &mut buffer);
            stage.app.size = (*width, *height);
            for key in ["", "/", "<Esc>:g", "<Esc>a", "<Esc>?", "<Esc>"] {
                stage.type_keys(key);
            }
            stage.draw();
        }
        stage.tell(Msg::Resize(80, 24));
    }
}

/// A town whose every text that it may choose holds `spite`.
fn spiteful(spite: &str) -> Town {
    let mut town = Town { spite: spite.to_owned(), ..Town::small() };
    town.join(&format!("analytics{spite}"), "payments", 10, 5);
    town.add(&format!("returns{spite}"), 2, 7);
    town
}

/// The heads of each pane: from, to, and what they say.
type Heads = Vec<(usize, Vec<(u16, u16, String)>)>;

fn heads(lists: &[DrawnList]) -> Heads {
    lists.iter().map(|it| (it.pane, it.heads.clone())).collect()
}

fn drawn(town: Town, sizes: &[(u16, u16)]) -> Vec<(Heads, Buffer)> {
    let mut stage = Stage::settled(town, 80, 24);
    let mut all = Vec::new();
    for target in targets() {
        stage.go(&target);
        for (width, height) in sizes {
            stage.tell(Msg::Resize(*width, *height));
            let buffer = stage.draw();
            all.push((heads(&stage.app.drawn.lists), buffer));
        }
        stage.tell(Msg::Resize(80, 24));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn names_move_no_head_and_drive_no_terminal(
        spite in "[a-z\u{1b}\u{7}\n\r\t\u{202e}\u{2066}\u{200f}注文é\u{301}]{1,60}",
    ) {
        let sizes = [(80, 24), (160, 50), (120, 30), (60, 16), (40, 12)];
        let plain = drawn(spiteful("x"), &sizes);
        let hostile = drawn(spiteful(&spite), &sizes);
        for ((expected, _), (found, buffer)) in plain.iter().zip(&hostile) {
            prop_assert_eq!(expected, found);
            for y in buffer.area.rows() {
                let mut width = 0;
                let mut skip = 0;
                for x in y.columns() {
                    let symbol = buffer[(x.x, y.y)].symbol();
                    prop_assert!(!symbol.contains(is_unsafe), "{:?} at {},{}", symbol, x.x, y.y);
                    // A wide character has the cell behind it too.
                    if skip == 0 {
                        width += cells(symbol).max(1);
                        skip = cells(symbol).max(1);
                    }
                    skip -= 1;
                }
                prop_assert!(width <= usize::from(buffer.area.width));
            }
        }
    }
}
