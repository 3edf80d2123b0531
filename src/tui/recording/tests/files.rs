//! Files that are cut, damaged, foreign or of tomorrow, and disks that do not take them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::kinds::Chosen;
use super::*;
use crate::tui::recording::LINE_MAX;
use crate::tui::recording::line::{beginning, body};
use crate::tui::recording::span::Span;
use crate::tui::recording::writer::{Last, NewFile, begin, encoder};

/// A small recording that is flushed after each line, and where each flush ended.
fn flushed(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
    let mut to = encoder(Vec::new()).unwrap();
    to.write_all(&serde_json::to_vec(&header()).unwrap()).unwrap();
    to.write_all(b"\n").unwrap();
    to.flush().unwrap();
    let mut flushes = vec![to.get_ref().len()];
    for it in entries {
        to.write_all(beginning(it.at).as_bytes()).unwrap();
        to.write_all(&body(&it.question(), &it.said, it.took).unwrap()[1..]).unwrap();
        to.flush().unwrap();
        flushes.push(to.get_ref().len());
    }
    (to.finish().unwrap(), flushes)
}

fn few() -> Vec<Entry> {
    let all = Chosen::plain().one_of_each();
    [0, 4, 9, 30].map(|it| all[it].clone()).to_vec()
}

fn read(directory: &tempfile::TempDir, bytes: &[u8]) -> Result<(Vec<Entry>, Ending), String> {
    let file = directory.path().join("b.kt");
    fs::write(&file, bytes).unwrap();
    let (_, entries, ending) = all(&file)
        .map_err(|error| error.to_string().replace(&*directory.path().to_string_lossy(), ""))?;
    Ok((entries, ending))
}

#[test]
fn nobody_else_can_read_it_and_nothing_is_written_over() {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::AsTheyAre);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    recording.finish().unwrap();
    let before = fs::read(&file).unwrap();
    let error = NewFile::create(&file).unwrap_err();
    assert!(error.message.ends_with("a.kt is there already"), "{}", error.message);
    assert_eq!(fs::read(&file).unwrap(), before);
    // What was made for a recording that never began is gone again.
    let other = directory.path().join("b.kt");
    drop(NewFile::create(&other).unwrap());
    assert!(!other.exists());
}

#[test]
fn a_file_that_is_cut_anywhere_is_read_as_far_as_it_was_flushed() {
    let (directory, entries) = (directory(), few());
    let (bytes, flushes) = flushed(&entries);
    for cut in 0..bytes.len() {
        let whole = flushes.iter().filter(|it| **it <= cut).count();
        match read(&directory, &bytes[..cut]) {
            Ok((found, ending)) => {
                assert_eq!(ending, Ending::Cut, "cut at {cut}");
                assert_eq!(found, entries[..found.len()]);
                assert!(whole <= found.len() + 1, "{} of {whole}, cut at {cut}", found.len());
            }
            Err(why) => {
                assert_eq!(whole, 0, "cut at {cut}: {why}");
                assert!(why.contains("this is no recording of the dashboard: "), "{why}");
            }
        }
    }
    assert_eq!(read(&directory, &bytes).unwrap(), (entries, Ending::Whole));
}

#[test]
fn a_flipped_bit_is_found_by_the_end() {
    let (directory, entries) = (directory(), few());
    let (bytes, _) = flushed(&entries);
    let mut found_out = 0;
    for index in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[index / 8] ^= 1 << (index % 8);
        // A recording that says that it is whole is whole.
        match read(&directory, &bytes) {
            Ok((found, Ending::Whole)) => assert_eq!(found, entries, "bit {index}"),
            Ok(_) | Err(_) => found_out += 1,
        }
    }
    assert!(bytes.len() * 7 < found_out, "{found_out} of {}", bytes.len() * 8);
}

#[test]
fn what_is_no_recording_is_said() {
    let directory = directory();
    let packed = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
    let header = serde_json::to_string(&header()).unwrap();
    let tomorrow = header.replace("\"schema\":1", "\"schema\":2").replace("\"kt\"", "\"kt2\"");
    let answer = r#"{"kind":"Answer","wall":1,"ms":1,"asked":"Moves","broker":null,"part":0,"took":1,"said":{"Ok":{"Moves":{"a:0":3}}}}"#;
    let far = answer
        .replace("\"ms\":1", "\"ms\":9007199254740993")
        .replace(":3}", ":{\"replicas\":[],\"adding\":[],\"removing\":[]}}");
    let below_zero = answer.replace(
        r#"{"Moves":{"a:0":3}}"#,
        r#"{"Offsets":["End",{"a:0":{"Ok":{"offset":-9,"timestamp":null,"leader_epoch":null}}}]}"#,
    );
    let parts = far.replace("9007199254740993", "1").replace("\"part\":0", "\"part\":9999999");
    let without =
        |error: ReadError| error.to_string().replace(&*directory.path().to_string_lossy(), "DIR");
    let said = [
        read(&directory, b""),
        read(&directory, b"name,lag\n"),
        read(&directory, &packed("")),
        read(&directory, &packed("hello\n")),
        read(&directory, &packed("{\"kind\":\"Screen\",\"schema\":1}\n")),
        read(&directory, &packed(&format!("{tomorrow}\n"))),
        read(&directory, &packed(&format!("{header}\n{answer}\n"))),
        read(&directory, &packed(&format!("{header}\n{far}\n"))),
        read(&directory, &packed(&format!("{header}\n{{}}\n"))),
        read(&directory, &packed(&format!("{header}\n{below_zero}\n"))),
        read(&directory, &packed(&format!("{header}\n{parts}\n"))),
        all(directory.path()).map(|it| (it.1, it.2)).map_err(without),
    ];
    let said: Vec<String> = said.into_iter().map(Result::unwrap_err).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    /b.kt: this is no recording of the dashboard: it ends within its first line
    /b.kt: this is no recording of the dashboard: Unknown frame descriptor
    /b.kt: this is no recording of the dashboard: it is empty
    /b.kt: this is no recording of the dashboard: expected value at line 1 column 1
    /b.kt: this is no recording of the dashboard: unknown variant `Screen`, expected `Recording` at line 1 column 16
    /b.kt: a later kt made this recording (schema 2; this kt reads 1)
    /b.kt: the recording is damaged in line 2: invalid type: integer `3`, expected struct Reassignment at line 1 column 111
    /b.kt: the recording is damaged in line 2: a time out of range
    /b.kt: the recording is damaged in line 2: missing field `kind` at line 1 column 2
    /b.kt: the recording is damaged in line 2: an offset below zero
    /b.kt: the recording is damaged in line 2: a round of too many parts
    DIR: Is a directory (os error 21)
    ");
    // What a later kt adds to this schema is passed over, whatever it says.
    let later = format!(
        "{header}\n{{\"kind\":\"Note\",\"text\":[1]}}\n{{\"kind\":\"Note\",\"wall\":\"late\"}}\n{answer}\n"
    );
    let answer = later.replace(":3}", ":{\"replicas\":[],\"adding\":[],\"removing\":[]}}");
    let (found, ending) = read(&directory, &packed(&answer)).unwrap();
    assert_eq!((found.len(), ending), (1, Ending::Whole));
    let span = Span::of(&directory.path().join("b.kt")).unwrap().unwrap();
    assert_eq!(span.first.as_millisecond(), 1);
    // Where nothing is said of parts, an answer is the last one of its round.
    assert_eq!((found[0].part, found[0].parts), (0, 1));
    // And a last line without an end was cut.
    assert!(read(&directory, &packed(&header)).unwrap_err().contains("within its first"));
    let missing = all(Path::new("/nonexistent.kt")).unwrap_err();
    insta::assert_snapshot!(missing, @"/nonexistent.kt: No such file or directory (os error 2)");
}

#[test]
fn a_line_without_an_end_costs_no_memory_without_end() {
    let directory = directory();
    let mut to = encoder(Vec::new()).unwrap();
    to.write_all(&serde_json::to_vec(&header()).unwrap()).unwrap();
    to.write_all(b"\n").unwrap();
    let block = vec![b' '; 1 << 20];
    for _ in 0..=LINE_MAX >> 20 {
        to.write_all(&block).unwrap();
    }
    let bytes = to.finish().unwrap();
    let said = read(&directory, &bytes).unwrap_err();
    insta::assert_snapshot!(said, @"/b.kt: the recording is damaged in line 2: it is longer than 64 MiB");
    // A window that is larger than ours is refused before anything is read.
    let mut to = zstd::Encoder::new(Vec::new(), 1).unwrap();
    to.window_log(27).unwrap();
    for _ in 0..40 {
        to.write_all(&block).unwrap();
    }
    let said = read(&directory, &to.finish().unwrap()).unwrap_err();
    insta::assert_snapshot!(said, @"/b.kt: this is no recording of the dashboard: Frame requires too much memory for decoding");
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Last for Full {
    fn last(self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that takes nothing until it is told to.
struct Slow(Receiver<()>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody tells it any more: the test is over.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Last for Slow {
    fn last(self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let recording = begin(Full(10), header(), Naming::AsTheyAre).unwrap();
    let recorder = recording.recorder.clone();
    let mut fault = None;
    while fault.is_none() {
        keep(&recording, &few());
        fault = recorder.take_fault();
        std::thread::yield_now();
    }
    assert_eq!(fault.as_deref(), Some("it cannot be written: no storage space"));
    // Answers are heard as before, and the word is said once.
    keep(&recording, &few());
    assert_eq!(recorder.take_fault(), None);
    // Whoever leaves hours later is told again: the shell has not seen it.
    assert_eq!(recording.finish(), Err("it cannot be written: no storage space".to_owned()));
}

#[test]
fn nobody_waits_for_a_disk_that_does_not_follow() {
    let (go, stop) = channel();
    let recording = begin(Slow(stop), header(), Naming::AsTheyAre).unwrap();
    let recorder = recording.recorder.clone();
    let few = few();
    for _ in 0..2_000 {
        keep(&recording, &few);
    }
    assert_eq!(recorder.take_fault().as_deref(), Some("the disk does not follow"));
    drop(go);
    assert_eq!(recording.finish(), Err("the disk does not follow".to_owned()));
}

/// A disk that tells what it was told to flush.
struct Flushed(Vec<u8>, Sender<Vec<u8>>);

impl Write for Flushed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // The test may have seen enough.
        let _ = self.1.send(self.0.clone());
        Ok(())
    }
}

impl Last for Flushed {
    fn last(self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_is_killed_loses_what_came_last_and_no_more() {
    let (told, flushes) = channel();
    let recording = begin(Flushed(Vec::new(), told), header(), Naming::AsTheyAre).unwrap();
    let (directory, few) = (directory(), few());
    let soon = Duration::from_secs(60);
    assert_eq!(read(&directory, &flushes.recv_timeout(soon).unwrap()), Ok((vec![], Ending::Cut)));
    keep(&recording, &few);
    // Nothing more comes: it is flushed nevertheless, and nobody has ended it.
    let flushed = flushes.recv_timeout(soon).unwrap();
    assert_eq!(read(&directory, &flushed), Ok((few, Ending::Cut)));
    recording.finish().unwrap();
}
