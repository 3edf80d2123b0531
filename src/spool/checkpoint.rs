//! The file that says how far a spool was delivered, and how far it was synced.
//!
//! It has two slots, which are written in turn and in place: a full disk takes that too, and a
//! write that was torn leaves the other slot as it was.

use kt_protocol::records::crc32c;
use kt_protocol::types::Offset;

use super::error::SpoolError;
use super::files::Files;

pub(super) const NAME: &str = "acknowledged";

/// It is made under this name, so that there is always a whole one.
pub(super) const NEW_NAME: &str = "acknowledged.new";

/// The format of the whole spool.
const VERSION: u64 = 2;

/// So far apart, no write of a slot touches a block of the other one.
const SLOT_BYTES: usize = 4096;

/// How long the file is.
pub(super) const FILE_BYTES: usize = 2 * SLOT_BYTES;

/// Two positions of a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// How many were written before it.
    pub(super) turn: u64,
    /// Everything before was delivered.
    pub(super) acknowledged: Offset,
    /// Everything before was synced, when this was written.
    pub(super) synced: Offset,
}

impl Checkpoint {
    /// Makes the file of a new spool.
    pub(super) fn create(files: &impl Files) -> Result<(), SpoolError> {
        let fail = |error| SpoolError::io("write", NAME)(error);
        if files.list().map_err(fail)?.iter().any(|it| it == NEW_NAME) {
            files.remove(NEW_NAME).map_err(fail)?;
        }
        let mut bytes = Checkpoint::default().text().into_bytes();
        // Blanks take room on the disk, where a hole would ask for it later.
        bytes.resize(FILE_BYTES, b' ');
        files.append(NEW_NAME, &bytes).map_err(fail)?;
        files.sync(NEW_NAME).map_err(fail)?;
        files.rename(NEW_NAME, NAME).map_err(fail)?;
        files.sync_directory().map_err(fail)
    }

    /// Writes it over the older one of the two that are there.
    pub(super) fn write(self, files: &impl Files) -> Result<(), SpoolError> {
        let fail = |error| SpoolError::io("write", NAME)(error);
        let at = self.turn % 2 * SLOT_BYTES as u64;
        files.overwrite(NAME, at, self.text().as_bytes()).map_err(fail)?;
        files.sync(NAME).map_err(fail)
    }

    /// The younger one.
    pub(super) fn read(files: &impl Files) -> Result<Checkpoint, SpoolError> {
        let fail = |error| SpoolError::io("read", NAME)(error);
        let bytes = files.read(NAME, 0, FILE_BYTES).map_err(fail)?;
        let slots: Vec<&[u8]> = bytes.chunks(SLOT_BYTES).collect();
        let whole = slots.iter().filter_map(|slot| Checkpoint::parse(slot));
        if let Some(found) = whole.max_by_key(|it| it.turn) {
            // The next one is written over the other slot: this one has to last until then.
            files.sync(NAME).map_err(fail)?;
            return Ok(found);
        }
        match slots.iter().find_map(|slot| version_of(slot).filter(|it| *it != VERSION)) {
            Some(found) => Err(SpoolError::Version { found, known: VERSION }),
            None => Err(SpoolError::Damaged {
                file: NAME.to_owned(),
                position: 0,
                reason: "it is not what was written".to_owned(),
            }),
        }
    }

    /// Of the same length for all, so that one covers what stood in its slot.
    fn text(self) -> String {
        let Checkpoint { turn, acknowledged: Offset(acknowledged), synced: Offset(synced) } = self;
        let body = format!(
            "version {VERSION}\nturn {turn:020}\nacknowledged {acknowledged:020}\nsynced {synced:020}\n"
        );
        let checksum = crc32c(body.as_bytes());
        format!("{body}crc32c {checksum:08x}\n")
    }

    fn parse(slot: &[u8]) -> Option<Checkpoint> {
        let slot = slot.get(..Checkpoint::default().text().len())?;
        let text = std::str::from_utf8(slot).ok()?;
        let rest = text.strip_prefix(&format!("version {VERSION}\nturn "))?;
        let (turn, rest) = rest.split_once("\nacknowledged ")?;
        let (acknowledged, rest) = rest.split_once("\nsynced ")?;
        let (synced, _) = rest.split_once('\n')?;
        let position = |text: &str| text.parse().ok().filter(|it| 0 <= *it).map(Offset);
        let read = Checkpoint {
            turn: turn.parse().ok()?,
            acknowledged: position(acknowledged)?,
            synced: position(synced)?,
        };
        // What would be written in another way was not written by us.
        (read.text() == text).then_some(read)
    }
}

/// What a slot says of its own format.
fn version_of(slot: &[u8]) -> Option<u64> {
    let line = slot.strip_prefix(b"version ")?.split(|it| *it == b'\n').next()?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::simulated::SimulatedFiles;
    use super::*;

    fn checkpoint(turn: u64, acknowledged: i64) -> Checkpoint {
        Checkpoint { turn, acknowledged: Offset(acknowledged), synced: Offset(345) }
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let written = checkpoint(3, 12);
        let text = written.text();
        insta::assert_snapshot!(text, @r"
        version 2
        turn 00000000000000000003
        acknowledged 00000000000000000012
        synced 00000000000000000345
        crc32c 219d5c56
        ");
        assert_eq!(Checkpoint::parse(text.as_bytes()), Some(written));
        let longest = checkpoint(u64::MAX, i64::MAX);
        assert_eq!(longest.text().len(), text.len());
        assert_eq!(Checkpoint::parse(longest.text().as_bytes()), Some(longest));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert_eq!(Checkpoint::parse(&bytes), None);
            }
            assert_eq!(Checkpoint::parse(&text.as_bytes()[..at]), None);
        }
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let files = SimulatedFiles::new(1);
        Checkpoint::create(&files).unwrap();
        assert_eq!(Checkpoint::read(&files).unwrap(), Checkpoint::default());
        for turn in 1..5 {
            checkpoint(turn, 10 * i64::try_from(turn).unwrap()).write(&files).unwrap();
            assert_eq!(Checkpoint::read(&files).unwrap().turn, turn);
        }
        assert_eq!(files.length(NAME).unwrap(), FILE_BYTES as u64);
        // The fourth stands in the first slot.
        files.damage(NAME, 40, 1);
        assert_eq!(Checkpoint::read(&files).unwrap(), checkpoint(3, 30));
        files.damage(NAME, SLOT_BYTES + 40, 1);
        let error = Checkpoint::read(&files).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"acknowledged of the spool is damaged at byte 0: it is not what was written");
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        let files = SimulatedFiles::new(1);
        files.append(NAME, b"version 31\nsomething else\n").unwrap();
        let error = Checkpoint::read(&files).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"the spool has format 31, this kt knows format 2");
    }
}
