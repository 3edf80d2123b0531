//! The file of a history in a directory of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use kt_protocol::types::{Millis, Timestamp};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::tui::history::kept::simulated::SimulatedMedium;
use crate::tui::history::store::Metric;

const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qk";
/// 2026-11-21T14:00:00Z, in minutes.
const NOON: i64 = 29_921_160;

fn now() -> Now {
    let wall = NOON * 60_000;
    Now { monotonic: Millis(wall.unsigned_abs()), wall: Timestamp(wall) }
}

fn minute(minute: i64) -> Minute {
    Minute { minute, lines: vec![(Subject::Total, vec![(Metric::RecordsIn, 5.0)])] }
}

fn begin(keeper: &mut Keeper, cluster: &str) -> Result<UnboundedReceiver<Msg>, CliError> {
    let (news, heard) = unbounded_channel();
    keeper.begin((cluster, BTreeSet::from([Subject::Total])), now(), news)?;
    Ok(heard)
}

/// What is heard until all was recalled, or no more is kept.
fn said(heard: &mut UnboundedReceiver<Msg>) -> String {
    let mut text = String::new();
    while let Some(Msg::Kept(news)) = heard.blocking_recv() {
        match news {
            KeptNews::Past(lines) => text += &format!("{} subjects, ", lines.len()),
            KeptNews::Recalled { damaged } => return format!("{text}{damaged} damaged"),
            KeptNews::Ended(why) => return format!("{text}ended: {why}"),
        }
    }
    text
}

#[test]
fn what_is_kept_is_there_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prod.history");
    // Somebody made it, and anybody can read it.
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut keeper = Keeper::open(&path).unwrap();
    let mut heard = begin(&mut keeper, CLUSTER).unwrap();
    assert_eq!(said(&mut heard), "0 damaged");
    for it in NOON - 7..NOON {
        assert!(keeper.keep(minute(it)).is_none());
    }
    keeper.finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut keeper = Keeper::open(&path).unwrap();
    assert_eq!(said(&mut begin(&mut keeper, CLUSTER).unwrap()), "1 subjects, 0 damaged");
    // Whoever reads alone needs no lock, and writes nothing.
    let before = fs::read(&path).unwrap();
    assert_eq!(before.len().div_ceil(4_096), 3, "a head and two blocks");
    let mut reader = Keeper::open_to_read(&path).unwrap();
    assert_eq!(said(&mut begin(&mut reader, CLUSTER).unwrap()), "1 subjects, 0 damaged");
    reader.finish().unwrap();
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn what_cannot_be_kept_is_said_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    let without = |text: &str| text.replace(&directory.path().display().to_string(), "DIR");
    let words = |error: CliError| {
        format!("{}\n{}\n", without(&error.message), error.hint.unwrap_or_default())
    };
    let mut text = String::new();
    let mut first = Keeper::open(&path).unwrap();
    text += &words(Keeper::open(&path).unwrap_err());
    said(&mut begin(&mut first, CLUSTER).unwrap());
    first.finish().unwrap();
    let mut other = Keeper::open(&path).unwrap();
    text += &words(begin(&mut other, "another").unwrap_err());
    let thesis = directory.path().join("thesis.txt");
    fs::write(&thesis, "all my work").unwrap();
    text += &words(Keeper::open(&thesis).unwrap_err());
    text += &words(Keeper::open(directory.path()).unwrap_err());
    text += &words(Keeper::open(&directory.path().join("no/where")).unwrap_err());
    text += &words(Keeper::open_to_read(&directory.path().join("b")).unwrap_err());
    let pipe = directory.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    text += &words(Keeper::open_to_read(&pipe).unwrap_err());
    assert!(!directory.path().join("b").exists());
    assert_eq!(fs::read(&thesis).unwrap(), b"all my work");
    insta::assert_snapshot!(text, @"
    history DIR/a is kept by another dashboard
    name another file: --history FILE
    history DIR/a: it holds the history of cluster MkU3OEVBNTcwNTJENDM2Qk, and this is another; it is left as it is
    each cluster needs a file of its own
    history DIR/thesis.txt: it is no history of kt, and is left as it is
    name a file that is not there yet
    cannot open history DIR: Is a directory (os error 21)

    cannot open history DIR/no/where: No such file or directory (os error 2)

    cannot open history DIR/b: No such file or directory (os error 2)

    history DIR/pipe: it is no file
    ");
}

#[test]
fn a_disk_that_fails_ends_the_keeping() {
    let medium = SimulatedMedium::default();
    medium.has_room(4_196);
    let file = KeptFile::open(medium.clone()).unwrap();
    let (news, mut heard) = unbounded_channel();
    let (minutes, waiting) = sync_channel(WAITING_MAX);
    for it in NOON..NOON + 12 {
        minutes.send(minute(it)).unwrap();
    }
    drop(minutes);
    let past = Past::new(now(), BTreeSet::new());
    let kept = keep(file, (Access::Write, CLUSTER), past, &waiting, &news);
    let words = kept.unwrap_err().to_string();
    assert!(words.contains("no storage space"), "{words}");
    drop(news);
    assert_eq!(said(&mut heard), "0 damaged");
}

#[test]
fn a_disk_that_does_not_follow_is_not_waited_for() {
    let (minutes, _waiting) = sync_channel(1);
    let thread = Worker::start("history", || Ok(())).unwrap();
    let state = State::Running { minutes, thread };
    let mut keeper = Keeper { path: PathBuf::from("h"), access: Access::Write, state };
    assert!(keeper.keep(minute(1)).is_none());
    let Some(Msg::Kept(KeptNews::Ended(why))) = keeper.keep(minute(2)) else { panic!() };
    assert_eq!(why, "h: the disk does not follow");
    assert!(keeper.keep(minute(3)).is_none());
    assert_eq!(keeper.finish(), Err("h: the disk does not follow".to_owned()));
}

#[test]
fn whoever_leaves_hears_that_the_last_minutes_are_lost() {
    let (minutes, waiting) = sync_channel(WAITING_MAX);
    let medium = SimulatedMedium::default();
    medium.has_room(4_100);
    let file = KeptFile::open(medium).unwrap();
    let (news, heard) = unbounded_channel();
    // Nobody listens any more.
    drop(heard);
    let thread = Worker::start("history", move || {
        let past = Past::new(now(), BTreeSet::new());
        keep(file, (Access::Write, CLUSTER), past, &waiting, &news).map_err(|it| it.to_string())
    });
    let state = State::Running { minutes, thread: thread.unwrap() };
    let mut keeper = Keeper { path: PathBuf::from("h"), access: Access::Write, state };
    assert!(keeper.keep(minute(NOON)).is_none());
    assert_eq!(keeper.finish(), Err("no storage space".to_owned()));
}
