//! The bar of a long `kt produce`, for a person who waits.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::input::Source;
use crate::session::Session;

/// A bar on stderr, or nothing.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Only on a terminal, and not where lines are typed or deliveries are printed.
    pub(super) fn new(session: &Session, source: &Source) -> Bar {
        let is_shown = session.terminal.stderr_is_terminal
            && !session.globals.quiet
            && session.globals.format().is_none()
            && !matches!(source, Source::Prompt(_))
            && !(matches!(source, Source::Stdin) && session.terminal.stdin_is_terminal);
        if !is_shown {
            return Bar(ProgressBar::hidden());
        }
        let (bar, template) = match source.length() {
            Some(length) => (
                ProgressBar::new(length),
                "{bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta} {msg}",
            ),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec} {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Bar(bar)
    }

    /// So many bytes were taken.
    pub(super) fn reach(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
