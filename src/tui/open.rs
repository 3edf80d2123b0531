//! How commands open the dashboard: the flags that they share, and the way to the cluster.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;

use super::alerts::rules::Rules;
use super::model::app::Setting;
use super::model::page::Target;
use super::model::screen::Screen;
use super::runtime::look::{Surroundings, ThemeChoice};
use super::runtime::terminal::MouseMode;
use super::runtime::{Opening, run};
use super::view::theme::{Glyphs, Palette, Theme};
use crate::contexts;
use crate::error::CliError;
use crate::session::Session;

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
    /// A data directory of this machine, whose segments are shown
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Those of a node that runs in this process.
    #[arg(skip)]
    own_data: Vec<PathBuf>,
}

impl ScreenArgs {
    /// The same for a node that keeps its records here.
    pub(crate) fn with_own_data(&self, own_data: &[PathBuf]) -> ScreenArgs {
        ScreenArgs { own_data: own_data.to_vec(), ..self.clone() }
    }

    /// Where segments are looked for.
    pub(crate) fn data(&self) -> Vec<PathBuf> {
        self.data.iter().chain(&self.own_data).cloned().collect()
    }

    /// What is printed is not asked how bright it is.
    pub(crate) fn theme_on_paper(&self) -> Theme {
        let palette = match self.theme {
            ThemeChoice::Auto | ThemeChoice::Dark => Palette::Dark,
            ThemeChoice::Light => Palette::Light,
            ThemeChoice::Sixteen => Palette::Sixteen,
            ThemeChoice::Mono => Palette::Mono,
        };
        let glyphs = if self.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
        Theme { palette, glyphs }
    }
}

/// A screen, and what it is about: `group/billing`.
#[derive(Clone, Debug)]
pub(crate) struct Opened(Target);

impl Opened {
    pub(crate) fn target(&self) -> Target {
        self.0.clone()
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
        Target::named(screen, subject).map(Opened)
    }
}

/// Opens the dashboard on the session's cluster.
pub(crate) fn open(args: &ScreenArgs, session: &Session) -> Result<(), CliError> {
    let color = session.globals.color;
    let opening = Opening {
        target: args
            .screen
            .as_ref()
            .map_or_else(|| Target::screen(Screen::Overview), |it| it.0.clone()),
        surroundings: Surroundings::here(args.theme, args.ascii, color),
        mouse: if args.mouse { MouseMode::On } else { MouseMode::Off },
    };
    let setting = Setting { data: args.data(), ..setting(session)? };
    run(session, setting, rules()?, &opening)
}

/// The user's rules: `kt/alerts.toml` in the configuration home, if there is one.
///
/// # Errors
///
/// Something in it is wrong: alerts that somebody relies on do not stay away silently.
pub(crate) fn rules() -> Result<Rules, CliError> {
    let file = contexts::user_file().map(|it| it.with_file_name(RULES_FILE));
    let Some(file) = file.filter(|it| it.exists()) else { return Ok(Rules::default()) };
    Rules::read(&file, Timestamp::now()).map_err(|error| CliError::usage(error.to_string()))
}

/// Beside the file of contexts.
const RULES_FILE: &str = "alerts.toml";

/// How the dashboard reaches its cluster, and what it calls it.
pub(crate) fn setting(session: &Session) -> Result<Setting, CliError> {
    let target = session.target()?;
    let (context, is_protected, reach) = match &target.context {
        Some(it) => {
            let reach = format!(" --context {}", it.name);
            (it.name.clone(), it.context.protected, reach)
        }
        None => (target.bootstrap.clone(), false, format!(" -b {}", target.bootstrap)),
    };
    let zone = session.zone();
    Ok(Setting { context, paint: None, is_protected, zone, reach, data: Vec::new() })
}
