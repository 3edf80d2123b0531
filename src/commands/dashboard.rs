//! `kt dashboard`: the cluster on the terminal, live.

use std::io::{self, Write};
use std::str::FromStr;

use clap::Args;

use crate::error::{CliError, Kind};
use crate::output::{DocumentKind, Drawing, Format, ItemError};
use crate::session::Session;
use crate::tui::{self, Once, Opened, Paper, ReplayArgs, ScreenArgs, Sheet};

/// Watch a cluster: brokers, topics, groups, disks and moves, live
///
/// The first screen answers whether the cluster is healthy, and if not, where. ? shows the keys.
/// It asks brokers about 3 times a second and changes nothing unless you say so.
///
/// Examples:
///   kt dashboard
///   kt dashboard -b kafka-1:9092 --screen groups
///   kt dashboard --history prod.history
///   kt dashboard --once overview
///   kt dashboard --once topics -o svg --size 120x40 > topics.svg
///   kt dashboard --record incident.kt --redact
///   kt dashboard --replay incident.kt --at 15:04 --speed 8
///   kt dashboard --once groups --replay incident.kt --at 15:04
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DashboardArgs {
    #[command(flatten)]
    screens: ScreenArgs,
    /// Print this screen once and end: for tickets, documents and scripts (-o text, ansi, svg, json)
    #[arg(long, value_name = "SCREEN", conflicts_with_all = ["screen", "record"])]
    once: Option<Opened>,
    /// The size of what --once prints [default: the terminal's, else 80x24]
    #[arg(long, value_name = "WIDTHxHEIGHT", requires = "once")]
    size: Option<Size>,
    #[command(flatten)]
    replay: ReplayArgs,
}

pub(crate) const KIND: DocumentKind = tui::SCREEN_KIND;

/// Columns and lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    width: u16,
    height: u16,
}

/// Larger screens are not drawn.
const SIZE_MAX: u16 = 1_000;

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Size, &'static str> {
        let (width, height) = text.split_once('x').ok_or("WIDTHxHEIGHT, such as 80x24")?;
        let number = |it: &str| it.parse::<u16>().ok().filter(|it| (1..=SIZE_MAX).contains(it));
        match (number(width), number(height)) {
            (Some(width), Some(height)) => Ok(Size { width, height }),
            _ => Err("both are 1 to 1000, such as 80x24"),
        }
    }
}

pub(crate) fn run(args: &DashboardArgs, session: &Session) -> Result<(), CliError> {
    match &args.once {
        Some(opened) => once(args, opened, session),
        None => match tui::open_recording(&args.screens, &args.replay, session) {
            Some(played) => played,
            None => tui::open(&args.screens, session),
        },
    }
}

fn once(args: &DashboardArgs, opened: &Opened, session: &Session) -> Result<(), CliError> {
    let format = match session.globals.format() {
        None => Format::Screen(Drawing::Text),
        Some(format @ (Format::Json | Format::Screen(_))) => format,
        Some(other) => {
            let error = CliError::usage(format!("a screen is not printed as {other}"));
            return Err(error.hint("-o text, ansi, svg or json"));
        }
    };
    let paper = match format {
        Format::Json | Format::Screen(Drawing::Svg) => Paper::Picture,
        _ => Paper::Lines,
    };
    let sheet = sheet(args, session, paper);
    let mut once = match tui::recorded_once(&args.replay, opened, sheet, session) {
        Some(once) => once?,
        None => live_once(args, opened, sheet, session)?,
    };
    let incomplete = incomplete(&once, session);
    if format == Format::Json {
        once.report.errors =
            incomplete.iter().map(|it| ItemError::new(opened.name(), it)).collect();
        session.print(&once.report)?;
        return incomplete.map_or(Ok(()), |it| Err(CliError::silent(it.kind)));
    }
    let text = match format {
        Format::Screen(Drawing::Ansi) => tui::ansi(&once.buffer),
        Format::Screen(Drawing::Svg) => tui::svg(&once.buffer, sheet.theme.palette),
        _ => tui::text(&once.buffer),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    incomplete.map_or(Ok(()), Err)
}

/// Why what is printed is not what was asked for.
fn incomplete(once: &Once, session: &Session) -> Option<CliError> {
    if let Some(absent) = &once.absent {
        return Some(CliError::not_found(absent));
    }
    if once.unanswered.is_empty() {
        return None;
    }
    let (time, what) = (session.globals.timeout, once.unanswered.join(", "));
    let message = format!("not answered within {time}: {what}");
    let error = CliError::new(Kind::Unreachable, "TIMED_OUT", message);
    Some(error.hint("--timeout 60s waits longer"))
}

/// Asks the cluster for what the screen needs.
fn live_once(
    args: &DashboardArgs,
    opened: &Opened,
    sheet: Sheet,
    session: &Session,
) -> Result<Once, CliError> {
    let admin = session.admin()?;
    let mut setting = tui::setting(session)?;
    setting.data = args.screens.data();
    let setting = (setting, tui::rules()?);
    let patience = session.globals.timeout.to_std();
    let history = args.screens.history_to_read()?;
    session.block_on(async {
        let target = opened.target();
        let once = tui::once(admin.clone(), setting, target, sheet, patience, history).await?;
        if !once.is_known {
            // Whoever does not answer says why in the words of all commands.
            admin.describe_cluster().await?;
            return Err(CliError::new(Kind::Unreachable, "TIMED_OUT", "no answer in time"));
        }
        Ok(once)
    })
}

fn sheet(args: &DashboardArgs, session: &Session, paper: Paper) -> Sheet {
    let size = args.size.or_else(|| {
        let (width, height) = tui::terminal_size().ok()?;
        session.terminal.stdout_is_terminal.then_some(Size { width, height })
    });
    let Size { width, height } = size.unwrap_or(Size { width: 80, height: 24 });
    Sheet { width, height, theme: args.screens.theme_on_paper(paper) }
}
