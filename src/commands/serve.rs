//! `kt serve`: one node, broker and controller in one, on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use etcetera::BaseStrategy;
use kt_node::Formatting;
use kt_node::config::{BrokerSources, Strictness, Warning};
use kt_server::{LogsTo, RealDisk, Serving, StopBy, StopSignal};
use kt_storage::Disk;

use crate::error::CliError;
use crate::own_node::{self, OwnNode, Plan};
use crate::properties_file;
use crate::session::Session;
use crate::terminal::Label;
use crate::tui::alerts::rules::Rules;
use crate::tui::{self, Ready, RecordArgs, ScreenArgs};

/// Run a Kafka-compatible broker
///
/// Without flags it makes a new one-node cluster in kt/data under the user's data directory, or
/// goes on with the one that is there, and answers on 127.0.0.1:9092. The first line on standard
/// output is `ready HOST:PORT` once requests are served. SIGTERM ends it cleanly.
///
/// Examples:
///   kt serve
///   kt serve --ephemeral --listen 127.0.0.1:0
///   kt serve --data /var/lib/kt --set log.flush.on.ack=false
///   kt serve --config server.properties
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ServeArgs {
    /// Keep everything in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "ephemeral"])]
    data: Option<PathBuf>,
    /// Listen here; port 0 picks a free one, the controller's too
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "config")]
    listen: Option<String>,
    /// Set a broker key, by Kafka's name; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Keep everything in a temporary directory, removed at the end
    #[arg(long, conflicts_with = "config")]
    ephemeral: bool,
    /// Format an empty directory with this cluster id
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
    /// Run the node of this server.properties
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Open the dashboard on it; logs go to a file
    #[arg(long)]
    dashboard: bool,
    /// Record what the cluster answers into this new file, for --replay; holds no records
    #[arg(long, value_name = "FILE", requires = "dashboard")]
    record: Option<PathBuf>,
    /// In what is recorded, put stand-ins for names: of topics, groups, hosts, clients, directories
    #[arg(long, requires = "record")]
    redact: bool,
    /// Keep minutes of all charts in this file, at most 256 MiB, and show them again at the next start
    #[arg(long, value_name = "FILE", requires = "dashboard")]
    history: Option<PathBuf>,
}

pub(crate) fn run(args: &ServeArgs, session: &Session) -> Result<(), CliError> {
    if args.dashboard {
        return watch(args, session);
    }
    own_node::start_logs(&LogsTo::Stderr)?;
    let Plan { sources, formatting, temporary: _temporary } = plan(args, session)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new());
    let served = kt_server::run(
        sources,
        &disk,
        StopBy::Signals,
        |opening| kt_server::open_node(opening, formatting),
        |serving| tell(serving, session),
    );
    match served {
        Ok(StopSignal::Terminate | StopSignal::Interrupt | StopSignal::Program) => Ok(()),
        Err(error) => Err(own_node::failed(error)),
    }
}

/// The node on threads of its own: the dashboard needs the terminal and the signals.
fn watch(args: &ServeArgs, session: &Session) -> Result<(), CliError> {
    own_node::refuse_other_cluster(&session.globals)?;
    let recording = RecordArgs { record: args.record.clone(), redact: args.redact };
    let screens = ScreenArgs::keeping(args.history.as_deref()).with_recording(&recording);
    let rules = match args.ephemeral {
        // Gone in a moment, as a demo: nobody is told of it.
        true => Rules::default(),
        false => tui::rules()?,
    };
    // Whatever is wrong with them is said before a directory is formatted.
    let ready = Ready::by(rules, &screens)?;
    let logs = own_node::log_file()?;
    own_node::start_logs(&LogsTo::File(logs.clone()))?;
    let node = OwnNode::start(plan(args, session)?)?;
    session.note(&format!("logs go to {}", logs.display()));
    let screens = screens.with_own_data(node.log_dirs());
    let watched = tui::open_by(ready, &screens, &node.session(session));
    let stopped = node.stop();
    watched.and(stopped)
}

fn plan(args: &ServeArgs, session: &Session) -> Result<Plan, CliError> {
    let temporary = match args.ephemeral {
        true => Some(own_node::temporary_directory()?),
        false => None,
    };
    let sources = sources(args, temporary.as_ref().map(tempfile::TempDir::path), session)?;
    let formatting = match (&args.config, &args.cluster_id) {
        (Some(_), None) => Formatting::Refuse,
        (_, cluster_id) => Formatting::IfEmpty(cluster_id.clone()),
    };
    Ok(Plan { sources, formatting, temporary })
}

/// Kafka's keys from the file, or those of a node of one's own; then `--set`.
fn sources(
    args: &ServeArgs,
    temporary: Option<&Path>,
    session: &Session,
) -> Result<BrokerSources, CliError> {
    let mut sources = BrokerSources::default();
    let mut warnings = Vec::new();
    match &args.config {
        Some(file) => {
            let pairs = properties_file::read(file)?;
            sources
                .add_static(pairs, Strictness::WarnOfUnknown, &mut warnings)
                .map_err(|error| CliError::usage(format!("{}: {error}", file.display())))?;
        }
        None => {
            let data = match (&args.data, temporary) {
                (Some(data), _) => std::path::absolute(data)
                    .map_err(|error| CliError::usage(format!("{}: {error}", data.display())))?,
                (None, Some(temporary)) => temporary.to_owned(),
                (None, None) => default_data()?,
            };
            let listen = args.listen.as_deref().unwrap_or("127.0.0.1:9092");
            let pairs = own_node::keys(listen, &data)?;
            sources
                .add_static(pairs, Strictness::RefuseUnknown, &mut warnings)
                .map_err(|error| CliError::usage(error.to_string()))?;
        }
    }
    let pairs = args.settings.iter().map(|it| pair(it)).collect::<Result<Vec<_>, _>>()?;
    sources
        .add_static(pairs, Strictness::RefuseUnknown, &mut warnings)
        .map_err(|error| CliError::usage(error.to_string()))?;
    for Warning(text) in warnings {
        session.terminal.tell(Label::Warning, &text);
    }
    Ok(sources)
}

fn pair(setting: &str) -> Result<(String, String), CliError> {
    let (key, value) = setting
        .split_once('=')
        .ok_or_else(|| CliError::usage(format!("--set {setting} is not KEY=VALUE")))?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn default_data() -> Result<PathBuf, CliError> {
    let base = etcetera::choose_base_strategy().map_err(|error| {
        CliError::usage(format!("no data directory: {error}")).hint("give --data DIR")
    })?;
    Ok(base.data_dir().join("kt").join("data"))
}

/// Once requests are served: the line for scripts, and a few for people.
fn tell(serving: &Serving, session: &Session) {
    let addresses: Vec<String> = serving.addresses.iter().map(SocketAddr::to_string).collect();
    println!("ready {}", addresses.join(","));
    let bootstrap = serving.advertised.first().cloned().unwrap_or_default();
    let say = |text: &str| session.terminal.tell(Label::Plain, text);
    let dirs: Vec<String> = serving.log_dirs.iter().map(|it| it.display().to_string()).collect();
    say(&format!("bootstrap   {}", serving.advertised.join(",")));
    say(&format!("data        {}", dirs.join(",")));
    say(match serving.flushes_on_ack {
        true => "durability  acknowledged is flushed to disk",
        false => "durability  page cache: acknowledged is not on disk",
    });
    if let Some(metrics) = serving.metrics {
        say(&format!("metrics     http://{metrics}/metrics"));
    }
    let flag = match bootstrap.as_str() {
        "127.0.0.1:9092" => String::new(),
        other => format!(" -b {other}"),
    };
    say(&format!("try         kt topics create orders{flag}"));
    say(&format!("            echo hello | kt produce orders{flag}"));
    say(&format!("            kt consume orders{flag}"));
}
