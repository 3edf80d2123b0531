//! A broker for one example of the client's documentation: it starts within the example's process
//! and stops when the example ends.
//!
//! rustdoc runs each example in a process of its own, so that no example sees another's records.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use kt_client::admin::{Apply, CommittedOffset, Expected, NewTopic, Placement};
use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
use kt_client::consumer::{ConsumerConfig, OffsetReset};
use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
use kt_client::{Admin, Client, ClientConfig};
use kt_node::Formatting;
use kt_node::config::{BrokerSources, Strictness};
use kt_protocol::types::{Offset, TopicPartition};
use kt_server::{RealDisk, ServeError, Serving, StopBy, StopSignal};
use kt_storage::Disk;
use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Runtime;

/// How an example ends.
pub type Ended = Result<(), Box<dyn std::error::Error>>;

/// Runs an example beside a broker. `orders` is there, a topic of one partition that holds
/// `values`; the example is given `bootstrap.servers`.
///
/// # Panics
///
/// Panics if the example fails, or the broker does.
pub fn with_orders(values: &[&str], example: impl AsyncFnOnce(Vec<String>) -> Ended) {
    // Dropped from the last to the first: connections end, then the broker, then its files.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path());
    let runtime = Runtime::new().expect("a runtime");
    let ended = runtime.block_on(async {
        write_orders(&broker.bootstrap, values).await?;
        example(broker.bootstrap.clone()).await
    });
    if let Err(error) = ended {
        panic!("the example fails: {error}");
    }
}

/// Commits for `group` that the first order is done.
///
/// # Errors
///
/// Fails if the broker does.
pub async fn commit(group: &str, client: &Client) -> Ended {
    let commit = CommittedOffset { offset: Offset(1), leader_epoch: None, metadata: String::new() };
    let offsets = [(TopicPartition::new("orders", 0), commit)].into();
    for (_, altered) in Admin::new(client.clone()).alter_offsets(group, &offsets).await? {
        altered?;
    }
    Ok(())
}

/// A member of `group` that has been given the orders.
///
/// # Errors
///
/// Fails if the broker does.
pub async fn join(group: &str, client: &Client) -> Result<GroupConsumer, kt_client::Error> {
    let reading =
        ConsumerConfig { offset_reset: OffsetReset::Earliest, ..ConsumerConfig::default() };
    let member = GroupConsumer::new(client.clone(), reading, GroupConfig::new(group))?;
    member.subscribe(Subscription::names(["orders"]));
    while member.assignment().is_empty() {
        member.poll(Duration::from_millis(100)).await?;
    }
    Ok(member)
}

async fn write_orders(bootstrap: &[String], values: &[&str]) -> Ended {
    let client =
        Client::new(ClientConfig { bootstrap: bootstrap.to_vec(), ..ClientConfig::default() });
    let admin = Admin::new(client.clone());
    let placement = Placement::Counts { partitions: Some(1), replication_factor: Some(1) };
    let orders = NewTopic { name: "orders".to_owned(), placement, configs: Default::default() };
    for (_, created) in admin.create_topics(&[orders], Apply::Change).await? {
        created?;
    }
    let known = [("orders".to_owned(), Expected::Partitions(1))];
    admin.wait_until_known(&known).await?;
    let producer = Producer::<&str, _>::new(client, ProducerConfig::default(), AsBytes, AsBytes)?;
    for value in values {
        producer.send_and_forget(Record::new("orders", (*value).to_owned())).await?;
    }
    Ok(producer.close(Duration::from_secs(30)).await?)
}

/// A node alone in its cluster.
struct Broker {
    bootstrap: Vec<String>,
    serving: Option<JoinHandle<Result<StopSignal, ServeError>>>,
}

impl Broker {
    fn start(directory: &Path) -> Broker {
        let sources = sources(directory);
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new());
        let (ready, told) = mpsc::channel();
        let serving = std::thread::spawn(move || {
            kt_server::run(
                sources,
                &disk,
                StopBy::Signals,
                |opening| kt_server::open_node(opening, Formatting::IfEmpty(None)),
                |serving: &Serving| drop(ready.send(serving.advertised.clone())),
            )
        });
        match told.recv() {
            Ok(bootstrap) => Broker { bootstrap, serving: Some(serving) },
            Err(_) => panic!("the broker does not start: {:?}", serving.join()),
        }
    }
}

impl Drop for Broker {
    /// As an operator would: the server has caught the signal since before it was ready.
    fn drop(&mut self) {
        let asked = kill_process(getpid(), Signal::TERM);
        let stopped = self.serving.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!((&asked, &stopped), (Ok(()), Some(Ok(Ok(_))))), "{stopped:?}");
        }
    }
}

fn sources(directory: &Path) -> BrokerSources {
    let directory = directory.display().to_string();
    let pairs = [
        ("node.id", "1"),
        ("process.roles", "broker,controller"),
        ("listeners", "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("controller.listener.names", "CONTROLLER"),
        ("log.dirs", &directory),
        ("log.flush.on.ack", "false"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut sources = BrokerSources::default();
    let added = sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new());
    added.expect("keys that the broker knows");
    sources
}
