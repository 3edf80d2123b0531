//! The group screen, drawn.

use kt_client::admin::GroupState;

use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};
use crate::tui::view::theme::{Glyphs, Theme};

fn group(town: Town, name: &str, width: u16, height: u16) -> Stage {
    let mut stage = Stage::settled(town, width, height);
    stage.go(&Target::about(Screen::Group, About::Group(name.to_owned())));
    stage.pass(61_000);
    stage
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(group(Town::troubled(), "billing-export", 80, 24).shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3…M2Qk PROTECTED          3s
     1 over 2 topics[3 groups]4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     billing-export  classic  Stable  3 members  coordinator 1      sort level, lag
     ▲ behind: the oldest unread record of orders-0 is ~6m28s old, 4.0M records ar…
       lag 4.0M↑  late ~6m28s  in 10.3K/s  read 6000/s  assignor cooperative-sticky
       lag 5M                                                             ⢀⣀⣀⣠
                                                                          ⢸⣿⣿⣿
       0                                                                  ⢸⣿⣿⣿
               -30m                                                        now
     [partitions 12]  members 3
       topic           part  committed    lag   late read/s expires member
    >▲ orders             0    1695000  401K↑ ~6m28s    500   6d23h billing-export-1
     ▲ orders             1    1695000  401K↑ ~6m28s    500   6d23h billing-export-2
     ▲ orders             2    1695000  401K↑ ~6m28s    500   6d23h billing-export-3
     ▲ orders             3    1695000  401K↑ ~6m28s    500   6d23h billing-export-1
     ▲ orders             4    1695000  401K↑ ~6m28s    500   6d23h billing-export-2
     ▲ orders             5    1695000  401K↑ ~6m28s    500   6d23h billing-export-3
       orders             6    1695000  401K↑   >33s    500   6d23h billing-export-1
       orders             9    1695000  401K↑   >33s    500   6d23h billing-export-1
       orders            10    1695000  401K↑   >33s    500   6d23h billing-export-2
       orders            11    1695000  401K↑   >33s    500   6d23h billing-export-3
       orders             7    1695000     ?       –    500       – billing-export-2

     Enter records at commit  Tab members  < > window  s sort  a actions  ? help
    ");
}

#[test]
fn at_160_columns_panes_stand_side_by_side() {
    let mut stage = group(Town::troubled(), "billing-export", 160, 50);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                                                             3s
     1 over 2 topics[3 groups]4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     billing-export  classic  Stable  3 members  coordinator 1                                                                                      sort level, lag
     ▲ behind: the oldest unread record of orders-0 is ~6m28s old, 4.0M records are unread, and lag grows (eta never)
       lag 4.0M↑  late ~6m28s  in 10.3K/s  read 6000/s  assignor cooperative-sticky
       lag 5M                                                                          20K/s
                                                                           ⢀⣠
                                                                         ⢰⣾⣿⣿
                                                                         ⢸⣿⣿⣿                                                                             ⢀⣀⣀⣀
                                                                         ⢸⣿⣿⣿
                                                                         ⢸⣿⣿⣿                                                                              ⣤⣤⣤
                                                                         ⢸⣿⣿⣿                                                                              ⣿⣿⣿
       0                                                                 ⢸⣿⣿⣿          0                                                                   ⣿⣿⣿
               -30m                                                       now                  -30m        read/s  in/s                                    now
    ── partitions 12 ──────────────────────────────────────────────────────────────│── members 3 ───────────────────────────────────────────────────────────────────
       topic              part  committed        end    lag   late read/s expires  │   client           host              part    lag read/s assigned
    >▲ orders                0    1695000    2096079  401K↑ ~6m28s    500   6d23h  │ ▲ billing-export-1 10.0.4.17            4  1.6M↑   2000 orders:0,3,6,9
     ▲ orders                1    1695000    2096079  401K↑ ~6m28s    500   6d23h  │ ▲ billing-export-2 10.0.4.18            4  1.2M↑   2000 orders:1,4,7,10
     ▲ orders                2    1695000    2096079  401K↑ ~6m28s    500   6d23h  │ ▲ billing-export-3 10.0.4.19            4  1.2M↑   2000 orders:2,5,8,11
     ▲ orders                3    1695000    2096079  401K↑ ~6m28s    500   6d23h  │
     ▲ orders                4    1695000    2096079  401K↑ ~6m28s    500   6d23h  │
     ▲ orders                5    1695000    2096079  401K↑ ~6m28s    500   6d23h  │
       orders                6    1695000    2096079  401K↑   >33s    500   6d23h  │
       orders                9    1695000    2096079  401K↑   >33s    500   6d23h  │
       orders               10    1695000    2096079  401K↑   >33s    500   6d23h  │
       orders               11    1695000    2096079  401K↑   >33s    500   6d23h  │
       orders                7    1695000          …     ?       –    500       –  │
       orders                8    1695000          …     ?       –    500       –  │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │

     Enter records at commit  Tab members  < > window  s sort  a actions  ? help
    ");
}

#[test]
fn at_160_columns_in_ascii_another_pane_has_the_focus() {
    let mut stage = group(Town::troubled(), "billing-export", 160, 50);
    stage.type_keys("<Tab>");
    let in_ascii = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
    insta::assert_snapshot!(stage.in_theme(in_ascii), @"
     prod-eu      BAD 2 WARN 2  brk 5/6     ctl 101 MkU3OEVBNTcwNTJENDM2Qk PROTECTED                                                                             3s
     1 over 2 topics[3 groups]4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     billing-export  classic  Stable  3 members  coordinator 1                                                                                      sort level, lag
     ! behind: the oldest unread record of orders-0 is ~6m28s old, 4.0M records are unread, and lag grows (eta never)
       lag 4.0M^  late ~6m28s  in 10.3K/s  read 6000/s  assignor cooperative-sticky
       lag 5M                                                                          20K/s

                                                                         ####
                                                                         ####
                                                                         ####                                                                             ----
                                                                         ####                                                                              ##
                                                                         ####                                                                              ###
       0                                                                 ####          0                                                                   ###
               -30m                                                       now                  -30m        read/s  in/s                                    now
    -- partitions 12 --------------------------------------------------------------|-- members 3 -------------------------------------------------------------------
       topic              part  committed        end    lag   late read/s expires  |   client           host              part    lag read/s assigned
     ! orders                0    1695000    2096079  401K^ ~6m28s    500   6d23h  |>! billing-export-1 10.0.4.17            4  1.6M^   2000 orders:0,3,6,9
     ! orders                1    1695000    2096079  401K^ ~6m28s    500   6d23h  | ! billing-export-2 10.0.4.18            4  1.2M^   2000 orders:1,4,7,10
     ! orders                2    1695000    2096079  401K^ ~6m28s    500   6d23h  | ! billing-export-3 10.0.4.19            4  1.2M^   2000 orders:2,5,8,11
     ! orders                3    1695000    2096079  401K^ ~6m28s    500   6d23h  |
     ! orders                4    1695000    2096079  401K^ ~6m28s    500   6d23h  |
     ! orders                5    1695000    2096079  401K^ ~6m28s    500   6d23h  |
       orders                6    1695000    2096079  401K^   >33s    500   6d23h  |
       orders                9    1695000    2096079  401K^   >33s    500   6d23h  |
       orders               10    1695000    2096079  401K^   >33s    500   6d23h  |
       orders               11    1695000    2096079  401K^   >33s    500   6d23h  |
       orders                7    1695000          ~     ?       -    500       -  |
       orders                8    1695000          ~     ?       -    500       -  |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |
                                                                                   |

     Enter records at commit  Tab members  < > window  s sort  a actions  ? help
    ");
}

#[test]
fn members_say_what_they_have() {
    let mut stage = group(Town::troubled(), "fraud-scoring", 80, 24);
    stage.type_keys("<Tab>");
    insta::assert_snapshot!(stage.body(), @"
     fraud-scoring  classic  Stable  3 members  coordinator 2       sort level, lag
     ? not known yet: what is unread is older than we have watched
       lag 1.0M→  late ~1m54s  in 9000/s  read 9600/s  assignor cooperative-sticky
       lag 2M
                                                                          ⢰⣦⣤⣤
       0                                                                  ⢸⣿⣿⣿
               -30m                                                        now
     partitions 24  [members 3]
       client               host            member id             part    lag  since
    >  fraud-scoring-1      10.0.4.17       fraud-scoring-0-uuid     8  343K→ >1m02s
       fraud-scoring-2      10.0.4.18       fraud-scoring-1-uuid     8  343K→ >1m02s
       fraud-scoring-3      10.0.4.19       fraud-scoring-2-uuid     8  343K→ >1m02s
    ");
    let mut stage = group(Town::troubled(), "fraud-scoring", 120, 24);
    insta::assert_snapshot!(stage.body(), @"
     fraud-scoring  classic  Stable  3 members  coordinator 2                                               sort level, lag
     ? not known yet: what is unread is older than we have watched
       lag 1.0M→  late ~1m54s  in 9000/s  read 9600/s  assignor cooperative-sticky
       lag 2M
                                                                                                                ⢰⣶⣦⣤⣤⣤
       0                                                                                                        ⢸⣿⣿⣿⣿⣿
               -30m                                                                                                now
     [partitions 24]  members 3
       topic                part  committed        end    lag   late read/s expires member                   host
    >  payments                0    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-1          10.0.4.17
       payments                1    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-2          10.0.4.18
       payments                2    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-3          10.0.4.19
       payments                3    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-1          10.0.4.17
       payments                4    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-2          10.0.4.18
       payments                5    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-3          10.0.4.19
       payments                6    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-1          10.0.4.17
       payments                7    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-2          10.0.4.18
       payments                8    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-3          10.0.4.19
       payments                9    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-1          10.0.4.17
       payments               10    1992000    2034878 42.9K→ ~1m54s    400   6d23h fraud-scoring-2          10.0.4.18
    ");
}

#[test]
fn nobody_reads_what_a_group_without_members_has_left() {
    insta::assert_snapshot!(group(Town::troubled(), "nightly-report", 80, 24).body(), @"
     nightly-report  classic  Empty  0 members  coordinator 6       sort level, lag
     ▲ stopped: no member reads, 9.4M records are unread, most of audit-log-0, 37m…
       lag 9.4M→  late 37m  in 4116/s  read 0/s  assignor cooperative-sticky
       lag 10M                                                            ⢰⣶⣶⣶
                                                                          ⢸⣿⣿⣿
       0                                                                  ⢸⣿⣿⣿
               -30m                                                        now
     [partitions 6]  members 0
       topic           part  committed    lag   late read/s expires member
    >▲ audit-log          0     500000  1.6M→    37m      0   6d23h nobody
     ▲ audit-log          1     500000  1.6M→    37m      0   6d23h nobody
     ▲ audit-log          2     500000  1.6M→    37m      0   6d23h nobody
     ▲ audit-log          3     500000  1.6M→    37m      0   6d23h nobody
     ▲ audit-log          4     500000  1.6M→    37m      0   6d23h nobody
     ▲ audit-log          5     500000  1.6M→    37m      0   6d23h nobody
    ");
}

#[test]
fn without_a_commit_there_is_no_lag() {
    insta::assert_snapshot!(group(Town::troubled(), "new-audit-reader", 80, 24).body(), @"
     new-audit-reader  classic  Stable  3 members  coordinator 5    sort level, lag
     · ok: nothing is committed yet, so there is no lag
       lag none  late –  in …/s  read …/s  n/c 6  assignor cooperative-sticky
       lag 1

       0
               -30m                                                        now
     [partitions 6]  members 3
       topic           part  committed    lag   late read/s expires member
    >  audit-log          0          –  none       –      –       – new-audit-reade…
       audit-log          1          –  none       –      –       – new-audit-reade…
       audit-log          2          –  none       –      –       – new-audit-reade…
       audit-log          3          –  none       –      –       – new-audit-reade…
       audit-log          4          –  none       –      –       – new-audit-reade…
       audit-log          5          –  none       –      –       – new-audit-reade…
    ");
}

#[test]
fn narrow_and_tiny() {
    insta::assert_snapshot!(group(Town::troubled(), "billing-export", 40, 12).shown(), @"
     prod-eu  BAD 2 WARN 2               3s
     billing-export  classic  Stable
     ▲ behind: the oldest unread record of…
       lag 4.0M↑  late ~6m28s  in 10.3K/s  r
     [partitions 12]  members 3
       topic           part    lag   late
    >▲ orders             0  401K↑ ~6m28s
     ▲ orders             1  401K↑ ~6m28s
     ▲ orders             2  401K↑ ~6m28s
     ▲ orders             3  401K↑ ~6m28s
     ▲ orders             4  401K↑ ~6m28s
     Enter records at commit  ? help
    ");
    for (width, height) in [(1, 1), (20, 5), (60, 16), (41, 9), (119, 39), (150, 40), (300, 100)] {
        group(Town::troubled(), "billing-export", width, height).type_keys("<Tab>");
    }
}

#[test]
fn commits_that_are_denied_say_why_and_old_answers_are_stale() {
    let mut stage = group(Town::troubled(), "payments-recon", 80, 24);
    insta::assert_snapshot!(stage.body(), @"
    payments-recon  classic  Stable  3 members  coordinator 2      sort level, lag
    ? its commits are not told: not authorized for group payments-recon
      assignor cooperative-sticky
      lag 1

      0
              -30m                                                        now
    [partitions 0]  members 3
      topic           part  committed    lag   late read/s expires member
      not told
    ");
    let mut stage = group(Town::small(), "billing", 80, 24);
    stage.town.silent.extend(Kind::ALL);
    stage.pass(60_000);
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu      BAD 1         brk 3/3     ctl 101 MkU3…M2Qk PROTECTED STALE 1m03s
     1 over 2 topics[3 groups]4 brokers 5 quorum 6 moves 7 dirs 8 configs 9 alerts
     billing  classic  Stable  coordinator 1                        sort level, lag
     ? ok: 1806 records are unread, ~8s late
       lag 1806→  late ~8s  in 600/s  read 600/s  assignor cooperative-sticky
       lag 5K                                                            ⡀
                                                                        ⢰⣇
       0                                                                ⢸⣿⣶⣶
               -30m                                                        now
     [partitions 6]  members
       topic           part  committed    lag   late read/s expires member
    >? orders             0    2009000   301  ~1m03s    100   6d23h billing-1
     ? orders             1    2009000   301  ~1m03s    100   6d23h billing-2
     ? orders             2    2009000   301  ~1m03s    100   6d23h billing-3
     ? orders             3    2009000   301  ~1m03s    100   6d23h billing-1
     ? orders             4    2009000   301  ~1m03s    100   6d23h billing-2
     ? orders             5    2009000   301  ~1m03s    100   6d23h billing-3





     ✗ STALE 1m03s: no broker answers (unreachable ×5, next in 28s)         r retry
     Enter records at commit  Tab members  < > window  s sort  a actions  ? help
    ");
}

#[test]
fn a_group_that_is_gone_says_so() {
    let mut stage = Stage::open(Town::small(), 80, 24);
    stage.app.go(&Target::about(Screen::Group, About::Group("billing".to_owned())));
    insta::assert_snapshot!(stage.body(), @"
    billing                                                                      ⠋
      connecting to prod-eu
      metadata …   log ends …   commits …   sizes …
    ");
    stage.pass(31_000);
    stage.town.groups.remove("billing");
    // Each broker lists its groups once more: it might have moved.
    stage.pass(25_000);
    insta::assert_snapshot!(stage.body(), @"
    billing
      Group billing is gone: deleted, or all its commits have expired.
      Esc goes to all groups.
    ");
}

#[test]
fn enter_opens_the_records_at_the_commit() {
    let mut town = Town::small();
    town.groups.get_mut("billing").unwrap().state = GroupState::Stable;
    let mut stage = group(town, "billing", 80, 24);
    stage.type_keys("sj");
    let at = stage.app.pages.group.partitions.line().unwrap();
    let expected = About::Partition {
        topic: "orders".to_owned(),
        partition: at.at.partition.0,
        offset: at.committed,
    };
    assert!(at.committed.is_some());
    let opened = stage.app.pages.page(Screen::Group).open(&stage.app.watch);
    assert_eq!(opened, Some(Target::about(Screen::Records, expected)));
    assert_eq!(stage.app.pages.page(Screen::Group).kt_line(), "kt groups describe billing");
    stage.type_keys("<Tab>");
    let line = stage.app.pages.page(Screen::Group).kt_line();
    assert_eq!(line, "kt groups describe billing --members");
    stage.type_keys("<Esc>");
    assert_eq!(stage.app.screen, Screen::Groups);
}
