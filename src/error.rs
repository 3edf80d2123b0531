//! What a command ends with when it does not succeed: a kind for the shell, a sentence for the
//! human, and a hint at what to do.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Why a command ended, as far as a script cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that has no code of its own; also a prompt answered with no.
    Other,
    /// The command line is wrong, or a confirmation is missing where nobody can be asked.
    Usage,
    /// Some items were done, some were not.
    Partial,
    /// Not authenticated, or not authorized.
    Denied,
    /// A topic, partition, offset or file does not exist.
    NotFound,
    /// Nobody answered, or not in time.
    Unreachable,
    /// What was asked for was checked and is not so.
    CheckFailed,
    /// The reader of our output closed it. That is its right, and no error.
    ReaderGone,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Kind {
    /// The exit code that scripts branch on.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Kind::ReaderGone => 0,
            Kind::Other => 1,
            Kind::Usage => 2,
            Kind::Partial => 3,
            Kind::Denied => 4,
            Kind::NotFound => 5,
            Kind::Unreachable => 6,
            Kind::CheckFailed => 7,
            Kind::Interrupted => 130,
            Kind::Terminated => 143,
        }
    }

    /// Whether a signal asked for the end.
    pub(crate) const fn is_signal(self) -> bool {
        matches!(self, Kind::Interrupted | Kind::Terminated)
    }
}

/// The end of a command that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    /// Kafka's name of the error where it has one, else ours in the same style.
    pub(crate) name: &'static str,
    /// Lower case, names the thing, no full stop. Empty: everything was said before.
    pub(crate) message: String,
    /// What to type or look at next.
    pub(crate) hint: Option<String>,
}

impl CliError {
    pub(crate) fn new(kind: Kind, name: &'static str, message: impl Into<String>) -> CliError {
        CliError { kind, name, message: message.into(), hint: None }
    }

    pub(crate) fn other(message: impl Into<String>) -> CliError {
        CliError::new(Kind::Other, "ERROR", message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> CliError {
        CliError::new(Kind::Usage, "USAGE", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> CliError {
        CliError::new(Kind::NotFound, "NOT_FOUND", message)
    }

    /// Ends with `kind`, saying nothing more.
    pub(crate) fn silent(kind: Kind) -> CliError {
        CliError::new(kind, "", "")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CliError {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<io::Error> for CliError {
    /// An error of writing our own output: whoever opens files says which in words of their own.
    fn from(error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::silent(Kind::ReaderGone),
            _ => CliError::other(format!("cannot write the output: {error}")),
        }
    }
}

/// What failed, by the item's name.
pub(crate) type Failed = Vec<(String, CliError)>;

/// The one end of a command over many items: the error of all if they failed alike, otherwise
/// "some" or "differently".
pub(crate) fn summary<'a>(
    failed: impl ExactSizeIterator<Item = &'a CliError>,
    items: usize,
) -> Result<(), CliError> {
    let count = failed.len();
    let mut kinds = failed.map(|it| it.kind);
    let Some(first) = kinds.next() else { return Ok(()) };
    if count < items {
        return Err(CliError::silent(Kind::Partial));
    }
    Err(CliError::silent(if kinds.all(|it| it == first) { first } else { Kind::Other }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(failed: &[Kind], items: usize) -> Option<u8> {
        let failed: Vec<CliError> = failed.iter().map(|it| CliError::silent(*it)).collect();
        summary(failed.iter(), items).err().map(|it| it.kind.code())
    }

    #[test]
    fn many_items_end_with_one_code() {
        assert_eq!(ended(&[], 3), None);
        assert_eq!(ended(&[Kind::NotFound], 3), Some(3));
        assert_eq!(ended(&[Kind::NotFound, Kind::NotFound], 2), Some(5));
        assert_eq!(ended(&[Kind::NotFound, Kind::Denied], 2), Some(1));
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind.code(), 0);
        assert_eq!(error.message, "");
    }
}
