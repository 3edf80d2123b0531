//! Logs on stderr: one line an event, with names and values.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("KT_LOG=\"{given}\": {reason}; write a level (warn) or targets (kt_server=debug,info)")]
pub struct LogFilterError {
    given: String,
    reason: String,
}

/// Starts logging what `filter` lets through: a level, or `target=level` with commas between.
///
/// # Errors
///
/// Fails if `filter` is no filter.
pub fn start(filter: Option<&str>) -> Result<(), LogFilterError> {
    let targets = match filter {
        None => Targets::new().with_default(LevelFilter::INFO),
        Some(given) => given.parse::<Targets>().map_err(|reason| LogFilterError {
            given: given.to_owned(),
            reason: reason.to_string(),
        })?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Twice in one process (tests) is no harm: the first stays.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_says_what_to_write() {
        assert!(start(Some("info,kt_server=debug")).is_ok());
        let refusal = start(Some("kt_server=loud")).unwrap_err().to_string();
        assert!(refusal.contains("KT_LOG=\"kt_server=loud\""), "{refusal}");
    }
}
