//! `kt alerts run`

mod lines;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use kt_client::Admin;
use kt_protocol::types::Millis;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::lines::Lines;
use super::ages::KnownAges;
use super::{RulesFile, ages};
use crate::change::counted;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::DocumentKind;
use crate::session::Session;
use crate::tui::alerts::engine::{Engine, Outgoing};
use crate::tui::alerts::measured::Measured;
use crate::tui::alerts::notice::Notice;
use crate::tui::alerts::rules::Rules;
use crate::tui::{Delivered, Waited, Watcher, deliver};

const EXAMPLES: &str = "\
Examples:
  kt alerts run alerts.toml
  kt alerts run alerts.toml --context prod -o jsonl >> alerts.log
  kill -HUP PID                     read the file again

A file of rules:
  [[rule]]
  name = \"billing\"
  kind = \"time-lag\"                # or lag, broker-down, under-replicated, topic-size, disk
  match = [\"billing-.*\", \"audit\"]  # patterns of whole names; all without it
  except = \"billing-test\"
  warn = \"5m\"                      # from then on
  bad = \"1h\"
  for = \"2m\"                       # and if it lasts so long
  send = [\"ops\"]

  [[rule]]
  name = \"payments flow\"
  kind = \"produce-rate\"
  match = \"payments\"
  warn_below = \"500/s\"             # and warn_above, bad_below, bad_above
  send = [\"desk\"]

  [checks]                         # the built-in checks take part too
  only = [\"brokers\", \"partitions\"] # all without it
  send = [\"ops\", \"page\"]

  [target.ops]
  webhook = \"https://alerts.example/kt\"
  headers_file = \"ops.headers\"     # lines of Name: value, for secrets
  timeout = \"10s\"
  levels = [\"bad\"]
  repeat = \"30m\"                   # told again while it fires; not sooner if it comes and goes
  max_per_hour = 10
  resolved = false                 # what is over is not told

  [target.page]
  command = [\"page\", \"--now\"]      # no shell; KT_ALERT_TEXT, KT_ALERT_LEVEL and more are set

  [target.desk]
  bell = true";

/// Watch a cluster by the rules of a file, until Ctrl-C
///
/// Prints a line for what fires, eases and is over, and tells targets. A level must hold for two
/// evaluations to rise (a lost broker: at once) and three to fall. A program gets the alert as JSON
/// on its stdin, and as KT_ALERT_ variables; a webhook gets the same JSON by POST. What fails is
/// tried again for about 20 minutes.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct RunArgs {
    #[command(flatten)]
    file: RulesFile,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Notice>();

/// What is under way at the end gets so long.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) fn run(args: &RunArgs, session: &Session) -> Result<(), CliError> {
    let rules = super::read_watched(&args.file.rules)?;
    session.check_form::<Notice>()?;
    let lines = Lines::new(session)?;
    let admin = session.admin()?;
    session.block_on(async {
        let interrupt = Interrupt::listen()?;
        let reload = signal(SignalKind::hangup())
            .map_err(|error| CliError::other(format!("cannot take signals: {error}")))?;
        // Whoever does not answer at the start says why in the words of all commands.
        admin.describe_cluster().await?;
        let (sender, results) = unbounded_channel();
        let watching = Watching {
            args,
            session,
            lines,
            engine: Engine::new(rules),
            watcher: Watcher::start(admin.clone()),
            admin,
            sender,
            results,
            ages: KnownAges::default(),
            turns: Arc::new(Semaphore::new(1)),
            under_way: 0,
            is_silent: false,
            is_unread: false,
        };
        watching.go_on(interrupt, reload).await
    })
}

/// What comes back from what was started beside.
enum Ended {
    Delivery(u64, Result<Delivered, String>),
    Ages(Result<ages::Ages, CliError>),
}

struct Watching<'a> {
    args: &'a RunArgs,
    session: &'a Session,
    lines: Lines<'a>,
    engine: Engine,
    watcher: Watcher,
    admin: Admin,
    sender: UnboundedSender<Ended>,
    results: UnboundedReceiver<Ended>,
    ages: KnownAges,
    turns: Arc<Semaphore>,
    under_way: usize,
    is_silent: bool,
    /// The last lines could not be printed.
    is_unread: bool,
}

impl Watching<'_> {
    async fn go_on(mut self, mut interrupt: Interrupt, mut reload: Signal) -> Result<(), CliError> {
        loop {
            let until = self.engine.next_deadline();
            tokio::select! {
                waited = self.watcher.renewed(until) => match waited {
                    Waited::Renewed => self.evaluate()?,
                    Waited::Over => {
                        let due = self.engine.due(self.watcher.now().monotonic);
                        self.start(due);
                    }
                },
                Some(ended) = self.results.recv() => self.ended(ended)?,
                _ = reload.recv() => self.reload()?,
                kind = interrupt.next() => {
                    self.finish(interrupt).await;
                    return Err(CliError::silent(kind));
                }
            }
        }
    }

    fn evaluate(&mut self) -> Result<(), CliError> {
        let now = self.watcher.now();
        let watch = &self.watcher.watch;
        let Some(checks) = watch.checks.clone() else { return Ok(()) };
        if let Some(id) = &watch.cluster.id {
            if self.engine.cluster_id().is_none() {
                let rules = self.engine.rules().rules.len();
                self.session.note(&format!("watching {id} by {}", counted(rules, "rule")));
            }
            self.engine.know_cluster(id);
        }
        let mut measured = Measured::of(watch, now);
        let wanted = ages::wanted(self.engine.rules(), &measured);
        self.ages.want(&wanted, now.monotonic);
        self.ages.put(now.monotonic, &mut measured);
        let outgoing = self.engine.evaluate(now.monotonic, Timestamp::now(), &measured, &checks);
        self.tell_silence(self.watcher.watch.silent_ms(now).is_some());
        self.start(outgoing);
        self.ask_ages(wanted, now.monotonic);
        self.print()
    }

    fn tell_silence(&mut self, is_silent: bool) {
        match (self.is_silent, is_silent) {
            (false, true) => self.session.warn("no broker answers; asking on"),
            (true, false) => self.session.note("the cluster answers again"),
            _ => {}
        }
        self.is_silent = is_silent;
    }

    fn start(&mut self, outgoing: Vec<Outgoing>) {
        for it in outgoing {
            self.under_way += 1;
            let sender = self.sender.clone();
            tokio::spawn(async move {
                let result = deliver(&it).await;
                // Nobody listens any more at the end.
                drop(sender.send(Ended::Delivery(it.id, result)));
            });
        }
    }

    /// Reads the oldest unread records again, one question at a time.
    fn ask_ages(&mut self, wanted: Vec<String>, now: Millis) {
        if !self.ages.is_due(now) {
            return;
        }
        let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() else { return };
        self.ages.ask(now);
        let (admin, sender) = (self.admin.clone(), self.sender.clone());
        tokio::spawn(async move {
            let asked = ages::ask(&admin, &wanted).await;
            drop(turn);
            drop(sender.send(Ended::Ages(asked)));
        });
    }

    fn ended(&mut self, ended: Ended) -> Result<(), CliError> {
        match ended {
            Ended::Delivery(id, result) => {
                self.under_way -= 1;
                if result == Ok(Delivered::Ring) {
                    self.session.terminal.ring();
                }
                let now = self.watcher.now().monotonic;
                self.engine.delivered(id, now, Timestamp::now(), result.map(drop));
                let due = self.engine.due(now);
                self.start(due);
                self.print()
            }
            Ended::Ages(read) => {
                self.ages.take(read);
                Ok(())
            }
        }
    }

    fn reload(&mut self) -> Result<(), CliError> {
        let now = Timestamp::now();
        match Rules::read(&self.args.file.rules, now) {
            Ok(rules) => self.engine.reload(rules, now),
            Err(error) => self.engine.refuse(error, now),
        }
        self.print()
    }

    /// Prints what has happened. Who tells targets goes on without a reader, and without a disk for
    /// what is printed: what is wrong with that disk may be the alert.
    fn print(&mut self) -> Result<(), CliError> {
        let events = self.engine.take_events();
        if events.is_empty() {
            return Ok(());
        }
        let printed = self.lines.print(self.engine.rules(), events);
        let was_unread = std::mem::replace(&mut self.is_unread, printed.is_err());
        match printed {
            Err(error) if error.kind == Kind::ReaderGone && !self.tells_targets() => Err(error),
            Err(error) if !was_unread => {
                let why = match error.kind {
                    Kind::ReaderGone => "nobody reads the output any more",
                    _ => &error.message,
                };
                self.session.warn(&format!("{why}; watching on"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn tells_targets(&self) -> bool {
        !self.engine.rules().targets.is_empty()
    }

    /// Waits a little for what is being delivered; a second signal ends that.
    async fn finish(mut self, mut interrupt: Interrupt) {
        let deliveries = async {
            while 0 < self.under_way {
                match self.results.recv().await {
                    Some(Ended::Delivery(..)) => self.under_way -= 1,
                    Some(Ended::Ages(_)) => {}
                    None => pending::<()>().await,
                }
            }
        };
        tokio::select! {
            () = deliveries => {}
            () = tokio::time::sleep(LAST_WORDS) => {}
            _ = interrupt.next() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_help_is_one() {
        let file = EXAMPLES.split_once("A file of rules:\n").unwrap().1;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.toml");
        std::fs::write(&path, file).unwrap();
        let rules = Rules::read(&path, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((rules.rules.len(), rules.targets.len()), (2, 3));
    }
}
