//! The file that says how far a spool was delivered, and how far it was synced.

use kt_protocol::records::crc32c;
use kt_protocol::types::Offset;

use super::error::SpoolError;
use super::files::Files;

pub(super) const NAME: &str = "acknowledged";

/// It is written under this name first, so that there is always a whole one.
pub(super) const NEW_NAME: &str = "acknowledged.new";

/// The longest that a checkpoint can be, and one byte more.
const BYTES_MAX: usize = 128;

/// Two positions of a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Everything before was delivered.
    pub(super) acknowledged: Offset,
    /// Everything before was synced, when this was written.
    pub(super) synced: Offset,
}

impl Checkpoint {
    pub(super) fn write(self, files: &impl Files) -> Result<(), SpoolError> {
        let fail = |error| SpoolError::io("write", NAME)(error);
        if files.list().map_err(fail)?.iter().any(|it| it == NEW_NAME) {
            files.remove(NEW_NAME).map_err(fail)?;
        }
        files.append(NEW_NAME, self.text().as_bytes()).map_err(fail)?;
        files.sync(NEW_NAME).map_err(fail)?;
        files.rename(NEW_NAME, NAME).map_err(fail)?;
        files.sync_directory().map_err(fail)
    }

    pub(super) fn read(files: &impl Files) -> Result<Checkpoint, SpoolError> {
        let bytes = files.read(NAME, 0, BYTES_MAX).map_err(SpoolError::io("read", NAME))?;
        let parsed = std::str::from_utf8(&bytes).ok().and_then(Checkpoint::parse);
        parsed.ok_or_else(|| SpoolError::Damaged {
            file: NAME.to_owned(),
            position: 0,
            reason: "it is not what was written".to_owned(),
        })
    }

    fn text(self) -> String {
        let Checkpoint { acknowledged, synced } = self;
        let body = format!("version 1\nacknowledged {acknowledged}\nsynced {synced}\n");
        let checksum = crc32c(body.as_bytes());
        format!("{body}crc32c {checksum:08x}\n")
    }

    fn parse(text: &str) -> Option<Checkpoint> {
        let rest = text.strip_prefix("version 1\nacknowledged ")?;
        let (acknowledged, rest) = rest.split_once("\nsynced ")?;
        let (synced, _) = rest.split_once('\n')?;
        let position = |text: &str| text.parse().ok().filter(|it| 0 <= *it).map(Offset);
        let read = Checkpoint { acknowledged: position(acknowledged)?, synced: position(synced)? };
        // What would be written in another way was not written by us.
        (read.text() == text).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_seen() {
        let checkpoint = Checkpoint { acknowledged: Offset(12), synced: Offset(345) };
        let text = checkpoint.text();
        insta::assert_snapshot!(text, @r"
    version 1
    acknowledged 12
    synced 345
    crc32c 01ab2741
    ");
        assert_eq!(Checkpoint::parse(&text), Some(checkpoint));
        let longest = Checkpoint { acknowledged: Offset(i64::MAX), synced: Offset(i64::MAX) };
        assert!(longest.text().len() < BYTES_MAX);
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert_eq!(Checkpoint::parse(std::str::from_utf8(&bytes).unwrap()), None);
            }
            assert_eq!(Checkpoint::parse(&text[..at]), None);
        }
    }
}
