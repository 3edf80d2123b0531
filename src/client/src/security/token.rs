//! Tokens for OAUTHBEARER, kept while they are good.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kt_transport::Secret;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::endpoint::Issuer;
use crate::config::{ConfigError, Login, TokenSource, UnsecuredToken};
use crate::error::TokenError;

/// A token in a file is some KiB at most; brokers take no more before they know a client.
const TOKEN_BYTES_MAX: usize = 60 * 1024;

/// How much of a token's life it is used for (`sasl.login.refresh.window.factor`).
const USED_PERCENT: u32 = 80;

/// One that is to last longer, or for ever, is asked for anew all the same.
const LIFETIME_MAX: Duration = Duration::from_hours(24);

/// The tokens of one client.
#[derive(Debug)]
pub(super) struct Tokens {
    issuer: Option<Issuer>,
    /// Whoever comes while one is fetched waits for it.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    token: Secret,
    until: Instant,
}

impl Tokens {
    pub(super) fn new(login: Option<&Login>) -> Result<Tokens, ConfigError> {
        let issuer = match login {
            Some(Login::OAuthBearer { source: TokenSource::Endpoint(endpoint), .. }) => {
                Some(Issuer::new(endpoint)?)
            }
            _ => None,
        };
        Ok(Tokens { issuer, kept: Mutex::new(None) })
    }

    pub(super) async fn get(&self, source: &TokenSource) -> Result<Secret, TokenError> {
        match source {
            TokenSource::Fixed(token) => Ok(token.clone()),
            TokenSource::File(path) => {
                let cannot = |reason: String| TokenError(format!("{}: {reason}", path.display()));
                let text = fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
                let token = text.trim();
                if token.is_empty() || TOKEN_BYTES_MAX < token.len() {
                    return Err(cannot("it holds no token".to_owned()));
                }
                Ok(Secret::new(token))
            }
            TokenSource::Unsecured(token) => Ok(unsecured(token, now())),
            TokenSource::Endpoint(_) => self.issued().await,
        }
    }

    pub(super) fn forget(&self) {
        // Being fetched anew is as good as forgotten.
        if let Ok(mut kept) = self.kept.try_lock() {
            *kept = None;
        }
    }

    async fn issued(&self) -> Result<Secret, TokenError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|it| Instant::now() < it.until) {
            return Ok(kept.token.clone());
        }
        let Some(issuer) = &self.issuer else {
            return Err(TokenError("nobody issues tokens".to_owned()));
        };
        let (token, lifetime) = issuer.ask().await?;
        let lifetime = lifetime.or_else(|| lifetime_of(&token, now())).unwrap_or_default();
        let until = Instant::now() + lifetime.min(LIFETIME_MAX) * USED_PERCENT / 100;
        *kept = Some(Kept { token: token.clone(), until });
        Ok(token)
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A JWS without a signature, as `OAuthBearerUnsecuredLoginCallbackHandler` makes it.
fn unsecured(token: &UnsecuredToken, now: Duration) -> Secret {
    let mut claims: serde_json::Map<String, Value> =
        token.claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    claims.insert("iat".to_owned(), json!(seconds(now)));
    claims.insert("exp".to_owned(), json!(seconds(now + token.lifetime)));
    let encode = |it: Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let header = encode(json!({ "alg": "none" }));
    Secret::new(format!("{header}.{}.", encode(Value::Object(claims))))
}

/// Seconds, rounded down to milliseconds: a broker whose clock shows the same millisecond would find
/// that a finer time is yet to come.
#[expect(clippy::cast_precision_loss, reason = "milliseconds fit for 285,000 years")]
fn seconds(time: Duration) -> f64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX) as f64 / 1_000.0
}

/// How long a JWT is still good for, if it is one and says so. Its signature is the broker's
/// business.
fn lifetime_of(token: &Secret, now: Duration) -> Option<Duration> {
    let payload = token.reveal().split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let end = Duration::try_from_secs_f64(claims.get("exp")?.as_f64()?).ok()?;
    Some(end.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_unsecured_token_says_who_and_how_long() {
        let claims = BTreeMap::from([("sub".to_owned(), json!("alice"))]);
        let token = UnsecuredToken { claims, lifetime: Duration::from_secs(60) };
        let token = unsecured(&token, Duration::from_micros(1_000_000_999));
        let mut parts = token.reveal().split('.');
        let mut part = || URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        assert_eq!(part(), br#"{"alg":"none"}"#);
        assert_eq!(part(), br#"{"sub":"alice","iat":1000.0,"exp":1060.0}"#);
        assert_eq!(part(), b"");
        let left = lifetime_of(&token, Duration::from_secs(1_020));
        assert_eq!(left, Some(Duration::from_secs(40)));
        assert_eq!(lifetime_of(&token, Duration::from_secs(2_000)), Some(Duration::ZERO));
        assert_eq!(lifetime_of(&Secret::new("opaque"), Duration::ZERO), None);
    }

    #[tokio::test]
    async fn a_file_is_read_each_time() {
        let path = std::env::temp_dir().join(format!("kt-token-{}", std::process::id()));
        let source = TokenSource::File(path.clone());
        let tokens = Tokens::new(None).unwrap();
        fs::write(&path, "one\n").unwrap();
        assert_eq!(tokens.get(&source).await.unwrap(), Secret::new("one"));
        fs::write(&path, "two").unwrap();
        assert_eq!(tokens.get(&source).await.unwrap(), Secret::new("two"));
        fs::write(&path, " \n").unwrap();
        assert!(tokens.get(&source).await.unwrap_err().0.ends_with("it holds no token"));
        fs::remove_file(&path).unwrap();
        assert!(tokens.get(&source).await.is_err());
    }
}
