//! The whole dashboard, driven by keys, before a cluster that answers.

mod aging;
mod calm;
mod going;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kt_protocol::types::{Now, Timestamp};

use crate::tui::figures;
use crate::tui::keymap::Key;
use crate::tui::model::app::Brokers;
use crate::tui::model::msg::{Effect, Msg};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Spent, Stage, Town};
use crate::tui::view::theme::{Glyphs, Palette, Theme};

#[test]
fn the_overview_of_a_troubled_cluster() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >✗ brokers    5 of 6 up   1 2 4 5 6 ok   3 DOWN      3 kafka-3.eu…092 30s   4
     ✗ partitions 2 offline  22 <min isr  14 urp         orders-7               2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     ▲ disk       fullest 87%                            2 /data/kafka-0        7
     ▲ groups     2 warn  3 unknown  of 8                nightly-report         3
     · moves      none                                                          6

       rates               now      peak -30m                                 now
       records in      78.5K/s   78.5K/s                                        ⣶
       bytes in      15.0MiB/s 15.0MiB/s                                        ⣶
       records out ~   37.7K/s   37.7K/s                                        ⣶
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
     ✗ clickstream…west-1 41.0K  7.8MiB │ ▲ nightly-report      9.1M→    36m stopped
     ✗ metrics-host-1m    11.8K  2.2MiB │ ▲ billing-export      3.7M→ ~5m59s behind
     ✗ orders             10.3K  2.0MiB │   fraud-scoring       1.1M→ ~2m06s …
     ✗ payments            9000  1.7MiB │   search-indexer      1.9M↑    48s …
       audit-log           4116  804KiB │   metrics-rollup     94.4K↑   ~10s ok
       inventory-c…ngelog  2208  431KiB │   orders-fulf…svc-v2 82.8K↑   ~10s ok

     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
}

#[test]
fn the_overview_side_by_side() {
    let mut stage = Stage::settled(Town::troubled(), 160, 50);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                                                             7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                                                                                                        last 30m  live
       check      now                                    where                key  │     id address             rack  role  lead  repl disk  in B/s last 30m
    >✗ brokers    5 of 6 up   1 2 4 5 6 ok   3 DOWN      3 kafka-3.eu…092 30s   4  │ ✗    3 kafka-3.eu.…le:9092 eu-a  down     0    68    –       –
     ✗ partitions 2 offline  22 <min isr  14 urp         orders-7               2  │ ▲    2 kafka-2.eu.…le:9092 eu-c  b       23    67  87%  7.7MiB                ⢰
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5  │      1 kafka-1.eu.…le:9092 eu-b  b       22    66  73%  7.7MiB                ⢰
     ▲ disk       fullest 87%                            2 /data/kafka-0        7  │      4 kafka-4.eu.…le:9092 eu-b  b       44    69  73%  7.3MiB                ⢰
     ▲ groups     2 warn  3 unknown  of 8                nightly-report         3  │      5 kafka-5.eu.…le:9092 eu-c  b       22    68  73%  7.3MiB                ⢰
     · moves      none                                                          6  │      6 kafka-6.eu.…le:9092 eu-a  b       22    67  73%  7.5MiB                ⢰
    ── records in  78.5K/s  peak 78.5K/s ──────────────────────────────────────────│── alerts now ──────────────────────────────────────────────────────────────────
        100K                                                                       │   level rule          subject                              value    limit since
                                                                               ⢰⣶  │ ✗ bad   brokers       broker 3                              down       up   30s
                                                                               ⢸⣿  │ ✗ bad   partitions    orders-7 +23                         2 off        0   29s
                                                                               ⢸⣿  │ ▲ warn  disk          2 /data/kafka-0                        87%      80%   29s
                                                                               ⢸⣿  │ ▲ warn  groups        nightly-report +1                  stopped       ok   29s
                                                                               ⢸⣿  │
           0 -30m                                                             now  │
    ── bytes in  15.0MiB/s  peak 15.0MiB/s ────────────────────────────────────────│
     19.1MiB                                                                       │
                                                                               ⢰⣶  │
                                                                               ⢸⣿  │
                                                                               ⢸⣿  │── groups furthest behind ──────────────────────────────────────────────────────
                                                                               ⢸⣿  │   group                       lag   late   eta expires verdict lag, last 30m
                                                                               ⢸⣿  │ ▲ nightly-report            9.1M→    36m     …   6d23h stopped                ⢸
           0 -30m                                                             now  │ ▲ billing-export            3.7M→ ~5m59s never   6d23h behind                 ⢰
    ── records out ~  37.7K/s  peak 37.7K/s ───────────────────────────────────────│   fraud-scoring             1.1M→ ~2m06s   31m   6d23h …                      ⢠
         50K                                                                       │   search-indexer            1.9M↑    48s     …   6d23h …                      ⢰
                                                                                ⣤  │   metrics-rollup           94.4K↑   ~10s never   6d23h ok                     ⢰
                                                                                ⣿  │   orders-fulfilment-svc-v2 82.8K↑   ~10s never   6d23h ok                     ⢰
                                                                                ⣿  │   new-audit-reader          none       –     –       – ok
                                                                                ⣿  │ ? payments-recon                ?      ?     ?       ? ?
                                                                                ⣿  │
           0 -30m                                                             now  │
    ── busiest topics ─────────────────────────────────────────────────────────────│
       topic                        rec/s     B/s    size last 30m                 │
     ✗ clickstream-web-r…-eu-west-1 41.0K  7.8MiB 18.1GiB                        ⢰ │
     ✗ metrics-host-1m              11.8K  2.2MiB  9.0GiB                        ⢠ │
     ✗ orders                       10.3K  2.0MiB  4.5GiB                        ⢠ │
     ✗ payments                      9000  1.7MiB  9.0GiB                        ⢸ │
       audit-log                     4116  804KiB  2.3GiB                        ⢰ │
       inventory-changelog           2208  431KiB  4.5GiB                        ⢠ │
     ? pii-vault                       60 11.7KiB  2.2GiB                        ⢠ │
       orders-dlq                       0       0  1.1GiB                        ⢀ │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │

     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
}

#[test]
fn the_overview_of_a_healthy_cluster_is_grey() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      OK            brk 3/3     ctl 101 MkU3…M2Qk PROTECTED          7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >· brokers    3 of 3 up   1 2 3 ok                                          4
     · partitions all 9 in sync                                                 2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     · disk       fullest 50%                            1 /data/kafka-0        7
     · groups     none behind  of 1                                             3
     · moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                 now
       records in        660/s     660/s                                        ⣶
       bytes in       129KiB/s  129KiB/s                                        ⣶
       records out ~     600/s     600/s                                        ⣤
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
       orders               600  117KiB │   billing             4806↑   ~10s ok
       payments              60 11.7KiB │
                                        │
                                        │
                                        │
                                        │

     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
}

#[test]
fn each_screen_of_a_troubled_cluster() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.go_to(Screen::Topics);
    insta::assert_snapshot!(stage.body(), @"
     topics  8   4 bad  1 unknown                            sort level, name  live
       topic                       part rf faults    rec/s     B/s    size  keep grp
    >✗ clickstream-web-…-eu-west-1   48  3 min7 urp9 41.0K  7.8MiB 18.1GiB    7d   1
     ✗ metrics-host-1m               24  3 min3 urp5 11.8K  2.2MiB  9.0GiB    7d   1
     ✗ orders                        12  3 off2 min4 10.3K  2.0MiB  4.5GiB    7d   2
     ✗ payments                      24  3 min8       9000  1.7MiB  9.0GiB    7d   1
       audit-log                      6  3            4116  804KiB  2.3GiB    7d   1
       inventory-changelog           12  3            2208  431KiB  4.5GiB cmpct   0
       orders-dlq                     3  3               0       0  1.1GiB    7d   0
     ? pii-vault                      6  3              60 11.7KiB  2.2GiB     ?   0
    ");
    stage.go_to(Screen::Groups);
    insta::assert_snapshot!(stage.body(), @"
     groups  8   2 warn  1 unknown                           sort level, late  live
       group               t state    mbr    lag   late read/s   eta expires verdict
    >▲ nightly-report      c Empty      0  9.1M→    36m      …     …   6d23h stopped
     ▲ billing-export      c Stable     3  3.7M→ ~5m57s   6000 never   6d23h behind
       fraud-scoring       c Stable     3  1.1M→ ~1m58s   9600   29m   6d23h …
       search-indexer      n Stable     3  2.1M↑    51s      …     …   6d23h …
       orders-fulf…-svc-v2 c Stable     3 31.2K↑    ~3s  10.3K never   6d23h ok
       metrics-rollup      c Stable     3 35.4K↑    ~3s  11.8K never   6d23h ok
       new-audit-reader    c Stable     3  none       –      …     –       – n/c 6
     ? payments-recon      c Stable     3      ?      ?      ?     ?       ? denied
    ");
    stage.go_to(Screen::Brokers);
    insta::assert_snapshot!(stage.body(), @"
     brokers  5 of 6 up  racks 3  leader skew 65%              sort level, id  live
         id address                 rack  role  lead  repl  urp    size disk  in B/s
    >✗    3 kafka-3.eu.example:9092 eu-a  down     0    68   68       –    –       –
     ▲    2 kafka-2.eu.example:9092 eu-c  b       23    67   12 25.2GiB  87%  7.7MiB
          1 kafka-1.eu.example:9092 eu-b  b       22    66    9 24.8GiB  73%  7.7MiB
          4 kafka-4.eu.example:9092 eu-b  b       44    69    6 25.9GiB  73%  7.3MiB
          5 kafka-5.eu.example:9092 eu-c  b       22    68   11 25.6GiB  73%  7.3MiB
          6 kafka-6.eu.example:9092 eu-a  b       22    67   10 25.2GiB  73%  7.5MiB
        101 –                             c        –     –    –       –    –       –
        102 –                             c        –     –    –       –    –       –
        103 –                             c        –     –    –       –    –       –
    ");
}

#[test]
fn the_screens_of_brokers_work() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.go_to(Screen::Quorum);
    insta::assert_snapshot!(stage.body(), @"
     quorum  leader 101  epoch 42  high watermark 4182007  voters 3/3    majority 2
         id role        log end   lag last fetch  caught up directory id
    >   101 LEADER      4182007     0          –          – ZWVlZWVlZWVlZWVlZWVlZQ
        102 voter       4182007     0      210ms      210ms ZmZmZmZmZmZmZmZmZmZmZg
        103 voter       4182001     6      480ms      480ms Z2dnZ2dnZ2dnZ2dnZ2dnZw
          1 observer    4182007     0      300ms      300ms AQEBAQEBAQEBAQEBAQEBAQ
       lag of the slowest voter                                            ⣤  max 6
    ");
    stage.go_to(Screen::Reassignments);
    insta::assert_snapshot!(stage.body(), @"
    moves  0 of 0                                                 sort level, name
      finished in this session: 0
      partition            from    to      done                  left     B/s   eta
      No partition moves.
    ");
    stage.go_to(Screen::LogDirs);
    insta::assert_snapshot!(stage.body(), @"
     log dirs  5 on 5 brokers  ~3.8TiB used of 5.0TiB              sort level, used
       brk directory           used               free   total  repl per day full in
    >▲   2 /data/kafka-0       ████████▋   87%  133GiB  1.0TiB    67       …       –
         1 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    66       …       –
         4 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    69       …       –
         5 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    68       …       –
         6 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    67       …       –
    ── largest on 2 /data/kafka-0 ──────────────────────────────────────────────────
       partition                                   size share offset lag future
       orders-0                                  388MiB    1%          0
       orders-4                                  388MiB    1%          1
       orders-5                                  388MiB    1%          1
       orders-6                                  388MiB    1%          0
       orders-10                                 388MiB    1%          1
       orders-11                                 388MiB    1%          1
       clickstream-web-raw-eu-west-1-2           387MiB    1%          1
       clickstream-web-raw-eu-west-1-3           387MiB    1%          1
       clickstream-web-raw-eu-west-1-4           387MiB    1%          0
       clickstream-web-raw-eu-west-1-8           387MiB    1%          1
       clickstream-web-raw-eu-west-1-9           387MiB    1%          1
    ");
}

#[test]
fn a_minute_before_a_large_cluster_costs_what_the_table_says() {
    let mut stage = Stage::settled(Town::large(), 80, 24);
    stage.pass(90_000);
    let from = stage.millis().0;
    stage.asked.clear();
    stage.pass(60_000);
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (at, question) in &stage.asked {
        assert!(from <= *at);
        let (requests, items) = counted.entry(format!("{:?}", question.lane.kind)).or_default();
        *requests += 1;
        *items = (*items).max(question.ask.items());
    }
    let lines: Vec<String> = counted
        .iter()
        .map(|(kind, (requests, items))| format!("{kind} {requests} of {items}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    Ages 5 of 8
    Brokers 30 of 0
    Commits 36 of 200
    Groups 18 of 0
    LogDirs 3 of 0
    LogEnds 36 of 3830
    LogStarts 3 of 3830
    Metadata 6 of 0
    Moves 12 of 0
    Quorum 12 of 0
    ");
    assert!(stage.app.watch.store.bytes() < 64 << 20);
}

#[test]
fn no_size_of_the_window_is_too_small_for_any_screen() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    for screen in Screen::BAR {
        stage.go_to(screen);
        for (width, height) in [
            (20, 5),
            (1, 1),
            (39, 7),
            (40, 8),
            (59, 15),
            (60, 16),
            (119, 33),
            (300, 100),
            (150, 12),
        ] {
            stage.tell(Msg::Resize(width, height));
            let shown = stage.shown();
            assert!(shown.lines().all(|it| figures::cells(it) <= usize::from(width)), "{shown}");
        }
    }
}

#[test]
fn a_small_window_keeps_what_matters() {
    let mut stage = Stage::settled(Town::troubled(), 40, 12);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu  BAD 2 WARN 2               7s
     overview
       check      now
    >✗ brokers    5 of 6 up  3 DOWN
     ✗ partitions 2 offline  22 <min isr…
     · quorum     leader 101  epoch 42  …
     ▲ disk       fullest 87%
     ▲ groups     2 warn  3 unknown  of 8
     · moves      none


     Enter open  x faults  ! alerts  ? help
    ");
    stage.go_to(Screen::Topics);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu  BAD 2 WARN 2               4s
     topics  8   4 bad  1 unknown
       topic                 faults    rec/s
    >✗ clickstream-…u-west-1 min7 urp9 41.0K
     ✗ metrics-host-1m       min3 urp5 11.8K
     ✗ orders                off2 min4 10.3K
     ✗ payments              min8       9000
       audit-log                        4116
       inventory-changelog              2208
       orders-dlq                          0
     ? pii-vault                          60
     Enter open  / filter  s sort  ? help
    ");
    stage.tell(Msg::Resize(20, 5));
    insta::assert_snapshot!(stage.shown(), @"
    BAD 2 WARN 2    4s
    3 DOWN
    orders-7 offline
    2 disk 87%
    nightl…ort stopped
    ");
}

#[test]
fn before_the_first_answer_the_frame_stands() {
    let mut stage = Stage::open(Town::small(), 80, 24);
    insta::assert_snapshot!(stage.body(), @"
    overview                                                     ⠋  last 30m  live
      check      now                                    where                key
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …





      rates               now      peak -30m                                 now
      records in            …         …
      bytes in              …         …
      records out ~         …         …
      busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
                                       │
                                       │
                                       │
                                       │
                                       │
                                       │
    ");
    stage.go_to_at_once(Screen::Topics);
    insta::assert_snapshot!(stage.body(), @"
    topics  reading                                      ⠋  sort level, name  live
      topic                       part rf faults    rec/s     B/s    size  keep grp
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    ");
}

#[test]
fn an_empty_cluster_says_what_to_type() {
    let mut town = Town::small();
    town.topics.clear();
    town.groups.clear();
    let mut stage = Stage::settled(town, 80, 24);
    stage.go_to(Screen::Topics);
    insta::assert_snapshot!(stage.body(), @"
    topics  0                                               sort level, name  live
      topic                       part rf faults    rec/s     B/s    size  keep grp
      No topics on this cluster.
      Try: kt topics create orders
    ");
    stage.go_to(Screen::Groups);
    insta::assert_snapshot!(stage.body(), @"
    groups  0                                               sort level, late  live
      group               t state    mbr    lag   late read/s   eta expires verdict
      No groups on this cluster.  A group exists from its first join or commit.
      Try: kt consume orders -g test
    ");
}

#[test]
fn what_fails_is_one_line_and_the_last_good_values_stay() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.silent.extend([Kind::LogEnds, Kind::LogDirs]);
    stage.pass(12_000);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      UNKNOWN       brk 3/3     ctl 101 MkU3…M2Qk PROTECTED   stale 14s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >· brokers    3 of 3 up   1 2 3 ok                                          4
     · partitions all 9 in sync                                                 2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     ? disk       fullest 50%                            1 /data/kafka-0        7
     ? groups     none behind  of 1                                             3
     · moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                 now
       records in        660/s     660/s                                        ⣶
       bytes in       129KiB/s  129KiB/s                                        ⣶
       records out ~     600/s     600/s                                        ⣤
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
     ? orders                 …       … │ ? billing                0       0 ok
     ? payments               …       … │
                                        │
                                        │
                                        │
                                        │
     ▲ stale 14s: 0 of 3 brokers answer; shown as of 15:00:28               r retry
     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
    stage.town.silent.extend(Kind::ALL);
    stage.pass(60_000);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 1         brk 3/3     ctl 101 MkU3…M2Qk PROTECTED STALE 1m14s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >✗ brokers    none answers for 1m00s                                        4
     ? partitions all 9 in sync                                                 2
     ? quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     ? disk       fullest 50%                            1 /data/kafka-0        7
     ? groups     none behind  of 1                                             3
     ? moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                 now
       records in        660/s     660/s                                      ⢰⡆
       bytes in       129KiB/s  129KiB/s                                      ⢰⡆
       records out ~     600/s     600/s                                      ⢠⡄
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
     ? orders                 …       … │ ? billing                0       0 ok
     ? payments               …       … │
                                        │
                                        │
                                        │
                                        │
     ✗ STALE 1m14s: no broker answers (unreachable ×5, next in 29s)         r retry
     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
    stage.town.silent.clear();
    stage.type_keys("r");
    stage.pass(12_000);
    assert!(stage.shown().contains("OK"), "{}", stage.shown());
}

#[test]
fn what_is_denied_is_greyed_and_explained_on_demand() {
    let mut town = Town::small();
    town.refused.insert(Kind::LogDirs);
    let mut stage = Stage::settled(town, 80, 24);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      UNKNOWN       brk 3/3     ctl 101 MkU3…M2Qk PROTECTED          7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >· brokers    3 of 3 up   1 2 3 ok                                          4
     · partitions all 9 in sync                                                 2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     ? disk       not authorized                                                7
     · groups     none behind  of 1                                             3
     · moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                 now
       records in        660/s     660/s                                        ⣶
       bytes in              ?         ?
       records out ~     600/s     600/s                                        ⣤
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
       orders               600       ? │   billing             4806↑   ~10s ok
       payments              60       ? │
                                        │
                                        │
                                        │
                                        │
     ✗ authorization: DescribeLogDirs denied; sizes and disks unknown     d details
     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
    stage.type_keys("d");
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      UNKNOWN       brk 3/3     ctl 101 MkU3…M2Qk PROTECTED          7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
    ── brokers ─────────────────────────────────────────────────────────────────────
     check: brokers
     level: ok
     now: 3 of 3 up  1 2 3 ok
     where: null

     what fails:
     broker 1: LogDirs: CLUSTER_AUTHORIZATION_FAILED from DescribeLogDirs
     broker 2: LogDirs: CLUSTER_AUTHORIZATION_FAILED from DescribeLogDirs
     broker 3: LogDirs: CLUSTER_AUTHORIZATION_FAILED from DescribeLogDirs








     Esc closes  j k scroll
     ✗ authorization: DescribeLogDirs denied; sizes and disks unknown     d details
     Enter open  x faults  ! alerts  < > window  f freeze  a undo  ? help  q quit
    ");
    let asked = stage.asked.len();
    stage.pass(20_000);
    let again = stage.asked[asked..].iter().filter(|it| it.1.lane.kind == Kind::LogDirs).count();
    assert_eq!(again, 0, "what is denied is asked again only on r");
}

#[test]
fn keys_filter_sort_and_open() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.type_keys("2");
    stage.type_keys("/^pa");
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          2s
     1 over[2 topics]3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     topics  1 of 8   4 bad  1 unknown                 /^pa  sort level, name  live
       topic                       part rf faults    rec/s     B/s    size  keep grp
    >✗ payments                      24  3 min8       9000  1.7MiB  9.0GiB    7d   1

















     /^pa                                     1 of 8  Enter keep  Esc clear  /! not
     Enter open  / filter  s sort  x faults  i internal  n new  a actions  ? help
    ");
    stage.type_keys("<Enter>");
    insta::assert_snapshot!(stage.body(), @"
     topics  1 of 8   4 bad  1 unknown                 /^pa  sort level, name  live
       topic                       part rf faults    rec/s     B/s    size  keep grp
    >✗ payments                      24  3 min8       9000  1.7MiB  9.0GiB    7d   1
    ");
    stage.type_keys("<Esc>");
    stage.type_keys("sss");
    insta::assert_snapshot!(stage.body().lines().next().unwrap(), @" topics  8   4 bad  1 unknown                                  sort rec/s  live");
    stage.type_keys("x");
    insta::assert_snapshot!(stage.body().lines().next().unwrap(), @" topics  5 of 8   4 bad  1 unknown                faults only  sort rec/s  live");
    stage.type_keys("1");
    stage.type_keys("j<Enter>");
    assert_eq!(stage.app.screen, Screen::Topics);
    insta::assert_snapshot!(stage.body(), @"
     topics  5 of 8   4 bad  1 unknown                faults only  sort rec/s  live
       topic                       part rf faults    rec/s     B/s    size  keep grp
     ✗ clickstream-web-…-eu-west-1   48  3 min7 urp9 41.0K  7.8MiB 18.1GiB    7d   1
     ✗ metrics-host-1m               24  3 min3 urp5 11.8K  2.2MiB  9.0GiB    7d   1
    >✗ orders                        12  3 off2 min4 10.3K  2.0MiB  4.5GiB    7d   2
     ✗ payments                      24  3 min8       9000  1.7MiB  9.0GiB    7d   1
     ? pii-vault                      6  3              60 11.7KiB  2.2GiB     ?   0
    ");
    stage.type_keys("-");
    assert_eq!(stage.app.screen, Screen::Overview);
}

#[test]
fn the_command_line_completes_and_goes() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.type_keys(":gro");
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >✗ brokers    5 of 6 up   1 2 4 5 6 ok   3 DOWN      3 kafka-3.eu…092 30s   4
     ✗ partitions 2 offline  22 <min isr  14 urp         orders-7               2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     ▲ disk       fullest 87%                            2 /data/kafka-0        7
     ▲ groups     2 warn  3 unknown  of 8                nightly-report         3
     · moves      none                                                          6

       rates               now      peak -30m                                 now
       records in      78.5K/s   78.5K/s                                        ⣶
       bytes in      15.0MiB/s 15.0MiB/s                                        ⣶
       records out ~   37.7K/s   37.7K/s                                        ⣶
    >groups                       all groups
     group                 NAME   one group
     groups reset          GROUP  plan and reset offsets (1)
     groups delete         GROUP  delete groups and their offsets (2)
     groups delete-offsets GROUP  delete committed offsets (1)
     groups remove-member  GROUP  remove a member (1)
     groups list                  all groups
     groups describe       GROUP  one group
     :gro                                                   Tab complete  Enter run
    ");
    stage.type_keys("<Tab><Enter>");
    assert_eq!(stage.app.screen, Screen::Groups);
    stage.type_keys(":nosuch<Enter>");
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" :nosuch is no screen and no command; Tab shows all");
    stage.type_keys(":<Up><Up><Enter>");
    assert_eq!(stage.app.screen, Screen::Groups);
    stage.type_keys(":q<Enter>");
    assert!(matches!(stage.done.as_slice(), [Effect::Quit]));
}

#[test]
fn a_frozen_picture_stands_while_questions_go_on() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("2f");
    let before = stage.body();
    let asked = stage.asked.len();
    stage.pass(190_000);
    assert_eq!(stage.body(), before);
    assert!(asked < stage.asked.len());
    insta::assert_snapshot!(stage.shown().lines().next().unwrap(), @" prod-eu      OK            brk 3/3     ctl 101 MkU3…M2Qk PROTECTED frozen 3m10s");
    stage.type_keys("f");
    assert_ne!(stage.body(), before);
}

#[test]
fn nothing_is_asked_while_nobody_can_look() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.tell(Msg::Suspended);
    let asked = stage.asked.len();
    stage.pass(60_000);
    assert_eq!(stage.asked.len(), asked);
    stage.tell(Msg::Resumed);
    assert!(asked < stage.asked.len());
}

#[test]
fn a_protected_context_is_unlocked_by_its_name_and_locks_again() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("uprod<Enter>");
    assert!(stage.app.is_locked());
    stage.type_keys("uprod-eu<Enter>");
    assert!(stage.app.is_unlocked());
    stage.pass(300_001);
    assert!(stage.app.is_locked());
    // While it is stopped anybody may come.
    stage.type_keys("uprod-eu<Enter>");
    stage.tell(Msg::Suspended);
    assert!(stage.app.is_locked());
    stage.tell(Msg::Resumed);
    // While the machine sleeps our own clock may stand still, and the first that comes is a key.
    stage.type_keys("uprod-eu<Enter>");
    assert!(stage.app.is_unlocked());
    let now = stage.app.now;
    let later = Now { wall: Timestamp(now.wall.0 + 300_000), ..now };
    stage.app.update(later, Msg::Key(Key::Char('a')), &mut Vec::new());
    assert!(stage.app.is_locked());
}

#[test]
fn a_lost_broker_is_a_row_at_once() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.down.insert(2);
    stage.pass(4_000);
    let shown = stage.shown();
    assert!(shown.contains("2 of 3 up") && shown.contains("BAD"), "{shown}");
    stage.type_keys("4");
    insta::assert_snapshot!(stage.body(), @"
     brokers  2 of 3 up  racks 3  leader skew 33%              sort level, id  live
         id address                 rack  role  lead  repl  urp    size disk  in B/s
    >✗    2 kafka-2.eu.example:9092 eu-c  down     0     9    9  3.4GiB  50%       –
          1 kafka-1.eu.example:9092 eu-b  b        3     9    0  3.4GiB  50%  129KiB
          3 kafka-3.eu.example:9092 eu-a  b        6     9    0  3.4GiB  50%  129KiB
        101 –                             c        –     –    –       –    –       –
        102 –                             c        –     –    –       –    –       –
        103 –                             c        –     –    –       –    –       –
    ");
}

#[test]
fn alerts_are_what_the_checks_and_the_rules_say() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.type_keys("!");
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          2s
     1 over 2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs[9 alerts]
     alerts  2 bad  2 warn  of 6 subjects, 6 rules            built-in checks alone
       level rule             subject                value    limit since sent
    >✗ bad   brokers          broker 3                down       up   30s –
     ✗ bad   partitions       orders-7 +23           2 off        0   29s –
     ▲ warn  disk             2 /data/kafka-0          87%      80%   29s –
     ▲ warn  groups           nightly-report +1    stopped       ok   29s –
     · ok    quorum           101                    lag 6      100     – –
     · ok    moves            all                     none     none     – –
    ── events ──────────────────────────────────────────────────────────────────────
       time +01:00    what
       15:00:01.005   ▲ groups fired: nightly-report stopped
       15:00:01.005   ▲ disk fired: 2 /data/kafka-0 87%
       15:00:01.005   ✗ partitions fired: orders-7 2 off, +23
       15:00:00.005   ✗ brokers fired: broker 3 down







     Enter subject  Tab events  d rule  a mute, test, reload  ? help  q quit
    ");
    stage.type_keys("am");
    insta::assert_snapshot!(stage.body().lines().nth(2).unwrap(), @">✗ bad   brokers          broker 3                down       up   30s muted 2h");
    stage.type_keys("j<Enter>");
    assert_eq!(stage.app.screen, Screen::Topic);
}

#[test]
fn every_theme_shows_the_same_text() {
    let mut stage = Stage::settled(Town::troubled(), 160, 50);
    for screen in Screen::BAR {
        stage.go_to(screen);
        let glyphs = Glyphs::Unicode;
        let dark = stage.in_theme(Theme { palette: Palette::Dark, glyphs });
        for palette in [Palette::Light, Palette::Sixteen, Palette::Mono] {
            assert_eq!(stage.in_theme(Theme { palette, glyphs }), dark);
        }
        let ascii = stage.in_theme(Theme { palette: Palette::Mono, glyphs: Glyphs::Ascii });
        assert!(ascii.is_ascii(), "{ascii}");
    }
}

/// How long a picture takes: `cargo test --release -p kt-cli -- --ignored --nocapture frame_of`.
#[test]
#[ignore = "a measurement"]
fn frame_of_a_large_cluster() {
    let mut stage = Stage::settled(Town::large(), 80, 24);
    for (screen, size) in [
        (Screen::Overview, (80, 24)),
        (Screen::Overview, (160, 50)),
        (Screen::Topics, (160, 50)),
        (Screen::Groups, (160, 50)),
    ] {
        stage.tell(Msg::Resize(size.0, size.1));
        stage.go_to(screen);
        stage.pass(10_000);
        let mut took: Vec<Duration> = (0..200)
            .map(|_| {
                let began = Instant::now();
                stage.draw();
                began.elapsed()
            })
            .collect();
        took.sort();
        println!("{screen:?} {size:?}: median {:?}, slowest {:?}", took[100], took[199]);
    }
    for screen in [Screen::Overview, Screen::Topics, Screen::Groups] {
        stage.go_to(screen);
        stage.pass(10_000);
        stage.spent = Spent::default();
        stage.pass(60_000);
        println!("a minute of {screen:?} at 160x50: {:?}", stage.spent);
    }
    println!("history: {} KiB", stage.app.watch.store.bytes() >> 10);
}

#[test]
fn charts_end_where_the_user_goes() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("@-10s<Enter>");
    assert!(!stage.app.view.is_live());
    insta::assert_snapshot!(stage.body().lines().next().unwrap(), @" overview                                                    last 30m  to 15:00");
    stage.type_keys("@nonsense<Enter>");
    assert!(stage.app.message.as_ref().is_some_and(|it| it.text.starts_with("@nonsense: ")));
    stage.type_keys("@2099-01-01<Enter>");
    assert!(stage.app.message.as_ref().is_some_and(|it| it.text.ends_with("has not come yet")));
    stage.type_keys("@latest<Enter>");
    assert!(stage.app.view.is_live());
}

#[test]
fn ctrl_z_stops_no_broker() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.done.clear();
    stage.type_keys("<C-z>");
    assert!(matches!(stage.done[..], [Effect::Suspend]), "{:?}", stage.done);
    stage.app.setting.brokers = Brokers::InThisProcess;
    stage.done.clear();
    stage.type_keys("<C-z>");
    assert!(stage.done.is_empty(), "{:?}", stage.done);
    assert!(stage.shown().contains("Ctrl-Z would stop the broker too: q ends both"));
}
