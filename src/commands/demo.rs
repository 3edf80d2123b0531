//! `kt demo`: a cluster of its own with something going on in it, to look at.
//!
//! `topics` and `groups` say what there is; `values` and `rate` what the records say and how many
//! come; `seeding`, `live` and `pipeline` write them; `workload` runs all of it beside the dashboard.

mod groups;
mod live;
mod pipeline;
mod rate;
mod seeding;
#[cfg(test)]
mod tests;
mod topics;
mod values;
mod workload;

use std::path::PathBuf;

use clap::Args;
use kt_node::Formatting;
use kt_node::config::{BrokerSources, Strictness};

use self::workload::Workload;
use crate::error::CliError;
use crate::own_node::{self, OwnNode, Plan};
use crate::session::Session;
use crate::tui::alerts::rules::Rules;
use crate::tui::{self, Ready, ScreenArgs};

/// Any free port, for this machine only.
const LISTEN: &str = "127.0.0.1:0";

/// The same each time, so that history which is kept on disk goes on at the next demo.
const CLUSTER_ID: &str = "kt-demo-0000-0000-000A";

/// Broker keys of a node that starts at once, costs little, and is thrown away.
const KEYS: [(&str, &str); 4] = [
    ("log.flush.on.ack", "false"),
    ("group.initial.rebalance.delay.ms", "200"),
    ("offsets.topic.num.partitions", "3"),
    ("log.retention.check.interval.ms", "10000"),
];

/// Watch a cluster of its own in the dashboard
///
/// It starts a node in a temporary directory, with a topic for each kind of use (a queue, activity
/// tracking, metrics, logs, a stream pipeline, keyed state, a commit log) and programs that write
/// and read them: groups that keep up, one that lags, one with an idle member, and one that a burst
/// overtakes every now and then. Nothing of it is left at the end.
///
/// Examples:
///   kt demo
///   kt demo --screen groups
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    screens: ScreenArgs,
}

pub(crate) fn run(args: &DemoArgs, session: &Session) -> Result<(), CliError> {
    own_node::refuse_other_cluster(&session.globals)?;
    // Nobody is told of what happens here.
    let ready = Ready::by(Rules::default(), &args.screens)?;
    run_around(session, |session, demo| {
        tui::open_by(ready, &args.screens.with_own_data(demo.log_dirs()), session)
    })
}

/// Runs the demo as long as somebody looks at it. `look` gets a session of the demo's cluster.
pub(crate) fn run_around(
    session: &Session,
    look: impl FnOnce(&Session, &Demo) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let demo = Demo::start(session)?;
    let looked = look(&demo.session(session), &demo);
    let stopped = demo.stop();
    // What ended the look comes first: it may be why the rest failed too.
    looked.and(stopped)
}

/// A node with something going on in it. It ends, and is removed, when it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Demo {
    // In the order of ending: programs, then their node, then its directory.
    workload: Workload,
    node: OwnNode,
}

impl Demo {
    /// Starts it, and waits until topics, history and the first new records are there.
    pub(crate) fn start(session: &Session) -> Result<Demo, CliError> {
        own_node::refuse_other_cluster(&session.globals)?;
        let node = OwnNode::start(plan()?)?;
        let workload = Workload::start(node.bootstrap().to_owned())?;
        Ok(Demo { workload, node })
    }

    /// What a dashboard of it runs in.
    pub(crate) fn session(&self, of_command: &Session) -> Session {
        self.node.session(of_command)
    }

    /// Where its records are.
    pub(crate) fn log_dirs(&self) -> &[PathBuf] {
        self.node.log_dirs()
    }

    /// Ends it. If the node had ended before, says why.
    pub(crate) fn stop(self) -> Result<(), CliError> {
        let Demo { workload, node } = self;
        drop(workload);
        node.stop()
    }
}

fn plan() -> Result<Plan, CliError> {
    let temporary = own_node::temporary_directory()?;
    let mut pairs = own_node::keys(LISTEN, temporary.path())?;
    pairs.extend(KEYS.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let mut sources = BrokerSources::default();
    sources
        .add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new())
        .map_err(|error| CliError::other(error.to_string()))?;
    let formatting = Formatting::IfEmpty(Some(CLUSTER_ID.to_owned()));
    Ok(Plan { sources, formatting, temporary: Some(temporary) })
}
