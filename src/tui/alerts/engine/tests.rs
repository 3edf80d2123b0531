//! What fires, who is told, and what is shown, evaluation by evaluation.

mod kinds;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::measured::{GroupMeasure, TimesTold};
use super::super::rules::tests::parse;
use super::*;
use crate::tui::model::checks::Evaluator;
use crate::tui::model::checks::facts::{Answer, Facts};
use crate::tui::model::checks::rounds::Told;
use crate::tui::model::lag::{Lag, Late};

const OPS: &str = "[target.ops]\nwebhook = \"http://ops/\"\n";

fn wall(now: u64) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(now).unwrap()).unwrap()
}

/// An engine with a clock: each evaluation is 10 s after the last, or as long as `step` says.
struct Play {
    engine: Engine,
    now: u64,
    step: u64,
    out: String,
    under_way: Vec<Outgoing>,
    fails: bool,
}

impl Play {
    fn new(rules: &str) -> Play {
        let engine = Engine::new(parse(rules));
        Play {
            engine,
            now: 0,
            step: 10_000,
            out: String::new(),
            under_way: Vec::new(),
            fails: false,
        }
    }

    fn unchecked() -> [Check; 6] {
        let facts = Facts {
            brokers: Answer::Pending,
            partitions: Answer::Pending,
            quorum: Answer::Pending,
            directories: Answer::Pending,
            groups: Answer::Pending,
            moves: Answer::Pending,
            down: BTreeSet::new(),
        };
        Evaluator::default().evaluate(Millis(0), &facts, |_| None)
    }

    fn evaluate(&mut self, measured: &Measured<'_>) {
        let outgoing =
            self.engine.evaluate(Millis(self.now), wall(self.now), measured, &Play::unchecked());
        self.deliver(outgoing);
        self.now += self.step;
    }

    /// Groups with these lags.
    fn lags(&mut self, lags: &[(&str, i64)]) {
        self.lags_told(lags, TimesTold::default());
    }

    fn lags_told(&mut self, lags: &[(&str, i64)], told: TimesTold) {
        let group = |(name, lag): &(&'static str, i64)| GroupMeasure {
            name,
            lag: if *lag < 0 { Lag::Unknown } else { Lag::Records(*lag) },
            late: Late::NoCommit,
        };
        let lags: Vec<(&'static str, i64)> =
            lags.iter().map(|it| (&*it.0.to_owned().leak(), it.1)).collect();
        let groups = Answer::Known(lags.iter().map(group).collect());
        self.evaluate(&Measured { groups, told, ..Measured::nothing() });
    }

    /// The age of what `billing` has not read.
    fn late(&mut self, late: Late) {
        let group = GroupMeasure { name: "billing", lag: Lag::Records(1), late };
        let measured = Measured { groups: Answer::Known(vec![group]), ..Measured::nothing() };
        self.evaluate(&measured);
    }

    fn deliver(&mut self, outgoing: Vec<Outgoing>) {
        for it in outgoing {
            let (at, text) = (self.now / 1_000, &it.notice.text);
            self.out.push_str(&format!("{at:>4} {} <- {text}\n", it.target));
            self.under_way.push(it);
        }
        self.finish();
    }

    fn finish(&mut self) {
        for it in std::mem::take(&mut self.under_way) {
            let result = if self.fails { Err("HTTP status 500".to_owned()) } else { Ok(()) };
            self.engine.delivered(it.id, Millis(self.now), wall(self.now), result);
        }
    }

    /// Goes on to the next deadlines, and performs what is due, for so long.
    fn wait(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(next) = self.engine.next_deadline().filter(|it| it.0 <= until) {
            self.now = self.now.max(next.0);
            let outgoing = self.engine.due(Millis(self.now));
            assert!(!outgoing.is_empty(), "a deadline has something due");
            self.deliver(outgoing);
        }
        self.now = until;
    }

    fn events(&mut self) -> String {
        let line = |(_, it): (u64, &Event)| format!("{:>4} {}\n", it.time.as_second(), it.text);
        self.engine.events().map(line).collect()
    }

    /// The lines of the user's rules.
    fn lines(&self) -> String {
        let mut text = String::new();
        for it in self.engine.lines().iter().filter(|it| it.check.is_none()) {
            text.push_str(&shown(it));
        }
        text
    }

    fn told(&mut self) -> String {
        std::mem::take(&mut self.out)
    }
}

fn shown(it: &Line) -> String {
    let level = format!("{:?}", it.level).to_lowercase();
    let since = it.since.map_or("–".to_owned(), |it| format!("{}s", it.0 / 1_000));
    let (rule, subject, sent) = (&it.rule, it.subject_text(18), it.sent.text());
    let line = format!(
        "{level:<7} {rule:<12} {subject:<18} {:>9} {:>6} {since:>5} {sent}",
        it.value, it.limit
    );
    line.trim_end().to_owned() + "\n"
}

fn lag_rule(rest: &str) -> String {
    format!(
        "{OPS}{rest}\n[[rule]]\nname = \"lag\"\nkind = \"lag\"\nwarn = 10\nbad = 100\nsend = [\"ops\"]\n"
    )
}

#[test]
fn what_fires_is_told_once_and_its_end_too() {
    let mut play = Play::new(&lag_rule(""));
    for lag in [0, 50, 50, 50, 500, 500, 5, 5, 5, 5] {
        play.lags(&[("billing", lag), ("audit", 0)]);
    }
    insta::assert_snapshot!(play.told(), @"
    20 ops <- lag fired: billing 50
    50 ops <- lag fired: billing 500
    80 ops <- lag resolved: billing
    ");
    insta::assert_snapshot!(play.events(), @"
    20 lag fired: billing 50
    50 lag fired: billing 500
    80 lag resolved: billing
    ");
    insta::assert_snapshot!(play.lines(), @"ok      lag          all 2                     ok      –     – –");
}

#[test]
fn what_is_wrong_at_the_start_is_told_at_once_and_later_things_wait() {
    let mut play = Play::new(&lag_rule(""));
    play.lags(&[("billing", 50), ("audit", 0)]);
    play.lags(&[("billing", 50), ("audit", 700)]);
    play.lags(&[("billing", 50), ("audit", 700), ("new", 20)]);
    insta::assert_snapshot!(play.lines(), @"bad     lag          audit                    700    100   20s webhook");
    play.lags(&[("billing", 50), ("audit", 700), ("new", 20)]);
    insta::assert_snapshot!(play.told(), @"
     0 ops <- lag fired: billing 50
    20 ops <- lag fired: audit 700, +1
    30 ops <- lag fired: new 20, +2
    ");
    insta::assert_snapshot!(play.lines(), @"bad     lag          audit                    700    100   20s webhook");
    // Gone is over, after three evaluations.
    for _ in 0..3 {
        play.lags(&[("billing", 50)]);
    }
    insta::assert_snapshot!(play.told(), @"  60 ops <- lag resolved: audit, +1");
}

#[test]
fn a_value_that_does_not_last_does_not_fire() {
    let mut play = Play::new(&lag_rule("").replace("warn = 10", "for = \"30s\"\nwarn = 10"));
    for lag in [50, 50, 50, 0, 50, 50, 500, 500, 500, 500, 500, 500] {
        play.lags(&[("billing", lag)]);
    }
    insta::assert_snapshot!(play.told(), @"
     80 ops <- lag fired: billing 500
    100 ops <- lag fired: billing 500
    ");
}

#[test]
fn what_is_not_known_changes_nothing() {
    let mut play = Play::new(&lag_rule(""));
    play.evaluate(&Measured::nothing());
    insta::assert_snapshot!(play.lines(), @"unknown lag          all 0                      ?      –     – –");
    play.lags(&[("billing", 500)]);
    for _ in 0..5 {
        play.lags(&[("billing", -1)]);
        play.evaluate(&Measured::nothing());
    }
    insta::assert_snapshot!(play.lines(), @"bad     lag          billing                  500    100   10s webhook");
    insta::assert_snapshot!(play.told(), @"  10 ops <- lag fired: billing 500");
}

#[test]
fn what_is_known_to_be_at_least_so_old_eases_nothing() {
    let rule = "[[rule]]\nname = \"late\"\nkind = \"time-lag\"\nwarn = \"5m\"\nbad = \"1h\"\n";
    let mut play = Play::new(&format!("{rule}send = [\"ops\"]\n{OPS}"));
    let minutes = |it: u64| it * 60_000;
    play.late(Late::Read(minutes(180)));
    for _ in 0..6 {
        play.late(Late::OlderThan(minutes(10)));
    }
    insta::assert_snapshot!(play.events(), @"   0 late fired: billing 3h00m");
    insta::assert_snapshot!(play.lines(), @"bad     late         billing                3h00m     1h    0s webhook");
    // What is read counts, and so does what is at least as old as the worse limit.
    for _ in 0..3 {
        play.late(Late::Read(minutes(10)));
    }
    for _ in 0..2 {
        play.late(Late::OlderThan(minutes(61)));
    }
    insta::assert_snapshot!(play.events(), @"
      0 late fired: billing 3h00m
     90 late eased: billing 10m
    110 late fired: billing 1h01m
    ");
}

#[test]
fn it_is_told_again_only_as_often_as_it_may_be() {
    let mut play = Play::new(&lag_rule("repeat = \"1m\""));
    for _ in 0..15 {
        play.lags(&[("billing", 50)]);
    }
    insta::assert_snapshot!(play.told(), @"
      0 ops <- lag fired: billing 50
     60 ops <- lag still: billing 50
    120 ops <- lag still: billing 50
    ");
    // It comes and goes.
    for lag in [0, 0, 0, 50, 50, 50, 50, 50, 50] {
        play.lags(&[("billing", lag)]);
    }
    insta::assert_snapshot!(play.told(), @"
    170 ops <- lag resolved: billing
    190 ops <- lag fired: billing 50
    ");
}

#[test]
fn a_target_hears_of_its_levels_only() {
    let mut play = Play::new(&lag_rule("levels = [\"bad\"]"));
    for lag in [50, 50, 500, 500, 50, 50, 50] {
        play.lags(&[("billing", lag)]);
    }
    insta::assert_snapshot!(play.told(), @"
    30 ops <- lag fired: billing 500
    60 ops <- lag resolved: billing
    ");
}

#[test]
fn a_target_is_told_no_more_often_than_it_may_be_in_an_hour() {
    let mut play = Play::new(&lag_rule("max_per_hour = 2\nresolved = false"));
    for round in 0..4_i64 {
        for _ in 0..3 {
            play.lags(&[("a", 50), ("b", 50 * round.signum()), ("c", 50 * (round / 2))]);
        }
    }
    insta::assert_snapshot!(play.told(), @"
     0 ops <- lag fired: a 50
    40 ops <- lag fired: b 50, +1
    ");
    insta::assert_snapshot!(play.lines(), @"warn    lag          a +2                      50     10    0s …");
    play.wait(3_600_000);
    insta::assert_snapshot!(play.told(), @"3600 ops <- lag fired: c 50, +2");
}

#[test]
fn a_delivery_that_fails_is_tried_again_ten_times() {
    let mut play = Play::new(&lag_rule(""));
    play.fails = true;
    play.lags(&[("billing", 50)]);
    play.wait(30_000);
    insta::assert_snapshot!(play.lines(), @"warn    lag          billing                   50     10    0s failed×4");
    play.wait(3_600_000);
    insta::assert_snapshot!(play.told(), @"
       0 ops <- lag fired: billing 50
      10 ops <- lag fired: billing 50
      20 ops <- lag fired: billing 50
      40 ops <- lag fired: billing 50
      80 ops <- lag fired: billing 50
     160 ops <- lag fired: billing 50
     320 ops <- lag fired: billing 50
     620 ops <- lag fired: billing 50
     920 ops <- lag fired: billing 50
    1220 ops <- lag fired: billing 50
    ");
    insta::assert_snapshot!(play.events(), @"
       0 lag fired: billing 50
       0 target ops: lag failed: HTTP status 500
    1220 target ops: lag is given up after 10 failures: HTTP status 500
    ");
}

#[test]
fn who_never_heard_of_it_does_not_hear_that_it_is_over() {
    let mut play = Play::new(&lag_rule(""));
    play.fails = true;
    play.lags(&[("billing", 50)]);
    play.fails = false;
    for _ in 0..3 {
        play.now -= 9_000;
        play.lags(&[("billing", 0)]);
    }
    play.wait(60_000);
    insta::assert_snapshot!(play.told(), @"   0 ops <- lag fired: billing 50");
    insta::assert_snapshot!(play.lines(), @"ok      lag          all 1                     ok      –     – –");
}

#[test]
fn what_is_muted_is_shown_and_told_afterwards() {
    let mut play = Play::new(&lag_rule(""));
    let mute = Mute { rule: "lag".to_owned(), subject: Some("billing".to_owned()) };
    assert!(play.engine.mute(mute.clone(), Millis(35_000)));
    play.lags(&[("billing", 500), ("audit", 50)]);
    play.lags(&[("billing", 500), ("audit", 50)]);
    insta::assert_snapshot!(play.told(), @"   0 ops <- lag fired: audit 50");
    insta::assert_snapshot!(play.lines(), @"bad     lag          billing                  500    100    0s muted 1m");
    play.lags(&[("billing", 500), ("audit", 50)]);
    play.lags(&[("billing", 500), ("audit", 50)]);
    insta::assert_snapshot!(play.told(), @"");
    play.lags(&[("billing", 500), ("audit", 50)]);
    insta::assert_snapshot!(play.told(), @"  40 ops <- lag fired: billing 500, +1");
    assert!(!play.engine.unmute(&mute));
}

#[test]
fn a_rule_that_stays_the_same_goes_on_over_a_reload() {
    let mut play = Play::new(&lag_rule(""));
    play.lags(&[("billing", 50)]);
    let other = "[[rule]]\nname = \"other\"\nkind = \"lag\"\nwarn = 1\nsend = [\"ops\"]\n";
    play.engine.reload(parse(&format!("{}{other}", lag_rule(""))), wall(play.now));
    play.lags(&[("billing", 50)]);
    insta::assert_snapshot!(play.told(), @"
     0 ops <- lag fired: billing 50
    10 ops <- other fired: billing 50
    ");
    insta::assert_snapshot!(play.lines(), @"
    warn    lag          billing                   50     10    0s webhook
    warn    other        billing                   50      1   10s webhook
    ");
    play.engine.reload(parse(&lag_rule("").replace("= 10\n", "= 20\n")), wall(play.now));
    play.lags(&[("billing", 50)]);
    insta::assert_snapshot!(play.told(), @"  20 ops <- lag fired: billing 50");
    let path = std::path::Path::new("/nosuch/alerts.toml");
    let error = Rules::read(path, wall(0)).unwrap_err();
    play.engine.refuse(error, wall(play.now));
    assert!(play.engine.refused().is_some());
    play.lags(&[("billing", 50)]);
    insta::assert_snapshot!(play.events(), @"
     0 lag fired: billing 50
    10 the file was read again: 2 rules
    10 other fired: billing 50
    20 the file was read again: 1 rule
    20 lag fired: billing 50
    30 the old rules stay: the file /nosuch/alerts.toml does not exist
    ");
}

#[test]
fn a_test_says_how_it_went() {
    let mut play = Play::new(OPS);
    for fails in [false, true] {
        play.fails = fails;
        let test = play.engine.test("ops", wall(play.now)).unwrap();
        play.deliver(vec![test]);
    }
    assert!(play.engine.test("nobody", wall(0)).is_none());
    insta::assert_snapshot!(play.told(), @"
    0 ops <- a test of target ops: nothing is wrong
    0 ops <- a test of target ops: nothing is wrong
    ");
    insta::assert_snapshot!(play.events(), @"
    0 target ops: the test was delivered
    0 target ops: the test failed: HTTP status 500
    ");
}

proptest! {
    /// Whatever happens: what is remembered is bounded, each fired is told before its end, and
    /// who is told of an end was told of its begin.
    #[test]
    fn the_end_never_comes_before_the_begin(
        steps in prop::collection::vec((0_i64..3, 0_i64..3, any::<bool>()), 1..60),
    ) {
        let mut play = Play::new(&lag_rule("repeat = \"40s\""));
        for (a, b, fails) in steps {
            play.fails = fails;
            play.lags(&[("a", a * 60), ("b", b * 60)]);
        }
        play.fails = false;
        for _ in 0..4 {
            play.lags(&[("a", 0), ("b", 0)]);
        }
        play.wait(3_600_000);
        let told = play.told();
        let first = told.lines().next().unwrap_or("fired");
        prop_assert!(first.contains("fired"), "{}", told);
        prop_assert!(play.engine.next_deadline().is_none());
        prop_assert!(play.lines().contains("all 2"), "{}", play.lines());
    }
}

#[test]
fn a_round_of_answers_counts_once_however_often_it_is_evaluated() {
    let mut play = Play::new(&lag_rule(""));
    play.step = 1_000;
    // It commits every 10 s, and its lag grows in between.
    let saw = |second: u64| [5, 50][usize::from(4 < second % 10)];
    for second in 0..120 {
        let lag = match second {
            0..10 => 0,
            10..60 => saw(second),
            60..90 => 50,
            _ => saw(second),
        };
        let at = Millis(second / 10 * 10_000);
        let commits = Some(Told { at, round_ms: 5_000 });
        play.lags_told(&[("billing", lag)], TimesTold { commits, ..TimesTold::default() });
    }
    insta::assert_snapshot!(play.told(), @"
     70 ops <- lag fired: billing 50
    110 ops <- lag resolved: billing
    ");
}

#[test]
fn a_slow_target_is_waited_for() {
    let mut text = OPS.to_owned();
    for number in 0..20 {
        text.push_str(&format!("[[rule]]\nname = \"r{number}\"\nkind = \"lag\"\nwarn = 1\n"));
        text.push_str("send = [\"ops\"]\n");
    }
    let mut engine = Engine::new(parse(&text));
    let group = GroupMeasure { name: "a", lag: Lag::Records(5), late: Late::NoCommit };
    let measured = Measured { groups: Answer::Known(vec![group]), ..Measured::nothing() };
    let outgoing = engine.evaluate(Millis(0), wall(0), &measured, &Play::unchecked());
    // Nothing can be done before one of them has ended.
    assert_eq!((outgoing.len(), engine.next_deadline()), (16, None));
    assert!(engine.due(Millis(1)).is_empty());
    engine.delivered(outgoing[3].id, Millis(2), wall(2), Ok(()));
    assert_eq!((engine.next_deadline(), engine.due(Millis(2)).len()), (Some(Millis(0)), 1));
}

#[test]
fn ten_thousand_subjects_are_followed_and_the_others_counted() {
    let names: Vec<String> = (0..12_000).map(|it| format!("g{it:05}")).collect();
    let groups = |lag: i64| {
        let group = |name| GroupMeasure { name, lag: Lag::Records(lag), late: Late::NoCommit };
        let groups = Answer::Known(names.iter().map(|it| group(it.as_str())).collect());
        Measured { groups, ..Measured::nothing() }
    };
    let mut play = Play::new(&lag_rule(""));
    play.evaluate(&groups(50));
    insta::assert_snapshot!(play.lines(), @"warn    lag          g00000 +12.0K             50     10    0s webhook");
    let notice = play.engine.take_events().pop().unwrap().notice.unwrap();
    // Each check is followed too.
    assert_eq!((notice.subjects.len(), notice.subject_count), (100, 10_000 - 6));
    for _ in 0..3 {
        play.evaluate(&groups(0));
    }
    insta::assert_snapshot!(play.lines(), @"ok      lag          all 12000                 ok      –     – –");
    insta::assert_snapshot!(play.told(), @"
     0 ops <- lag fired: g00000 50, +9993
    30 ops <- lag resolved: g00000, +9993
    ");
}
