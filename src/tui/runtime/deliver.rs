//! Performs one delivery: rings, runs a program, or posts to a URL.

mod command;
mod headers;
#[cfg(test)]
mod tests;
mod webhook;

use crate::tui::alerts::engine::Outgoing;
use crate::tui::alerts::rules::Way;

/// What is left to do for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// The terminal is the caller's: it is to ring its bell.
    Ring,
    Done,
}

/// Delivers within the time-out of the target.
///
/// # Errors
///
/// Why it failed, in words without secrets.
pub(crate) async fn deliver(outgoing: &Outgoing) -> Result<Delivered, String> {
    let cluster_id = outgoing.cluster_id.as_deref();
    let document = outgoing.notice.document(cluster_id);
    match &outgoing.way {
        Way::Bell => return Ok(Delivered::Ring),
        Way::Command { argv, timeout } => {
            let environment = outgoing.notice.environment(cluster_id);
            command::run(argv, &environment, &document, timeout.to_std()).await?;
        }
        Way::Webhook { url, headers_file, timeout } => {
            let headers = headers_file.as_deref().map(headers::read).transpose()?;
            let headers = headers.unwrap_or_default();
            webhook::post(url, headers, document, timeout.to_std()).await?;
        }
    }
    Ok(Delivered::Done)
}
