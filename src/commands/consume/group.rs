//! `kt consume -g`: reading what a group gives, and committing what was written.

mod starts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kt_client::consumer::ConsumerConfig;
use kt_client::consumer::OffsetReset;
use kt_client::consumer::group::{
    GroupConfig, GroupConsumer, InternalTopics, LossCause, Subscription,
};
use kt_client::{Admin, Client, Error};
use kt_protocol::types::TopicPartition;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::ConsumeArgs;
use super::entry;
use super::hooks::{Commits, Hooks, News};
use super::ledger::Ledger;
use super::reading::{FOR_EVER, Reading};
use super::source::Source;
use crate::client_config::{Origin, Settings};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::session::Session;
use crate::topic_selection::{self, Patterns};

/// Shorter than Kafka's 3 s: a member hears with its next heartbeat that another one has left, and
/// who hands over to another terminal waits for that.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Commits follow each other no faster than that.
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// Who waits longer for the first partitions is told what for.
const SILENT_FOR: Duration = Duration::from_secs(1);

/// Leaving after a signal takes no longer, whatever the coordinator does.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Reads as a member of the group `name`.
pub(super) fn run(
    args: &ConsumeArgs,
    session: &Session,
    mut settings: Settings,
    config: ConsumerConfig,
    name: &str,
    reading: Reading<'_>,
) -> Result<(), CliError> {
    if args.partition.is_some() || args.topics.iter().any(|it| it.partitions.is_some()) {
        let error =
            CliError::usage("a group shares out whole topics: -p and TOPIC:P do not go with -g");
        return Err(error.hint("without -g one reads the partitions that one names"));
    }
    if settings.client_id == Origin::BuiltIn {
        entry::CLIENT_ID.clone_into(&mut settings.client.client_id);
    }
    let mut group = GroupConfig::new(name);
    group.heartbeat_interval = HEARTBEAT;
    settings.group.set(&mut group)?;
    name.clone_into(&mut group.group_id);
    let commits = match args.no_commit || !group.auto_commit.is_enabled {
        true => Commits::Off,
        false => Commits::On,
    };
    // The library would commit what was polled; this commits what was written.
    group.auto_commit.is_enabled = false;
    if let Some(assignor) = &args.assignor {
        group.assignors = vec![Arc::clone(assignor)];
    }
    if session.globals.internal {
        group.internal_topics = InternalTopics::Included;
    }
    group.check()?;
    let admin = Admin::new(Client::new(settings.client));
    session.block_on(async {
        let subscription = subscription(args, &admin, session).await?;
        if !args.join {
            entry::check(&admin, name, &admin.client().config().client_id).await?;
        }
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let hooks = Arc::new(Hooks::new(Arc::clone(&ledger), commits));
        let reset = config.offset_reset;
        let consumer = GroupConsumer::new(admin.client().clone(), config, group)?;
        consumer.subscribe_with(subscription, hooks.clone());
        let member = Member {
            args,
            admin: &admin,
            session,
            name,
            reset,
            reading: reading.with_ledger(Arc::clone(&ledger)),
            consumer,
            hooks,
            ledger,
            commits,
            commits_at: Instant::now(),
            owned: BTreeSet::new(),
            ends: BTreeMap::new(),
            alone_until: None,
            say_joining_at: Some(Instant::now() + SILENT_FOR),
            has_said_who_wins: false,
        };
        member.read().await
    })
}

/// The topics, which have to exist: a reader that waits for a misspelt one would be believed.
async fn subscription(
    args: &ConsumeArgs,
    admin: &Admin,
    session: &Session,
) -> Result<Subscription, CliError> {
    let names: Vec<String> = args.topics.iter().map(|it| it.topic.clone()).collect();
    if session.globals.regex {
        Patterns::new(&names)?.select(admin.list_topics().await?, session)?;
        let any: Vec<String> = names.iter().map(|it| format!("(?:{it})")).collect();
        return Ok(Subscription::pattern(&any.join("|"))?);
    }
    for (_, found) in topic_selection::find_all(admin, &names).await? {
        found?;
    }
    Ok(Subscription::names(names))
}

/// This command in its group.
struct Member<'a> {
    args: &'a ConsumeArgs,
    admin: &'a Admin,
    session: &'a Session,
    name: &'a str,
    reset: OffsetReset,
    reading: Reading<'a>,
    consumer: GroupConsumer,
    hooks: Arc<Hooks>,
    ledger: Arc<Mutex<Ledger>>,
    commits: Commits,
    /// When the next commit may go out.
    commits_at: Instant,
    owned: BTreeSet<TopicPartition>,
    /// Where partitions end for this run, as it was when they first came.
    ends: BTreeMap<TopicPartition, i64>,
    /// Without partitions, until when more are waited for.
    alone_until: Option<Instant>,
    /// When to say that the group takes its time, until it has answered.
    say_joining_at: Option<Instant>,
    has_said_who_wins: bool,
}

impl Member<'_> {
    async fn read(mut self) -> Result<(), CliError> {
        self.reading.print_head(self.admin)?;
        let mut interrupt = Interrupt::listen()?;
        let ended = tokio::select! {
            ended = self.run() => ended,
            kind = interrupt.next() => Err(CliError::silent(kind)),
        };
        let (session, is_signal) = (self.session, is_signal(&ended));
        let finished = tokio::select! {
            finished = self.finish(&ended) => finished,
            kind = interrupt.next() => return Err(CliError::silent(kind)),
        };
        match (ended, finished) {
            (Err(signal), Err(error)) if is_signal => {
                session.complain(&error);
                Err(signal)
            }
            // A reader that has gone is no error; a commit that failed is.
            (Err(gone), Err(error)) if gone.kind == Kind::ReaderGone => Err(error),
            (ended, finished) => ended.and(finished),
        }
    }

    async fn run(&mut self) -> Result<(), CliError> {
        while !self.is_at_end() {
            let polled = tokio::select! {
                polled = self.consumer.poll(FOR_EVER) => polled,
                () = self.reading.limit() => return Ok(()),
                () = sleep_until(self.commit_due()) => {
                    self.commit().await?;
                    continue;
                }
                () = sleep_until(self.say_joining_at) => {
                    self.say_joining();
                    continue;
                }
                () = sleep_until(self.alone_until) => {
                    self.session.note(&format!(
                        "the other members of group \"{}\" have all partitions", self.name
                    ));
                    return Ok(());
                }
            };
            self.hear().await?;
            let source = Source::Group(&self.consumer);
            self.reading.take(polled?, source);
            self.reading.write_all(source).await?;
            if self.commits_at <= Instant::now() {
                self.commit().await?;
            }
        }
        Ok(())
    }

    fn say_joining(&mut self) {
        self.say_joining_at = None;
        self.session.note(&format!(
            "joining group \"{}\": an empty one gathers members for \
             group.initial.rebalance.delay.ms (3 s unless set), another waits for its members",
            self.name
        ));
    }

    /// True if there is nothing more to read: what is read without an end never is.
    fn is_at_end(&self) -> bool {
        self.reading.has_enough() || (!self.owned.is_empty() && self.reading.has_read_all())
    }

    fn commit_due(&self) -> Option<Instant> {
        let is_due = self.commits == Commits::On && self.ledger.lock().is_dirty();
        is_due.then_some(self.commits_at)
    }

    /// Commits what was flushed. While the group rebalances it waits: the hooks commit in time.
    async fn commit(&mut self) -> Result<(), CliError> {
        let offsets = self.ledger.lock().pending();
        if offsets.is_empty() || self.commits == Commits::Off {
            return Ok(());
        }
        let committed = self.consumer.commit(offsets.clone()).await;
        self.commits_at = Instant::now() + COMMIT_EVERY;
        match committed {
            Ok(()) => self.ledger.lock().committed(&offsets),
            Err(Error::GroupLost { cause: LossCause::Rebalancing, .. }) => {}
            Err(error) => {
                let partitions: Vec<TopicPartition> = offsets.into_keys().collect();
                return Err(Self::not_committed(&partitions, error));
            }
        }
        Ok(())
    }

    /// Says what is read again, and why.
    fn not_committed(partitions: &[TopicPartition], error: Error) -> CliError {
        let error = CliError::from(error);
        let partitions = listed(partitions);
        let message = format!("{error}; what was written last of {partitions} is not committed");
        CliError { message, ..error }
    }

    /// Does what follows from partitions that came and went.
    async fn hear(&mut self) -> Result<(), CliError> {
        while let Some(news) = self.hooks.next() {
            self.say_joining_at = None;
            match news {
                News::Assigned(partitions) => self.begin(partitions).await?,
                News::Revoked(partitions) => {
                    self.stop(&partitions);
                    self.tell("gives back", &partitions);
                }
                News::Lost(partitions, uncommitted) => {
                    self.stop(&partitions);
                    self.say_lost(&partitions, &uncommitted);
                }
                News::NotCommitted(partitions, error) => {
                    self.session.complain(&Self::not_committed(&partitions, error));
                }
            }
        }
        Ok(())
    }

    fn tell(&self, what: &str, partitions: &BTreeSet<TopicPartition>) {
        if 0 < self.session.globals.verbose {
            let partitions = listed(partitions);
            self.session.say(&format!("group \"{}\": {what} {partitions}", self.name));
        }
    }

    fn say_lost(&self, partitions: &BTreeSet<TopicPartition>, uncommitted: &[TopicPartition]) {
        let lost = format!("group \"{}\" took away {}", self.name, listed(partitions));
        self.session.warn(&match uncommitted {
            [] => lost,
            some => format!("{lost}; what was written last of {} is read again", listed(some)),
        });
    }

    fn stop(&mut self, partitions: &BTreeSet<TopicPartition>) {
        for partition in partitions {
            self.owned.remove(partition);
            self.reading.stop(partition);
        }
    }

    /// Writes and commits what is left, and leaves the group.
    async fn finish(mut self, ended: &Result<(), CliError>) -> Result<(), CliError> {
        let written = self.reading.finish(ended).await;
        let within = match is_signal(ended) {
            true => LEAVE_WITHIN.min(self.session.globals.timeout.to_std()),
            false => self.session.globals.timeout.to_std(),
        };
        let deadline = Instant::now() + within;
        let committed = tokio::time::timeout_at(deadline, self.commit_last()).await;
        let committed = committed.unwrap_or_else(|_| {
            let message = format!(
                "what was written last is not committed: group \"{}\" did not answer",
                self.name
            );
            Err(CliError::new(Kind::Unreachable, "TIMED_OUT", message))
        });
        let left = self.consumer.close(deadline.saturating_duration_since(Instant::now())).await;
        self.reading.summary();
        written?;
        committed?;
        left?;
        if ended.is_ok() { self.reading.verdict() } else { Ok(()) }
    }

    /// A rebalance is waited for: there is no later commit.
    async fn commit_last(&mut self) -> Result<(), CliError> {
        loop {
            self.commit().await?;
            if self.commit_due().is_none() {
                return Ok(());
            }
            // Only a poll takes part in the rebalance. What it gives is not written any more.
            let _ = self.consumer.poll(COMMIT_EVERY).await;
            while let Some(news) = self.hooks.next() {
                match news {
                    News::NotCommitted(partitions, error) => {
                        return Err(Self::not_committed(&partitions, error));
                    }
                    News::Lost(partitions, uncommitted) => self.say_lost(&partitions, &uncommitted),
                    News::Assigned(_) | News::Revoked(_) => {}
                }
            }
        }
    }
}

fn is_signal(ended: &Result<(), CliError>) -> bool {
    matches!(ended, Err(error) if error.kind.is_signal())
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn listed<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> String {
    let names: Vec<String> =
        partitions.into_iter().map(|it| format!("{}:{}", it.topic, it.partition)).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
