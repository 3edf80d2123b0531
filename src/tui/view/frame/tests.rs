//! The frame as it stands around the screens.

use kt_protocol::types::NodeId;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::*;
use crate::tui::figures::Reading;
use crate::tui::view::canvas::{Piece, text_of};
use crate::tui::view::colors::Rgb;
use crate::tui::view::export::ansi;
use crate::tui::view::theme::{Glyphs, Paint, Palette, Theme, Tone};

fn header() -> Header {
    Header {
        context: "prod-eu".into(),
        paint: None,
        badge: Badge::Firing { bad: 3, warn: 2 },
        brokers: Reading::Known((5, 6)),
        controller: Reading::Known(NodeId(101)),
        cluster_id: "MkU3OEVBNTcwNTJENDM2Qk".into(),
        protection: Protection::Protected,
        age: Age::Fresh(2_000),
    }
}

fn keys() -> Vec<String> {
    let parts = [
        "Enter open",
        "x faults",
        "! alerts",
        "< > window",
        "f freeze",
        "a actions",
        "? help",
        "q quit",
    ];
    parts.map(str::to_owned).to_vec()
}

fn faults() -> Vec<Fault> {
    let fault = |level, subject: &str, says: &str| Fault {
        level,
        subject: subject.into(),
        says: says.into(),
    };
    vec![
        fault(Tone::Bad, "3", "DOWN"),
        fault(Tone::Bad, "orders-7", "offline"),
        fault(Tone::Bad, "billing-export", "losing"),
        fault(Tone::Warn, "2", "disk 87%"),
    ]
}

fn overview_title() -> Title {
    Title {
        left: vec![Piece::new("overview", Tone::Plain)],
        right: vec![Piece::new("last 30m", Tone::Dim), Piece::new("  live", Tone::Dim)],
    }
}

fn topics_title() -> Title {
    Title {
        left: vec![
            Piece::new("topics", Tone::Plain),
            Piece::new("  1003", Tone::Plain),
            Piece::new("   2 bad", Tone::Bad),
            Piece::new("  2 warn", Tone::Warn),
            Piece::new("  1 unknown", Tone::Unknown),
        ],
        right: vec![Piece::new("sort level, name", Tone::Dim), Piece::new("  live", Tone::Dim)],
    }
}

fn unreachable() -> Notice {
    Notice::of(
        Tone::Bad,
        "broker 3 (kafka-3:9092) refused: unreachable ×14, next try in 8s",
        "15:04:07",
    )
}

fn drawn(header: &Header, screen: Screen, title: &Title, size: (u16, u16), theme: Theme) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let (keys, faults, notice) = (keys(), faults(), unreachable());
    let frame =
        Frame { header, screen, title, notice: Some(&notice), keys: &keys, faults: &faults };
    frame.draw(&mut Canvas::new(&mut buffer, theme));
    buffer
}

fn frame(header: &Header, screen: Screen, title: &Title, size: (u16, u16)) -> String {
    text_of(&drawn(header, screen, title, size, Theme::default()))
}

fn on_canvas(size: (u16, u16), draw: impl FnOnce(&mut Canvas<'_>, Rect)) -> String {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    draw(&mut Canvas::new(&mut buffer, Theme::default()), area);
    text_of(&buffer)
}

#[test]
fn the_overview_at_80_by_24() {
    let shown = frame(&header(), Screen::Overview, &overview_title(), (80, 24));
    let lines: Vec<&str> = shown.lines().collect();
    insta::assert_snapshot!(lines[..3].join("\n"), @r"
     prod-eu      BAD 3 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          2s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
    ");
    assert!(lines[3..22].iter().all(|it| it.is_empty()));
    assert_eq!(
        lines[22],
        " ✗ broker 3 (kafka-3:9092) refused: unreachable ×14, next try in 8s    15:04:07"
    );
    assert_eq!(
        lines[23],
        " Enter open  x faults  ! alerts  < > window  f freeze  a actions  ? help  q quit"
    );
}

#[test]
fn the_cluster_id_is_whole_at_160() {
    let shown = frame(&header(), Screen::Alerts, &overview_title(), (160, 50));
    let lines: Vec<&str> = shown.lines().collect();
    let expected = " prod-eu      BAD 3 WARN 2  brk 5/6     ctl 101 MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                                                             2s";
    assert_eq!(lines[0], expected);
    assert_eq!(lines[0].chars().count(), 159);
    assert!(lines[1].ends_with("8 configs[9 alerts]"), "{}", lines[1]);
}

#[test]
fn a_narrow_window_loses_bar_and_message() {
    insta::assert_snapshot!(frame(&header(), Screen::Topic, &topics_title(), (40, 12)), @r"
    prod-eu  BAD 3 WARN 2               2s
    topics  1003   2 bad  2 warn









    Enter open  x faults  ! alerts  ? help
    ");
}

#[test]
fn a_tiny_window_shows_the_badge_and_faults() {
    insta::assert_snapshot!(frame(&header(), Screen::Topic, &topics_title(), (20, 5)), @r"
    BAD 3 WARN 2    2s
    3 DOWN
    orders-7 offline
    billin…port losing
    2 disk 87%
    ");
    assert_eq!(frame(&header(), Screen::Topic, &topics_title(), (7, 2)), "BAD 3\n\n");
}

#[test]
fn help_stays_while_other_keys_drop() {
    let footer = |width| on_canvas((width, 1), |canvas, area| draw_footer(canvas, area, &keys()));
    insta::assert_snapshot!(footer(79), @" Enter open  x faults  ! alerts  < > window  f freeze  a actions  ? help");
    insta::assert_snapshot!(footer(60), @" Enter open  x faults  ! alerts  < > window  ? help");
    insta::assert_snapshot!(footer(8), @" ? help");
}

#[test]
fn titles_drop_what_does_not_fit() {
    let title = |width| on_canvas((width, 1), |canvas, area| topics_title().draw(canvas, area));
    assert_eq!(
        title(80).trim_end(),
        " topics  1003   2 bad  2 warn  1 unknown                 sort level, name  live"
    );
    insta::assert_snapshot!(title(60), @" topics  1003   2 bad  2 warn  1 unknown   sort level, name");
    insta::assert_snapshot!(title(48), @" topics  1003   2 bad  2 warn  1 unknown");
    insta::assert_snapshot!(title(24), @" topics  1003   2 bad");
}

#[test]
fn a_screen_that_is_read_says_so_in_its_title() {
    let title = Title {
        left: vec![Piece::new("topics  reading", Tone::Plain)],
        right: vec![Piece::new("⠹ 412 of 1003", Tone::Dim)],
    };
    let shown = on_canvas((80, 1), |canvas, area| title.draw(canvas, area));
    assert_eq!(
        shown.trim_end(),
        " topics  reading                                                  ⠹ 412 of 1003"
    );
}

#[test]
fn notices_and_banners() {
    let one = |notice: Notice| on_canvas((80, 1), |canvas, area| notice.draw(canvas, area));
    let stale = "stale 47s: 5 of 6 brokers answer; broker 3 is shown as of 15:00:01";
    assert_eq!(
        one(Notice::of(Tone::Warn, stale, "r retry")).trim_end(),
        " ▲ stale 47s: 5 of 6 brokers answer; broker 3 is shown as of 15:00:01   r retry"
    );
    let denied = "authorization: DescribeLogDirs denied; sizes and disks unknown";
    assert_eq!(
        one(Notice::of(Tone::Bad, denied, "d details")).trim_end(),
        " ✗ authorization: DescribeLogDirs denied; sizes and disks unknown     d details"
    );
    let keys = "3 of 1003  Enter keep  Esc clear  /! not";
    assert_eq!(
        one(Notice::input("/^pay.*", keys)).trim_end(),
        " /^pay.*                               3 of 1003  Enter keep  Esc clear  /! not"
    );
    let long = "scanned 1.20M of 3.40M (35%)  84K/s  12 partitions, 9 done, and so on and on";
    insta::assert_snapshot!(one(Notice::plain(long, "Esc stops")), @" scanned 1.20M of 3.40M (35%)  84K/s  12 partitions, 9 done, and so … Esc stops");
}

#[test]
fn rules_and_words() {
    let rule = |title: &str| {
        let title = title.to_owned();
        on_canvas((80, 1), move |canvas, area| draw_rule(canvas, area, &title, Tone::Dim))
    };
    assert_eq!(
        rule("batches of 181178004").trim_end(),
        "── batches of 181178004 ────────────────────────────────────────────────────────"
    );
    assert_eq!(rule("").trim_end(), "─".repeat(80));
    let empty = [
        "No groups on this cluster.  A group exists from its first join or commit.".to_owned(),
        "Try: kt consume orders -g test".to_owned(),
    ];
    assert_eq!(
        on_canvas((80, 2), |canvas, area| draw_lines(canvas, area, &empty)),
        "   No groups on this cluster.  A group exists from its first join or commit.\n   Try: kt consume orders -g test\n"
    );
    assert_eq!(spinner(2, Glyphs::Unicode), '⠹');
    assert_eq!(spinner(5, Glyphs::Ascii), '/');
}

fn help() -> Help {
    let column = |head: &str, lines: &[&str]| HelpColumn {
        head: head.into(),
        lines: lines.iter().map(|it| (*it).to_owned()).collect(),
    };
    Help {
        screen: "groups".into(),
        columns: [
            column(
                "this screen",
                &[
                    "Enter  open group",
                    "x      faults only",
                    "s S    sort, reverse",
                    "Space  mark   * all",
                    "a r    reset offsets (1)",
                    "a d    delete group (2)",
                ],
            ),
            column(
                "move",
                &[
                    "j k    row",
                    "g G    ends",
                    "^D ^U  half page",
                    "h l    columns",
                    "Tab    pane",
                    "< > [ ] time",
                ],
            ),
            column(
                "everywhere",
                &[
                    ":  command or screen",
                    "/  filter   /! inverse",
                    "f  freeze   r  refresh",
                    "!  alerts   -  last",
                    "T  theme    m  mouse",
                    "q  quit",
                ],
            ),
        ],
        cost: "cost 2.6 req/s 0.2MB/s  history 43 of 64MiB  log ends every 5s".into(),
        scrolled: 0,
    }
}

#[test]
fn help_over_a_screen() {
    let shown = on_canvas((80, 10), |canvas, area| {
        help().draw(canvas, area);
    });
    assert!(shown.starts_with(" ┌"));
    insta::assert_snapshot!(shown, @r"
     ┌ keys of groups ────────────────────────────────────────────────────────────┐
     │ this screen               move                  everywhere                 │
     │ Enter  open group         j k    row            :  command or screen       │
     │ x      faults only        g G    ends           /  filter   /! inverse     │
     │ s S    sort, reverse      ^D ^U  half page      f  freeze   r  refresh     │
     │ Space  mark   * all       h l    columns        !  alerts   -  last        │
     │ a r    reset offsets (1)  Tab    pane           T  theme    m  mouse       │
     │ a d    delete group (2)   < > [ ] time          q  quit                    │
     │ cost 2.6 req/s 0.2MB/s  history 43 of 64MiB  log ends every 5s             │
     └─ Esc closes, j k scroll ───────────────────────────────────────────────────┘
    ");
}

fn reset() -> Confirm {
    Confirm {
        action: "reset offsets of nightly-report".into(),
        context: "prod-eu".into(),
        tone: Tone::Plain,
        paint: None,
        plan: vec![
            "orders     12 partitions   180991222 … → time -1h   skips 9.0M records".into(),
            "refunds     1 partition    no commit   → time -1h".into(),
        ],
        notes: Vec::new(),
        undo: "kt undo 41".into(),
        same: "kt groups reset nightly-report --all-topics --to -1h -y".into(),
        ask: Ask::Yes { question: "Reset 13 offsets?".into() },
    }
}

fn delete() -> Confirm {
    Confirm {
        action: "delete topic payments".into(),
        plan: vec!["24 partitions, 88.0GiB, 214M records; 3 groups read it (2 active)".into()],
        undo: "none".into(),
        same: "kt topics delete payments -y".into(),
        ask: Ask::Type {
            loss: "data is lost".into(),
            prompt: "Type the name to delete it:".into(),
            expected: "payments".into(),
            typed: "paym".into(),
        },
        ..reset()
    }
}

#[test]
fn questions_before_a_change() {
    let shown = on_canvas((80, 7), |canvas, area| reset().draw(canvas, area));
    assert!(shown.starts_with("  ┌"));
    insta::assert_snapshot!(shown, @r"
      ┌ reset offsets of nightly-report · context prod-eu · level 1 ─────────────┐
      │ orders     12 partitions   180991222 … → time -1h   skips 9.0M records   │
      │ refunds     1 partition    no commit   → time -1h                        │
      │ undo: kt undo 41                                                         │
      │ same: kt groups reset nightly-report --all-topics --to -1h -y            │
      │ Reset 13 offsets?  [y/N]                                                 │
      └──────────────────────────────────────────────────────────────────────────┘
    ");
    let shown = on_canvas((80, 6), |canvas, area| delete().draw(canvas, area));
    assert!(shown.starts_with("  ┌"));
    insta::assert_snapshot!(shown, @r"
      ┌ delete topic payments · context prod-eu · level 2: data is lost ─────────┐
      │ 24 partitions, 88.0GiB, 214M records; 3 groups read it (2 active)        │
      │ undo: none    same: kt topics delete payments -y                         │
      │ Type the name to delete it: paym_                                        │
      │                             payments                                     │
      └─ Esc leaves, nothing is changed ─────────────────────────────────────────┘
    ");
}

#[test]
fn the_question_stays_in_sight_when_the_plan_is_long() {
    let plan = (0..40).map(|it| format!("orders-{it}")).collect();
    let confirm = Confirm { plan, action: "reset offsets of ".repeat(9), ..reset() };
    insta::assert_snapshot!(on_canvas((60, 8), |canvas, area| confirm.draw(canvas, area)), @"
    ┌ reset offsets of reset offsets…context prod-eu · level 1 ┐
    │ orders-0                                                 │
    │ … and 39 more                                            │
    │ undo: kt undo 41                                         │
    │ same: kt groups reset nightly-report --all-topics --to   │
    │ -1h -y                                                   │
    │ Reset 13 offsets?  [y/N]                                 │
    └──────────────────────────────────────────────────────────┘
    ");
}

#[test]
fn a_long_name_can_be_read_and_compared() {
    let name = "clickstream-web-raw-eu-west-1-with-a-name-that-nobody-would-type-for-fun-v2";
    let confirm = Confirm {
        action: format!("delete topic {name}"),
        same: format!("kt topics delete {name} -y"),
        ask: Ask::Type {
            loss: "data is lost".into(),
            prompt: "Type the name to delete it:".into(),
            expected: name.into(),
            typed: name[..74].into(),
        },
        ..delete()
    };
    insta::assert_snapshot!(on_canvas((80, 12), |canvas, area| confirm.draw(canvas, area)), @"
    ┌ delete topic clickstream-web-raw…context prod-eu · level 2: data is lost ┐
    │ 24 partitions, 88.0GiB, 214M records; 3 groups read it (2 active)        │
    │ undo: none                                                               │
    │ same: kt topics delete clickstream-web-raw-eu-west-1-with-a-name-that-no │
    │ body-would-type-for-fun-v2 -y                                            │
    │ Type the name to delete it:                                              │
    │   clickstream-web-raw-eu-west-1-with-a-name-that-nobody-would-type-for-f │
    │   un-v2                                                                  │
    │ > clickstream-web-raw-eu-west-1-with-a-name-that-nobody-would-type-for-f │
    │ > un-v_                                                                  │
    └─ Esc leaves, nothing is changed ─────────────────────────────────────────┘
    ");
    // In the smallest window what is typed stays.
    insta::assert_snapshot!(on_canvas((80, 6), |canvas, area| confirm.draw(canvas, area)), @"
    ┌ delete topic clickstream-web-raw…context prod-eu · level 2: data is lost ┐
    │   clickstream-web-raw-eu-west-1-with-a-name-that-nobody-would-type-for-f │
    │   un-v2                                                                  │
    │ > clickstream-web-raw-eu-west-1-with-a-name-that-nobody-would-type-for-f │
    │ > un-v_                                                                  │
    └─ Esc leaves, nothing is changed ─────────────────────────────────────────┘
    ");
}

#[test]
fn notes_of_the_plan_stand_before_the_question() {
    let note = "group \"bililng\" does not exist: it is created, and nobody reads for it before \
                somebody joins it";
    let many = (0..3).map(|it| format!("note {it}"));
    let confirm = Confirm { notes: [note.to_owned()].into_iter().chain(many).collect(), ..reset() };
    insta::assert_snapshot!(on_canvas((80, 12), |canvas, area| confirm.draw(canvas, area)), @r#"
    ┌ reset offsets of nightly-report · context prod-eu · level 1 ─────────────┐
    │ orders     12 partitions   180991222 … → time -1h   skips 9.0M records   │
    │ refunds     1 partition    no commit   → time -1h                        │
    │ group "bililng" does not exist: it is created, and nobody reads for it   │
    │ before somebody joins it                                                 │
    │ note 0                                                                   │
    │ note 1                                                                   │
    │ … and 1 more                                                             │
    │ undo: kt undo 41                                                         │
    │ same: kt groups reset nightly-report --all-topics --to -1h -y            │
    │ Reset 13 offsets?  [y/N]                                                 │
    └──────────────────────────────────────────────────────────────────────────┘
    "#);
}

#[test]
fn a_context_paints_its_header() {
    let paint = Some(Paint::Exact(Rgb(255, 220, 0)));
    let painted = Header { paint, ..header() };
    let buffer = drawn(&painted, Screen::Overview, &overview_title(), (80, 24), Theme::default());
    for x in 0..80 {
        let style = buffer[(x, 0)].style();
        assert_eq!((style.fg, style.bg), (Some(Color::Black), Some(Color::Rgb(255, 220, 0))));
    }
    assert_eq!(buffer[(0, 1)].style().bg, Some(Color::Reset));
}

/// Escape sequences as they are sent, with `^` for the escape.
fn inked(buffer: &Buffer, line: usize) -> String {
    ansi(buffer).lines().nth(line).unwrap_or_default().replace('\x1b', "^")
}

const PALETTES: [Palette; 4] = [Palette::Dark, Palette::Light, Palette::Sixteen, Palette::Mono];

#[test]
fn the_colour_of_a_context_in_every_theme() {
    let mut text = String::new();
    for paint in [Paint::Exact(Rgb(180, 2, 3)), Paint::Named(11)] {
        let header = Header { paint: Some(paint), ..header() };
        for palette in PALETTES {
            let theme = Theme { palette, glyphs: Glyphs::Unicode };
            let shown = drawn(&header, Screen::Overview, &overview_title(), (60, 16), theme);
            text += &format!("{palette:?} {}\n", inked(&shown, 0));
        }
    }
    insta::assert_snapshot!(text, @"
    Dark ^[97;48;2;180;2;3m prod-eu      ^[1mBAD 3^[0;97;48;2;180;2;3m ^[1mWARN 2^[0;97;48;2;180;2;3m  ^[1mbrk 5/6^[0;97;48;2;180;2;3m                      2s ^[0m
    Light ^[97;48;2;180;2;3m prod-eu      ^[1mBAD 3^[0;97;48;2;180;2;3m ^[1mWARN 2^[0;97;48;2;180;2;3m  ^[1mbrk 5/6^[0;97;48;2;180;2;3m                      2s ^[0m
    Sixteen ^[97;41m prod-eu      ^[1mBAD 3^[0;97;41m ^[1mWARN 2^[0;97;41m  ^[1mbrk 5/6^[0;97;41m                      ^[2m2s^[0;97;41m ^[0m
    Mono  prod-eu      ^[1;7mBAD 3^[0m ^[1mWARN 2^[0m  ^[7mbrk 5/6^[0m                      ^[2m2s^[0m
    Dark ^[30;103m prod-eu      ^[1mBAD 3^[0;30;103m ^[1mWARN 2^[0;30;103m  ^[1mbrk 5/6^[0;30;103m                      2s ^[0m
    Light ^[30;103m prod-eu      ^[1mBAD 3^[0;30;103m ^[1mWARN 2^[0;30;103m  ^[1mbrk 5/6^[0;30;103m                      2s ^[0m
    Sixteen ^[30;103m prod-eu      ^[1mBAD 3^[0;30;103m ^[1mWARN 2^[0;30;103m  ^[1mbrk 5/6^[0;30;103m                      ^[2m2s^[0;30;103m ^[0m
    Mono  prod-eu      ^[1;7mBAD 3^[0m ^[1mWARN 2^[0m  ^[7mbrk 5/6^[0m                      ^[2m2s^[0m
    ");
}

#[test]
fn a_question_names_the_context_in_its_colour() {
    let mut text = String::new();
    for palette in PALETTES {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 60, 6));
        let area = buffer.area;
        let theme = Theme { palette, glyphs: Glyphs::Unicode };
        let confirm = Confirm { paint: Some(Paint::Exact(Rgb(180, 2, 3))), ..delete() };
        confirm.draw(&mut Canvas::new(&mut buffer, theme), area);
        text += &format!("{palette:?} {}\n", inked(&buffer, 0));
    }
    insta::assert_snapshot!(text, @"
    Dark ^[1;91m┌ delete topic pay…^[97;48;2;180;2;3mcontext prod-eu^[91;49m · level 2: data is lost ┐^[0m
    Light ^[1;31m┌ delete topic pay…^[97;48;2;180;2;3mcontext prod-eu^[31;49m · level 2: data is lost ┐^[0m
    Sixteen ^[1;91m┌ delete topic pay…^[97;41mcontext prod-eu^[91;49m · level 2: data is lost ┐^[0m
    Mono ^[7m┌ delete topic pay…context prod-eu · level 2: data is lost ┐^[0m
    ");
}

#[test]
fn every_theme_has_the_same_cells() {
    let header = header();
    let plain = frame(&header, Screen::Overview, &overview_title(), (80, 24));
    for palette in [Palette::Dark, Palette::Light, Palette::Sixteen, Palette::Mono] {
        let theme = Theme { palette, glyphs: Glyphs::Unicode };
        assert_eq!(
            text_of(&drawn(&header, Screen::Overview, &overview_title(), (80, 24), theme)),
            plain
        );
    }
    let theme = Theme { palette: Palette::Mono, glyphs: Glyphs::Ascii };
    let ascii: String = plain.chars().map(|it| Glyphs::Ascii.of(it)).collect();
    assert_eq!(
        text_of(&drawn(&header, Screen::Overview, &overview_title(), (80, 24), theme)),
        ascii
    );
}

fn ages() -> impl Strategy<Value = Age> {
    prop_oneof![
        Just(Age::None),
        any::<u64>().prop_map(Age::Fresh),
        any::<u64>().prop_map(Age::Stale),
        any::<u64>().prop_map(Age::Lost),
        any::<u64>().prop_map(Age::Frozen),
        (1_u32..=999).prop_map(|it| Age::Replay(it.to_string().parse().unwrap())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_size_is_too_small_and_nothing_shifts(
        size in (1u16..=200, 1u16..=60),
        name in "[ -~\u{1b}\n一-龥]{1,60}",
        counts in (any::<usize>(), any::<usize>()),
        id in any::<i32>(),
        age in ages(),
    ) {
        let wild = Header {
            context: name.clone(),
            badge: Badge::Firing { bad: counts.0, warn: counts.1 },
            brokers: Reading::Known(counts),
            controller: Reading::Known(NodeId(id)),
            cluster_id: name.clone(),
            age,
            ..header()
        };
        let title = Title { left: vec![Piece::new(name.clone(), Tone::Plain)], ..overview_title() };
        let shown = frame(&wild, Screen::Overview, &title, size);
        if size.0 >= 80 && size.1 >= 16 {
            // The protection stands in its cell whatever the others say.
            let at = if size.0 < 120 { 58 } else { 71 };
            let theme = Theme::default();
            let buffer = drawn(&wild, Screen::Overview, &title, size, theme);
            let word: String = (at..at + 9).map(|x| buffer[(x, 0)].symbol().to_owned()).collect();
            prop_assert_eq!(word, "PROTECTED");
        }
        prop_assert_eq!(shown.lines().count(), usize::from(size.1));
        let wild = name.repeat(9);
        let ask = Ask::Type {
            loss: name.clone(),
            prompt: "Type it:".into(),
            expected: wild.clone(),
            typed: wild.clone(),
        };
        let (plan, notes) = (vec![name.clone(); 30], vec![wild.clone(); 5]);
        let confirm = Confirm { action: name.clone(), plan, notes, same: wild, ask, ..delete() };
        on_canvas(size, |canvas, area| confirm.draw(canvas, area));
        on_canvas(size, |canvas, area| reset().draw(canvas, area));
        on_canvas(size, |canvas, area| {
            Help { scrolled: counts.0, ..help() }.draw(canvas, area);
        });
        on_canvas(size, |canvas, area| draw_rule(canvas, area, &name, Tone::Dim));
        on_canvas(size, |canvas, area| draw_lines(canvas, area, std::slice::from_ref(&name)));
    }
}
