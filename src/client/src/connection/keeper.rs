//! What happens on a connection while nobody asks anything: it is closed when idle, and its session
//! is renewed before it ends.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use super::login::log_in;
use crate::config::Login;
use crate::security::Security;

/// Kafka's clients renew a session when 85 to 95 percent of it are over, each at its own moment.
/// Apache Kafka takes no second login within a second: a session so short ends in a new connection.
const RENEWED_PERCENT: u32 = 85;
const SPREAD_PERCENT: u64 = 10;

/// The longest that a renewal may take.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(30);

/// What a keeper has to look after.
pub(super) struct Care {
    pub(super) security: Arc<Security>,
    pub(super) idle_max: Option<Duration>,
    /// How long the session lasts from now on, if it is bounded.
    pub(super) session: Option<Duration>,
    /// Where the spread of renewals starts.
    pub(super) seed: u64,
}

/// Looks after a connection until it is closed.
pub(super) async fn keep(connection: Weak<Connection>, care: Care) {
    let mut random = crate::Random::new(care.seed);
    let mut spread = || u32::try_from(random.below(SPREAD_PERCENT + 1)).unwrap_or(0);
    let mut renewal = care.session.map(|it| renewal_of(it, spread()));
    loop {
        let Some(alive) = connection.upgrade().filter(|it| !it.is_closed()) else { return };
        let now = Instant::now();
        if let (Some(at), Some(login)) = (renewal, &care.security.login)
            && at <= now
        {
            match renew(&alive, &care.security, login).await {
                Ok(session) => renewal = session.map(|it| renewal_of(it, spread())),
                Err(reason) => return alive.link.close(reason),
            }
            continue;
        }
        let idle_at = care.idle_max.map(|idle| alive.idle_at(now, idle));
        if idle_at.is_some_and(|at| at <= now)
            && alive.link.close_if_unused("the connection was idle for too long")
        {
            return;
        }
        let idle_at = idle_at.map(|at| at.max(now + Duration::from_millis(100)));
        let next = [idle_at, renewal].into_iter().flatten().min();
        drop(alive);
        match next {
            None => return,
            Some(next) => tokio::time::sleep_until(next).await,
        }
    }
}

fn renewal_of(session: Duration, spread_percent: u32) -> Instant {
    Instant::now() + session * (RENEWED_PERCENT + spread_percent) / 100
}

async fn renew(
    connection: &Connection,
    security: &Security,
    login: &Login,
) -> Result<Option<Duration>, String> {
    let pause = connection.link.pause();
    let deadline = Instant::now() + RENEWAL_TIMEOUT;
    let renewed = log_in(connection, security, login, Some(&pause), deadline).await;
    renewed.map_err(|error| error.to_string())
}
