//! `kill -9` of the broker and of consumers under load: an acknowledged commit never goes back, and
//! every acknowledged record is read at least once, in order.

mod ledger;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::task::JoinHandle;

use crate::support::member::{self, QUICK_GROUPS};
use crate::support::proxy::{Proxy, Verdict};
use crate::support::{Broker, client};
use ledger::Ledger;
use worker::{Said, Worker};

const TOPIC: &str = "jobs";
const GROUP: &str = "workers";
const PARTITIONS: i32 = 3;

/// Rounds of a usual run; `KT_KILL_ROUNDS` asks for more.
const ROUNDS: u32 = 6;

/// How long workers may be silent: time-outs of sessions, starts and recoveries are shorter.
const SILENCE: Duration = Duration::from_secs(60);

fn rounds() -> u32 {
    std::env::var("KT_KILL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

/// Workers of one group, and what they say.
struct Crew {
    address: String,
    assignor: &'static str,
    workers: Vec<Worker>,
    started: u32,
    sender: Sender<(u32, Said)>,
    said: Receiver<(u32, Said)>,
    ledger: Ledger,
}

impl Crew {
    fn start(address: &str, assignor: &'static str, count: usize) -> Crew {
        let (sender, said) = mpsc::channel();
        let (address, ledger) = (address.to_owned(), Ledger::default());
        let mut crew =
            Crew { address, assignor, workers: Vec::new(), started: 0, sender, said, ledger };
        (0..count).for_each(|_| crew.hire());
        crew
    }

    fn hire(&mut self) {
        let sender = self.sender.clone();
        self.workers.push(Worker::start(&self.address, self.assignor, self.started, sender));
        self.started += 1;
    }

    /// Kills the one that is here for longest, and starts another in its place.
    fn replace(&mut self) {
        drop(self.workers.remove(0));
        self.hire();
    }

    /// Stops the one that is here for longest until the other has taken over. It goes on as one
    /// who does not know that it is put out.
    fn freeze_for_a_while(&mut self) {
        self.workers[0].freeze();
        let other = self.workers[1].number;
        self.listen_until("the other takes over", |it| it.owns_all(other));
        self.workers[0].thaw();
    }

    fn listen_until(&mut self, what: &str, holds: impl Fn(&Ledger) -> bool) {
        while !holds(&self.ledger) {
            match self.said.recv_timeout(SILENCE) {
                Ok((worker, said)) => self.ledger.enter(worker, &said),
                Err(error) => panic!("{error}, not: {what}"),
            }
        }
    }

    /// What is committed now is no less than what was acknowledged.
    fn check_committed(&mut self) {
        while let Ok((worker, said)) = self.said.try_recv() {
            self.ledger.enter(worker, &said);
        }
        let committed = member::committed(&self.address, GROUP, TOPIC, PARTITIONS);
        for (partition, committed) in (0..).zip(committed) {
            let acknowledged = self.ledger.committed(partition);
            let committed = committed.unwrap_or(0);
            assert!(acknowledged <= committed, "{partition}: {acknowledged}, now {committed}");
        }
    }
}

/// Sends numbers to a partition until told to stop; gives what was acknowledged, by offset.
async fn load(producer: FutureProducer, partition: i32, over: Arc<AtomicBool>) -> Vec<(i64, u64)> {
    const WINDOW: u64 = 20;
    let mut acknowledged = Vec::new();
    let mut next = 0;
    while !over.load(Ordering::SeqCst) {
        let values: Vec<String> = (next..next + WINDOW).map(|it| it.to_string()).collect();
        let deliveries: Vec<_> = values
            .iter()
            .map(|value| {
                let record = FutureRecord::<(), String>::to(TOPIC);
                let record = record.payload(value).partition(partition);
                producer.send_result(record).expect("the queue has room")
            })
            .collect();
        for (number, delivery) in (next..).zip(deliveries) {
            let delivery = delivery.await.expect("the producer lives");
            let delivery = delivery.expect("an idempotent producer delivers across restarts");
            acknowledged.push((delivery.offset, number));
        }
        next += WINDOW;
    }
    acknowledged
}

fn start_load(address: &str, over: &Arc<AtomicBool>) -> Vec<JoinHandle<Vec<(i64, u64)>>> {
    let pairs = [
        ("enable.idempotence", "true"),
        ("message.timeout.ms", "120000"),
        ("retry.backoff.ms", "20"),
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "100"),
        ("log_level", "0"),
    ];
    let producer = client::producer(address, &pairs);
    let start = |partition| tokio::spawn(load(producer.clone(), partition, Arc::clone(over)));
    (0..PARTITIONS).map(start).collect()
}

/// Kills the broker and starts it again; `meanwhile` happens while there is none.
fn restart(broker: &mut Broker, proxy: &Proxy, meanwhile: impl FnOnce()) {
    broker.kill();
    meanwhile();
    broker.restart();
    proxy.redirect(broker.address().parse().expect("an address"));
}

async fn kill_in_a_loop(assignor: &'static str) {
    // Clients keep one address, as behind a name: a broker that comes back has another port.
    let (listener, address) = Proxy::bind();
    let advertised = format!("PLAINTEXT://{address}");
    let settings = [&QUICK_GROUPS[..], &[("advertised.listeners", &*advertised)]].concat();
    let mut broker = Broker::start_with(&settings);
    let upstream = broker.address().parse().expect("an address");
    let proxy = Proxy::start(listener, upstream, Arc::new(|_, _| Verdict::Pass));
    client::create_topic(&proxy.address(), TOPIC, PARTITIONS, &[]).await;
    let over = Arc::new(AtomicBool::new(false));
    let producers = start_load(&proxy.address(), &over);
    let mut crew = Crew::start(&proxy.address(), assignor, 2);
    for round in 0..rounds() {
        // The moment of the kill varies from round to round.
        let enough = crew.ledger.read.len() + 100 + (round as usize * 377 % 500);
        crew.listen_until("the work goes on", |it| enough <= it.read.len());
        match round % 4 {
            0 => restart(&mut broker, &proxy, || {}),
            1 => crew.replace(),
            2 => restart(&mut broker, &proxy, || crew.replace()),
            _ => crew.freeze_for_a_while(),
        }
        crew.check_committed();
        let Ledger { read, again, .. } = &crew.ledger;
        eprintln!("round {round}: {} read, {again} of them again", read.len());
    }
    over.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for (partition, producer) in (0..).zip(producers) {
        let numbers = producer.await.expect("the load ends");
        acknowledged.extend(numbers.into_iter().map(|(offset, it)| ((partition, offset), it)));
    }
    let ends: Vec<_> = (0..PARTITIONS)
        .map(|partition| (partition, client::watermarks(&proxy.address(), TOPIC, partition).1))
        .collect();
    let all_done = |it: &Ledger| ends.iter().all(|(at, end)| it.committed(*at) == *end);
    crew.listen_until("all is read and committed", all_done);
    crew.check_committed();
    for (place, number) in &acknowledged {
        assert_eq!(crew.ledger.read.get(place), Some(number), "acknowledged at {place:?}");
    }
    assert_eq!(crew.ledger.read.len(), acknowledged.len(), "nothing but what was sent");
    drop(crew);
    assert!(broker.stop().success());
    assert!(0 < ledger::check_log(&broker.data()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_range() {
    kill_in_a_loop("range").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_cooperative_sticky() {
    kill_in_a_loop("cooperative-sticky").await;
}
