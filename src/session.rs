//! What a command works with: the flags that all share, the streams, and the way to the cluster.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_client::consumer::group::LossCause;
use kt_client::{
    Admin, AuthenticationFault, Client, Error, ErrorKind, Event, Mechanism, Observer,
    SecurityConfig,
};
use kt_protocol::ErrorCode;
use tokio::runtime::Handle;

use crate::change::Change;
use crate::cli::Globals;
use crate::client_config::{self, Settings};
use crate::contexts::{Asked, Contexts, OriginOfFlag, Target};
use crate::error::{self, CliError, Kind};
use crate::output::{self, DocumentKind, Format, Item, ItemError, Report, Style};
use crate::security_hint;
use crate::terminal::{Label, Terminal};
use crate::watch::Rounds;

/// A program of ours that runs a command inside itself: it has the way to the cluster, hears what
/// would be printed, and is asked where somebody would be asked on a terminal.
pub(crate) trait Host: fmt::Debug + Send + Sync {
    fn admin(&self) -> Admin;

    /// The runtime that the cluster's connections belong to.
    fn runtime(&self) -> Handle;

    fn hear(&self, label: Label, line: &str);

    /// The number in the journal of a change that can be undone.
    fn hear_undo(&self, number: usize);

    /// Whether the change is agreed to. It blocks until somebody has answered.
    fn agrees(&self, change: &Change<'_>) -> bool;

    /// Refuses every change, if its context is protected and locked.
    fn require_unlocked(&self) -> Result<(), CliError>;

    /// The words of the command line, without the program.
    fn command_words(&self) -> Vec<String>;

    /// Where changes are written down, if not where the user's are.
    fn journal(&self) -> Option<PathBuf>;
}

/// One run of one command.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) globals: Globals,
    pub(crate) terminal: Terminal,
    host: Option<Arc<dyn Host>>,
    /// Under `--watch`: what was shown before.
    rounds: Option<Rounds>,
}

impl Session {
    pub(crate) fn new(globals: Globals, terminal: Terminal) -> Session {
        let rounds = globals.watch.map(|_| Rounds::default());
        Session { globals, terminal, rounds, host: None }
    }

    /// One that prints nothing and reads nothing: all of that is its host's.
    pub(crate) fn hosted(globals: Globals, host: Arc<dyn Host>) -> Session {
        Session { host: Some(host), ..Session::new(globals, Terminal::default()) }
    }

    pub(crate) fn host(&self) -> Option<&dyn Host> {
        self.host.as_deref()
    }

    /// The words of the command line, without the program.
    pub(crate) fn command_words(&self) -> Vec<String> {
        match self.host() {
            Some(host) => host.command_words(),
            None => std::env::args().skip(1).collect(),
        }
    }

    /// The cluster that flags, environment and files name.
    pub(crate) fn target(&self) -> Result<Target, CliError> {
        Contexts::load()?.target(&self.globals.asked())
    }

    /// Refuses a change of a protected context, unless it was unlocked by its name.
    pub(crate) fn require_unlocked(&self) -> Result<(), CliError> {
        if let Some(host) = self.host() {
            return host.require_unlocked();
        }
        let Some(in_use) = self.target()?.context else { return Ok(()) };
        let name = in_use.name;
        if !in_use.context.protected || self.globals.unlock.as_deref() == Some(&name) {
            return Ok(());
        }
        let error =
            CliError::new(Kind::Other, "PROTECTED", format!("context \"{name}\" is protected"));
        Err(error.hint(format!("--unlock {name} allows this change; -n shows it")))
    }

    /// Runs what waits for the network. Commands that need no network never build a runtime.
    pub(crate) fn block_on<T>(
        &self,
        future: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        if let Some(host) = self.host() {
            return host.runtime().block_on(future);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::other(format!("cannot start: {error}")))?;
        let result = runtime.block_on(future);
        // A thread that still reads stdin would keep the process waiting for a line.
        runtime.shutdown_background();
        result
    }

    /// All settings for Kafka's clients: flags, then the file.
    pub(crate) fn settings(&self) -> Result<Settings, CliError> {
        let settings = client_config::load(&self.globals, &self.target()?)?;
        Ok(self.with_surroundings(settings))
    }

    /// The same for another cluster than the one that the flags name: of a context only.
    fn settings_of(&self, context: &str) -> Result<Settings, CliError> {
        let asked = Asked {
            context: Some((context.to_owned(), OriginOfFlag::CommandLine)),
            ..Asked::default()
        };
        let target = Contexts::load()?.target(&asked)?;
        let settings = client_config::of_context(&self.globals, &target)?;
        Ok(self.with_surroundings(settings))
    }

    fn with_surroundings(&self, mut settings: Settings) -> Settings {
        let (verbose, terminal) = (self.globals.verbose, self.terminal);
        if 0 < verbose {
            settings.client.observer = Some(Arc::new(move |event: &Event<'_>| {
                if let Some(line) = described(event, verbose) {
                    terminal.tell(Label::Plain, &line);
                }
            }));
        }
        settings
    }

    /// The cluster's administration. Connects to nothing yet.
    pub(crate) fn admin(&self) -> Result<Admin, CliError> {
        if let Some(host) = self.host() {
            return Ok(host.admin());
        }
        Ok(Admin::new(Client::new(self.settings()?.client)))
    }

    /// The same, and somebody else than the terminal hears what it does: made of what protects its
    /// connections, `TLS, SCRAM-SHA-512`, or of nothing.
    pub(crate) fn admin_observed(
        &self,
        observer: impl FnOnce(String) -> Observer,
    ) -> Result<Admin, CliError> {
        let mut client = self.settings()?.client;
        client.observer = Some(observer(security(&client.security)));
        Ok(Admin::new(Client::new(client)))
    }

    /// The administration of a context's cluster.
    pub(crate) fn admin_of(&self, context: &str) -> Result<Admin, CliError> {
        Ok(Admin::new(Client::new(self.settings_of(context)?.client)))
    }

    /// The zone in which times are read and shown.
    pub(crate) fn zone(&self) -> TimeZone {
        if self.globals.utc { TimeZone::UTC } else { TimeZone::system() }
    }

    /// The format, or the table where none was asked for.
    pub(crate) fn format(&self) -> Format {
        self.globals.format().unwrap_or(Format::Table)
    }

    /// Checks that what a command will print can be printed as it is asked for. Before a change:
    /// afterwards it would be made and not shown.
    pub(crate) fn check_form<I: Item>(&self) -> Result<(), CliError> {
        output::check_fields(&DocumentKind::of::<I>(), &self.format(), &self.globals.view())
    }

    pub(crate) fn style(&self) -> Style {
        Style {
            for_terminal: self.terminal.stdout_is_terminal,
            colors: self.terminal.stdout_colors,
            header: !self.globals.no_header,
        }
    }

    /// Prints what a command found, and its errors on stderr.
    pub(crate) fn print<I: Item>(&self, report: &Report<I>) -> Result<(), CliError> {
        for error in &report.errors {
            self.tell_error(&error.message, error.hint.as_deref());
        }
        if self.host.is_some() {
            return Ok(());
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        if let Some(rounds) = &self.rounds {
            return rounds.show(report, self, &mut out);
        }
        report.write(&self.format(), &self.globals.view(), self.style(), &mut out)
    }

    /// An error that does not end the command.
    pub(crate) fn complain(&self, error: &CliError) {
        self.tell_error(&error.message, error.hint.as_deref());
    }

    fn tell_error(&self, message: &str, hint: Option<&str>) {
        self.tell(Label::Error, message);
        if let Some(hint) = hint {
            self.tell(Label::Hint, hint);
        }
    }

    fn tell(&self, label: Label, line: &str) {
        match self.host() {
            Some(host) => host.hear(label, line),
            None => self.terminal.tell(label, line),
        }
    }

    /// A line on stderr, unless `--quiet`.
    pub(crate) fn note(&self, message: &str) {
        if !self.globals.quiet {
            self.tell(Label::Note, message);
        }
    }

    /// The same, for what is wrong and goes on.
    pub(crate) fn warn(&self, message: &str) {
        if !self.globals.quiet {
            self.tell(Label::Warning, message);
        }
    }

    /// A plain line on stderr, unless `--quiet`: plans and summaries.
    pub(crate) fn say(&self, message: &str) {
        if !self.globals.quiet {
            self.tell(Label::Plain, message);
        }
    }

    /// How a change that was made is taken back.
    pub(crate) fn say_undo(&self, number: usize) {
        match self.host() {
            Some(host) => host.hear_undo(number),
            None => self.say(&format!("kt undo {number} takes it back")),
        }
    }

    /// Prints what was found or done, says what failed, and ends as that tells of `count` items.
    pub(crate) fn conclude<I: Item>(
        &self,
        admin: &Admin,
        items: Vec<I>,
        failed: &[(String, CliError)],
        count: usize,
    ) -> Result<(), CliError> {
        let mut report = self.report(admin, items);
        report.errors = failed.iter().map(|(name, it)| ItemError::new(name, it)).collect();
        self.print(&report)?;
        error::summary(failed.iter().map(|it| &it.1), count)
    }

    /// A report of what this machine says, not a cluster.
    pub(crate) fn local_report<I>(&self, items: Vec<I>) -> Report<I> {
        Report { cluster_id: None, time: Timestamp::now(), items, errors: Vec::new() }
    }

    pub(crate) fn report<I>(&self, admin: &Admin, items: Vec<I>) -> Report<I> {
        Report { cluster_id: admin.cluster_id(), time: Timestamp::now(), items, errors: Vec::new() }
    }
}

/// What a connection begins with, for people.
fn security(config: &SecurityConfig) -> String {
    let tls = config.protocol.has_tls().then_some("TLS");
    let login = config.sasl.mechanism().filter(|_| config.protocol.has_login());
    let login = login.map(Mechanism::name);
    tls.into_iter().chain(login).collect::<Vec<_>>().join(", ")
}

fn described(event: &Event<'_>, verbose: u8) -> Option<String> {
    match event {
        Event::Retrying { operation, error, wait } => {
            Some(format!("{operation}: {error}; again in {} ms", wait.as_millis()))
        }
        Event::Connected { address } if 2 <= verbose => Some(format!("connected to {address}")),
        Event::Answered { address, api, version, took, ok } if 2 <= verbose => {
            let ended = if *ok { "answered" } else { "failed" };
            let millis = took.as_secs_f64() * 1e3;
            Some(format!("{api} v{version} to {address} {ended} after {millis:.1} ms"))
        }
        Event::AutoCommitFailed { group, error } => {
            Some(format!("group \"{group}\": an automatic commit failed: {error}"))
        }
        Event::HookFailed { hook, reason } => Some(format!("{hook}: {reason}")),
        Event::Connected { .. } | Event::Answered { .. } => None,
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> CliError {
        let kind = match error.kind() {
            // Brokers have answered, again and again, that it is not there.
            ErrorKind::TimedOut if is_missing(&error) => Kind::NotFound,
            ErrorKind::Unreachable | ErrorKind::TimedOut => Kind::Unreachable,
            ErrorKind::Authentication | ErrorKind::Authorization => Kind::Denied,
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::Config => Kind::Usage,
            ErrorKind::Broker | ErrorKind::Protocol | ErrorKind::Unsupported => Kind::Other,
        };
        let name = match (error.code(), error.kind()) {
            (Some(code), _) => code.name(),
            (None, ErrorKind::Unreachable) => "UNREACHABLE",
            (None, ErrorKind::TimedOut) => "TIMED_OUT",
            (None, ErrorKind::Authentication) => authentication_name(&error),
            (None, ErrorKind::Config) => "USAGE",
            (None, ErrorKind::Broker) => loss_name(&error),
            (None, _) => "ERROR",
        };
        let cli_error = CliError::new(kind, name, error.to_string());
        match hint(&error) {
            Some(hint) => cli_error.hint(hint),
            None => cli_error,
        }
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::TimedOut { last: Some(last), .. } if last.kind() == ErrorKind::NotFound)
}

/// Kafka has a code for logins only; what fails before has a name in its style.
fn authentication_name(error: &Error) -> &'static str {
    match error {
        Error::Authentication { fault: AuthenticationFault::Tls(_), .. } => {
            "SSL_AUTHENTICATION_FAILED"
        }
        _ => ErrorCode::SaslAuthenticationFailed.name(),
    }
}

/// Of a group that went on without us: Kafka's code for it, where it has one.
fn loss_name(error: &Error) -> &'static str {
    let Error::GroupLost { cause, .. } = error else { return "ERROR" };
    match cause {
        LossCause::PollInterval { .. } => "MAX_POLL_INTERVAL_EXCEEDED",
        LossCause::Session { .. } => "SESSION_TIMED_OUT",
        LossCause::Rebalanced => ErrorCode::IllegalGeneration.name(),
        LossCause::Removed | LossCause::NotJoined => ErrorCode::UnknownMemberId.name(),
        LossCause::Rebalancing => ErrorCode::RebalanceInProgress.name(),
        LossCause::Fenced => ErrorCode::FencedInstanceId.name(),
    }
}

fn loss_hint(cause: &LossCause) -> Option<&'static str> {
    match cause {
        LossCause::PollInterval { .. } => Some(
            "what reads the output was too slow; -X max.poll.interval.ms=600000 allows 10 minutes",
        ),
        LossCause::Session { .. } => Some(
            "this process or the way to the broker stood still; what was not committed is read again",
        ),
        LossCause::Fenced => Some("each member needs a group.instance.id of its own"),
        LossCause::Rebalanced | LossCause::Removed => {
            Some("what was not committed is read again by whoever has the partition now")
        }
        LossCause::NotJoined | LossCause::Rebalancing => None,
    }
}

/// What helps, where it is the same in every command.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::WrongListener { found, .. } => security_hint::of_listener(found),
        Error::Authentication { fault, .. } => security_hint::of_fault(fault),
        Error::Unreachable { node: Some(_), .. } => Some(
            "the bootstrap address works; the broker's advertised.listeners name one that does not",
        ),
        Error::Unreachable { node: None, .. } => {
            Some("is a broker running there? -b HOST:PORT names another, `kt serve` starts one")
        }
        Error::TimedOut { last: Some(last), .. } => hint(last),
        Error::TimedOut { .. } => Some("--timeout 60s waits longer"),
        error if error.kind() == ErrorKind::Authorization => {
            Some("an ACL has to allow it; who does not log in is User:ANONYMOUS")
        }
        Error::GroupLost { cause, .. } => loss_hint(cause),
        Error::OtherCluster { .. } => {
            Some("the context's address or its cluster_id is wrong: kt context show")
        }
        _ => None,
    }
}
