//! The configs screen, drawn.

use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

fn configs(entity: &str, width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(Town::troubled(), width, height);
    stage.go(&Target::about(Screen::Configs, About::Entity(entity.to_owned())));
    stage.pass(10_000);
    stage
}

#[test]
fn at_80_columns() {
    let mut stage = configs("topic/orders", 80, 24);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          0s
     1 over 2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs[8 configs]9 alerts
     configs  topic/orders  5 of 7 (set ones first)               sort source, name
       config                            value                source   default
    >  cleanup.policy                    delete               topic    –
       min.insync.replicas               2                    topic    –
       retention.ms                      604800000 (7d)       topic    604800000
     ▲ unclean.leader.election.enable    true                 broker   false
       ssl.keystore.password             hidden               static   –
       compression.type                  producer             default  producer
       max.message.bytes                 1048588 (1.0MiB)     default  1048588











       delete: old segments go; compact: each key keeps its last; more: level 2
     e edit  / filter  x faults  Tab entities  a actions  Y kt line  ? help  q quit
    ");
    stage.type_keys("jjj");
    assert!(stage.shown().contains("whether a replica that lacks records may lead"));
}

#[test]
fn at_160_columns_types_and_meanings_stand_beside() {
    insta::assert_snapshot!(configs("topic/orders", 160, 50).body(), @"
     configs  topic/orders  5 of 7 (set ones first)                                                                                               sort source, name
       config                                   value                source   default       type     meaning
    >  cleanup.policy                           delete               topic    –             string   delete: old segments go; compact: each key keeps its last; mor…
       min.insync.replicas                      2                    topic    –             string   replicas that must have a record before acks=all is answered; …
       retention.ms                             604800000 (7d)       topic    604800000     string   how long a log is kept before old segments go; -1 = for ever; …
     ▲ unclean.leader.election.enable           true                 broker   false         string   whether a replica that lacks records may lead; true: level 2
       ssl.keystore.password                    hidden               static   –             string   What it is for
       compression.type                         producer             default  producer      string   how batches are stored; producer = as they came
       max.message.bytes                        1048588 (1.0MiB)     default  1048588       string   the largest batch that is accepted
    ");
    insta::assert_snapshot!(configs("topic/orders", 120, 24).body(), @"
     configs  topic/orders  5 of 7 (set ones first)                                                       sort source, name
       config                                   value                source   default       type     meaning
    >  cleanup.policy                           delete               topic    –             string   delete: old segments g…
       min.insync.replicas                      2                    topic    –             string   replicas that must hav…
       retention.ms                             604800000 (7d)       topic    604800000     string   how long a log is kept…
     ▲ unclean.leader.election.enable           true                 broker   false         string   whether a replica that…
       ssl.keystore.password                    hidden               static   –             string   What it is for
       compression.type                         producer             default  producer      string   how batches are stored…
       max.message.bytes                        1048588 (1.0MiB)     default  1048588       string   the largest batch that…
    ");
}

#[test]
fn the_entities_are_behind_tab() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("8");
    stage.pass(1_000);
    insta::assert_snapshot!(stage.body(), @"
     configs  10 entities                                           sort kind, name
       entity                           what it is
    >  broker/default                   what all brokers have unless told otherwise
       broker/1                         one broker
       broker/2                         one broker
       broker/3                         one broker
       topic/orders                     a topic
       topic/payments                   a topic
       group/billing                    a group
       logger/1                         the log levels of a broker
       logger/2                         the log levels of a broker
       logger/3                         the log levels of a broker
    ");
    stage.type_keys("/^topic<Enter>j<Enter>");
    stage.pass(1_000);
    assert!(stage.body().starts_with(" configs  topic/payments"), "{}", stage.body());
    stage.type_keys("<Tab>");
    assert_eq!(stage.app.pages.configs.entities.line().map(|it| it.says()), Some("a topic"));
}

#[test]
fn another_entity_is_asked_for_at_once_and_the_same_one_every_five_minutes() {
    let mut stage = configs("topic/orders", 80, 24);
    let asked = |stage: &mut Stage| {
        let asked = std::mem::take(&mut stage.asked);
        asked.iter().filter(|(_, it)| it.lane.kind == Kind::EntityConfigs).count()
    };
    assert_eq!(asked(&mut stage), 1);
    stage.pass(200_000);
    assert_eq!(asked(&mut stage), 0);
    stage.pass(110_000);
    assert_eq!(asked(&mut stage), 1);
    stage.type_keys(":configs topic/paym<Tab><Enter>");
    stage.pass(100);
    assert_eq!(asked(&mut stage), 1);
    stage.type_keys("r");
    stage.pass(100);
    assert_eq!(asked(&mut stage), 1);
    stage.type_keys("1");
    stage.pass(400_000);
    assert_eq!(asked(&mut stage), 0);
}

#[test]
fn what_weakens_safety_is_a_fault() {
    let mut stage = configs("topic/orders", 80, 24);
    stage.type_keys("x");
    let shown: Vec<&str> =
        stage.app.pages.configs.configs.shown().map(|it| it.name.as_str()).collect();
    assert_eq!(shown, ["unclean.leader.election.enable"]);
    assert_eq!(
        stage.app.pages.page(Screen::Configs).kt_line(),
        "kt configs describe topic/orders --all"
    );
    stage.type_keys("d");
    insta::assert_snapshot!(stage.body(), @r#"
     configs  topic/orders  1 of 7                   faults only  sort source, name
    ── unclean.leader.election.enable ──────────────────────────────────────────────
     name: unclean.leader.election.enable
     value: "true"
     source: DYNAMIC_BROKER_CONFIG
     default: "false"
     sensitive: false
     read_only: false
     weakens_safety: true
     type: string
     documentation: What it is for. And more.








     Esc closes  j k scroll
    "#);
}

#[test]
fn what_is_not_told_says_why() {
    insta::assert_snapshot!(configs("topic/nosuch", 80, 24).body(), @r#"
    configs  topic/nosuch  reading                               sort source, name
      config                            value                source   default
      topic "nosuch" does not exist
    "#);
    insta::assert_snapshot!(configs("topic/pii-vault", 80, 24).body(), @r#"
    configs  topic/pii-vault  reading                            sort source, name
      config                            value                source   default
      not authorized for topic "pii-vault"
    "#);
    let mut stage = configs("topic/orders", 80, 24);
    stage.type_keys(":configs orders<Enter>");
    let said = stage.app.message.as_ref().map(|it| it.text.clone()).unwrap_or_default();
    assert!(said.contains("write topic/NAME"), "{said}");
}

#[test]
fn narrow_and_tiny() {
    insta::assert_snapshot!(configs("topic/orders", 40, 12).shown(), @"
     prod-eu  BAD 2 WARN 2               0s
     configs  topic/orders
       config           value
    >  cleanup.policy   delete
       min.insyn…plicas 2
       retention.ms     604800000 (7d)
     ▲ unclean.l…enable true
       ssl.keyst…ssword hidden
       compression.type producer
       max.messa….bytes 1048588 (1.0MiB)

     e edit  / filter  x faults  ? help
    ");
    for (width, height) in [(1, 1), (20, 5), (60, 16), (41, 9), (119, 39), (300, 100)] {
        configs("topic/orders", width, height).type_keys("<Tab>");
    }
}
