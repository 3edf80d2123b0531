//! Logs on stderr or in a file: one line an event, with names and values.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::log_file::LogFile;

/// Why logging does not start.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// A filter that cannot be read.
    #[error("KT_LOG=\"{given}\": {reason}; write a level (warn) or targets (kt_server=debug,info)")]
    Filter {
        /// What stands there.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be written.
    #[error("cannot write logs to {}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
}

/// Where logs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogsTo {
    /// For a terminal or a supervisor.
    Stderr,
    /// For who needs the terminal. It is appended to; at 64 MiB it becomes `FILE.1`.
    File(PathBuf),
}

/// Starts logging what `filter` lets through: a level, or `target=level` with commas between.
///
/// # Errors
///
/// Fails if `filter` is no filter, or the file cannot be written.
pub fn start(filter: Option<&str>, to: &LogsTo) -> Result<(), LogsError> {
    let targets = match filter {
        None => Targets::new().with_default(LevelFilter::INFO),
        Some(given) => given.parse::<Targets>().map_err(|reason| LogsError::Filter {
            given: given.to_owned(),
            reason: reason.to_string(),
        })?,
    };
    match to {
        LogsTo::Stderr => write_to(io::stderr, targets, io::stderr().is_terminal()),
        LogsTo::File(path) => {
            let file = LogFile::open(path)
                .map_err(|reason| LogsError::File { path: path.clone(), reason })?;
            write_to(Mutex::new(file), targets, false);
        }
    }
    Ok(())
}

fn write_to<W>(writer: W, targets: Targets, with_colors: bool)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(with_colors);
    // Twice in one process (tests) is no harm: the first stays.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_says_what_to_write() {
        assert!(start(Some("info,kt_server=debug"), &LogsTo::Stderr).is_ok());
        let refusal = start(Some("kt_server=loud"), &LogsTo::Stderr).unwrap_err().to_string();
        assert!(refusal.contains("KT_LOG=\"kt_server=loud\""), "{refusal}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let to = LogsTo::File(folder.path().to_owned());
        let refusal = start(None, &to).unwrap_err().to_string();
        let expected = format!("cannot write logs to {}: ", folder.path().display());
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}
