//! Whom to ask when nobody in particular is meant, and what to do when those that are known do not
//! answer (KIP-899, KIP-1102).

use std::sync::Arc;

use kt_protocol::messages::{MetadataRequest, MetadataResponse};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};
use tokio::time::Instant;

use super::{Client, Limit, Target};
use crate::config::MetadataRecovery;
use crate::connection::{Connection, Wanted};
use crate::error::{AuthenticationFault, Error, ErrorKind, Subject};
use crate::pool::Lane;

impl Client {
    /// Asks one broker; one that sends its clients away is not asked again (KIP-1102).
    pub(super) async fn ask_metadata(
        &self,
        limit: Limit,
        build: impl Fn(i16) -> MetadataRequest,
    ) -> Result<MetadataResponse, Error> {
        let wanted = Wanted::any::<MetadataRequest>();
        let answer = self.call_once(Target::Any, wanted, limit, build).await;
        let code =
            answer.as_ref().map_or(ErrorCode::None, |it| ErrorCode::from_code(it.error_code));
        self.note_metadata(answer.is_ok() && code.is_none());
        match code {
            ErrorCode::None => answer,
            ErrorCode::RebootstrapRequired if self.recovers() => {
                self.begin_again();
                let reason = "the broker sends us back to the bootstrap addresses".to_owned();
                Err(Error::Disconnected { operation: limit.operation.to_owned(), reason })
            }
            code => Err(Error::broker(ApiKey::Metadata, code, Subject::Request)),
        }
    }

    fn note_metadata(&self, has_come: bool) {
        let mut cache = self.inner.metadata.lock();
        match has_come {
            true => cache.failing_since = None,
            false => drop(cache.failing_since.get_or_insert_with(Instant::now)),
        }
    }

    /// Whether bootstrap addresses are asked again when those that are known do not answer.
    fn recovers(&self) -> bool {
        self.config().metadata_recovery == MetadataRecovery::Rebootstrap
    }

    /// Whether those that are known have been silent for too long (KIP-1102).
    fn must_begin_again(&self) -> bool {
        let failing_since = self.inner.metadata.lock().failing_since;
        let trigger = self.config().rebootstrap_trigger;
        self.recovers() && failing_since.is_some_and(|it| trigger <= it.elapsed())
    }

    #[cfg(test)]
    pub(crate) fn drop_connections(&self) {
        self.inner.pool.clear();
    }

    /// Forgets who the brokers are: the next question goes to a bootstrap address.
    fn begin_again(&self) {
        {
            let mut cache = self.inner.metadata.lock();
            Arc::make_mut(&mut cache.metadata).brokers.clear();
            cache.topics.clear();
            cache.failing_since = None;
        }
        self.inner.pool.clear();
    }

    /// To any broker: one that is connected, else one that is known, else a bootstrap address.
    pub(super) async fn any_connection(
        &self,
        lane: Lane,
        limit: Limit,
    ) -> Result<Arc<Connection>, Error> {
        if self.must_begin_again() {
            self.begin_again();
        }
        if let Some(connection) = self.inner.pool.established(lane) {
            return Ok(connection);
        }
        let mut last = None;
        for (address, node) in self.candidates(limit.deadline).await {
            match self.inner.pool.connection(&address, node, lane, limit).await {
                Ok(connection) => return Ok(connection),
                // A password that one broker refuses is wrong for all, and some count the tries.
                Err(error) if is_ours(&error) => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::Unreachable {
            node: None,
            reason: "no bootstrap address was given".to_owned(),
        }))
    }

    /// Whom to try, in this order. Those that are known begin with any of them, so that clients
    /// spread. The bootstrap addresses come last: their fault is what the caller can change.
    async fn candidates(&self, deadline: Instant) -> Vec<(String, Option<NodeId>)> {
        let metadata = self.metadata();
        let known = metadata.brokers.values().map(|it| (it.address(), Some(it.id)));
        let mut candidates: Vec<(String, Option<NodeId>)> = known.collect();
        if let Ok(count) = u64::try_from(candidates.len())
            && 0 < count
        {
            let first = self.inner.random.lock().below(count);
            candidates.rotate_left(usize::try_from(first).unwrap_or(0));
        }
        if candidates.is_empty() || self.recovers() {
            let bootstrap = self.inner.pool.dialer().bootstrap(deadline).await;
            candidates.extend(bootstrap.into_iter().map(|it| (it, None)));
        }
        candidates
    }
}

/// Whether another broker would find the same wrong with us. A certificate is one broker's own.
fn is_ours(error: &Error) -> bool {
    match error {
        Error::Authentication { fault: AuthenticationFault::Tls(_), .. } => false,
        error => matches!(error.kind(), ErrorKind::Authentication | ErrorKind::Config),
    }
}
