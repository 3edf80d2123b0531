//! One test for each rule of interceptors and sends. Nobody listens at the address: what is
//! delivered is told by the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use kt_protocol::types::{Offset, TopicPartition};

use super::*;
use crate::config::ClientConfig;
use crate::producer::record::Delivered;
use crate::producer::{AsBytes, BoxError};

type Lines = Arc<Mutex<Vec<String>>>;

/// Writes down what it is asked, and fails or panics where it is told to.
struct Scribe {
    name: &'static str,
    lines: Lines,
    fails_at: &'static str,
    panics_at: &'static str,
}

impl Scribe {
    fn note(&self, hook: &'static str, what: &str) -> Result<(), BoxError> {
        self.lines.lock().push(format!("{} {hook} {what}", self.name).trim_end().to_owned());
        assert!(self.panics_at != hook, "{} panics", self.name);
        if self.fails_at == hook { Err(format!("{} fails", self.name).into()) } else { Ok(()) }
    }
}

impl Interceptor<String, String> for Scribe {
    fn configure(&mut self, _config: &ProducerConfig) -> Result<(), BoxError> {
        self.note("configure", "")
    }

    fn before_send(&self, record: &mut Record<String, String>) -> Result<(), BoxError> {
        let value = record.value.get_or_insert_default();
        value.push_str(self.name);
        let value = value.clone();
        self.note("before", &value)
    }

    fn on_acknowledgement(
        &self,
        topic: &str,
        outcome: Result<&Written, &Error>,
    ) -> Result<(), BoxError> {
        let outcome = outcome.map(|it| it.offset).map_err(ToString::to_string);
        self.note("acknowledged", &format!("{topic} {outcome:?}"))
    }

    fn close(&self) -> Result<(), BoxError> {
        self.note("close", "")
    }
}

/// A producer with two interceptors, and what they and the log say.
fn scene(fails_at: &'static str, panics_at: &'static str) -> (Producer<String, String>, Lines) {
    let lines = Lines::default();
    let log = Arc::clone(&lines);
    let config = ClientConfig {
        bootstrap: vec!["127.0.0.1:1".to_owned()],
        observer: Some(Arc::new(move |event: &Event<'_>| {
            if let Event::HookFailed { hook, reason } = event {
                log.lock().push(format!("log: {hook}: {reason}"));
            }
        })),
        ..ClientConfig::default()
    };
    let scribe = |name, fails_at, panics_at| -> Box<dyn Interceptor<String, String>> {
        Box::new(Scribe { name, lines: Arc::clone(&lines), fails_at, panics_at })
    };
    let both = vec![scribe("a", fails_at, panics_at), scribe("b", "", "")];
    let (client, config) = (Client::new(config), ProducerConfig::default());
    let producer = Producer::with_interceptors(client, config, AsBytes, AsBytes, both);
    (producer.unwrap(), lines)
}

fn taken(lines: &Lines) -> String {
    std::mem::take(&mut *lines.lock()).join("\n")
}

fn delivery(tags: Vec<Tag>) -> Delivery {
    let outcome = Ok(Delivered { base_offset: Some(Offset(40)), log_append_time: None });
    Delivery { partition: TopicPartition::new("orders", 2), tags, outcome }
}

#[tokio::test]
async fn interceptors_are_configured_and_closed_once_in_order() {
    let (producer, lines) = scene("", "");
    assert_eq!(taken(&lines), "a configure\nb configure");
    producer.close(Duration::from_secs(1)).await.unwrap();
    assert_eq!(taken(&lines), "a close\nb close");
    producer.close(Duration::from_secs(1)).await.unwrap();
    drop(producer);
    assert_eq!(taken(&lines), "");
}

#[tokio::test]
async fn interceptors_change_records_in_order_and_hear_of_those_that_were_not_taken() {
    let (producer, lines) = scene("", "");
    taken(&lines);
    let sent = producer.send(Record::new("orders", "v".to_owned())).await;
    assert!(matches!(sent, Err(Error::Unreachable { .. })));
    insta::assert_snapshot!(taken(&lines), @r#"
    a before va
    b before vab
    a acknowledged orders Err("127.0.0.1:1 refuses connections")
    b acknowledged orders Err("127.0.0.1:1 refuses connections")
    "#);
    assert!(producer.hearers.waiting.lock().is_empty());
    drop(producer);
    assert_eq!(taken(&lines), "a close\nb close");
}

#[tokio::test]
async fn a_hook_that_fails_is_logged_and_stops_nothing() {
    for hook in ["configure", "before", "acknowledged", "close"] {
        let (producer, lines) = scene(hook, "");
        let sent = producer.send(Record::new("orders", "v".to_owned())).await;
        assert!(matches!(sent, Err(Error::Unreachable { .. })), "{hook}");
        drop(producer);
        let text = taken(&lines);
        assert_eq!(text.lines().filter(|it| it.starts_with("b ")).count(), 4, "{text}");
        assert_eq!(text.lines().filter(|it| it.starts_with("log: ")).count(), 1, "{text}");
        assert!(text.contains(": a fails"), "{text}");
    }
}

#[tokio::test]
async fn a_hook_that_panics_is_logged_and_stops_nothing() {
    for hook in ["configure", "before", "acknowledged", "close"] {
        let (producer, lines) = scene("", hook);
        let sent = producer.send(Record::new("orders", "v".to_owned())).await;
        assert!(matches!(sent, Err(Error::Unreachable { .. })), "{hook}");
        drop(producer);
        let text = taken(&lines);
        assert_eq!(text.lines().filter(|it| it.starts_with("b ")).count(), 4, "{text}");
        assert!(text.contains("log: interceptor 0"), "{text}");
        assert!(text.contains(": a panics"), "{text}");
    }
}

#[tokio::test]
async fn each_way_to_send_hears_of_its_own_record() {
    let (producer, lines) = scene("", "");
    taken(&lines);
    let (sender, outcome) = oneshot::channel();
    let topic: Arc<str> = "orders".into();
    let called = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&called);
    let callback = move |outcome: Result<Written, Error>| {
        assert_eq!(outcome.unwrap().offset, Some(Offset(41)));
        counter.fetch_add(1, Ordering::Relaxed);
    };
    let thens = [Then::Tell(sender), Then::Call(Box::new(callback)), Then::Nothing];
    let tags: Vec<Tag> = thens
        .into_iter()
        .map(|then| {
            let place = producer.wait_for(&topic, Timestamp(5), then);
            let tag = place.tag();
            place.keep();
            tag
        })
        .collect();
    producer.hearers.hear(delivery(tags.clone()));
    let written =
        Written { topic, partition: 2, offset: Some(Offset(40)), timestamp: Timestamp(5) };
    assert_eq!(Sending { outcome }.await.unwrap(), written);
    assert_eq!(called.load(Ordering::Relaxed), 1);
    assert_eq!(taken(&lines).lines().count(), 6, "both interceptors hear of all three");
    producer.hearers.hear(delivery(tags));
    assert_eq!(taken(&lines), "", "each ends once");
}

#[tokio::test]
async fn a_callback_that_panics_is_logged_and_the_next_one_is_called() {
    let (producer, lines) = scene("", "");
    taken(&lines);
    let called = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&called);
    let bad = Then::Call(Box::new(|_| panic!("callback panics")));
    let good = Then::Call(Box::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let tags = [bad, good].map(|then| {
        let place = producer.wait_for(&"orders".into(), Timestamp(5), then);
        let tag = place.tag();
        place.keep();
        tag
    });
    producer.hearers.hear(delivery(tags.to_vec()));
    assert!(taken(&lines).contains("log: callback: callback panics"));
    assert_eq!(called.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_cannot_be_serialized_is_refused() {
    let client = Client::new(ClientConfig::default());
    let values = |it: &u8| match it {
        7 => Err("seven".into()),
        it => Ok(vec![*it]),
    };
    let config = ProducerConfig::default();
    let producer: Producer<String, u8> = Producer::new(client, config, AsBytes, values).unwrap();
    let error = producer.send_and_forget(Record::new("orders", 7)).await.unwrap_err();
    assert_eq!(error.to_string(), "the value cannot be serialized: seven");
}

#[tokio::test]
async fn after_closing_nothing_is_taken() {
    let (producer, _) = scene("", "");
    producer.close(Duration::from_secs(1)).await.unwrap();
    let record = || Record::new("orders", "v".to_owned());
    assert!(matches!(producer.send(record()).await, Err(Error::Closed("producer"))));
}

#[tokio::test]
async fn a_broker_may_say_any_offset() {
    let (producer, lines) = scene("", "");
    let first = producer.hearers.waiting.lock().insert(Waiting {
        topic: "orders".into(),
        timestamp: Timestamp(1),
        then: Then::Nothing,
    });
    taken(&lines);
    let outcome = Ok(Delivered { base_offset: Some(Offset(i64::MAX)), log_append_time: None });
    let partition = TopicPartition::new("orders", 2);
    producer.hearers.hear(Delivery { partition, tags: vec![FORGOTTEN, first as Tag], outcome });
    assert!(taken(&lines).contains("9223372036854775807"));
}
