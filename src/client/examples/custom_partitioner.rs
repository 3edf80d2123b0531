//! A partitioner of one's own: some customers have a partition to themselves.
//!
//! ```text
//! custom_partitioner BOOTSTRAP TOPIC
//! ```
//!
//! Writes orders of several customers and says which partition each went to.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kt_client::producer::{
    AsBytes, Choices, ChoosePartition, Partitioner, Producer, ProducerConfig, Record,
    partition_of_key,
};
use kt_client::{Client, ClientConfig};

/// The first partition is for large customers, so that nobody waits behind them.
#[derive(Debug)]
struct LargeCustomersFirst {
    large: Vec<String>,
}

impl LargeCustomersFirst {
    fn is_large(&self, key: &[u8]) -> bool {
        self.large.iter().any(|it| it.as_bytes() == key)
    }
}

impl ChoosePartition for LargeCustomersFirst {
    fn choose(&self, choices: &Choices<'_>, key: Option<&[u8]>, _value: Option<&[u8]>) -> i32 {
        let Some(key) = key else {
            // Whoever has no key does not care: the last one that has a leader.
            return choices.available.last().copied().unwrap_or(0);
        };
        if self.is_large(key) || choices.count == 1 {
            return 0;
        }
        1 + partition_of_key(key, choices.count - 1)
    }
}

/// Writes three orders of each customer; gives the partitions that each one's went to.
pub async fn run(
    bootstrap: &str,
    topic: &str,
    customers: &[&'static str],
    large: &[&str],
) -> Result<BTreeMap<&'static str, Vec<i32>>, Box<dyn Error>> {
    let client = Client::new(ClientConfig {
        bootstrap: vec![bootstrap.to_owned()],
        ..ClientConfig::default()
    });
    let large = large.iter().map(|it| (*it).to_owned()).collect();
    let config = ProducerConfig {
        partitioner: Partitioner::Own(Arc::new(LargeCustomersFirst { large })),
        ..ProducerConfig::default()
    };
    let producer = Producer::new(client, config, AsBytes, AsBytes)?;
    let mut sent = Vec::new();
    for order in ["tea", "coffee", "milk"] {
        for customer in customers {
            let record: Record<&str, &str> = Record::new(topic, order).key(*customer);
            sent.push((*customer, producer.send(record).await?));
        }
    }
    let mut partitions: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (customer, sending) in sent {
        partitions.entry(customer).or_default().push(sending.await?.partition);
    }
    producer.close(Duration::from_secs(30)).await?;
    Ok(partitions)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic] = arguments.as_slice() else {
        return Err("custom_partitioner BOOTSTRAP TOPIC".into());
    };
    let customers = ["house", "anna", "ben", "clara"];
    for (customer, partitions) in run(bootstrap, topic, &customers, &["house"]).await? {
        println!("{customer}: {partitions:?}");
    }
    Ok(())
}
