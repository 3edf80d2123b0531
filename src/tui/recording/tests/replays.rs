//! A replay shows what was shown, at the same time.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::kinds::Chosen;
use super::*;
use crate::tui::keymap::Key;
use crate::tui::model::app::{App, Brokers, Setting};
use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::page::Target;
use crate::tui::model::screen::Screen;
use crate::tui::recording::playing::Playing;
use crate::tui::recording::reader::{Decoded, Reader};
use crate::tui::recording::span::Span;
use crate::tui::recording::speed::Speed;
use crate::tui::stage::{Stage, Town, readable};
use crate::tui::view;

/// Where one goes, and how long one stays there, in ms.
const WALK: [(Screen, Option<&str>, u64); 12] = [
    (Screen::Overview, None, 31_000),
    (Screen::Topics, None, 20_500),
    (Screen::Topic, Some("orders"), 12_000),
    (Screen::Groups, None, 9_000),
    (Screen::Group, Some("billing-export"), 14_000),
    (Screen::Brokers, None, 3_000),
    (Screen::Quorum, None, 4_000),
    (Screen::Reassignments, None, 4_000),
    (Screen::LogDirs, None, 61_000),
    (Screen::Configs, None, 10_000),
    (Screen::Alerts, None, 5_000),
    (Screen::Overview, None, 120_000),
];

fn target(screen: Screen, subject: Option<&str>) -> Target {
    Target::named(screen, subject).unwrap_or_else(|_| Target::screen(screen))
}

/// Title and body, as they go to paper.
fn paper(app: &App) -> String {
    let (width, height) = app.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::app::draw_once(app, &mut buffer);
    let text = readable(&view::export::text(&buffer));
    // The age of the header is the speed in a replay.
    text.lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// A walk through a town that is recorded, what was seen at each place, and when.
fn recorded(town: Town, size: (u16, u16), file: &Path) -> Vec<(Timestamp, String)> {
    let recording = record(NewFile::create(file).unwrap(), header(), Naming::AsTheyAre).unwrap();
    let mut stage = Stage::open(town, size.0, size.1);
    stage.recorder = Some(recording.recorder.clone());
    let mut seen = Vec::new();
    for (screen, subject, ms) in WALK {
        stage.go(&target(screen, subject));
        stage.pass(ms);
        stage.app.compute_all();
        seen.push((stage.app.now.wall, paper(&stage.app)));
    }
    // What was seen last is not the end of it.
    stage.pass(5_000);
    recording.finish().unwrap();
    seen
}

struct Replay {
    app: App,
    playing: Playing<Reader<Decoded>>,
}

impl Replay {
    fn of(file: &Path, (width, height): (u16, u16), speed: Speed) -> Replay {
        let (header, reader) = open(file).unwrap();
        let playing = Playing::begin(reader).unwrap();
        let setting = Setting {
            context: header.context,
            paint: None,
            is_protected: header.protected,
            zone: TimeZone::fixed(jiff::tz::offset(1)),
            reach: header.reach.unwrap_or_default(),
            data: Vec::new(),
            brokers: Brokers::Elsewhere,
        };
        let mut app = App::new(setting, playing.now());
        app.play(speed);
        let mut replay = Replay { app, playing };
        assert_eq!(replay.tell(Msg::Resize(width, height)), 0);
        replay
    }

    /// A message; how many effects that had.
    fn tell(&mut self, msg: Msg) -> usize {
        let mut effects: Vec<Effect> = Vec::new();
        self.app.update(self.playing.now(), msg, &mut effects);
        effects.len()
    }

    fn go(&mut self, target: &Target) {
        self.app.go(target);
        self.draw();
    }

    fn draw(&mut self) -> String {
        let (width, height) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let drawn = view::app::draw(&self.app, &mut buffer);
        self.app.was_drawn(drawn);
        readable(&view::export::text(&buffer))
    }

    fn press(&mut self, keys: &str) -> usize {
        keys.chars().map(|it| self.tell(Msg::Key(Key::Char(it)))).sum()
    }

    fn last_lines(&mut self) -> String {
        let shown = self.draw();
        let lines: Vec<&str> = shown.lines().collect();
        lines[lines.len() - 2].to_owned()
    }

    fn play_to_end(&mut self) {
        self.playing.advance_to_end(&mut self.app);
    }
}

fn same(town: Town, size: (u16, u16)) {
    let directory = directory();
    let file = directory.path().join("a.kt");
    let seen = recorded(town, size, &file);
    let mut replay = Replay::of(&file, size, Speed::ONE);
    for ((screen, subject, _), (until, live)) in WALK.into_iter().zip(seen) {
        replay.go(&target(screen, subject));
        replay.playing.advance_to(&mut replay.app, until);
        replay.app.compute_all();
        pretty(&live, &paper(&replay.app), screen);
    }
}

fn pretty(live: &str, replayed: &str, screen: Screen) {
    assert_eq!(live.lines().count(), replayed.lines().count(), "{screen:?}");
    for (line, (live, replayed)) in live.lines().zip(replayed.lines()).enumerate() {
        assert_eq!(live, replayed, "{screen:?}, line {line}");
    }
}

#[test]
fn a_replay_draws_what_was_drawn() {
    same(Town::troubled(), (80, 24));
}

#[test]
fn and_so_it_does_on_a_large_screen() {
    same(Town::troubled(), (160, 50));
}

fn small() -> (tempfile::TempDir, PathBuf) {
    let directory = directory();
    let file = directory.path().join("a.kt");
    recorded(Town::small(), (80, 24), &file);
    (directory, file)
}

#[test]
fn its_end_stands_still_and_says_so() {
    let (_directory, file) = small();
    let mut replay = Replay::of(&file, (80, 24), "8".parse().unwrap());
    insta::assert_snapshot!(replay.draw().lines().next().unwrap(), @" zq-context   UNKNOWN       brk …       ctl …             PROTECTED   replay 8x");
    replay.play_to_end();
    let shown = replay.draw();
    insta::assert_snapshot!(shown, @"
     zq-context   OK            brk 3/3     ctl 101 MkU3…M2Qk PROTECTED   replay 8x
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >· brokers    3 of 3 up   1 2 3 ok                                          4
     · partitions all 9 in sync                                                 2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     · disk       fullest 50%                            1 /data/kafka-0        7
     · groups     none behind  of 1                                             3
     · moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                 now
       records in        660/s     660/s                                 ⢰⣶⣶⣶⣶⣶⣶⣶
       bytes in       129KiB/s  129KiB/s                                 ⢰⣶⣶⣶⣶⣶⣶⣶
       records out ~     600/s     600/s                                 ⢠⣤⣤⣤⣤⣤⣤⣤
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
       orders               600  117KiB │   billing             4806↑   ~10s ok
       payments              60 11.7KiB │
                                        │
                                        │
                                        │
                                        │
     end of the recording, 15:05:22
     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
    // What keys say makes way for it at the next key.
    assert_eq!(replay.press("r"), 0);
    insta::assert_snapshot!(replay.last_lines(), @" a recording is played: nothing is asked");
    assert_eq!(replay.press("j"), 0);
    insta::assert_snapshot!(replay.last_lines(), @" end of the recording, 15:05:22");
}

#[test]
fn nothing_is_asked_changed_or_read() {
    let (_directory, file) = small();
    let mut replay = Replay::of(&file, (80, 24), Speed::ONE);
    while replay.playing.step(&mut replay.app, Millis(3_600_000 + 40_000)) {}
    let mut said = Vec::new();
    for keys in ["r", "2n", "a", "e", "p", "u"] {
        assert_eq!(replay.press(keys), 0, "{keys}");
        said.push(format!("{keys}: {}", replay.last_lines()));
    }
    for line in [":records orders", ":segments orders", ":groups delete billing"] {
        replay.press(line);
        assert_eq!(replay.tell(Msg::Key(Key::Enter)), 0, "{line}");
        said.push(format!("{line}: {}", replay.last_lines()));
    }
    insta::assert_snapshot!(said.join("\n"), @"
    r:  a recording is played: nothing is asked
    2n:  a recording is played: nothing can be changed
    a:  a recording is played: nothing can be changed
    e:  a recording is played: nothing can be changed
    p:  a recording is played: nothing can be changed
    u:  a recording is played: nothing can be changed
    :records orders:  a recording holds no records
    :segments orders:  a recording holds no segments
    :groups delete billing:  a recording is played: nothing can be changed
    ");
    replay.press("?");
    let help = replay.draw();
    let cost = help.lines().find(|it| it.contains("history")).unwrap();
    insta::assert_snapshot!(cost, @" │ a recording is played: nothing is asked  history 0 of 64MiB                │");
}

#[test]
fn a_place_in_it_is_found_by_its_time() {
    let (_directory, file) = small();
    let span = Span::of(&file).unwrap().unwrap();
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    let moment = |at: &str| match span.moment(at, &zone) {
        Ok(moment) => format!("{at}: {}", moment.to_zoned(zone.clone()).strftime("%d. %H:%M:%S")),
        Err(error) => format!("{at}: {} ({})", error.message, error.hint.unwrap_or_default()),
    };
    let all =
        ["15:00:00", "15:01", "-1m", "-10m", "15:30", "2026-11-21T15:02", "latest", "42", "x"];
    insta::assert_snapshot!(all.map(moment).join("\n"), @r#"
    15:00:00: 21. 15:00:00
    15:01: 21. 15:01:00
    -1m: 21. 15:04:22
    -10m: --at -10m is outside the recording (it goes from 2026-11-21T15:00:00 to 2026-11-21T15:05:22)
    15:30: --at 15:30 is outside the recording (it goes from 2026-11-21T15:00:00 to 2026-11-21T15:05:22)
    2026-11-21T15:02: 21. 15:02:00
    latest: --at latest is no time (such as 15:04:07, 2026-11-21T15:04 or -10m)
    42: --at 42 is no time (such as 15:04:07, 2026-11-21T15:04 or -10m)
    x: --at: "x" is not a position: write earliest, latest, an offset (42), -10, +10, -1h, 2026-11-21T02:00, 02:00 or @EPOCH ()
    "#);
    let at = span.moment("15:01", &zone).unwrap();
    let mut replay = Replay::of(&file, (80, 24), Speed::ONE);
    replay.playing.advance_to(&mut replay.app, Timestamp(at.as_millisecond()));
    assert_eq!(replay.playing.now(), replay.app.now);
    assert_eq!(replay.app.now.wall.0, at.as_millisecond());
    assert!(!replay.playing.is_ended());
}

#[test]
fn a_place_is_found_though_the_wall_clock_was_set_back() {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::AsTheyAre);
    let all = Chosen::plain().one_of_each();
    // Ten minutes after the start the clock goes back by an hour.
    let walls = [0, 300_000, -3_000_000, -2_700_000, -2_400_000];
    let entries = (0_u64..).zip(walls).map(|(index, wall)| Entry {
        at: Now { wall: Timestamp(WALL + wall), ..at(index * 300_000) },
        ..all[0].clone()
    });
    keep(&recording, &entries.collect::<Vec<_>>());
    recording.finish().unwrap();
    let stands = |wall: i64| {
        let mut replay = Replay::of(&file, (80, 24), Speed::ONE);
        replay.playing.advance_to(&mut replay.app, Timestamp(WALL + wall));
        (replay.app.now.monotonic.0, replay.app.now.wall.0 - WALL)
    };
    assert_eq!(stands(100_000), (100_000, 100_000));
    assert_eq!(stands(-2_800_000), (800_000, -2_800_000));
    // And the last moment of all.
    assert_eq!(stands(-2_400_000), (1_200_000, -2_400_000));
}

#[test]
fn time_that_nobody_recorded_passes_at_once() {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::AsTheyAre);
    let all = Chosen::plain().one_of_each();
    let mut late = all[1].clone();
    late.at = at(1 << 40);
    keep(&recording, &[all[0].clone(), all[1].clone(), late]);
    recording.finish().unwrap();
    let mut replay = Replay::of(&file, (80, 24), Speed::ONE);
    replay.play_to_end();
    assert_eq!(replay.app.now.monotonic, Millis(1 << 40));
}

#[test]
fn who_records_is_told_so_and_asked_before_leaving() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.app.record("incident.kt".to_owned());
    let title = |stage: &mut Stage| stage.shown().lines().nth(2).unwrap().to_owned();
    let message = |stage: &mut Stage| stage.shown().lines().nth(22).unwrap().to_owned();
    insta::assert_snapshot!(title(&mut stage), @" overview                                                   rec  last 30m  live");
    insta::assert_snapshot!(message(&mut stage), @" recording to incident.kt; q ends it");
    stage.done.clear();
    stage.type_keys("q");
    insta::assert_snapshot!(message(&mut stage), @" a recording is being made: leave? [y/N]");
    stage.type_keys("n:q<Enter>");
    insta::assert_snapshot!(message(&mut stage), @" a recording is being made: leave? [y/N]");
    assert!(stage.done.is_empty());
    stage.type_keys("n");
    stage.app.recording_ended("the disk does not follow");
    insta::assert_snapshot!(message(&mut stage), @" ▲ recording to incident.kt has ended: the disk does not follow");
    insta::assert_snapshot!(title(&mut stage), @" overview                                                        last 30m  live");
    // Now there is nothing to ask about.
    stage.type_keys("q");
    assert!(matches!(stage.done.as_slice(), [Effect::Quit]));
    stage.app.record("incident.kt".to_owned());
    stage.type_keys("<C-c>");
    assert!(matches!(stage.done.as_slice(), [Effect::Quit, Effect::Quit]));
    stage.type_keys("?");
    let help = stage.shown();
    let cost = help.lines().find(|it| it.contains("history")).unwrap();
    insta::assert_snapshot!(cost, @" │ recording to incident.kt  cost 2.9 req/s 1.8KiB/s  history 0 of 64MiB  lo… │");
}
