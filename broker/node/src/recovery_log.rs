//! What opening a log met, as a line for whoever runs the broker.

use std::fmt;

use kt_protocol::types::TopicPartition;
use kt_storage::RecoveryReport;

use crate::effect::{Effect, LogLevel};

/// How many names a line gives before it only counts.
const NAMES_MAX: usize = 5;

/// One line if anything was cut, made anew or cleared away; nothing for a log that was as it should
/// be, however much of it was read.
pub(crate) fn recovery_line(partition: &TopicPartition, report: &RecoveryReport) -> Option<Effect> {
    let mut parts = Vec::new();
    let mut level = LogLevel::Info;
    if let Some(offset) = report.cut_at.filter(|_| 0 < report.bytes_cut) {
        level = LogLevel::Warn;
        let bytes = report.bytes_cut;
        parts.push(format!("cut {bytes} bytes of a torn tail at offset {offset}"));
    }
    if !report.rebuilt.is_empty() {
        parts.push(format!("made anew {}", Names(&report.rebuilt)));
    }
    if !report.leftovers.is_empty() {
        parts.push(format!("cleared away what a crash had left: {}", Names(&report.leftovers)));
    }
    if parts.is_empty() {
        return None;
    }
    let (segments, bytes) = (report.segments_scanned, report.bytes_scanned);
    let parts = parts.join("; ");
    let text =
        format!("recovery of {partition}: {parts} (verified {segments} segments, {bytes} bytes)");
    Some(Effect::log(level, text))
}

struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..NAMES_MAX).unwrap_or(self.0);
        f.write_str(&shown.join(", "))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::types::Offset;

    use super::*;

    fn line(report: &RecoveryReport) -> Option<(LogLevel, String)> {
        match recovery_line(&TopicPartition::new("orders", 0), report)? {
            Effect::Log { level, message } => Some((level, message)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_sound_log_says_nothing() {
        let report =
            RecoveryReport { segments_scanned: 3, bytes_scanned: 9, ..RecoveryReport::default() };
        assert_eq!(line(&report), None);
    }

    #[test]
    fn what_was_cut_and_made_anew_is_one_line() {
        let report = RecoveryReport {
            segments_scanned: 1,
            bytes_scanned: 90,
            bytes_cut: 17,
            cut_at: Some(Offset(304)),
            leftovers: Vec::new(),
            rebuilt: (0..7).map(|it| format!("{it}.index")).collect(),
        };
        let expected = "recovery of orders-0: cut 17 bytes of a torn tail at offset 304; made anew \
                        0.index, 1.index, 2.index, 3.index, 4.index and 2 more (verified 1 \
                        segments, 90 bytes)";
        assert_eq!(line(&report), Some((LogLevel::Warn, expected.to_owned())));
    }
}
