//! What panics ends as an error: whoever waits for it hears of it, and goes on.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::Error;

/// Runs a future to its end, or to its panic. `what` says what it was doing.
pub(super) async fn guarded<T>(
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut work = pin!(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(error(what, panic.as_ref()))))
    })
    .await
}

/// Calls code that is not ours. `what` says whose.
pub(super) fn call<T>(what: &str, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| error(what, panic.as_ref()))
}

fn error(what: &str, panic: &(dyn Any + Send)) -> Error {
    Error::Refused(format!("{what} panicked: {}", said(panic)))
}

/// What a panic said, if that was a text.
pub(super) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("nothing more")
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
