//! How commands open the dashboard: the flags that they share, and the way to the cluster.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use kt_client::is_secret;

use super::alerts::rules::Rules;
use super::model::actions::words::without_secret;
use super::model::app::{Brokers, Setting};
use super::model::page::Target;
use super::model::screen::Screen;
use super::recording::speed::Speed;
use super::recording::writer::{Naming, NewFile};
use super::runtime::keeper::Keeper;
use super::runtime::look::{Surroundings, ThemeChoice};
use super::runtime::terminal::{MouseMode, require_terminal};
use super::runtime::{Kept, Once, Opening, Play, Recorded, Sheet, once_of_recording, replay, run};
use super::view::colors::Rgb;
use super::view::theme::{Glyphs, Paint, Palette, Theme};
use crate::cli::Globals;
use crate::config_change::looks_secret;
use crate::contexts::{self, ContextColor};
use crate::error::CliError;
use crate::session::Session;
use crate::shell_words::quoted;
use crate::terminal::ColorChoice;

/// What every command has that opens the dashboard.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ScreenArgs {
    /// Begin with this screen: overview, topics, groups, brokers, topic/NAME, group/NAME …
    #[arg(long, value_name = "SCREEN")]
    pub(crate) screen: Option<Opened>,
    /// The colours
    #[arg(long, value_name = "THEME", default_value = "auto")]
    theme: ThemeChoice,
    /// Draw with ASCII alone
    #[arg(long)]
    ascii: bool,
    /// Take clicks and the wheel; m turns it on and off
    #[arg(long)]
    mouse: bool,
    /// Keep minutes of all charts in this file, at most 256 MiB, and show them again at the next start
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// A data directory of this machine, whose segments are shown
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    recording: RecordArgs,
    /// Those of a node that runs in this process.
    #[arg(skip)]
    own_data: Vec<PathBuf>,
}

/// What is recorded beside.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RecordArgs {
    /// Record what the cluster answers into this new file, for --replay; holds no records
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// In what is recorded, put stand-ins for names: of topics, groups, hosts, clients, directories
    #[arg(long, requires = "record")]
    pub(crate) redact: bool,
}

/// What is played instead of a cluster.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArgs {
    /// Play what was recorded in this file; nothing goes over the network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "data", "history"])]
    replay: Option<PathBuf>,
    /// Play it so many times as fast, 0.001 to 999 [default: 1]
    #[arg(long, value_name = "N", requires = "replay", conflicts_with = "once")]
    speed: Option<Speed>,
    /// Begin at this time of it: 15:04, 2026-11-21T15:04:07, -10m (before its end)
    #[arg(long, value_name = "AT", requires = "replay", allow_hyphen_values = true)]
    at: Option<String>,
}

impl RecordArgs {
    fn recorded(&self) -> Result<Option<Recorded>, CliError> {
        let Some(path) = &self.record else { return Ok(None) };
        let naming = if self.redact { Naming::Redacted } else { Naming::AsTheyAre };
        Ok(Some(Recorded { file: NewFile::create(path)?, naming }))
    }
}

impl ReplayArgs {
    /// What is to be played, if anything is.
    fn play(&self, session: &Session) -> Option<Play> {
        let (speed, at) = (self.speed.unwrap_or(Speed::ONE), self.at.clone());
        self.replay.clone().map(|file| Play { file, speed, at, zone: session.zone() })
    }
}

impl ScreenArgs {
    /// The same, and this is recorded.
    pub(crate) fn with_recording(self, recording: &RecordArgs) -> ScreenArgs {
        ScreenArgs { recording: recording.clone(), ..self }
    }

    /// The flags of somebody who gives none but this.
    pub(crate) fn keeping(history: Option<&Path>) -> ScreenArgs {
        ScreenArgs { history: history.map(Path::to_owned), ..ScreenArgs::default() }
    }

    /// The same for a node that keeps its records here.
    pub(crate) fn with_own_data(&self, own_data: &[PathBuf]) -> ScreenArgs {
        ScreenArgs { own_data: own_data.to_vec(), ..self.clone() }
    }

    /// Where segments are looked for.
    pub(crate) fn data(&self) -> Vec<PathBuf> {
        self.data.iter().chain(&self.own_data).cloned().collect()
    }

    /// The history on disk, to be read alone.
    pub(crate) fn history_to_read(&self) -> Result<Option<Keeper>, CliError> {
        self.history.as_deref().map(Keeper::open_to_read).transpose()
    }

    /// What is printed is not asked how bright it is.
    pub(crate) fn theme_on_paper(&self, paper: Paper) -> Theme {
        let palette = match self.theme {
            ThemeChoice::Auto | ThemeChoice::Dark => Palette::Dark,
            ThemeChoice::Light => Palette::Light,
            ThemeChoice::Sixteen => Palette::Sixteen,
            ThemeChoice::Mono => Palette::Mono,
        };
        let glyphs = match paper {
            Paper::Lines => {
                let color = ColorChoice::default();
                Surroundings::here(self.theme, self.ascii, color).glyphs_on_paper()
            }
            Paper::Picture if self.ascii => Glyphs::Ascii,
            Paper::Picture => Glyphs::Unicode,
        };
        Theme { palette, glyphs }
    }
}

/// What a screen is printed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paper {
    /// Lines of text, which are read in the user's locale.
    Lines,
    /// A document that says how its characters are written: SVG, JSON.
    Picture,
}

/// A screen, and what it is about: `group/billing`.
#[derive(Clone, Debug)]
pub(crate) struct Opened(Target, String);

impl Opened {
    pub(crate) fn target(&self) -> Target {
        self.0.clone()
    }

    /// As it was named.
    pub(crate) fn name(&self) -> &str {
        &self.1
    }
}

impl FromStr for Opened {
    type Err = String;

    fn from_str(text: &str) -> Result<Opened, String> {
        let (name, subject) = match text.split_once('/') {
            Some((name, subject)) => (name, Some(subject)),
            None => (text, None),
        };
        let Some(screen) = Screen::by_name(name) else {
            let names: Vec<&str> = Screen::ALL.iter().map(|it| it.name()).collect();
            return Err(format!("no screen of this name; there are {}", names.join(", ")));
        };
        Target::named(screen, subject).map(|it| Opened(it, text.to_owned()))
    }
}

/// What is there before a cluster is looked at, or started to be looked at.
#[derive(Debug)]
pub(crate) struct Ready {
    rules: Rules,
    kept: Kept,
}

impl Ready {
    /// Looks whether there is a terminal, and opens what is written. A new file is removed again where
    /// no dashboard opens.
    ///
    /// # Errors
    ///
    /// There is no terminal, or a file is none that can be written.
    pub(crate) fn by(rules: Rules, args: &ScreenArgs) -> Result<Ready, CliError> {
        require_terminal()?;
        let history = args.history.as_deref().map(Keeper::open).transpose()?;
        let recorded = args.recording.recorded()?;
        Ok(Ready { rules, kept: Kept { recorded, history } })
    }
}

/// Opens the dashboard on the session's cluster, with the user's rules.
pub(crate) fn open(args: &ScreenArgs, session: &Session) -> Result<(), CliError> {
    open_by(Ready::by(rules()?, args)?, args, session)
}

/// The same with other rules. A cluster that is thrown away has none but the built-in checks: what
/// happens to it must not wake anybody.
pub(crate) fn open_by(
    Ready { rules, kept }: Ready,
    args: &ScreenArgs,
    session: &Session,
) -> Result<(), CliError> {
    let brokers = match args.own_data.is_empty() {
        true => Brokers::Elsewhere,
        false => Brokers::InThisProcess,
    };
    let setting = Setting { data: args.data(), brokers, ..setting(session)? };
    run(session, setting, rules, &opening(args, session), kept)
}

/// Plays a recording, if the flags name one.
pub(crate) fn open_recording(
    args: &ScreenArgs,
    replayed: &ReplayArgs,
    session: &Session,
) -> Option<Result<(), CliError>> {
    let play = replayed.play(session)?;
    let rules = rules();
    Some(rules.and_then(|rules| replay(&play, rules, &opening(args, session))))
}

/// One screen of a recording, if the flags name one.
pub(crate) fn recorded_once(
    replayed: &ReplayArgs,
    opened: &Opened,
    sheet: Sheet,
    session: &Session,
) -> Option<Result<Once, CliError>> {
    let play = replayed.play(session)?;
    let rules = rules();
    Some(rules.and_then(|rules| once_of_recording(&play, rules, &opened.target(), sheet)))
}

fn opening(args: &ScreenArgs, session: &Session) -> Opening {
    let color = session.globals.color;
    Opening {
        target: args
            .screen
            .as_ref()
            .map_or_else(|| Target::screen(Screen::Overview), |it| it.0.clone()),
        surroundings: Surroundings::here(args.theme, args.ascii, color),
        mouse: if args.mouse { MouseMode::On } else { MouseMode::Off },
    }
}

/// The user's rules: `kt/alerts.toml` in the configuration home, if there is one.
///
/// # Errors
///
/// Something in it is wrong, or nobody can tell: alerts that somebody relies on do not stay away
/// silently.
pub(crate) fn rules() -> Result<Rules, CliError> {
    match contexts::user_file() {
        Some(contexts) => rules_at(contexts.with_file_name(RULES_FILE)),
        None => Ok(Rules::default()),
    }
}

fn rules_at(file: PathBuf) -> Result<Rules, CliError> {
    match file.try_exists() {
        Ok(true) => {
            Rules::read(&file, Timestamp::now()).map_err(|error| CliError::usage(error.to_string()))
        }
        Ok(false) => Ok(Rules::awaited(file)),
        Err(error) => {
            Err(CliError::other(format!("cannot look for rules in {}: {error}", file.display())))
        }
    }
}

/// Beside the file of contexts.
const RULES_FILE: &str = "alerts.toml";

/// How the dashboard reaches its cluster, and what it calls it.
pub(crate) fn setting(session: &Session) -> Result<Setting, CliError> {
    let target = session.target()?;
    let paint = target.context.as_ref().and_then(|it| it.context.color).map(|it| match it {
        ContextColor::Named(index) => Paint::Named(index),
        ContextColor::Rgb(red, green, blue) => Paint::Exact(Rgb(red, green, blue)),
    });
    let (context, is_protected) = match &target.context {
        Some(it) => (it.name.clone(), it.context.protected),
        None => (target.bootstrap.clone(), false),
    };
    let reach = reach(&target, &session.globals);
    let zone = session.zone();
    let (brokers, data) = (Brokers::Elsewhere, Vec::new());
    Ok(Setting { context, paint, is_protected, zone, reach, data, brokers })
}

/// The flags that a command line needs to reach the same cluster and to log in there, as a shell
/// takes them: ` --context prod-eu`. What is secret must be typed again.
fn reach(target: &contexts::Target, globals: &Globals) -> String {
    let mut flags = match &target.context {
        Some(it) => format!(" --context {}", quoted(&it.name)),
        None => format!(" -b {}", quoted(&target.bootstrap)),
    };
    if let Some(file) = &globals.command_config {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        flags.push_str(&format!(" --command-config {}", quoted(&file.to_string_lossy())));
    }
    for pair in &globals.client_config {
        let pair = without_secret(pair, |key| is_secret(key) || looks_secret(key));
        flags.push_str(&format!(" -X {}", quoted(&pair)));
    }
    flags
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_copied_line_reaches_the_same_cluster() {
        let reached = |line: &str, context: Option<&str>| {
            let globals = Cli::parse_from(shlex::split(line).unwrap()).globals;
            let in_use = context.map(|name| contexts::InUse {
                name: name.to_owned(),
                chosen_by: contexts::Origin::BuiltIn,
                file: PathBuf::new(),
                context: contexts::Context::default(),
            });
            let target = contexts::Target {
                bootstrap: "kafka-1:9092".to_owned(),
                origin: contexts::Origin::BuiltIn,
                context: in_use,
            };
            reach(&target, &globals)
        };
        insta::assert_snapshot!(reached("kt", None), @" -b kafka-1:9092");
        insta::assert_snapshot!(reached("kt", Some("prod eu")), @" --context 'prod eu'");
        insta::assert_snapshot!(reached("kt --command-config '/etc/kt/my client.properties'", None), @" -b kafka-1:9092 --command-config '/etc/kt/my client.properties'");
        insta::assert_snapshot!(reached("kt -X client.id=me -X 'sasl.jaas.config=x password=\"y\";' -X ssl.key.password=z", Some("dev")), @" --context dev -X client.id=me -X 'sasl.jaas.config=(hidden)' -X 'ssl.key.password=(hidden)'");
    }

    #[test]
    fn a_file_of_rules_may_come_later_and_must_be_readable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.toml");
        let rules = rules_at(path.clone()).unwrap();
        assert_eq!(rules.origin.map(|it| (it.path, it.read)), Some((path.clone(), None)));
        std::fs::write(&path, "[[rule]]\n").unwrap();
        assert!(rules_at(path.clone()).is_err());
        // A file is no folder: whether there are rules below it cannot be told.
        let below = path.join("alerts.toml");
        let error = rules_at(below.clone()).unwrap_err().message;
        assert!(
            error.starts_with(&format!("cannot look for rules in {}", below.display())),
            "{error}"
        );
    }
}
