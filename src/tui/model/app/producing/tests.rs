//! A record by the form: while the context is unlocked, and until it is written.

use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::page::{About, Target};
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

#[test]
fn a_record_is_produced_while_the_context_is_unlocked() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go(&Target::about(Screen::Topic, About::Topic("orders".to_owned())));
    stage.type_keys("uprod-eu<Enter>pk");
    stage.tell(Msg::Paste("ey 1".to_owned()));
    stage.type_keys("<Enter>v<Enter>");
    let shown = stage.shown();
    assert!(shown.contains("key      key 1"), "{shown}");
    stage.done.clear();
    stage.type_keys("<Enter>");
    let done = format!("{:?}", stage.done);
    insta::assert_snapshot!(done, @r#"[Produce { record: NewRecord { topic: "orders", partition: None, key: Some("key 1"), value: "v", headers: [] }, unlocked: Some("prod-eu") }]"#);
    // Whoever leaves before it is there is asked.
    stage.type_keys("q");
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" a record is being produced: leave? [y/N]");
    stage.type_keys("n");
    stage.tell(Msg::Produced(Ok("produced orders-0@7".to_owned())));
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" produced orders-0@7");
    stage.done.clear();
    stage.type_keys("q");
    assert!(matches!(stage.done.as_slice(), [Effect::Quit]));

    // It locks again while the form is open.
    stage.type_keys("pk<Enter>v<Enter>");
    stage.pass(300_001);
    stage.done.clear();
    stage.type_keys("<Enter>");
    assert!(stage.done.is_empty(), "{:?}", stage.done);
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" prod-eu is protected: u, then type its name                         Esc leaves");
}
