//! The user's clipboard, through the terminal: OSC 52, which reaches it over any ssh.

use crate::base64;

/// The longest sequence, bytes. What is longer some terminals cut, and then it is no sequence.
const SEQUENCE_MAX: usize = 100_000;
const OPEN: &[u8] = b"\x1b]52;c;";
const CLOSE: &[u8] = b"\x07";

/// The text is longer than terminals take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are more than a terminal takes into its clipboard (at most {TEXT_MAX})")]
pub(crate) struct TooLong {
    bytes: usize,
}

/// Four characters carry three bytes.
const TEXT_MAX: usize = (SEQUENCE_MAX - OPEN.len() - CLOSE.len()) / 4 * 3;

/// Who stands between us and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// Nobody who would keep it to himself.
    Nobody,
    /// tmux hands on only what is wrapped, unless it is set to do it by itself.
    Tmux,
}

impl Between {
    /// As the environment of this process says.
    pub(crate) fn here() -> Between {
        match std::env::var_os("TMUX") {
            Some(it) if !it.is_empty() => Between::Tmux,
            _ => Between::Nobody,
        }
    }
}

/// What to send to the terminal, so that `text` can be pasted elsewhere.
pub(crate) fn copying(text: &str, between: Between) -> Result<Vec<u8>, TooLong> {
    if TEXT_MAX < text.len() {
        return Err(TooLong { bytes: text.len() });
    }
    let mut sequence = OPEN.to_vec();
    base64::encode_into(text.as_bytes(), &mut sequence);
    sequence.extend_from_slice(CLOSE);
    if between == Between::Tmux {
        let wrapped = wrapped(&sequence);
        sequence.extend_from_slice(&wrapped);
    }
    Ok(sequence)
}

/// In the form that tmux passes through; the sequence's only escape is its first byte.
fn wrapped(sequence: &[u8]) -> Vec<u8> {
    [b"\x1bPtmux;\x1b", sequence, b"\x1b\\"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, between: Between) -> String {
        let bytes = copying(text, between).unwrap();
        String::from_utf8(bytes).unwrap().replace('\x1b', "^[").replace('\x07', "^G")
    }

    #[test]
    fn text_goes_as_base64() {
        assert_eq!(shown("orders\x1b-7 ü", Between::Nobody), "^[]52;c;b3JkZXJzGy03IMO8^G");
        assert_eq!(shown("", Between::Nobody), "^[]52;c;^G");
    }

    #[test]
    fn tmux_gets_it_twice_once_for_itself() {
        assert_eq!(shown("a", Between::Tmux), "^[]52;c;YQ==^G^[Ptmux;^[^[]52;c;YQ==^G^[\\");
    }

    #[test]
    fn too_much_is_said_and_not_cut() {
        let longest = "x".repeat(TEXT_MAX);
        assert!(copying(&longest, Between::Nobody).unwrap().len() <= SEQUENCE_MAX);
        let error = copying(&format!("{longest}y"), Between::Nobody).unwrap_err();
        assert_eq!(
            error.to_string(),
            "74995 bytes are more than a terminal takes into its clipboard (at most 74994)"
        );
    }
}
