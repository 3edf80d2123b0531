//! `kill -9` of the broker, of producers and of consumers under load, all of them on the client
//! library: producers lose, duplicate and reorder nothing, consumers miss nothing, and what is stored
//! together with its offsets is stored exactly once.

mod consuming;
mod ledger;
mod producing;
mod storing;
mod user;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use kt_protocol::ApiKey;

use crate::support::member::{self, QUICK_GROUPS};
use crate::support::proxy::{Proxy, Verdict};
use crate::support::{Broker, client};
use consuming::{COMMITTED, READ};
use ledger::Ledger;
use storing::Results;
use user::{GROUP, PARTITIONS, Role, Said, TOPIC, Task, User};

/// Rounds of a usual run; `KT_KILL_ROUNDS` asks for more.
const ROUNDS: u32 = 6;

/// How long processes may be silent: time-outs of sessions, starts and recoveries are shorter.
const SILENCE: Duration = Duration::from_secs(60);

fn rounds() -> u32 {
    std::env::var("KT_KILL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

/// Cuts connections in the middle of the load, so that nobody knows what became of the request.
fn cut(key: i16, number: u64) -> Verdict {
    let every = match ApiKey::from_code(key) {
        Some(ApiKey::Produce) => 150,
        Some(ApiKey::OffsetCommit) => 20,
        Some(ApiKey::Fetch) => 200,
        _ => return Verdict::Pass,
    };
    if number % every == every - 1 { Verdict::DropAndCut } else { Verdict::Pass }
}

/// A broker that keeps its address, and processes that use it.
struct Scene {
    broker: Broker,
    proxy: Proxy,
    /// Whether connections are cut now and then.
    is_cutting: Arc<AtomicBool>,
    directory: tempfile::TempDir,
    started: u32,
    sender: Sender<(u32, Said)>,
    said: Receiver<(u32, Said)>,
    ledger: Ledger,
}

impl Scene {
    async fn open() -> Scene {
        // Clients keep one address, as behind a name: a broker that comes back has another port.
        let (listener, address) = Proxy::bind();
        let advertised = format!("PLAINTEXT://{address}");
        let settings = [&QUICK_GROUPS[..], &[("advertised.listeners", &*advertised)]].concat();
        let broker = Broker::start_with(&settings);
        let upstream = broker.address().parse().expect("an address");
        let is_cutting = Arc::new(AtomicBool::new(true));
        let cuts = Arc::clone(&is_cutting);
        let judge = move |key, number| match cuts.load(Ordering::SeqCst) {
            true => cut(key, number),
            false => Verdict::Pass,
        };
        let proxy = Proxy::start(listener, upstream, Arc::new(judge));
        client::create_topic(&broker.address(), TOPIC, PARTITIONS, &[]).await;
        let (sender, said) = mpsc::channel();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let (started, ledger) = (0, Ledger::default());
        Scene { broker, proxy, is_cutting, directory, started, sender, said, ledger }
    }

    fn start(&mut self, role: Role, settings: &[(&str, &str)]) -> User {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let task = Task {
            role,
            name: self.started,
            address: self.proxy.address(),
            settings: settings.iter().map(own).collect(),
            directory: self.directory.path().to_owned(),
        };
        self.started += 1;
        User::start(task, self.sender.clone())
    }

    /// Kills a process and starts another in its place.
    fn replace(&mut self, user: &mut User) {
        user.process.kill();
        *user = self.start(user.task.role, &[]);
    }

    fn listen_until(&mut self, what: &str, holds: impl Fn(&Ledger) -> bool) {
        while !holds(&self.ledger) {
            match self.said.recv_timeout(SILENCE) {
                Ok((name, said)) => self.ledger.enter(name, said),
                Err(error) => panic!("{error}, not: {what}"),
            }
        }
    }

    /// Tells a process to end, and hears it out.
    fn end(&mut self, mut user: User) {
        user.process.give_word();
        let name = user.name();
        self.listen_until("it ends as told", |it| it.ended.contains(&name));
    }

    /// Kills the broker and starts it again; `meanwhile` happens while there is none.
    fn restart_broker(&mut self, meanwhile: impl FnOnce(&mut Scene)) {
        self.broker.kill();
        meanwhile(self);
        self.broker.restart();
        self.proxy.redirect(self.broker.address().parse().expect("an address"));
    }

    /// Stops a process until the other has taken over. It goes on as one who does not know that it
    /// is put out.
    fn freeze_for_a_while(&mut self, user: &User, other: &User) {
        user.process.freeze();
        let name = other.name();
        self.listen_until("the other takes over", |it| it.owns_all(name));
        user.process.thaw();
    }
}

/// A producer and two consumers, of which one after the other is killed.
async fn kill_in_a_loop(reader: Role) {
    let mut scene = Scene::open().await;
    let mut producer = scene.start(Role::Produce, &[]);
    let mut readers = [scene.start(reader, &[]), scene.start(reader, &[])];
    for round in 0..rounds() {
        // The moment of the kill varies from round to round.
        let enough = scene.ledger.read.len() + 200 + (round as usize * 377 % 1_000);
        scene.listen_until("the work goes on", |it| enough <= it.read.len());
        match round % 6 {
            0 => scene.restart_broker(|_| {}),
            1 => scene.replace(&mut readers[0]),
            2 => scene.replace(&mut producer),
            3 => scene.restart_broker(|scene| {
                scene.replace(&mut readers[0]);
                scene.replace(&mut producer);
            }),
            4 => scene.freeze_for_a_while(&readers[0], &readers[1]),
            _ => {
                let other = scene.start(reader, &[]);
                scene.end(std::mem::replace(&mut readers[0], other));
            }
        }
        readers.rotate_left(1);
        let Ledger { read, again, acknowledged, .. } = &scene.ledger;
        let (read, acknowledged) = (read.len(), acknowledged.len());
        eprintln!("round {round}: {acknowledged} acknowledged, {read} read, {again} of them again");
    }
    scene.end(producer);
    scene.is_cutting.store(false, Ordering::SeqCst);
    let log = ledger::log(&scene.broker.address());
    scene.ledger.check_stored(&log);
    let read_all = |it: &Ledger| log.len() <= it.read.len();
    scene.listen_until("all is read", read_all);
    assert_eq!(scene.ledger.read, log, "what is read is what is stored");
    let ends = ledger::ends(&scene.broker.address());
    if reader == Role::ReadAndCommit {
        let all_done = |it: &Ledger| ends.iter().all(|(at, end)| it.done(*at) == *end);
        scene.listen_until("all is committed", all_done);
    }
    for reader in readers {
        scene.end(reader);
    }
    // Those that leave have committed all.
    let committed = member::committed(&scene.broker.address(), GROUP, TOPIC, PARTITIONS);
    assert_eq!(committed, ends.into_values().map(Some).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_commit_miss_nothing() {
    kill_in_a_loop(Role::ReadAndCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_auto_commit_miss_nothing() {
    kill_in_a_loop(Role::ReadAndAutoCommit).await;
}

/// Offsets are stored with the results: however often the process is killed, each counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_with_its_offsets_is_stored_exactly_once() {
    let mut scene = Scene::open().await;
    let producer = scene.start(Role::Produce, &[]);
    let mut storing = scene.start(Role::Store, &[]);
    for round in 0..2 * rounds() {
        let enough = scene.ledger.times_done + 1 + u64::from(round * 377 % 20);
        scene.listen_until("the work goes on", |it| enough <= it.times_done);
        match round % 4 {
            3 => scene.restart_broker(|scene| scene.replace(&mut storing)),
            _ => scene.replace(&mut storing),
        }
    }
    scene.end(producer);
    scene.is_cutting.store(false, Ordering::SeqCst);
    let log = ledger::log(&scene.broker.address());
    scene.ledger.check_stored(&log);
    let ends = ledger::ends(&scene.broker.address());
    let stored_all = |it: &Ledger| ends.iter().all(|(at, end)| it.done(*at) == *end);
    scene.listen_until("all is stored", stored_all);
    scene.end(storing);
    let mut expected: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for ((partition, _), value) in log {
        expected.entry(partition).or_default().push(value);
    }
    let results = Results::open(scene.directory.path()).expect("nobody holds it");
    assert_eq!(results.values().expect("it can be read"), expected, "each once, in order");
}

/// A process that has read ten records and committed four of them.
async fn read_but_not_committed(settings: &[(&str, &str)]) -> (Scene, User) {
    let mut scene = Scene::open().await;
    scene.is_cutting.store(false, Ordering::SeqCst);
    client::fill(&scene.broker.address(), TOPIC, 1, READ).await;
    let user = scene.start(Role::CommitLate, settings);
    scene.listen_until("it has committed some", |it| it.done(0) == COMMITTED);
    (scene, user)
}

/// Another reads what was not committed, and nothing else, once more.
fn read_again(scene: &mut Scene) {
    let next = scene.start(Role::ReadAndCommit, &[]);
    scene.listen_until("the other reads it", |it| it.done(0) == READ);
    let again = u64::try_from(READ - COMMITTED).expect("a count");
    assert_eq!(scene.ledger.again, again, "what was not committed comes again");
    scene.end(next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_processing_and_commit_it_comes_again() {
    let (mut scene, mut user) = read_but_not_committed(&[]).await;
    user.process.kill();
    read_again(&mut scene);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_for_longer_than_its_session_it_comes_again_and_the_error_says_why() {
    let (mut scene, mut user) = read_but_not_committed(&[("session.timeout.ms", "700")]).await;
    user.process.freeze();
    read_again(&mut scene);
    // It goes on as if nothing had happened, and commits.
    user.process.thaw();
    let error = refused(&mut scene, &mut user);
    assert!(error.contains("session.timeout.ms=700 was passed by "), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_poll_for_too_long_it_comes_again_and_the_error_says_why() {
    let (mut scene, mut user) = read_but_not_committed(&[("max.poll.interval.ms", "700")]).await;
    read_again(&mut scene);
    let error = refused(&mut scene, &mut user);
    assert!(error.contains("max.poll.interval.ms=700 was passed by "), "{error}");
}

/// The error of a commit that comes too late.
fn refused(scene: &mut Scene, user: &mut User) -> String {
    user.process.give_word();
    let name = user.name();
    scene.listen_until("its commit is refused", |it| it.refused.contains_key(&name));
    scene.ledger.refused[&name].clone()
}
