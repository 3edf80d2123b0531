//! The whole dashboard, driven by keys, before a cluster that answers.

use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

#[test]
fn the_overview_of_a_troubled_cluster() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          7s
    [1 over]2 topics 3 groups 4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     overview                                                        last 30m  live
       check      now                                    where                key
    >✗ brokers    5 of 6 up  1 2 4 5 6 ok  3 DOWN        3 kafka-3.eu.exampl…   4
     ✗ partitions 2 offline  22 <min isr  14 urp  52 ur… orders-7               2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     ▲ disk       fullest 87%                            2 /data/kafka-0        7
     ▲ groups     1 warn  of 7                           nightly-report         3
     · moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                   now
       records in      78.5K/s   78.5K/s                                          ⣶
       bytes in      15.0MiB/s 15.0MiB/s                                          ⣶
       records out ~   37.7K/s   37.7K/s                                          ⣶
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
     ✗ clickstream…west-1 41.0K  7.8MiB │ ▲ nightly-report      9.1M→    36m stopped
     ✗ metrics-host-1m    11.8K  2.2MiB │ ? payments-recon          ?      ? ?
     ✗ orders             10.3K  2.0MiB │   billing-export         ?    >29s …
     ✗ payments            9000  1.7MiB │   fraud-scoring       1.1M→   >29s …
       audit-log           4116  804KiB │   search-indexer      1.9M↑   >29s …
       inventory-c…ngelog  2208  431KiB │   metrics-rollup     94.4K↑   ~10s ok

     Enter open  x faults  ! alerts  < > window  f freeze  a actions  ? help  q quit
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
    >✗ brokers    5 of 6 up  1 2 4 5 6 ok  3 DOWN        3 kafka-3.eu.exampl…   4  │ ✗    3 kafka-3.eu.…le:9092 eu-a  fenc     0    68    –       –
     ✗ partitions 2 offline  22 <min isr  14 urp  52 ur… orders-7               2  │ ▲    2 kafka-2.eu.…le:9092 eu-c  b       23    67  87%  7.7MiB                ⢰
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5  │      1 kafka-1.eu.…le:9092 eu-b  b       22    66  73%  7.7MiB                ⢰
     ▲ disk       fullest 87%                            2 /data/kafka-0        7  │      4 kafka-4.eu.…le:9092 eu-b  b       44    69  73%  7.3MiB                ⢰
     ▲ groups     1 warn  of 7                           nightly-report         3  │      5 kafka-5.eu.…le:9092 eu-c  b       22    68  73%  7.3MiB                ⢰
     · moves      none; no throttle left behind                                 6  │      6 kafka-6.eu.…le:9092 eu-a  b       22    67  73%  7.5MiB                ⢰
    ── records in  78.5K/s  peak 78.5K/s ──────────────────────────────────────────│── alerts now ──────────────────────────────────────────────────────────────────
        100K                                                                       │   level rule          subject                              since
                                                                               ⢰⣶  │ ✗ bad   brokers       3 kafka-3.eu.example:9092 30s         30s
                                                                               ⢸⣿  │ ✗ bad   partitions    orders-7                              29s
                                                                               ⢸⣿  │ ▲ warn  disk          2 /data/kafka-0                       29s
                                                                               ⢸⣿  │ ▲ warn  groups        nightly-report                        29s
                                                                               ⢸⣿  │
           0 -30m                                                             now  │
    ── bytes in  15.0MiB/s  peak 15.0MiB/s ────────────────────────────────────────│
     19.1MiB                                                                       │
                                                                               ⢰⣶  │
                                                                               ⢸⣿  │
                                                                               ⢸⣿  │── groups furthest behind ──────────────────────────────────────────────────────
                                                                               ⢸⣿  │   group                       lag   late   eta expires verdict lag, last 30m
                                                                               ⢸⣿  │ ▲ nightly-report            9.1M→    36m     …   6d23h stopped                ⢸
           0 -30m                                                             now  │ ? payments-recon                ?      ?     ?       ? ?
    ── records out ~  37.7K/s  peak 37.7K/s ───────────────────────────────────────│   billing-export               ?    >29s     …   6d23h …
       50.0K                                                                       │   fraud-scoring             1.1M→   >29s   31m   6d23h …                      ⢠
                                                                                ⣤  │   search-indexer            1.9M↑   >29s     …   6d23h …                      ⢰
                                                                                ⣿  │   metrics-rollup           94.4K↑   ~10s never   6d23h ok                     ⢰
                                                                                ⣿  │   orders-fulfilment-svc-v2     ?    ~10s     …   6d23h …
                                                                                ⣿  │   new-audit-reader          none       –     –       – ok
                                                                                ⣿  │
           0 -30m                                                             now  │
    ── busiest topics ─────────────────────────────────────────────────────────────│
       topic                         rec/s     B/s    size last 30m                │
     ✗ clickstream-web-raw-eu-west-1 41.0K  7.8MiB 18.1GiB                        ⢰│
     ✗ metrics-host-1m               11.8K  2.2MiB  9.0GiB                        ⢠│
     ✗ orders                        10.3K  2.0MiB  3.8GiB                        ⢠│
     ✗ payments                       9000  1.7MiB  9.0GiB                        ⢸│
       audit-log                      4116  804KiB  2.3GiB                        ⢰│
       inventory-changelog            2208  431KiB  4.5GiB                        ⢠│
     ? pii-vault                        60 11.7KiB  2.2GiB                        ⢠│
       orders-dlq                        0       0  1.1GiB                        ⢀│
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │

     Enter open  x faults  ! alerts  < > window  f freeze  a actions  ? help  q quit
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
    >· brokers    3 of 3 up  1 2 3 ok                                           4
     · partitions all 9 in sync                                                 2
     · quorum     leader 101  epoch 42  voters 3/3 lag 6                        5
     · disk       fullest 50%                            1 /data/kafka-0        7
     · groups     none behind  of 1                                             3
     · moves      none; no throttle left behind                                 6

       rates               now      peak -30m                                   now
       records in        660/s     660/s                                          ⣶
       bytes in       129KiB/s  129KiB/s                                          ⣶
       records out ~     600/s     600/s                                          ⣤
       busiest topics     rec/s     B/s │   furthest behind       lag   late verdict
       orders               600  117KiB │   billing             4806↑    10s ok
       payments              60 11.7KiB │
                                        │
                                        │
                                        │
                                        │

     Enter open  x faults  ! alerts  < > window  f freeze  a actions  ? help  q quit
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
     ✗ orders                        12  3 off2 min4 10.3K  2.0MiB  3.8GiB    7d   2
     ✗ payments                      24  3 min8       9000  1.7MiB  9.0GiB    7d   1
     ? pii-vault                      6  3              60 11.7KiB  2.2GiB     ?   0
       audit-log                      6  3            4116  804KiB  2.3GiB    7d   1
       inventory-changelog           12  3            2208  431KiB  4.5GiB cmpct   0
       orders-dlq                     3  3               0       0  1.1GiB    7d   0
    ");
    stage.go_to(Screen::Groups);
    insta::assert_snapshot!(stage.body(), @"
     groups  8   1 warn  1 unknown                           sort level, late  live
       group               t state    mbr    lag   late read/s   eta expires verdict
    >▲ nightly-report      c Empty      0  9.1M→    37m      …     …   6d23h stopped
     ? payments-recon      c Stable     3      ?      ?      ?     ?       ? denied
       billing-export      c Stable     3     ?    >33s   6000     …   6d23h …
       fraud-scoring       c Stable     3  1.1M→   >33s   9600   29m   6d23h …
       search-indexer      n Stable     3  2.1M↑   >33s      …     …   6d23h …
       orders-fulf…-svc-v2 c Stable     3     ?     ~4s  10.3K     …   6d23h …
       metrics-rollup      c Stable     3 35.4K↑    ~4s  11.8K never   6d23h ok
       new-audit-reader    c Stable     3  none       –      …     –       – n/c 6
    ");
    stage.go_to(Screen::Brokers);
    insta::assert_snapshot!(stage.body(), @"
     brokers  5 of 6 up                                        sort level, id  live
         id address                 rack  role  lead  repl  urp    size disk  in B/s
    >✗    3 kafka-3.eu.example:9092 eu-a  fenc     0    68   68       …    –       –
     ▲    2 kafka-2.eu.example:9092 eu-c  b       23    67   12 25.2GiB  87%  7.7MiB
          1 kafka-1.eu.example:9092 eu-b  b       22    66    9 24.8GiB  73%  7.7MiB
          4 kafka-4.eu.example:9092 eu-b  b       44    69    6 25.9GiB  73%  7.3MiB
          5 kafka-5.eu.example:9092 eu-c  b       22    68   11 25.6GiB  73%  7.3MiB
          6 kafka-6.eu.example:9092 eu-a  b       22    67   10 25.2GiB  73%  7.5MiB
    ");
    stage.go_to(Screen::Quorum);
    insta::assert_snapshot!(stage.body(), @"
     quorum  leader 101  epoch 42  high watermark 4182007  voters 3/3    majority 2
         id role        log end   lag last fetch  caught up directory id
    >   101 LEADER      4182007     0          –          – ZWVlZWVlZWVlZWVlZWVlZQ
        102 voter       4182007     0         3s         3s ZmZmZmZmZmZmZmZmZmZmZg
        103 voter       4182001     6         3s         3s Z2dnZ2dnZ2dnZ2dnZ2dnZw
          1 observer    4182007     0         3s         3s AQEBAQEBAQEBAQEBAQEBAQ
       lag of the slowest voter                                            ⣤  max 6
    ");
    stage.go_to(Screen::Reassignments);
    insta::assert_snapshot!(stage.body(), @"
    moves  0 of 0                                           sort level, name  live
      started by: unknown tool (no kt journal)   finished in this session: 0
      partition            from    to      done                  left     B/s   eta
      No partition moves.
    ");
    stage.go_to(Screen::LogDirs);
    insta::assert_snapshot!(stage.body(), @"
     log dirs  5 on 5 brokers  3.8TiB used of 5.0TiB         sort level, used  live
       brk directory           used               free   total  repl per day full in
    >▲   2 /data/kafka-0       ████████▋   87%  133GiB  1.0TiB    67       …       –
         1 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    66       …       –
         4 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    69       …       –
         5 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    68       …       –
         6 /data/kafka-0       ███████▎    73%  276GiB  1.0TiB    67       …       –
    ── largest on 2 /data/kafka-0 ──────────────────────────────────────────────────
       partition                                   size share offset lag future
       orders-0                                  389MiB    1%          0
       orders-10                                 389MiB    1%          1
       orders-11                                 389MiB    1%          1
       orders-4                                  389MiB    1%          1
       orders-5                                  389MiB    1%          1
       orders-6                                  389MiB    1%          0
       clickstream-web-raw-eu-west-1-10          388MiB    1%          0
       clickstream-web-raw-eu-west-1-14          388MiB    1%          1
       clickstream-web-raw-eu-west-1-15          388MiB    1%          1
       clickstream-web-raw-eu-west-1-16          388MiB    1%          0
       clickstream-web-raw-eu-west-1-2           388MiB    1%          1
    ");
}
