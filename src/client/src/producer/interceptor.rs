//! Code of the caller's that sees each record on its way out and hears how it ended.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::ProducerConfig;
use super::message::{BoxError, Record, Written};
use crate::config::Event;
use crate::error::Error;
use crate::panic::words;

/// Four hooks around each record. They are called in the order in which the interceptors were given;
/// what one fails of, or panics with, is told to the client's observer and stops nothing.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::producer::{
///     AsBytes, BoxError, Header, Interceptor, Producer, ProducerConfig, Record, Written,
/// };
/// use kt_client::{Client, ClientConfig, Error};
///
/// /// Says in each record which release sent it, and tells of those that failed.
/// struct Release;
///
/// impl<K, V> Interceptor<K, V> for Release {
///     fn before_send(&self, record: &mut Record<K, V>) -> Result<(), BoxError> {
///         let value = Some(b"1.2".to_vec());
///         record.headers.push(Header { key: "release".to_owned(), value });
///         Ok(())
///     }
///
///     fn on_acknowledgement(
///         &self,
///         topic: &str,
///         outcome: Result<&Written, &Error>,
///     ) -> Result<(), BoxError> {
///         outcome.map(drop).map_err(|error| format!("{topic}: {error}").into())
///     }
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let config = ProducerConfig::default();
/// let interceptors: Vec<Box<dyn Interceptor<&str, &str>>> = vec![Box::new(Release)];
/// let producer = Producer::with_interceptors(client, config, AsBytes, AsBytes, interceptors)?;
/// producer.send_and_forget(Record::new("orders", "tea")).await?;
/// producer.close(Duration::from_secs(30)).await?;
/// # assert_eq!(producer.metrics().delivered, 1);
/// # Ok(())
/// # });
/// ```
pub trait Interceptor<K, V>: Send + Sync {
    /// Called once, before everything else.
    ///
    /// # Errors
    ///
    /// What it says is logged.
    fn configure(&mut self, _config: &ProducerConfig) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called for each record before it is serialized; may change it.
    ///
    /// # Errors
    ///
    /// What it says is logged; the record goes on as it is then.
    fn before_send(&self, _record: &mut Record<K, V>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called when a record was written, or will not be. Runs on the producer's tasks: it must not
    /// wait for anything.
    ///
    /// # Errors
    ///
    /// What it says is logged.
    fn on_acknowledgement(
        &self,
        _topic: &str,
        _outcome: Result<&Written, &Error>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called once, after everything else.
    ///
    /// # Errors
    ///
    /// What it says is logged.
    fn close(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Who hears of hooks that fail.
type Log = Box<dyn Fn(&Event<'_>) + Send + Sync>;

/// All interceptors of a producer.
pub(super) struct Interceptors<K, V> {
    all: Vec<Box<dyn Interceptor<K, V>>>,
    is_closed: AtomicBool,
    log: Log,
}

impl<K, V> fmt::Debug for Interceptors<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interceptors").field("count", &self.all.len()).finish_non_exhaustive()
    }
}

impl<K, V> Interceptors<K, V> {
    pub(super) fn new(
        mut all: Vec<Box<dyn Interceptor<K, V>>>,
        config: &ProducerConfig,
        log: Log,
    ) -> Interceptors<K, V> {
        for (index, it) in all.iter_mut().enumerate() {
            guarded(&log, index, "configure", || it.configure(config));
        }
        Interceptors { all, is_closed: AtomicBool::new(false), log }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn before_send(&self, record: &mut Record<K, V>) {
        for (index, it) in self.all.iter().enumerate() {
            guarded(&self.log, index, "before sending", || it.before_send(record));
        }
    }

    pub(super) fn acknowledged(&self, topic: &str, outcome: Result<&Written, &Error>) {
        for (index, it) in self.all.iter().enumerate() {
            let hook = || it.on_acknowledgement(topic, outcome);
            guarded(&self.log, index, "on acknowledgement", hook);
        }
    }

    /// Closes each, the first time that this is called.
    pub(super) fn close(&self) {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        for (index, it) in self.all.iter().enumerate() {
            guarded(&self.log, index, "close", || it.close());
        }
    }

    /// Runs a caller's callback, which may fail no more than a hook.
    pub(super) fn call_back(&self, callback: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(callback)) {
            let reason = words(&*panic);
            (self.log)(&Event::HookFailed { hook: "callback", reason });
        }
    }
}

fn guarded(log: &Log, index: usize, hook: &str, run: impl FnOnce() -> Result<(), BoxError>) {
    let hook = || format!("interceptor {index} {hook}");
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            log(&Event::HookFailed { hook: &hook(), reason: &error.to_string() });
        }
        Err(panic) => log(&Event::HookFailed { hook: &hook(), reason: words(&*panic) }),
    }
}
