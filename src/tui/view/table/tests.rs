//! Tables as they stand on the screens.

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::*;
use crate::tui::view::canvas::text_of;
use crate::tui::view::theme::{Glyphs, Theme};

fn columns() -> Vec<Column> {
    vec![
        Column::name("topic"),
        Column::figures("part", 5, 3),
        Column::figures("rf", 2, 4),
        Column::words("faults", 9, 0),
        Column::figures("rec/s", 5, 1),
        Column::figures("B/s", 7, 6),
        Column::figures("size", 7, 2),
        Column::figures("keep", 5, 5),
        Column::figures("grp", 3, 7),
    ]
}

fn row(level: Tone, texts: [&str; 9]) -> Row {
    Row::new(level, texts.map(Cell::figure))
}

fn topics() -> Vec<Row> {
    let (bad, warn, ok) = (Tone::Bad, Tone::Warn, Tone::Ok);
    let clicks = "clickstream-web-raw-eu-west-1";
    vec![
        row(bad, ["orders", "12", "3", "off2 min4", "12.4K", "9.8MiB", "340GiB", "7d", "4"]),
        row(bad, ["payments", "24", "3", "min8", "9022", "4.4MiB", "88.0GiB", "14d", "3"]),
        row(warn, [clicks, "48", "3", "urp16", "41.0K", "21.3MiB", "1.4TiB", "3d", "6"]),
        row(warn, ["metrics-host-1m", "24", "2", "urp8", "11.8K", "2.1MiB", "61.0GiB", "2d", "2"]),
        row(ok, ["audit-log", "6", "3", "", "4120", "1.9MiB", "212GiB", "90d", "1"]),
        row(ok, ["inventory-changelog", "12", "3", "", "2210", "812KiB", "9.4GiB", "cmpct", "1"]),
        row(ok, ["orders-dlq", "3", "3", "", "0", "0", "14.2MiB", "14d", ""]),
        row(Tone::Unknown, ["pii-vault", "6", "3", "", "?", "?", "?", "?", "?"]),
    ]
}

fn drawn(rows: &[Row], shown: Shown, (width, height): (u16, u16), theme: Theme) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let columns = columns();
    let table = Table { columns: &columns, rows, cursor: Some(0), sorted: Some(0), shown };
    table.draw(&mut Canvas::new(&mut buffer, theme), Rect::new(0, 0, width, height));
    buffer
}

fn shown(rows: &[Row], shown: Shown, size: (u16, u16)) -> String {
    text_of(&drawn(rows, shown, size, Theme::default()))
}

#[test]
fn topics_at_80() {
    insta::assert_snapshot!(shown(&topics(), Shown::Fitting, (80, 9)), @r"
       topic                       part rf faults    rec/s     B/s    size  keep grp
    >✗ orders                        12  3 off2 min4 12.4K  9.8MiB  340GiB    7d   4
     ✗ payments                      24  3 min8       9022  4.4MiB 88.0GiB   14d   3
     ▲ clickstream-web…-eu-west-1    48  3 urp16     41.0K 21.3MiB  1.4TiB    3d   6
     ▲ metrics-host-1m               24  2 urp8      11.8K  2.1MiB 61.0GiB    2d   2
       audit-log                      6  3            4120  1.9MiB  212GiB   90d   1
       inventory-changelog           12  3            2210  812KiB  9.4GiB cmpct   1
       orders-dlq                     3  3               0       0 14.2MiB   14d
     ? pii-vault                      6  3               ?       ?       ?     ?   ?
    ");
}

#[test]
fn columns_drop_in_the_order_of_the_screen() {
    insta::assert_snapshot!(shown(&topics()[..3], Shown::Fitting, (60, 4)), @r"
       topic               part rf faults    rec/s    size  keep
    >✗ orders                12  3 off2 min4 12.4K  340GiB    7d
     ✗ payments              24  3 min8       9022 88.0GiB   14d
     ▲ clickstream…west-1    48  3 urp16     41.0K  1.4TiB    3d
    ");
    insta::assert_snapshot!(shown(&topics()[..3], Shown::Fitting, (40, 4)), @r"
       topic                 faults    rec/s
    >✗ orders                off2 min4 12.4K
     ✗ payments              min8       9022
     ▲ clickstream-…u-west-1 urp16     41.0K
    ");
}

#[test]
fn all_columns_are_reached_by_scrolling() {
    let all = Shown::All { scrolled: 0 };
    insta::assert_snapshot!(shown(&topics()[..3], all, (40, 4)), @r"
       topic             part rf faults
    >✗ orders              12  3 off2 min4
     ✗ payments            24  3 min8
     ▲ clickstre…west-1    48  3 urp16
    ");
    let scrolled = Shown::All { scrolled: 5 };
    insta::assert_snapshot!(shown(&topics()[..3], scrolled, (40, 4)), @r"
       topic                  size  keep grp
    >✗ orders               340GiB    7d   4
     ✗ payments            88.0GiB   14d   3
     ▲ clickstream…-west-1  1.4TiB    3d   6
    ");
}

#[test]
fn marked_and_vanished_rows() {
    let mut rows = topics();
    rows[0].is_marked = true;
    rows[1].is_marked = true;
    rows[2].presence = Presence::Gone;
    insta::assert_snapshot!(shown(&rows[..3], Shown::Fitting, (80, 4)), @r"
       topic                       part rf faults    rec/s     B/s    size  keep grp
    *✗ orders                        12  3 off2 min4 12.4K  9.8MiB  340GiB    7d   4
    +✗ payments                      24  3 min8       9022  4.4MiB 88.0GiB   14d   3
     ▲ clickstream-…u-west-1 gone    48  3 urp16     41.0K 21.3MiB  1.4TiB    3d   6
    ");
}

#[test]
fn ascii_and_every_palette_have_the_same_cells() {
    let unicode = shown(&topics(), Shown::Fitting, (80, 9));
    let ascii = drawn(
        &topics(),
        Shown::Fitting,
        (80, 9),
        Theme { glyphs: Glyphs::Ascii, ..Theme::default() },
    );
    let expected: String = unicode.chars().map(|it| Glyphs::Ascii.of(it)).collect();
    assert_eq!(text_of(&ascii), expected);
}

#[test]
fn the_row_of_the_cursor_is_reversed_over_its_whole_width() {
    let buffer = drawn(&topics(), Shown::Fitting, (80, 9), Theme::default());
    let is_reversed =
        |x: u16, y: u16| buffer[(x, y)].style().add_modifier.contains(Modifier::REVERSED);
    assert!((0..80).all(|x| is_reversed(x, 1)));
    assert!(!(0..80).any(|x| is_reversed(x, 0) || is_reversed(x, 2)));
}

fn any_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => proptest::char::range('!', '~'),
        1 => proptest::char::range('\0', '\u{1f}'),
        1 => proptest::char::range('一', '龥'),
        1 => any::<char>(),
    ];
    proptest::collection::vec(character, 0..249).prop_map(|it| it.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn heads_stay_in_their_columns_at_any_size(
        texts in proptest::collection::vec(any_text(), 9),
        size in (1u16..=200, 1u16..=60),
        scrolled in 0usize..12,
    ) {
        let rows = [Row::new(Tone::Bad, texts.into_iter().map(Cell::plain))];
        for which in [Shown::Fitting, Shown::All { scrolled }] {
            let one = shown(&rows, which, size);
            let other = shown(&topics(), which, size);
            prop_assert_eq!(one.lines().next(), other.lines().next());
        }
    }

    #[test]
    fn no_column_overlaps_another(width in 0u16..300, scrolled in 0usize..12) {
        for which in [Shown::Fitting, Shown::All { scrolled }] {
            let mut end = GUTTER;
            for place in places(&columns(), width, which) {
                prop_assert!(place.x >= end && place.x + place.width <= width);
                end = place.x + place.width + 1;
            }
        }
    }
}
