//! Performs one delivery: rings, runs a program, or posts to a URL.

mod command;
mod headers;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::Duration;

use hyper::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::tui::alerts::engine::Outgoing;
use crate::tui::alerts::rules::Way;

/// What is left to do for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// The terminal is the caller's: it is to ring its bell.
    Ring,
    Done,
}

/// How long one delivery may take, over all that it does.
#[derive(Clone, Copy, Debug)]
struct Limit {
    until: Instant,
    of: Duration,
}

impl Limit {
    fn from_now(of: Duration) -> Limit {
        Limit { until: Instant::now() + of, of }
    }

    /// What `work` comes to, or that `what` did not come in time.
    async fn hold<T>(
        self,
        what: &str,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        let worked = timeout_at(self.until, work).await;
        worked.unwrap_or_else(|_| Err(format!("{what} within {} s", self.of.as_secs())))
    }
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
            let limit = Limit::from_now(timeout.to_std());
            let headers = match headers_file {
                Some(it) => headers::read(it, limit).await?,
                None => HeaderMap::new(),
            };
            webhook::post(url, headers, document, limit).await?;
        }
    }
    Ok(Delivered::Done)
}
