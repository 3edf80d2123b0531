//! Changes by keys: what is typed, what is asked for outside, and what the boxes show.

use kt_client::admin::CommittedOffset;
use kt_protocol::types::{Offset, TopicPartition};

use crate::offset_change::{OffsetChange, OffsetPlan};
use crate::tui::model::actions::words::said;
use crate::tui::model::actions::{Asks, End, Outcome, PlanId, Proposal};
use crate::tui::model::listing::List as _;
use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::page::{About, Target};
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

/// What was asked for outside since this was asked last.
fn asked(stage: &mut Stage) -> String {
    let line = |it: Effect| match it {
        Effect::Plan { id, words, unlocked } => {
            format!("plan {}: {} unlocked={unlocked:?}", id.0, words.join("|"))
        }
        Effect::Apply { id, unlocked } => format!("apply {} unlocked={unlocked:?}", id.0),
        Effect::Drop(id) => format!("drop {}", id.0),
        other => format!("{other:?}"),
    };
    stage.done.drain(..).map(line).collect::<Vec<_>>().join("\n")
}

/// The message line and the one below.
fn bottom(stage: &mut Stage) -> String {
    let shown = stage.shown();
    let lines: Vec<&str> = shown.lines().collect();
    lines[lines.len().saturating_sub(2)..].join("\n")
}

/// The box in the middle.
fn boxed(stage: &mut Stage) -> String {
    let shown = stage.shown();
    let cut = |line: &str| line.chars().skip(2).take(76).collect::<String>();
    let lines: Vec<String> = shown.lines().map(cut).collect();
    let begins = lines.iter().position(|it| it.starts_with('┌')).unwrap_or(0);
    let ends = lines.iter().rposition(|it| it.starts_with('└')).unwrap_or(0);
    lines[begins..=ends].join("\n")
}

fn message(stage: &Stage) -> String {
    let message = stage.app.message.as_ref();
    message.map_or_else(String::new, |it| format!("{:?} {}", it.level, it.text))
}

fn unlocked(screen: Screen) -> Stage {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.go_to(screen);
    stage.type_keys("uprod-eu<Enter>");
    stage
}

fn proposed(stage: &mut Stage, id: u64, proposal: Proposal) {
    stage.tell(Msg::Planned { id: PlanId(id), proposal: Box::new(proposal) });
    stage.draw();
}

fn reset_of_nightly() -> Proposal {
    let change = |topic: &str, partition, old: Option<i64>, new| OffsetChange {
        partition: TopicPartition::new(topic, partition),
        old: old.map(plain),
        new: Some(plain(new)),
    };
    let orders = (0..12).map(|it| change("orders", it, Some(180_991_222), 181_741_222));
    let refunds = [change("refunds", 0, None, 7)];
    let changes = orders.chain(refunds).collect();
    Proposal {
        verb: "reset",
        noun: "group",
        names: vec!["nightly-report".to_owned()],
        asks: Asks::Yes,
        lines: Vec::new(),
        notes: Vec::new(),
        in_shell: Vec::new(),
        offsets: Some(OffsetPlan { group: "nightly-report".to_owned(), changes }),
        undo: Some(41),
    }
}

fn plain(offset: i64) -> CommittedOffset {
    CommittedOffset { offset: Offset(offset), leader_epoch: None, metadata: String::new() }
}

fn loss(names: &[&str]) -> Proposal {
    let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let expected = match names.as_slice() {
        [name] => name.clone(),
        names => names.len().to_string(),
    };
    let lines = names.iter().map(|it| format!("delete topic \"{it}\": 24 partitions")).collect();
    Proposal {
        verb: "delete",
        noun: "topic",
        names,
        asks: Asks::For(expected),
        lines,
        notes: Vec::new(),
        in_shell: Vec::new(),
        offsets: None,
        undo: None,
    }
}

#[test]
fn a_protected_context_opens_a_line_instead() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.go_to(Screen::Groups);
    stage.type_keys("a");
    insta::assert_snapshot!(bottom(&mut stage), @"
    prod-eu is protected: u, then type its name                         Esc leaves
    Enter open  / filter  s sort  x faults  a actions  Y kt line  ? help  q quit
    ");
    stage.type_keys("<Esc>:groups delete nightly-report<Enter>");
    insta::assert_snapshot!(bottom(&mut stage), @"
    prod-eu is protected: u, then type its name                         Esc leaves
    Enter open  / filter  s sort  x faults  a actions  Y kt line  ? help  q quit
    ");
    assert_eq!(asked(&mut stage), "");
    stage.type_keys("uprod-eu<Enter>:groups delete nightly-report<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: groups|delete|nightly-report unlocked=Some("prod-eu")"#);
}

#[test]
fn offsets_are_reset_after_the_plan_was_seen() {
    let mut stage = unlocked(Screen::Groups);
    stage.type_keys("a");
    let shown = stage.shown();
    insta::assert_snapshot!(shown.lines().skip(16).collect::<Vec<_>>().join("\n"), @"


    a r  reset offsets (1)
    a d  delete group (2)
    a o  delete offsets (1)
    a m  remove member (1)
    a u  undo last change (1)
    a letter on nightly-report                                          Esc leaves
    ");
    stage.type_keys("r");
    insta::assert_snapshot!(bottom(&mut stage), @"
    unlocked for 5m
    :groups reset nightly-report --all-topics --to         Tab complete  Enter run
    ");
    stage.type_keys("-1h<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: groups|reset|nightly-report|--all-topics|--to|-1h unlocked=Some("prod-eu")"#);
    insta::assert_snapshot!(message(&stage), @"None planning: kt groups reset nightly-report --all-topics --to -1h");
    proposed(&mut stage, 1, reset_of_nightly());
    insta::assert_snapshot!(boxed(&mut stage), @"
    ┌ reset offsets of nightly-report · context prod-eu · level 1 ─────────────┐
    │ orders     12 partitions   180991222 … → time -1h   skips 9.0M records   │
    │ refunds     1 partition    no commit   → time -1h                        │
    │ undo: kt undo 41                                                         │
    │ same: kt groups reset nightly-report --all-topics --to -1h -y            │
    │ Reset 13 offsets?  [y/N]                                                 │
    └──────────────────────────────────────────────────────────────────────────┘
    ");

    // What was typed for something else is not heard.
    stage.type_keys("y");
    assert_eq!(asked(&mut stage), "");
    stage.pass(300);
    stage.type_keys("y");
    insta::assert_snapshot!(asked(&mut stage), @r#"apply 1 unlocked=Some("prod-eu")"#);
    let outcome = Outcome { end: End::All, undo: Some(41), ..Outcome::default() };
    let before = stage.asked.len();
    stage.tell(Msg::Ended { id: PlanId(1), outcome });
    insta::assert_snapshot!(message(&stage), @"None reset offsets of nightly-report; undo: kt undo 41");
    // The commits are asked for again at once.
    stage.pass(1_000);
    let after = stage.asked[before..].iter().map(|it| format!("{:?}", it.1.lane.kind));
    let after: std::collections::BTreeSet<String> = after.collect();
    assert!(after.contains("Commits") && after.contains("Groups"), "{after:?}");
}

#[test]
fn no_is_what_is_meant_unless_somebody_says_yes() {
    for key in ["<Enter>", "n", "<Esc>", "q"] {
        let mut stage = unlocked(Screen::Groups);
        stage.type_keys(":groups reset nightly-report --all-topics --to earliest<Enter>");
        proposed(&mut stage, 1, reset_of_nightly());
        stage.pass(300);
        stage.type_keys("x");
        stage.type_keys(key);
        let asked = asked(&mut stage);
        assert!(asked.ends_with("drop 1") && !asked.contains("apply"), "{key}: {asked}");
        assert_eq!(message(&stage), "None nothing was changed");
    }
}

#[test]
fn a_loss_needs_the_name() {
    let mut stage = unlocked(Screen::Topics);
    stage.app.pages.topics.list.rows.seek("payments");
    stage.type_keys("ad");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: topics|delete|payments unlocked=Some("prod-eu")"#);
    proposed(&mut stage, 1, loss(&["payments"]));
    stage.pass(300);
    stage.type_keys("paym");
    insta::assert_snapshot!(boxed(&mut stage), @"
    ┌ delete topic payments · context prod-eu · level 2: data is lost ─────────┐
    │ 24 partitions, 9.0GiB, 48.3M records; 1 group reads it (1 active)        │
    │ undo: none    same: kt topics delete payments -y                         │
    │ Type the name to delete it: paym_                                        │
    │                             payments                                     │
    └─ Esc leaves, nothing is changed ─────────────────────────────────────────┘
    ");
    stage.type_keys("<Enter>");
    insta::assert_snapshot!(message(&stage), @"Some(Warn) that is not it: nothing is changed");
    assert_eq!(asked(&mut stage), "");
    stage.type_keys("entx<Backspace>s<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"apply 1 unlocked=Some("prod-eu")"#);
    // Who leaves meanwhile is asked.
    stage.type_keys(":q<Enter>");
    assert_eq!(asked(&mut stage), "");
    stage.type_keys("nq");
    insta::assert_snapshot!(bottom(&mut stage), @"
    a change is being made: leave? [y/N]
    Enter open  / filter  s sort  x faults  i internal  n new  a actions  ? help
    ");
    stage.type_keys("n");
    let errors = vec!["topic \"payments\" may not be deleted".to_owned()];
    let outcome = Outcome { errors, ..Outcome::default() };
    stage.tell(Msg::Ended { id: PlanId(1), outcome });
    insta::assert_snapshot!(message(&stage), @r#"Some(Bad) topic "payments" may not be deleted"#);
}

#[test]
fn of_many_the_number_is_typed_and_ten_are_listed() {
    let mut stage = unlocked(Screen::Topics);
    stage.type_keys("*ad");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: topics|delete|clickstream-web-raw-eu-west-1|metrics-host-1m|orders|payments|audit-log|inventory-changelog|orders-dlq|pii-vault unlocked=Some("prod-eu")"#);
    let names: Vec<String> = (0..12).map(|it| format!("topic-{it:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    proposed(&mut stage, 1, loss(&names));
    stage.pass(300);
    stage.type_keys("1");
    insta::assert_snapshot!(boxed(&mut stage), @"
    ┌ delete 12 topics · context prod-eu · level 2: data is lost ──────────────┐
    │ topic-00: all of it                                                      │
    │ topic-01: all of it                                                      │
    │ topic-02: all of it                                                      │
    │ topic-03: all of it                                                      │
    │ topic-04: all of it                                                      │
    │ topic-05: all of it                                                      │
    │ topic-06: all of it                                                      │
    │ topic-07: all of it                                                      │
    │ topic-08: all of it                                                      │
    │ topic-09: all of it                                                      │
    │ … and 2 more                                                             │
    │ undo: none                                                               │
    │ same: kt topics delete clickstream-web-raw-eu-west-1 metrics-host-1m     │
    │ orders payments audit-log inventory-changelog orders-dlq pii-vault -y    │
    │ Type the number to delete them: 1_                                       │
    │                                 12                                       │
    └─ Esc leaves, nothing is changed ─────────────────────────────────────────┘
    ");
}

#[test]
fn what_asks_nobody_comes_to_its_end_before_another_begins() {
    let mut stage = unlocked(Screen::Topics);
    stage.type_keys(":topics create a<Enter>:topics create b<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: topics|create|a unlocked=Some("prod-eu")"#);
    insta::assert_snapshot!(message(&stage), @"Some(Warn) a change is being made: it comes first");
    stage.type_keys("q");
    assert!(stage.shown().contains("a change is being made: leave? [y/N]"));
    stage.type_keys("n");
    let lines = vec!["create topic \"a\": partitions 1".to_owned()];
    let outcome = Outcome { lines, end: End::All, undo: Some(7), ..Outcome::default() };
    stage.tell(Msg::Ended { id: PlanId(1), outcome });
    insta::assert_snapshot!(message(&stage), @r#"None created topic "a"; undo: kt undo 7"#);
    // What asks makes way: it does nothing before somebody agrees.
    stage.type_keys(":topics delete a<Enter>:topics create b<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"
    plan 2: topics|delete|a unlocked=Some("prod-eu")
    drop 2
    plan 3: topics|create|b unlocked=Some("prod-eu")
    "#);
}

#[test]
fn a_box_says_what_the_plan_noted_and_the_line_that_a_shell_takes() {
    let mut stage = unlocked(Screen::Topics);
    stage.type_keys(":topics delete -r 'orders.*' --set sasl.jaas.config=x<Enter><Esc>");
    stage.type_keys(":topics delete -r 'orders.*'<Enter>");
    let notes = vec!["not all is undone: records stay deleted".to_owned()];
    let in_shell = vec!["--confirm".to_owned(), "2".to_owned()];
    proposed(&mut stage, 1, Proposal { notes, in_shell, ..loss(&["orders", "orders-dlq"]) });
    insta::assert_snapshot!(boxed(&mut stage), @"
    ┌ delete 2 topics · context prod-eu · level 2: data is lost ───────────────┐
    │ orders: 12 partitions, 4.5GiB, 20.3M records; 2 groups read it (2 activ… │
    │ orders-dlq: 3 partitions, 1.1GiB, 6.0M records; no group reads it        │
    │ not all is undone: records stay deleted                                  │
    │ undo: none    same: kt topics delete -r 'orders.*' --confirm 2 -y        │
    │ Type the number to delete them: _                                        │
    │                                 2                                        │
    └─ Esc leaves, nothing is changed ─────────────────────────────────────────┘
    ");
    // What was noted before is not why there is no undo.
    let proposal = Proposal { undo: Some(3), notes: vec!["a".to_owned()], ..loss(&["orders"]) };
    let notes = vec!["a".to_owned(), "the journal is full".to_owned()];
    let outcome = Outcome { notes, end: End::All, ..Outcome::default() };
    insta::assert_snapshot!(said(&outcome, Some(&proposal)), @"deleted topic orders; no undo: the journal is full");
}

#[test]
fn secrets_are_neither_shown_nor_replaced_by_nothing() {
    let mut stage = unlocked(Screen::Topics);
    stage.go(&Target::about(Screen::Configs, About::Entity("topic/orders".to_owned())));
    stage.app.pages.configs.configs.rows.seek("ssl.keystore.password");
    stage.type_keys("e<Enter>");
    insta::assert_snapshot!(message(&stage), @"None ssl.keystore.password stays as it is: nothing was changed");
    stage.type_keys("a");
    stage.type_keys("s<Enter>");
    insta::assert_snapshot!(message(&stage), @"Some(Warn) ssl.keystore.password is secret and nothing was typed: nothing was changed");
    assert_eq!(asked(&mut stage), "");
    stage.app.pages.configs.configs.rows.seek("cleanup.policy");
    stage.type_keys("e<Enter>");
    insta::assert_snapshot!(message(&stage), @"None cleanup.policy stays as it is: nothing was changed");
    assert_eq!(asked(&mut stage), "");
    stage.app.pages.configs.configs.rows.seek("ssl.keystore.password");
    stage.type_keys("ehunter2<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: configs|alter|topic/orders|--set|ssl.keystore.password=hunter2 unlocked=Some("prod-eu")"#);
    insta::assert_snapshot!(message(&stage), @"None planning: kt configs alter topic/orders --set 'ssl.keystore.password=(hidden)'");
    let change =
        Proposal { asks: Asks::Yes, verb: "alter", noun: "config", ..loss(&["topic/orders"]) };
    proposed(&mut stage, 1, change);
    assert!(!stage.shown().contains("hunter2"));
    stage.pass(300);
    stage.type_keys("y");
    insta::assert_snapshot!(message(&stage), @"None running: kt configs alter topic/orders --set 'ssl.keystore.password=(hidden)'");
    stage.tell(Msg::Ended { id: PlanId(1), outcome: Outcome::default() });
    // Nor does the history of lines have it.
    stage.type_keys(":topics create x --set=ssl.key.password=hunter2<Enter>");
    assert!(!stage.shown().contains("hunter2"));
    stage.type_keys(":<Up>");
    assert!(!stage.shown().contains("hunter2"));
}

#[test]
fn an_old_plan_is_made_again() {
    let mut stage = unlocked(Screen::Topics);
    stage.type_keys(":topics delete payments<Enter>");
    proposed(&mut stage, 1, loss(&["payments"]));
    stage.pass(60_000);
    stage.type_keys("payments<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"
    plan 1: topics|delete|payments unlocked=Some("prod-eu")
    drop 1
    plan 2: topics|delete|payments unlocked=Some("prod-eu")
    "#);
    insta::assert_snapshot!(message(&stage), @"None the plan was older than 60s: planning again");
    // Locked again meanwhile.
    proposed(&mut stage, 2, loss(&["payments"]));
    stage.pass(250_000);
    stage.type_keys("payments<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @"drop 2");
    insta::assert_snapshot!(bottom(&mut stage), @"
    prod-eu is protected: u, then type its name                         Esc leaves
    Enter open  / filter  s sort  x faults  i internal  n new  a actions  ? help
    ");
}

#[test]
fn a_box_waits_until_nothing_is_typed() {
    let mut stage = unlocked(Screen::Topics);
    stage.type_keys(":topics delete payments<Enter>:top");
    proposed(&mut stage, 1, loss(&["payments"]));
    insta::assert_snapshot!(bottom(&mut stage), @"
    topics describe NAME   one topic: partitions, configs, groups
    :top                                                   Tab complete  Enter run
    ");
    stage.type_keys("<Esc>");
    assert!(stage.shown().contains("Type the name to delete it:"));
    // The answer to what was not asked last is not waited for.
    stage.pass(300);
    stage.type_keys("<Esc>:topics create x<Enter>");
    proposed(&mut stage, 1, loss(&["payments"]));
    insta::assert_snapshot!(asked(&mut stage), @r#"
    plan 1: topics|delete|payments unlocked=Some("prod-eu")
    drop 1
    plan 2: topics|create|x unlocked=Some("prod-eu")
    drop 1
    "#);
    let lines = vec!["create topic \"x\": partitions 3, replication factor 1".to_owned()];
    let outcome = Outcome { lines, end: End::All, undo: Some(7), ..Outcome::default() };
    stage.tell(Msg::Ended { id: PlanId(2), outcome });
    insta::assert_snapshot!(message(&stage), @r#"None created topic "x"; undo: kt undo 7"#);
}

#[test]
fn lines_that_are_no_change_say_why() {
    let mut stage = unlocked(Screen::Groups);
    stage.type_keys(":groups reset nightly-report<Enter>");
    insta::assert_snapshot!(message(&stage), @"Some(Warn) the following required arguments were not provided: <--to <AT>|--shift <±N|±DURATION>|--offsets <FILE>>");
    stage.type_keys(":topics delete x -b other:9092<Enter>");
    insta::assert_snapshot!(message(&stage), @"Some(Warn) topics delete x -b other:9092: changes here are of this cluster alone");
    assert_eq!(asked(&mut stage), "");
    stage.type_keys("  ar");
    insta::assert_snapshot!(message(&stage), @"None reset offsets takes one: 2 are marked");
}

#[test]
fn changes_are_completed() {
    let mut stage = unlocked(Screen::Overview);
    stage.type_keys(":groups");
    let shown = stage.shown();
    insta::assert_snapshot!(shown.lines().skip(18).collect::<Vec<_>>().join("\n"), @"
    groups delete-offsets GROUP  delete committed offsets (1)
    groups remove-member  GROUP  remove a member (1)
    groups list                  all groups
    groups describe       GROUP  one group
    groups offsets        GROUP  one group
    :groups                                                Tab complete  Enter run
    ");
    stage.type_keys(" reset ni<Tab>");
    insta::assert_snapshot!(bottom(&mut stage), @"
    >groups reset nightly-report        plan and reset offsets (1)
     :groups reset nightly-report                           Tab complete  Enter run
    ");
}

#[test]
fn a_config_is_edited_from_its_value() {
    let mut stage = unlocked(Screen::Topics);
    stage.go(&Target::about(Screen::Configs, About::Entity("topic/orders".to_owned())));
    stage.type_keys("e<Backspace>");
    let shown = stage.shown();
    let line = shown.lines().find(|it| it.contains("cleanup.policy  ")).unwrap_or_default();
    assert!(line.trim_end().ends_with(" delet_"), "{line}");
    assert!(shown.contains(" edit cleanup.policy "), "{shown}");
    stage.type_keys("e,compact<Enter>");
    insta::assert_snapshot!(asked(&mut stage), @r#"plan 1: configs|alter|topic/orders|--set|cleanup.policy=delete,compact unlocked=Some("prod-eu")"#);
    stage.go(&Target::about(Screen::Topic, About::Topic("orders".to_owned())));
    stage.type_keys("e");
    insta::assert_snapshot!(bottom(&mut stage), @"
    planning: kt configs alter topic/orders --set cleanup.policy=delete,compact
    :configs alter topic/orders --set                      Tab complete  Enter run
    ");
}

#[test]
fn boxes_fit_any_window() {
    for (width, height) in [(160, 50), (40, 12), (20, 5), (1, 1)] {
        let mut stage = Stage::settled(Town::small(), width, height);
        stage.go_to(Screen::Groups);
        stage.type_keys("uprod-eu<Enter>a");
        stage.shown();
        stage.type_keys("r-1h<Enter>");
        proposed(&mut stage, 1, reset_of_nightly());
        stage.shown();
        proposed(&mut stage, 1, loss(&["payments"]));
        stage.shown();
    }
}

#[test]
fn an_entity_is_changed_that_is_under_the_cursor() {
    let mut stage = unlocked(Screen::Configs);
    let line = |stage: &mut Stage| bottom(stage).lines().last().unwrap_or_default().to_owned();
    stage.type_keys(":configs topic/orders<Enter>");
    stage.pass(2_000);
    stage.type_keys("<Tab>");
    stage.app.pages.configs.entities.rows.seek("topic/payments");
    stage.type_keys("e");
    insta::assert_snapshot!(line(&mut stage), @" :configs alter topic/payments --set                    Tab complete  Enter run");
    stage.type_keys("<Esc>as");
    insta::assert_snapshot!(line(&mut stage), @" :configs alter topic/payments --set                    Tab complete  Enter run");
    stage.type_keys("<Esc>ad");
    insta::assert_snapshot!(line(&mut stage), @" :configs alter topic/payments --unset                  Tab complete  Enter run");
    // In the first pane it is the one that its title names.
    stage.type_keys("<Esc><Tab>as");
    insta::assert_snapshot!(line(&mut stage), @" :configs alter topic/orders --set cleanup.policy=delete");
}

#[test]
fn the_marks_go_of_what_was_changed() {
    let mut stage = unlocked(Screen::Topics);
    stage.type_keys("  ad");
    proposed(&mut stage, 1, loss(&["clickstream-web-raw-eu-west-1", "metrics-host-1m"]));
    stage.pass(300);
    stage.type_keys("2<Enter>3 ");
    let outcome = Outcome { end: End::All, ..Outcome::default() };
    stage.tell(Msg::Ended { id: PlanId(1), outcome });
    assert_eq!(stage.app.pages.groups.list.marked().len(), 1);
    assert!(stage.app.pages.topics.list.marked().is_empty());
}
