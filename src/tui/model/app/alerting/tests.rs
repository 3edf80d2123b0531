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
fn a_rule_that_is_quiet_is_muted_before_it_fires() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.toml");
    let text = "[target.ops]\nwebhook = \"http://ops/\"\n\
        [[rule]]\nname = \"much\"\nkind = \"lag\"\nwarn = 99000000\nsend = [\"ops\"]\n";
    std::fs::write(&path, text).unwrap();
    let rules = Rules::read(&path, jiff::Timestamp::UNIX_EPOCH).unwrap();
    stage.app.watch.alerts = Engine::new(rules);
    stage.type_keys("!");
    stage.pass(2_000);
    stage.app.pages.alerts.rules.rows.seek("much");
    stage.type_keys("am");
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" much: all of it is muted for 2h");
    stage.pass(1_000);
    let of_rule = |stage: &mut Stage| {
        stage.shown().lines().find(|it| it.contains("much")).unwrap().to_owned()
    };
    insta::assert_snapshot!(of_rule(&mut stage), @">? ?     much             all 8                      ?        –     – muted 2h");
    // It fires, and nobody is told.
    stage.town.groups.get_mut("nightly-report").unwrap().lag = 99_999_999;
    stage.pass(40_000);
    insta::assert_snapshot!(of_rule(&mut stage), @">▲ warn  much             nightly-report          600M    99.0M   20s muted 1h5…");
    assert!(!stage.done.iter().any(|it| matches!(it, Effect::Deliver(_))));
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
