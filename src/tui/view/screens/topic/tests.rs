//! The topic screen, drawn.

use crate::config_entity::ConfigEntity;
use crate::tui::keymap::Key;
use crate::tui::model::msg::Msg;
use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};
use crate::tui::view::theme::{Glyphs, Theme};
use kt_protocol::types::TopicPartition;

fn orders(town: Town, width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(town, width, height);
    stage.go(&Target::about(Screen::Topic, About::Topic("orders".to_owned())));
    stage.pass(31_000);
    stage
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(orders(Town::troubled(), 80, 24).shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          3s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     orders  12 partitions  rf 3  min isr 2  keep 7d  4.6GiB       sort level, part
     [partitions]  configs 5 set  groups 2  records  segments
       in 10.3K/s                          ⣤  spread 100%  skew 0%  leader skew 0%
       part leader epoch isr               start        end rec/s    size elr
    >✗    7   none    14 – of 3,4,5            –          –     0       –
     ✗    8   none    14 – of 4,5,6            –          –     0       –
     ✗    1     4!    14 4 of 3,4,5            0    2065089  1033  394MiB
     ✗    2      4    14 4 of 4,5,6            0    2065089  1033  394MiB
     ✗    3      5    14 5 of 5,6,1            0    2065089  1033  394MiB
     ✗    4      6    14 6 of 6,1,2            0    2065089  1033  394MiB
          0      2    14 2,4 of 2,3,4          0    2065089  1033  394MiB
          5      1    14 1,2 of 1,2,3          0    2065089  1033  394MiB
          6      2    14 2,4 of 2,3,4          0    2065089  1033  394MiB
          9      5    14 5,6,1                 0    2065089  1033  394MiB
         10      6    14 6,1,2                 0    2065089  1033  394MiB
         11      1    14 1,2 of 1,2,3          0    2065089  1033  394MiB





     Enter records  Tab pane  @ go to  p produce  e edit config  a actions  ? help
    ");
}

#[test]
fn at_160_columns_panes_stand_side_by_side() {
    let mut stage = orders(Town::troubled(), 160, 50);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                                                             3s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     orders  12 partitions  rf 3  min isr 2  keep 7d  4.6GiB                                                                                       sort level, part
    ── records in  10.3K/s  peak 10.3K/s  spread 100%  skew 0%  leader skew 0% ────│── groups 2 ────────────────────────────────────────────────────────────────────
         20K                                                                       │   group                                 lag   late read/s   eta expires verdict
                                                                                   │ ▲ billing-export                      3.9M↑ ~6m12s   6000 never   6d23h behind
                                                                                   │   orders-fulfilment-svc-v2           31.2K↑    ~3s  10.3K never   6d23h ok
                                                                              ⢸⣿⣿  │
                                                                              ⢸⣿⣿  │
                                                                              ⢸⣿⣿  │
           0 -30m                                                             now  │
    ── partitions 12 ──────────────────────────────────────────────────────────────│
       part leader epoch isr               start        end rec/s    size elr      │
    >✗    7   none    14 – of 3,4,5            –          –     0       –          │
     ✗    8   none    14 – of 4,5,6            –          –     0       –          │
     ✗    1     4!    14 4 of 3,4,5            0    2065089  1033  394MiB          │
     ✗    2      4    14 4 of 4,5,6            0    2065089  1033  394MiB          │
     ✗    3      5    14 5 of 5,6,1            0    2065089  1033  394MiB          │
     ✗    4      6    14 6 of 6,1,2            0    2065089  1033  394MiB          │── configs 5 set ───────────────────────────────────────────────────────────────
          0      2    14 2,4 of 2,3,4          0    2065089  1033  394MiB          │   cleanup.policy                    delete               topic    –
          5      1    14 1,2 of 1,2,3          0    2065089  1033  394MiB          │   min.insync.replicas               2                    topic    –
          6      2    14 2,4 of 2,3,4          0    2065089  1033  394MiB          │   retention.ms                      604800000 (7d)       topic    604800000
          9      5    14 5,6,1                 0    2065089  1033  394MiB          │ ▲ unclean.leader.election.enable    true                 broker   false
         10      6    14 6,1,2                 0    2065089  1033  394MiB          │   ssl.keystore.password             hidden               static   –
         11      1    14 1,2 of 1,2,3          0    2065089  1033  394MiB          │   compression.type                  producer             default  producer
                                                                                   │   max.message.bytes                 1048588 (1.0MiB)     default  1048588
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │── leaders per broker ──────────────────────────────────────────────────────────
                                                                                   │    brk  lead  repl share
                                                                                   │      1     2     6   20% ████████
                                                                                   │      2     2     6   20% ████████
                                                                                   │      3     0     6    0%
                                                                                   │      4     2     6   20% ████████
                                                                                   │      5     2     6   20% ████████
                                                                                   │      6     2     6   20% ████████
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │

     Enter records  Tab pane  @ go to  p produce  e edit config  a actions  ? help
    ");
}

#[test]
fn at_160_columns_in_ascii_another_pane_has_the_focus() {
    let mut stage = orders(Town::troubled(), 160, 50);
    stage.type_keys("<Tab><Tab>");
    let in_ascii = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
    insta::assert_snapshot!(stage.in_theme(in_ascii), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                                                             3s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     orders  12 partitions  rf 3  min isr 2  keep 7d  4.6GiB                                                                                       sort level, late
    -- records in  10.3K/s  peak 10.3K/s  spread 100%  skew 0%  leader skew 0% ----|-- groups 2 --------------------------------------------------------------------
         20K                                                                       |   group                                 lag   late read/s   eta expires verdict
                                                                                   |>! billing-export                      3.9M^ ~6m12s   6000 never   6d23h behind
                                                                                   |   orders-fulfilment-svc-v2           31.2K^    ~3s  10.3K never   6d23h ok
                                                                              ###  |
                                                                              ###  |
                                                                              ###  |
           0 -30m                                                             now  |
    -- partitions 12 --------------------------------------------------------------|
       part leader epoch isr               start        end rec/s    size elr      |
     X    7   none    14 - of 3,4,5            -          -     0       -          |
     X    8   none    14 - of 4,5,6            -          -     0       -          |
     X    1     4!    14 4 of 3,4,5            0    2065089  1033  394MiB          |
     X    2      4    14 4 of 4,5,6            0    2065089  1033  394MiB          |
     X    3      5    14 5 of 5,6,1            0    2065089  1033  394MiB          |
     X    4      6    14 6 of 6,1,2            0    2065089  1033  394MiB          |-- configs 5 set ---------------------------------------------------------------
          0      2    14 2,4 of 2,3,4          0    2065089  1033  394MiB          |   cleanup.policy                    delete               topic    -
          5      1    14 1,2 of 1,2,3          0    2065089  1033  394MiB          |   min.insync.replicas               2                    topic    -
          6      2    14 2,4 of 2,3,4          0    2065089  1033  394MiB          |   retention.ms                      604800000 (7d)       topic    604800000
          9      5    14 5,6,1                 0    2065089  1033  394MiB          | ! unclean.leader.election.enable    true                 broker   false
         10      6    14 6,1,2                 0    2065089  1033  394MiB          |   ssl.keystore.password             hidden               static   -
         11      1    14 1,2 of 1,2,3          0    2065089  1033  394MiB          |   compression.type                  producer             default  producer
                                                                                   |   max.message.bytes                 1048588 (1.0MiB)     default  1048588
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |-- leaders per broker ----------------------------------------------------------
                                                                                   |    brk  lead  repl share
                                                                                   |      1     2     6   20% ########
                                                                                   |      2     2     6   20% ########
                                                                                   |      3     0     6    0%
                                                                                   |      4     2     6   20% ########
                                                                                   |      5     2     6   20% ########
                                                                                   |      6     2     6   20% ########
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |

     Enter records  Tab pane  @ go to  p produce  e edit config  a actions  ? help
    ");
}

#[test]
fn tab_walks_through_the_panes() {
    let mut stage = orders(Town::troubled(), 80, 24);
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          3s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     orders  12 partitions  rf 3  min isr 2  keep 7d  4.6GiB      sort source, name
     partitions  [configs 5 set]  groups 2  records  segments
       in 10.3K/s                          ⣤  spread 100%  skew 0%  leader skew 0%
       config                            value                source   default
    >  cleanup.policy                    delete               topic    –
       min.insync.replicas               2                    topic    –
       retention.ms                      604800000 (7d)       topic    604800000
     ▲ unclean.leader.election.enable    true                 broker   false
       ssl.keystore.password             hidden               static   –
       compression.type                  producer             default  producer
       max.message.bytes                 1048588 (1.0MiB)     default  1048588









       delete: old segments go; compact: each key keeps its last; more: level 2
     Enter records  Tab pane  @ go to  p produce  e edit config  a actions  ? help
    ");
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.body(), @"
     orders  12 partitions  rf 3  min isr 2  keep 7d  4.6GiB       sort level, late
     partitions  configs 5 set  [groups 2]  records  segments
       in 10.3K/s                          ⣤  spread 100%  skew 0%  leader skew 0%
       group               t state    mbr    lag   late read/s   eta expires verdict
    >▲ billing-export      c Stable     …  3.9M↑ ~6m12s   6000 never   6d23h behind
       orders-fulf…-svc-v2 c Stable     … 31.2K↑    ~3s  10.3K never   6d23h ok
    ");
    stage.type_keys("<Tab><Tab>");
    assert!(stage.shown().contains("[segments]"));
    stage.type_keys("<Tab>");
    assert!(stage.shown().contains("[partitions]"));
}

#[test]
fn narrow_and_tiny() {
    insta::assert_snapshot!(orders(Town::troubled(), 40, 12).shown(), @"
     prod-eu  BAD 2 WARN 2               3s
     orders  12 partitions  rf 3  min isr 2
     [partitions]  configs 5 set  groups 2
       part leader isr                 end
    >✗    7   none – of 3,4,5            –
     ✗    8   none – of 4,5,6            –
     ✗    1     4! 4 of 3,4,5      2065089
     ✗    2      4 4 of 4,5,6      2065089
     ✗    3      5 5 of 5,6,1      2065089
     ✗    4      6 6 of 6,1,2      2065089
          0      2 2,4 of 2,3,4    2065089
     Enter records  Tab pane  ? help
    ");
    orders(Town::troubled(), 20, 5).shown();
    for (width, height) in [(1, 1), (60, 16), (41, 9), (119, 39), (150, 40), (300, 100)] {
        orders(Town::troubled(), width, height).type_keys("<Tab><Tab><Tab>");
    }
}

#[test]
fn held_records_come_in_when_there_are_some() {
    let mut town = Town::small();
    town.held.insert(TopicPartition::new("orders", 2), 480);
    insta::assert_snapshot!(orders(town, 80, 24).body(), @"
     orders  6 partitions  rf 3  min isr 2  keep 7d  2.2GiB        sort level, part
     [partitions]  configs 5 set  groups 1  records  segments
       in 600/s                            ⣤  spread 100%  skew 0%  leader skew 0%
       part leader epoch isr               start        end rec/s    size elr  held
    >     0      2    14 2,3,1                 0    2006301   100  383MiB         0
          1      3    14 3,1,2                 0    2006301   100  383MiB         0
          2      1    14 1,2,3                 0    2006301   100  383MiB       280
          3      2    14 2,3,1                 0    2006301   100  383MiB         0
          4      3    14 3,1,2                 0    2006301   100  383MiB         0
          5      1    14 1,2,3                 0    2006301   100  383MiB         0
    ");
}

#[test]
fn a_topic_that_is_deleted_says_so_and_asks_no_more() {
    let mut stage = orders(Town::small(), 80, 24);
    stage.town.topics.remove("orders");
    stage.pass(30_000);
    insta::assert_snapshot!(stage.body(), @"
    orders
      Topic orders was deleted.
      Esc goes to all topics.
    ");
    stage.asked.clear();
    stage.pass(30_000);
    let is_subject =
        |kind| matches!(kind, Kind::SubjectEnds | Kind::SubjectPartitions | Kind::EntityConfigs);
    assert!(!stage.asked.iter().any(|(_, it)| is_subject(it.lane.kind)));
    stage.go(&Target::about(Screen::Topic, About::Topic("nosuch".to_owned())));
    insta::assert_snapshot!(stage.body(), @"
    nosuch
      There is no topic nosuch.
      Esc goes to all topics.
    ");
}

#[test]
fn before_the_first_answer_it_reads() {
    let mut stage = Stage::open(Town::small(), 80, 24);
    stage.app.go(&Target::about(Screen::Topic, About::Topic("orders".to_owned())));
    insta::assert_snapshot!(stage.body(), @"
    orders                                                                       ⠋
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    ");
}

#[test]
fn configs_that_are_denied_say_why_and_old_answers_are_stale() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.go(&Target::about(Screen::Topic, About::Topic("pii-vault".to_owned())));
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.body(), @r#"
    pii-vault  6 partitions  rf 3  2.2GiB                        sort source, name
    partitions  [configs]  groups 0  records  segments
      in 60/s                             ⢠  spread 100%  skew 0%  leader skew 66%
      config                            value                source   default
      not authorized for topic "pii-vault"
    "#);
    stage.town.silent.extend(Kind::ALL);
    stage.type_keys("<BackTab>");
    stage.pass(60_000);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2         brk 5/6     ctl 101 MkU3…M2Qk PROTECTED STALE 1m04s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     pii-vault  6 partitions  rf 3  2.2GiB                         sort level, part
     [partitions]  configs  groups 0  records  segments
       in …/s                             ⢠⡄  spread 100%  skew 0%  leader skew 66%
       part leader epoch isr               start        end rec/s    size elr
    >?    0     4!    14 4,5 of 3,4,5          0    2000310     …  382MiB
     ?    1      4    14 4,5,6                 0    2000310     …  382MiB
     ?    2      5    14 5,6,1                 0    2000310     …  382MiB
     ?    3      6    14 6,1,2                 0    2000310     …  382MiB
     ?    4      1    14 1,2 of 1,2,3          0    2000310     …  382MiB
     ?    5      2    14 2,4 of 2,3,4          0    2000310     …  382MiB










     ✗ STALE 1m04s: no broker answers (unreachable ×5, next in 29s)         r retry
     Enter records  Tab pane  @ go to  p produce  e edit config  a actions  ? help
    ");
}

#[test]
fn enter_opens_what_is_under_the_cursor_and_escape_comes_back_to_it() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("2j<Enter>");
    assert_eq!(stage.app.pages.topic.name, "payments");
    stage.pass(2_000);
    stage.type_keys("jj<Enter>");
    assert_eq!(stage.app.screen, Screen::Records);
    stage.type_keys("-");
    assert_eq!(stage.app.screen, Screen::Topic);
    assert_eq!(stage.app.pages.topic.partitions.line().map(|it| it.index), Some(2));
    stage.type_keys("<Tab>j<Enter>");
    assert_eq!(stage.app.screen, Screen::Configs);
    let entity = ConfigEntity::Topic("payments".to_owned());
    assert_eq!(stage.app.pages.configs.entity, Some(entity));
    stage.type_keys("-<Esc>");
    assert_eq!(stage.app.screen, Screen::Topics);
    assert_eq!(stage.app.pages.topics.list.line().map(|it| it.name.as_str()), Some("payments"));
}

#[test]
fn a_filter_looks_at_leaders_and_faults_and_the_line_is_copied() {
    let mut stage = orders(Town::troubled(), 80, 24);
    stage.type_keys("/offline<Enter>");
    let shown = |stage: &Stage| {
        stage.app.pages.topic.partitions.shown().map(|it| it.index).collect::<Vec<_>>()
    };
    assert_eq!(shown(&stage), [7, 8]);
    stage.type_keys("<Esc>x");
    assert_eq!(shown(&stage), [7, 8, 1, 2, 3, 4]);
    stage.type_keys("<Esc>ss");
    stage.tell(Msg::Key(Key::Char('Y')));
    let said = stage.app.message.as_ref().map(|it| it.text.as_str());
    assert_eq!(said, Some("copied: kt topics describe orders --context prod-eu"));
    stage.type_keys("d");
    insta::assert_snapshot!(stage.body(), @"
     orders  12 partitions  rf 3  min isr 2  keep 7d  4.6GiB            sort leader
    ── 7 ───────────────────────────────────────────────────────────────────────────
     partition: 7
     level: bad
     leader: null
     is_preferred: false
     leader_epoch: 14
     replicas:
     - 3
     - 4
     - 5
     isr: []
     elr: null
     log_start_offset: null
     high_watermark: null
     records_in: null
     size_bytes: null
     held: null
     failure: null
     Esc closes  j k scroll
    ");
}
