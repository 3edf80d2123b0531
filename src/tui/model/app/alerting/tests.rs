//! The screen of alerts by keys: its two panes, and the file of rules.

use std::path::Path;

use crate::tui::alerts::engine::Engine;
use crate::tui::alerts::rules::Rules;
use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

#[test]
fn among_events_keys_are_about_the_event() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.type_keys("!<Tab>j");
    let under = |stage: &Stage| stage.app.pages.alerts.events.line().map(|it| it.text.clone());
    let before = under(&stage);
    stage.type_keys("d");
    let details = stage.shown();
    assert!(details.contains(&before.clone().unwrap()), "{details}");
    // Nothing happens to the rule whose cursor is out of sight.
    stage.type_keys("<Esc><Enter>am");
    assert_eq!(stage.app.screen, Screen::Alerts);
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" no rule is under the cursor");
    // The cursor stays with its event when another comes.
    let wrong = Rules::read(Path::new("/nonexistent/alerts.toml"), jiff::Timestamp::UNIX_EPOCH);
    stage.tell(Msg::Rules(wrong));
    assert_eq!(under(&stage), before);
    stage.pass(9_000);
    let shown = stage.shown();
    insta::assert_snapshot!(shown.lines().nth(22).unwrap(), @" the old rules stay: the file /nonexistent/alerts.toml does not exi… a r reload");
    insta::assert_snapshot!(shown.lines().nth(2).unwrap(), @" alerts  2 bad  2 warn  of 6 subjects, 6 rules            built-in checks alone");
}

#[test]
fn rules_that_come_later_are_read_and_named_by_their_path() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my alerts.toml");
    stage.app.watch.alerts = Engine::new(Rules::awaited(path.clone()));
    stage.type_keys("!");
    stage.pass(1_000);
    let title = |stage: &mut Stage| stage.shown().lines().nth(2).unwrap().to_owned();
    assert!(title(&mut stage).ends_with("built-in checks alone"));
    stage.done.clear();
    stage.type_keys("ar");
    assert!(matches!(stage.done.as_slice(), [Effect::ReadRules(it)] if *it == path));
    std::fs::write(&path, "").unwrap();
    stage.tell(Msg::Rules(Rules::read(&path, jiff::Timestamp::UNIX_EPOCH)));
    assert!(title(&mut stage).ends_with("my alerts.toml of 01:00"), "{}", title(&mut stage));
    stage.done.clear();
    stage.type_keys("Y");
    let line = format!("kt alerts check '{}' --context prod-eu", path.display());
    assert!(matches!(stage.done.as_slice(), [Effect::Copy(it)] if *it == line));
    std::fs::write(&path, "[[rule]]").unwrap();
    stage.tell(Msg::Rules(Rules::read(&path, jiff::Timestamp::UNIX_EPOCH)));
    assert!(title(&mut stage).ends_with("my alerts.toml refused"), "{}", title(&mut stage));
}
