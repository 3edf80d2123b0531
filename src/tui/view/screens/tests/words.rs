//! What titles, heads and cells say: what is known, of which time, and why something is not.

use kt_client::admin::Reassignment;
use kt_protocol::types::TopicPartition;

use crate::tui::model::msg::Msg;
use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

fn title(stage: &mut Stage) -> String {
    stage.body().lines().next().unwrap_or_default().to_owned()
}

fn moving(town: &mut Town, topic: &str) {
    let moved = Reassignment { replicas: vec![1, 2, 3], adding: vec![3], removing: vec![1] };
    town.moves.insert(TopicPartition::new(topic, 1), moved);
}

fn throttle(town: &mut Town, topic: &str) {
    let configs = &mut town.topics.get_mut(topic).unwrap().configs;
    configs.push(("leader.replication.throttled.replicas", "*".to_owned()));
}

#[test]
fn a_throttle_is_left_behind_only_by_what_does_not_move() {
    let mut town = Town::small();
    moving(&mut town, "orders");
    throttle(&mut town, "orders");
    throttle(&mut town, "payments");
    town.throttled.extend([(1, 50 << 20), (2, 50 << 20)]);
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("6");
    stage.pass(12_000);
    insta::assert_snapshot!(stage.body(), @"
     moves  1 of 1   0 left  19.5KiB/s    throttle 50MiB/s on 1,2  sort level, name
       started by: unknown tool (no kt journal)   finished in this session: 0
       partition            from    to      done                  left     B/s   eta
    >  orders-1             1,2     3,2     █████████████ 100%       0 19.5KiB     …














     ▲ throttle left on payments, no partition of it moves (Y copies this):
       kt configs alter topic/payments --unset leader.replication.throttled.replicas
    ");
    // A filter hides moves, and changes nothing of that.
    stage.type_keys("/zz<Enter>");
    insta::assert_snapshot!(stage.body(), @"
    moves  0 of 1   0 left  19.5KiB/s                 /zz  throttle 50MiB/s on 1,2
      started by: unknown tool (no kt journal)   finished in this session: 0
      partition            from    to      done                  left     B/s   eta
      No move matches /zz. Esc clears the filter.














    ▲ throttle left on payments, no partition of it moves (Y copies this):
      kt configs alter topic/payments --unset leader.replication.throttled.replicas
    ");
    let line = stage.app.pages.page(Screen::Reassignments).kt_line();
    assert_eq!(
        line,
        "kt configs alter topic/payments --unset leader.replication.throttled.replicas"
    );
    stage.type_keys("<Esc>");
    stage.town.moves.clear();
    stage.pass(20_000);
    insta::assert_snapshot!(stage.body(), @"
    moves  0 of 0                        throttle 50MiB/s on 1,2  sort level, name
      finished in this session: 0
      partition            from    to      done                  left     B/s   eta
      No partition moves.











    ▲ throttle left on orders, no partition of it moves (Y copies this):
      kt configs alter topic/orders --unset leader.replication.throttled.replicas
    ▲ throttle left on payments, no partition of it moves:
      kt configs alter topic/payments --unset leader.replication.throttled.replicas
      + 2 more
    ");
}

#[test]
fn heads_and_titles_say_the_window_in_force() {
    let mut stage = Stage::settled(Town::small(), 160, 50);
    stage.type_keys("<lt>");
    let mut text = String::new();
    for keys in ["1", "2", "3", "4"] {
        stage.type_keys(keys);
        text += &stage.body().lines().take(2).collect::<Vec<_>>().join("\n");
        text += "\n";
    }
    stage.type_keys("[");
    for keys in ["1", "2", "3", "4"] {
        stage.type_keys(keys);
        text += &stage.body().lines().take(2).collect::<Vec<_>>().join("\n");
        text += "\n";
    }
    insta::assert_snapshot!(text, @"
    overview                                                                                                                                         last 5m  live
      check      now                                    where                key  │     id address             rack  role  lead  repl disk  in B/s last 5m
    topics  2                                                                                                                               sort level, name  live
      topic                                        part rf min faults    rec/s     B/s records    size  keep sprd skew lskw grp  worst rec/s, last 5m
    groups  1                                                                                                                               sort level, late  live
      group                                    type     state       mbr   tp  part    lag   late  in/s read/s   eta expires  n/c verdict lag, last 5m
    brokers  3 of 3 up  racks 3  leader skew 0%                                                                                               sort level, id  live
        id address                                                               rack  role  lead  repl  urp    size disk  in B/s dirs full in last 5m
    overview                                                                                                                                     last 5m  to 14:58
      check      now                                    where                key  │     id address             rack  role  lead  repl disk  in B/s 5m to 14:58
    topics  2                                                                                                                           sort level, name  to 14:58
      topic                                        part rf min faults    rec/s     B/s records    size  keep sprd skew lskw grp  worst rec/s 5m to 14:58
    groups  1                                                                                                                           sort level, late  to 14:58
      group                                    type     state       mbr   tp  part    lag   late  in/s read/s   eta expires  n/c verdict lag 5m to 14:58
    brokers  3 of 3 up  racks 3  leader skew 0%                                                                                           sort level, id  to 14:58
        id address                                                               rack  role  lead  repl  urp    size disk  in B/s dirs full in 5m to 14:58
    ");
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("[");
    insta::assert_snapshot!(stage.body(), @"
     overview                                                    last 30m  to 14:45
       check      now                                    where                key
    >· brokers    3 of 3 up   1 2 3 ok                                          4
     · partitions all 9 in sync                                                 2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     · disk       fullest 50%                            1 /data/kafka-0        7
     · groups     none behind  of 1                                             3
     · moves      none; no throttle left behind                                 6

       rates             14:45      peak -30m                               14:45
       records in            …         …
       bytes in              …         …
       records out ~         …         …
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
       orders               600  117KiB │   billing             4806↑   ~10s ok
       payments              60 11.7KiB │
                                        │
                                        │
                                        │
                                        │
    ");
}

#[test]
fn a_frozen_title_stands_too() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("4f");
    let before = title(&mut stage);
    stage.town.down.insert(2);
    stage.pass(10_000);
    assert_eq!(title(&mut stage), before);
    insta::assert_snapshot!(before, @" brokers  3 of 3 up  racks 3  leader skew 0%             sort level, id  frozen");
}

#[test]
fn a_kept_filter_is_in_the_title_at_any_width() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.type_keys("2/clickstream-web-raw<Enter>");
    let mut text = String::new();
    for size in [(120, 24), (80, 24), (70, 24), (60, 24), (40, 12)] {
        stage.tell(Msg::Resize(size.0, size.1));
        let line = if size.0 < 60 { 1 } else { 2 };
        text += stage.shown().lines().nth(line).unwrap();
        text += "\n";
    }
    insta::assert_snapshot!(text, @"
    topics  1 of 8   4 bad  1 unknown                                         /clickstream-web-raw  sort level, name  live
    topics  1 of 8   4 bad  1 unknown /clickstream-web-raw  sort level, name  live
    topics  1 of 8   4 bad  1 unknown               /clickstream-web-raw
    topics  1 of 8   4 bad  1 unknown     /clickstream-web-raw
    topics  1 of 8   4 bad /clickstream-w…
    ");
}

#[test]
fn what_is_denied_is_said_in_every_cell_of_it() {
    let mut town = Town::troubled();
    town.refused.extend([Kind::LogDirs, Kind::LogEnds, Kind::Quorum, Kind::Commits]);
    let mut stage = Stage::settled(town, 120, 24);
    let mut text = stage.shown();
    for keys in ["2", "3", "4"] {
        stage.type_keys(keys);
        text += "\n";
        text += &stage.body().lines().take(4).collect::<Vec<_>>().join("\n");
    }
    insta::assert_snapshot!(text, @"
     prod-eu      BAD 2         brk 5/6     ctl ?   MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                     0s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                                                                last 30m  live
       check      now                                                                            where                key
    >✗ brokers    5 of 6 up   1 2 4 5 6 ok   3 DOWN                                              3 kafka-3.eu…092 30s   4
     ✗ partitions 2 offline  22 <min isr  14 urp  52 urp by 3                                    orders-7               2
     ? quorum     not authorized                                                                                        5
     ? disk       not authorized                                                                                        7
     ? groups     8 unknown                                                                                             3
     · moves      none                                                                                                  6

       rates               now      peak -30m                                                                         now
       records in            ?         ?
       bytes in              ?         ?
       records out ~         ?         ?
       busiest topics     rec/s     B/s │   group                          lag   late   eta expires verdict lag, last 30m
       audit-log              ?       ? │ ? billing-export                   ?      ?     ?       ? ?
     ✗ clickstream…west-1     ?       ? │ ? fraud-scoring                    ?      ?     ?       ? ?
       inventory-c…ngelog     ?       ? │ ? metrics-rollup                   ?      ?     ?       ? ?
     ✗ metrics-host-1m        ?       ? │ ? new-audit-reader                 ?      ?     ?       ? ?
     ✗ orders                 ?       ? │ ? nightly-report                   ?      ?     ?       ? ?
       orders-dlq             ?       ? │ ? orders-fulfilment-svc-v2         ?      ?     ?       ? ?
     ✗ authorization: ListOffsets denied; offsets unknown                                                         d details
     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
     topics  8   4 bad  1 unknown                                                                    sort level, name  live
       topic                             part rf min faults    rec/s     B/s records    size  keep sprd skew lskw grp  worst
    >✗ clickstream-web-raw-eu-west-1       48  3   2 min7 urp9     ?       ?       ?       ?    7d 100%   0%  66%   0      –
     ✗ metrics-host-1m                     24  3   2 min3 urp5     ?       ?       ?       ?    7d 100%   0%  66%   0      –
     groups  8   8 unknown                                                                           sort level, late  live
       group                       type     state       mbr   tp  part    lag   late  in/s read/s   eta expires  n/c verdict
    >? billing-export              Classic  Stable        …    0     0      ?      ?     ?      ?     ?       ?    ? denied
     ? fraud-scoring               Classic  Stable        …    0     0      ?      ?     ?      ?     ?       ?    ? denied
     brokers  5 of 6 up  racks 3  leader skew 65%                                                      sort level, id  live
         id address                       rack  role  lead  repl  urp    size disk  in B/s dirs full in last 30m
    >✗    3 kafka-3.eu.example:9092       eu-a  down     0    68   68       –    –       –    0       –
          1 kafka-1.eu.example:9092       eu-b  b       22    66    9       ?    ?       ?    0       –
    ");
}

#[test]
fn what_fails_is_not_called_denied() {
    let mut town = Town::small();
    town.silent.insert(Kind::Commits);
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("3");
    insta::assert_snapshot!(stage.body(), @"
     groups  1   1 unknown                                   sort level, late  live
       group               t state    mbr    lag   late read/s   eta expires verdict
    >? billing             c Stable     …      ?      ?      ?     ?       ? ?
    ");
}

#[test]
fn a_tiny_window_says_each_fault_in_its_word() {
    let mut stage = Stage::settled(Town::troubled(), 22, 6);
    insta::assert_snapshot!(stage.shown(), @"
    BAD 2 WARN 2      7s
    3 DOWN
    orders-7 offline
    2 disk 87%
    nightly…port stopped
    ");
}

#[test]
fn many_brokers_are_shown_worst_first_and_the_others_counted() {
    let mut town = Town { brokers: (1..=30).collect(), used: 0.5, ..Town::default() };
    town.add("orders", 30, 10);
    town.down.insert(17);
    town.of_broker.insert(25, 0.87);
    let mut stage = Stage::settled(town, 160, 50);
    let shown = stage.shown();
    let right = |it: &str| it.chars().skip(79).collect::<String>();
    let lines: Vec<String> = shown.lines().skip(3).take(16).map(right).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    │     id address             rack  role  lead  repl disk  in B/s last 30m
    │ ✗   17 kafka-17.eu…le:9092 eu-c  down     0     3    –       –
    │ ▲   25 kafka-25.eu…le:9092 eu-b  b        1     3  87%  5.9KiB                ⢠
    │      1 kafka-1.eu.…le:9092 eu-b  b        1     3  50%  5.9KiB                ⢠
    │      2 kafka-2.eu.…le:9092 eu-c  b        1     3  50%  5.9KiB                ⢠
    │      3 kafka-3.eu.…le:9092 eu-a  b        1     3  50%  5.9KiB                ⢠
    │      4 kafka-4.eu.…le:9092 eu-b  b        1     3  50%  5.9KiB                ⢠
    │      5 kafka-5.eu.…le:9092 eu-c  b        1     3  50%  5.9KiB                ⢠
    │      6 kafka-6.eu.…le:9092 eu-a  b        1     3  50%  5.9KiB                ⢠
    │      7 kafka-7.eu.…le:9092 eu-b  b        1     3  50%  5.9KiB                ⢠
    │      8 kafka-8.eu.…le:9092 eu-c  b        1     3  50%  5.9KiB                ⢠
    │      9 kafka-9.eu.…le:9092 eu-a  b        1     3  50%  5.9KiB                ⢠
    │     10 kafka-10.eu…le:9092 eu-b  b        1     3  50%  5.9KiB                ⢠
    │   + 18 ok
    │── alerts now ──────────────────────────────────────────────────────────────────
    │   level rule          subject                              value    limit since
    ");
    stage.type_keys("4");
    let shown = stage.body();
    let lines: Vec<&str> = shown.lines().take(5).chain(shown.lines().rev().take(3)).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
     brokers  29 of 30 up  racks 3  leader skew 93%                                                                                            sort level, id  live
         id address                                                               rack  role  lead  repl  urp    size disk  in B/s dirs full in last 30m
    >✗   17 kafka-17.eu.example:9092                                              eu-c  down     0     3    3       –    –       –    0       –
     ▲   25 kafka-25.eu.example:9092                                              eu-b  b        1     3    0  1.1GiB  87%  5.9KiB    1       –                    ⢠
          1 kafka-1.eu.example:9092                                               eu-b  b        1     3    0  1.1GiB  50%  5.9KiB    1       –                    ⢠
        103 –                                                                           c        –     –    –       –    –       –    –       –
        102 –                                                                           c        –     –    –       –    –       –    –       –
        101 –                                                                           c        –     –    –       –    –       –    –       –
    ");
}

#[test]
fn a_sum_of_a_part_is_marked() {
    let mut town = Town::small();
    town.mute.insert((Kind::LogDirs, 2));
    town.mute.insert((Kind::LogStarts, 2));
    let mut stage = Stage::settled(town, 160, 24);
    stage.type_keys("2");
    insta::assert_snapshot!(stage.body(), @"
     topics  2                                                                                                                               sort level, name  live
       topic                                        part rf min faults    rec/s     B/s records    size  keep sprd skew lskw grp  worst rec/s, last 30m
    >  orders                                          6  3   2             600  ~78KiB   ~8.0M ~1.5GiB    7d 100%   0%   0%   1    10s                            ⢠
       payments                                        3  3   2              60 ~7.8KiB   ~4.0M ~763MiB    7d 100%   0%   0%   0      –                            ⢠
    ");
    stage.go_to(Screen::LogDirs);
    insta::assert_snapshot!(title(&mut stage), @" log dirs  2 on 2 brokers  ~1.0TiB used of 2.0TiB                                                                                              sort level, used");
}

#[test]
fn loading_says_who_answered_and_what_is_awaited() {
    let mut town = Town::small();
    town.silent.insert(Kind::LogDirs);
    town.mute.insert((Kind::LogEnds, 2));
    let mut stage = Stage::open(town, 80, 24);
    let mut text = String::new();
    for keys in ["4", "7", "6", "2"] {
        stage.type_keys(keys);
        text += &format!("{}\n", stage.body());
    }
    stage.pass(400);
    stage.go_to_at_once(Screen::LogDirs);
    text += &format!("{}\n", stage.body());
    insta::assert_snapshot!(text, @"
    brokers  reading                                       ⠋  sort level, id  live
        id address                 rack  role  lead  repl  urp    size disk  in B/s
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    log dirs  reading                                          ⠋  sort level, used
      brk directory           used               free   total  repl per day full in
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    moves  reading                                             ⠋  sort level, name
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    topics  reading                                      ⠋  sort level, name  live
      topic                       part rf faults    rec/s     B/s    size  keep grp
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    log dirs  reading                                             sort level, used
      brk directory           used               free   total  repl per day full in
      connected to kafka-1:9092 (TLS, SCRAM-SHA-512) in 5ms
      metadata 5ms   log ends 2 of 3   commits 15ms   sizes ?
    ");
}

#[test]
fn counts_in_narrow_columns_are_scaled() {
    let mut town = Town::small();
    town.add("huge", 12_345, 0);
    for index in 0..1_200 {
        town.join(&format!("reader-{index:04}"), "payments", 0, 20);
    }
    town.groups.get_mut("billing").unwrap().members = 1_234;
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("2");
    insta::assert_snapshot!(stage.body(), @"
     topics  3                                               sort level, name  live
       topic                       part rf faults    rec/s     B/s    size  keep grp
    >  huge                         12K  3               0       0  4.5TiB    7d   0
       orders                         6  3             600  117KiB  2.2GiB    7d   1
       payments                       3  3              60 11.7KiB  1.1GiB    7d  1K
    ");
    stage.go(&Target::about(Screen::Group, About::Group("billing".to_owned())));
    stage.type_keys("3/billing<Enter>");
    stage.pass(12_000);
    insta::assert_snapshot!(stage.body(), @"
     groups  1 of 1201                             /billing  sort level, late  live
       group               t state    mbr    lag   late read/s   eta expires verdict
    >  billing             c Stable    1K    42↓    ~1s    607    6s   6d23h ok
    ");
}

#[test]
fn two_directories_of_one_volume_do_not_flicker() {
    use kt_client::admin::Admission;
    use kt_protocol::types::{Millis, NodeId};

    use crate::tui::model::cluster::{Answer, LogDir, Said};
    use crate::tui::model::schedule::Lane;
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go_to(Screen::LogDirs);
    let dir = |path: &str, usable: u64| LogDir {
        path: path.to_owned(),
        replicas: Ok(Vec::new()),
        total_bytes: Some(1 << 40),
        usable_bytes: Some(usable),
        admission: Admission::Open,
    };
    let mut told = Vec::new();
    // Apart; the same but for a page; a little apart; far apart.
    for (index, by) in [1_u64 << 35, 4_096, 1 << 30, 1 << 35].into_iter().enumerate() {
        let dirs = vec![dir("/data/a", 1 << 39), dir("/data/b", (1 << 39) + by)];
        let lane = Lane { kind: Kind::LogDirs, broker: Some(NodeId(1)) };
        let at = Millis(stage.millis().0 + index as u64);
        stage.app.watch.cluster.fold(Answer { lane, at, said: Ok(Said::LogDirs(dirs)) });
        stage.app.compute_all();
        told.push(title(&mut stage));
        let is_shared = stage.body().contains("shared");
        told.push(is_shared.to_string());
    }
    insta::assert_snapshot!(told.join("\n"), @"
     log dirs  5 on 3 brokers  2.5TiB used of 5.0TiB               sort level, used
    false
     log dirs  5 on 3 brokers  2.0TiB used of 4.0TiB               sort level, used
    true
     log dirs  5 on 3 brokers  2.0TiB used of 4.0TiB               sort level, used
    true
     log dirs  5 on 3 brokers  2.5TiB used of 5.0TiB               sort level, used
    false
    ");
}
