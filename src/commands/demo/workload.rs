//! What happens in the demo: everything that writes and reads, on a thread of its own.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use kt_client::producer::{AsBytes, ProducerConfig};
use kt_client::{Admin, Client, ClientConfig, Error, Random};
use kt_protocol::records::{Compression, Compressor};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::groups::{self, Reads};
use super::live;
use super::pipeline::{self, Writer};
use super::seeding;
use super::topics::TOPICS;
use super::values::Values;
use crate::error::CliError;

/// Where all that looks random begins.
const SEED: u64 = 0x6b74;

/// Bytes of a batch: small, so that history has an index, segments, and offsets to find by time.
const BATCH_BYTES: usize = 4 << 10;

/// The demo's programs. They end when this is stopped or dropped.
#[derive(Debug)]
pub(super) struct Workload {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Workload {
    /// Starts them, and waits until history is written and the first new records are in.
    pub(super) fn start(bootstrap: String) -> Result<Workload, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::other(format!("cannot start: {error}")))?;
        let (stop, stopped) = oneshot::channel();
        let (ready, told) = mpsc::channel();
        let run = move || {
            let failing = ready.clone();
            let work = async move {
                if let Err(error) = work(&bootstrap, ready).await {
                    let _ = failing.send(Err(error));
                }
            };
            runtime.block_on(async {
                tokio::select! {
                    // Asked, or forgotten.
                    _ = stopped => {}
                    () = work => {}
                }
            });
            // Nobody needs what is under way: the cluster goes too.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new()
            .name("demo".to_owned())
            .spawn(run)
            .map_err(|error| CliError::other(format!("cannot start a thread: {error}")))?;
        let workload = Workload { running: Some(Running { stop, thread }) };
        match told.recv() {
            Ok(Ok(())) => Ok(workload),
            Ok(Err(error)) => Err(CliError::from(error)),
            Err(mpsc::RecvError) => Err(CliError::other("the demo ended before it began")),
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        let Some(Running { stop, thread }) = self.running.take() else { return };
        let _ = stop.send(());
        // A panic of its own was printed already, and takes nothing with it.
        let _ = thread.join();
    }
}

/// Seeds, tells that it has, and goes on for ever.
async fn work(bootstrap: &str, ready: mpsc::Sender<Result<(), Error>>) -> Result<(), Error> {
    let client = Client::new(ClientConfig {
        bootstrap: vec![bootstrap.to_owned()],
        client_id: "demo".to_owned(),
        ..ClientConfig::default()
    });
    let config = ProducerConfig {
        batch_bytes: BATCH_BYTES,
        compressor: Compressor::from(Compression::Lz4),
        ..ProducerConfig::default()
    };
    let admin = Admin::new(client.clone());
    let writer = Writer::new(client, config, AsBytes, AsBytes);
    let writer = Arc::new(writer.map_err(|error| Error::Refused(error.to_string()))?);
    let mut values: Vec<Box<dyn Values>> =
        TOPICS.iter().zip(SEED..).map(|(it, seed)| (it.values)(Random::new(seed))).collect();
    let now = jiff::Timestamp::now();
    seeding::create_topics(&admin).await?;
    seeding::write_history(&writer, &mut values, now).await?;
    seeding::commit_starts(&admin, now).await?;
    let mut tasks = JoinSet::new();
    for group in groups::all() {
        for number in 1..=group.members {
            let member = group.member(bootstrap, number)?;
            match group.reads {
                Reads::AsItComes => tasks.spawn(groups::read(member)),
                Reads::PerTick(_) => tasks.spawn(groups::read_slowly(member)),
                Reads::Pipeline => tasks.spawn(pipeline::run(member, Arc::clone(&writer))),
            };
        }
    }
    live::write(&writer, values, || drop(ready.send(Ok(())))).await
}
