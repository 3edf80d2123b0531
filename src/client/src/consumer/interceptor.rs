//! Code of the caller's that sees what a consumer gives and commits. It may fail and panic: that is
//! told to the client's observer, and reading goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kt_protocol::types::TopicPartition;
use parking_lot::Mutex;

use super::config::ConsumerConfig;
use super::fetcher::Position;
use super::records::FetchedRecords;
use crate::client::Client;
use crate::config::Event;
use crate::panic::words;

/// What a hook says when it fails.
///
/// Shown at [`Interceptor`].
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

/// Hooks of a consumer. Each is called in the order in which the interceptors were given.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
///
/// use kt_client::consumer::{
///     Consumer, ConsumerConfig, FetchedRecords, HookError, Interceptor, Start,
/// };
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// /// Counts the bytes that polls gave.
/// struct Bytes(Arc<AtomicUsize>);
///
/// impl Interceptor for Bytes {
///     fn on_consume(&mut self, records: &mut Vec<FetchedRecords>) -> Result<(), HookError> {
///         let bytes = records.iter().map(FetchedRecords::size).sum();
///         self.0.fetch_add(bytes, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let bytes = Arc::new(AtomicUsize::new(0));
/// let interceptors: Vec<Box<dyn Interceptor>> = vec![Box::new(Bytes(bytes.clone()))];
/// let consumer = Consumer::with_interceptors(client, ConsumerConfig::default(), interceptors);
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// consumer.poll(Duration::from_secs(30)).await?;
/// assert!(0 < bytes.load(Ordering::Relaxed));
/// # Ok(())
/// # });
/// ```
pub trait Interceptor: Send {
    /// Before anything else, with what the consumer was told.
    ///
    /// # Errors
    ///
    /// Whatever went wrong: it is told to the observer.
    fn configure(&mut self, config: &ConsumerConfig) -> Result<(), HookError> {
        let _ = config;
        Ok(())
    }

    /// Before a poll gives records. It may take some out; the positions are behind them all the
    /// same.
    ///
    /// # Errors
    ///
    /// Whatever went wrong: it is told to the observer, and the records are given as they are now.
    fn on_consume(&mut self, records: &mut Vec<FetchedRecords>) -> Result<(), HookError> {
        let _ = records;
        Ok(())
    }

    /// After positions were committed.
    ///
    /// # Errors
    ///
    /// Whatever went wrong: it is told to the observer.
    fn on_commit(&mut self, offsets: &BTreeMap<TopicPartition, Position>) -> Result<(), HookError> {
        let _ = offsets;
        Ok(())
    }

    /// Once, at the end.
    ///
    /// # Errors
    ///
    /// Whatever went wrong: it is told to the observer.
    fn close(&mut self) -> Result<(), HookError> {
        Ok(())
    }
}

/// The interceptors of one consumer.
pub(crate) struct Interceptors {
    chain: Mutex<Vec<Box<dyn Interceptor>>>,
    client: Client,
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interceptors").finish_non_exhaustive()
    }
}

impl Interceptors {
    pub(super) fn new(
        client: Client,
        config: &ConsumerConfig,
        chain: Vec<Box<dyn Interceptor>>,
    ) -> Interceptors {
        let interceptors = Interceptors { chain: Mutex::new(chain), client };
        interceptors.each("configure", |it| it.configure(config));
        interceptors
    }

    pub(super) fn on_consume(&self, records: &mut Vec<FetchedRecords>) {
        if !records.is_empty() {
            self.each("on consume", |it| it.on_consume(records));
        }
    }

    /// Positions were committed.
    pub(crate) fn on_commit(&self, offsets: &BTreeMap<TopicPartition, Position>) {
        self.each("on commit", |it| it.on_commit(offsets));
    }

    /// The second time there is nobody left.
    pub(super) fn close(&self) {
        self.each("close", |it| it.close());
        self.chain.lock().clear();
    }

    fn each(
        &self,
        hook: &str,
        mut call: impl FnMut(&mut dyn Interceptor) -> Result<(), HookError>,
    ) {
        for (index, interceptor) in self.chain.lock().iter_mut().enumerate() {
            // What a hook that panicked left half done is its own.
            let called = catch_unwind(AssertUnwindSafe(|| call(interceptor.as_mut())));
            let reason = match called {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("it panicked: {}", words(panic.as_ref())),
            };
            let hook = format!("consumer interceptor {index}, {hook}");
            self.client.observe(&Event::HookFailed { hook: &hook, reason: &reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ClientConfig;

    type Log = Arc<Mutex<Vec<String>>>;

    struct Telling {
        name: &'static str,
        log: Log,
    }

    impl Telling {
        fn tell(&self, what: &str) -> Result<(), HookError> {
            self.log.lock().push(format!("{} {what}", self.name));
            match self.name {
                "failing" => Err("no".into()),
                "panicking" => panic!("oh"),
                _ => Ok(()),
            }
        }
    }

    impl Interceptor for Telling {
        fn configure(&mut self, _: &ConsumerConfig) -> Result<(), HookError> {
            self.tell("configure")
        }

        fn on_consume(&mut self, records: &mut Vec<FetchedRecords>) -> Result<(), HookError> {
            self.tell(&format!("consume {}", records.len()))?;
            records.clear();
            Ok(())
        }

        fn on_commit(
            &mut self,
            offsets: &BTreeMap<TopicPartition, Position>,
        ) -> Result<(), HookError> {
            self.tell(&format!("commit {}", offsets.len()))
        }

        fn close(&mut self) -> Result<(), HookError> {
            self.tell("close")
        }
    }

    fn chain(names: &[&'static str]) -> (Interceptors, Log) {
        let log = Log::default();
        let heard = log.clone();
        let observer = Arc::new(move |event: &Event<'_>| {
            if let Event::HookFailed { hook, reason } = event {
                heard.lock().push(format!("{hook}: {reason}"));
            }
        });
        let client =
            Client::new(ClientConfig { observer: Some(observer), ..ClientConfig::default() });
        let chain = names
            .iter()
            .map(|name| Box::new(Telling { name, log: log.clone() }) as Box<dyn Interceptor>);
        (Interceptors::new(client, &ConsumerConfig::default(), chain.collect()), log)
    }

    fn one() -> Vec<FetchedRecords> {
        let partition = TopicPartition::new("orders", 0);
        let (bytes, from) = (bytes::Bytes::new(), Position::default().offset);
        vec![FetchedRecords::new(partition, &bytes, from, from, Vec::new()).unwrap()]
    }

    #[test]
    fn hooks_run_in_order_and_close_once() {
        let (chain, log) = chain(&["first", "second"]);
        let mut records = one();
        chain.on_consume(&mut records);
        assert!(records.is_empty());
        chain.on_consume(&mut records);
        chain.on_commit(&BTreeMap::new());
        chain.close();
        chain.close();
        let expected = [
            "first configure",
            "second configure",
            "first consume 1",
            "second consume 0",
            "first commit 0",
            "second commit 0",
            "first close",
            "second close",
        ];
        assert_eq!(*log.lock(), expected);
    }

    #[test]
    fn failures_and_panics_are_told_and_stop_nothing() {
        let (chain, log) = chain(&["failing", "panicking", "last"]);
        let mut records = one();
        chain.on_consume(&mut records);
        // Those that failed left the records alone, and the last one came all the same.
        assert!(records.is_empty());
        let log = log.lock();
        let of_consume = log.iter().skip_while(|it| !it.contains("consume 1"));
        let of_consume: Vec<&String> = of_consume.collect();
        let expected = [
            "failing consume 1",
            "consumer interceptor 0, on consume: no",
            "panicking consume 1",
            "consumer interceptor 1, on consume: it panicked: oh",
            "last consume 1",
        ];
        assert_eq!(of_consume, expected.iter().collect::<Vec<_>>());
    }
}
