//! One screen, drawn once everything that it needs was answered.

use std::time::Duration;

use jiff::Timestamp;
use kt_client::Admin;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout_at;

use super::asker::Asker;
use super::clocks::Clocks;
use super::keeper::Keeper;
use super::records::RecordReader;
use crate::error::CliError;
use crate::output::{DocumentKind, Format, Item, Report, Style, Table, View};
use crate::tui::alerts::engine::Engine;
use crate::tui::alerts::rules::Rules;
use crate::tui::model::app::{App, Setting};
use crate::tui::model::msg::{Effect, Msg, Picture};
use crate::tui::model::page::Target;
use crate::tui::view;
use crate::tui::view::theme::Theme;

/// A screen as it stood when all was known, or the time was over.
pub(crate) struct Once {
    pub(crate) buffer: Buffer,
    pub(crate) report: Report<ScreenValues>,
    /// Whether the cluster answered at all.
    pub(crate) is_known: bool,
    /// Says that what it is about does not exist.
    pub(crate) absent: Option<String>,
    /// What was not answered in time of all that it needs.
    pub(crate) unanswered: Vec<String>,
}

/// What a screen shows, as values.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct ScreenValues {
    /// Its name, as `--once` takes it
    screen: &'static str,
    /// The context of the cluster, or its address
    context: String,
    /// What it is about, and a list for each of its panes: as the screen has them.
    #[serde(flatten)]
    shown: Map<String, Value>,
}

pub(crate) const KIND: DocumentKind = DocumentKind::of::<ScreenValues>();

impl Item for ScreenValues {
    const KIND: &'static str = "dashboard.screen";

    fn name(&self) -> String {
        self.screen.to_owned()
    }

    /// It has no rows of its own: the screen is how people see it.
    fn tables(_items: &[ScreenValues]) -> Vec<Table> {
        Vec::new()
    }
}

/// How a screen is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sheet {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) theme: Theme,
}

/// Asks until everything that the screen needs was answered, within `patience`, and draws it, with
/// the past that was kept of this cluster.
///
/// # Errors
///
/// What was kept is of another cluster.
pub(crate) async fn once(
    admin: Admin,
    (setting, rules): (Setting, Rules),
    target: Target,
    sheet: Sheet,
    patience: Duration,
    mut history: Option<Keeper>,
) -> Result<Once, CliError> {
    let clocks = Clocks::start();
    let (answers, mut heard) = unbounded_channel();
    let mut reader = RecordReader::new(admin.clone(), Handle::current());
    let asker = Asker::new(admin, Handle::current(), answers.clone());
    let mut app = App::new(setting, clocks.now());
    app.theme = sheet.theme;
    // It looks by the rules, and tells nobody.
    app.watch.alerts = Engine::new(rules);
    if history.is_some() {
        app.keep_history();
    }
    let end = tokio::time::Instant::now() + patience;
    let mut effects = Vec::new();
    app.update(clocks.now(), Msg::Resize(sheet.width, sheet.height), &mut effects);
    app.go(&target);
    loop {
        for effect in effects.drain(..) {
            match effect {
                Effect::Ask(question) => asker.ask(question),
                Effect::Read(plan) => reader.read(plan),
                Effect::StopReading => reader.stop(),
                Effect::Look { generation, look } => {
                    asker.look(&app.setting.data, generation, look);
                }
                Effect::Recall { cluster_id, alive } => {
                    if let Some(history) = &mut history {
                        history.begin((&cluster_id, alive), clocks.now(), answers.clone())?;
                    }
                }
                _ => {}
            }
        }
        // What is in sight decides what is asked for.
        let mut buffer = Buffer::empty(Rect::new(0, 0, sheet.width, sheet.height));
        let drawn = view::app::draw(&app, &mut buffer);
        app.was_drawn(drawn);
        app.update(clocks.now(), Msg::Tick, &mut effects);
        let nothing_asked = !effects.iter().any(|it| matches!(it, Effect::Ask(_)));
        if nothing_asked && app.is_settled() {
            return Ok(picture(&mut app, sheet));
        }
        if end <= tokio::time::Instant::now() {
            let unanswered = app.unanswered();
            return Ok(Once { unanswered, ..picture(&mut app, sheet) });
        }
        let deadline = clocks.instant(app.next_deadline()).min(end);
        let next = async {
            tokio::select! {
                msg = heard.recv() => msg.unwrap_or(Msg::Tick),
                msg = reader.next() => msg,
            }
        };
        let msg = timeout_at(deadline, next).await.unwrap_or(Msg::Tick);
        app.update(clocks.now(), msg, &mut effects);
    }
}

/// All that it needs is there.
pub(super) fn picture(app: &mut App, sheet: Sheet) -> Once {
    app.compute_all();
    let buffer = sheet_of(app, sheet.width, sheet.height);
    let is_known = app.watch.cluster.id.is_some() || !app.watch.cluster.brokers.is_empty();
    let (absent, unanswered) = (app.absent(), Vec::new());
    Once { buffer, report: report(app), is_known, absent, unanswered }
}

/// The screen as it stands, in a form for files.
pub(super) fn printed(app: &mut App, picture: Picture) -> String {
    let (width, height) = app.size;
    match picture {
        Picture::Text => view::export::text(&sheet_of(app, width, height)),
        Picture::Svg => view::export::svg(&sheet_of(app, width, height), app.theme.palette),
        Picture::Json => document(&report(app)),
    }
}

fn document(report: &Report<ScreenValues>) -> String {
    let mut text = Vec::new();
    // Nothing can fail here: it is written into memory, and nothing is left out.
    let _ = report.write(&Format::Json, &View::default(), Style::default(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn sheet_of(app: &App, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::app::draw_once(app, &mut buffer);
    buffer
}

/// What the screen shows, as a document.
fn report(app: &App) -> Report<ScreenValues> {
    let page = app.pages.page(app.screen);
    let shown = if let Value::Object(shown) = page.json() { shown } else { Map::new() };
    let context = app.setting.context.clone();
    let time = Timestamp::from_millisecond(app.now.wall.0).unwrap_or_default();
    Report {
        cluster_id: app.watch.cluster.id.clone(),
        time,
        items: vec![ScreenValues { screen: app.screen.name(), context, shown }],
        errors: Vec::new(),
    }
}
