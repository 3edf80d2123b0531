//! Interceptors: one says in each record when it was sent, one counts what became of them.
//!
//! ```text
//! interceptors BOOTSTRAP TOPIC COUNT
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kt_client::producer::{
    AsBytes, BoxError, Interceptor, Producer, ProducerConfig, Record, Written,
};
use kt_client::{Client, ClientConfig};

/// Puts the time in front of each value.
struct TimeStamp;

impl Interceptor<String, String> for TimeStamp {
    fn before_send(&self, record: &mut Record<String, String>) -> Result<(), BoxError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        if let Some(value) = &mut record.value {
            *value = format!("{now} {value}");
        }
        Ok(())
    }
}

/// How many records were written, and how many were not.
#[derive(Debug, Default)]
pub struct Counts {
    /// Written.
    pub successes: AtomicU64,
    /// Not written.
    pub failures: AtomicU64,
    /// How often it was closed: once.
    pub closed: AtomicU64,
}

/// Counts into what others look at.
struct Counter(Arc<Counts>);

impl Interceptor<String, String> for Counter {
    fn on_acknowledgement(
        &self,
        _topic: &str,
        outcome: Result<&Written, &kt_client::Error>,
    ) -> Result<(), BoxError> {
        let count = match outcome {
            Ok(_) => &self.0.successes,
            Err(_) => &self.0.failures,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn close(&self) -> Result<(), BoxError> {
        self.0.closed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Sends `count` records, and one that no broker takes.
pub async fn run(bootstrap: &str, topic: &str, count: u64) -> Result<Arc<Counts>, Box<dyn Error>> {
    let client = Client::new(ClientConfig {
        bootstrap: vec![bootstrap.to_owned()],
        ..ClientConfig::default()
    });
    let counts = Arc::new(Counts::default());
    let producer = Producer::with_interceptors(
        client,
        ProducerConfig::default(),
        AsBytes,
        AsBytes,
        vec![Box::new(TimeStamp), Box::new(Counter(Arc::clone(&counts)))],
    )?;
    for number in 0..count {
        let record = Record::new(topic, format!("message {number}"));
        producer.send_and_forget(record).await?;
    }
    let outside = Record::new(topic, "nobody reads this".to_owned()).partition(i32::MAX);
    if let Err(error) = producer.send_and_forget(outside).await {
        println!("{error}");
    }
    producer.close(Duration::from_secs(30)).await?;
    Ok(counts)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, count] = arguments.as_slice() else {
        return Err("interceptors BOOTSTRAP TOPIC COUNT".into());
    };
    println!("{:?}", run(bootstrap, topic, count.parse()?).await?);
    Ok(())
}
