//! What panics ends as an error: whoever waits for it hears of it, and goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;
use crate::panic::{caught, words};

/// Runs a future to its end, or to its panic. `what` says what it was doing.
pub(super) async fn guarded<T>(
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    caught(work).await.unwrap_or_else(|said| Err(error(what, &said)))
}

/// Calls code that is not ours. `what` says whose.
pub(super) fn call<T>(what: &str, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| error(what, words(panic.as_ref())))
}

fn error(what: &str, said: &str) -> Error {
    Error::Refused(format!("{what} panicked: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_with_its_words() {
        let work = async {
            tokio::task::yield_now().await;
            let count: Result<u32, Error> = Ok("x".parse().expect("a number"));
            count
        };
        let error = guarded("asking broker 1", work).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("asking broker 1 panicked: a number"), "{text}");
        assert!(!error.is_retriable());
    }
}
