//! What files mean, and what is said of those that are wrong.

use std::path::Path;

use super::*;

pub(crate) fn parse(text: &str) -> Rules {
    reading::parse(text, Path::new("/etc/kt")).unwrap()
}

fn fault(text: &str) -> String {
    let error = reading::parse(text, Path::new("/etc/kt")).unwrap_err();
    match error.hint {
        Some(hint) => format!("{}\n{hint}", error.message),
        None => error.message,
    }
}

/// Each kind of rule and of target.
const ALL: &str = r#"
[[rule]]
name = "billing"
kind = "lag"
match = ["billing-.*", "audit"]
except = "billing-test"
warn = 10_000
bad = 100_000
for = "2m"
send = ["ops", "here", "ops"]

[[rule]]
name = "late"
kind = "time-lag"
bad = "1h"

[[rule]]
name = "down"
kind = "broker-down"

[[rule]]
name = "urp"
kind = "under-replicated"

[[rule]]
name = "size"
kind = "topic-size"
warn = "500GiB"

[[rule]]
name = "payments"
kind = "produce-rate"
match = "payments"
warn_below = "12000/s"
bad_below = "1/s"
bad_above = "100000/s"

[[rule]]
name = "full"
kind = "disk"
bad = "95%"

[checks]
send = ["ops"]
only = ["brokers", "partitions"]

[target.here]
bell = true

[target.ops]
webhook = "https://alerts.example/kt"
headers_file = "ops.headers"
levels = ["bad"]
repeat = "30m"
max_per_hour = 10
resolved = false

[target.page]
command = ["page", "--now"]
timeout = "30s"
"#;

#[test]
fn every_kind_is_read() {
    let rules = parse(ALL);
    let mut shown = String::new();
    for it in &rules.rules {
        let Limits { warn, bad } = it.limits;
        let text = |it: Option<Value>| it.map_or("–".to_owned(), Value::limit_text);
        let range = |it: limits::Bounds| format!("{}..{}", text(it.below), text(it.from));
        let (name, kind, holds) = (&it.name, it.kind.name(), it.holds);
        let (warn, bad) = (range(warn), range(bad));
        shown.push_str(&format!("{name} {kind} warn {warn} bad {bad} for {holds} {:?}\n", it.send));
    }
    insta::assert_snapshot!(shown, @r#"
    billing lag warn –..10.0K bad –..100K for 2m ["ops", "here"]
    late time-lag warn –..– bad –..1h for 0s []
    down broker-down warn –..– bad –..up for 0s []
    urp under-replicated warn –..1 bad –..– for 0s []
    size topic-size warn –..500GiB bad –..– for 0s []
    payments produce-rate warn 12.0K..– bad 1..100K for 0s []
    full disk warn –..– bad –..95% for 0s []
    "#);
    let billing = &rules.rules[0].subjects;
    let held = ["billing-eu", "billing-test", "audit", "audits"].map(|it| billing.hold(it));
    assert_eq!(held, [true, false, true, false]);
    assert!(rules.rules[1].subjects.hold("anything"));
}

#[test]
fn a_group_is_behind_by_the_rules_about_it() {
    let rules = parse(ALL);
    let late_ms = Some(3_600_000 - 1);
    let both = BehindRule { lag: Some(9_999), late_ms };
    assert_eq!(rules.behind("billing-eu"), Some(both));
    assert_eq!(rules.behind("other"), Some(BehindRule { lag: None, late_ms }));
    assert_eq!(Rules::default().behind("other"), None);
}

#[test]
fn targets_and_who_hears_of_checks_are_read() {
    let rules = parse(ALL);
    assert_eq!(rules.told_of(CheckKind::Brokers), ["ops"]);
    assert!(rules.told_of(CheckKind::Disk).is_empty());
    insta::assert_snapshot!(format!("{:#?}", rules.targets), @r#"
    {
        "here": Target {
            way: Bell,
            levels: [
                Warn,
                Bad,
            ],
            repeat: None,
            max_per_hour: 60,
            resolved: Told,
        },
        "ops": Target {
            way: Webhook {
                url: "https://alerts.example/kt",
                headers_file: Some(
                    "/etc/kt/ops.headers",
                ),
                timeout: Span {
                    milliseconds: 10000,
                },
            },
            levels: [
                Bad,
            ],
            repeat: Some(
                Span {
                    milliseconds: 1800000,
                },
            ),
            max_per_hour: 10,
            resolved: Untold,
        },
        "page": Target {
            way: Command {
                argv: [
                    "page",
                    "--now",
                ],
                timeout: Span {
                    milliseconds: 30000,
                },
            },
            levels: [
                Warn,
                Bad,
            ],
            repeat: None,
            max_per_hour: 60,
            resolved: Told,
        },
    }
    "#);
}

#[test]
fn faults_name_line_and_key_and_what_was_meant() {
    let rule = |rest: &str| fault(&format!("[[rule]]\nname = \"a\"\n{rest}"));
    let target = |rest: &str| fault(&format!("[target.ops]\n{rest}"));
    insta::assert_snapshot!(rule("kind = \"lag\"\nwran = 5"), @r#"
    line 4: unknown field "wran", expected one of "name", "kind", "match", "except", "warn", "bad", "warn_below", "warn_above", "bad_below", "bad_above", "for", "send"
    did you mean "warn"?
    "#);
    insta::assert_snapshot!(rule("kind = \"time-lga\""), @r#"
    line 3: kind: "time-lga" is none of lag, time-lag, broker-down, under-replicated, topic-size, produce-rate, disk
    did you mean "time-lag"?
    "#);
    insta::assert_snapshot!(rule("kind = \"lag\""), @r#"line 1: rule "a" has no limit: it needs warn or bad"#);
    insta::assert_snapshot!(rule("kind = \"lag\"\nwarn = \"5m\""), @r#"line 4: warn: "5m" is not a number of records: write 1000"#);
    insta::assert_snapshot!(rule("kind = \"lag\"\nwarn = 0"), @"line 4: warn: 0 would always fire: 1 is the least");
    insta::assert_snapshot!(rule("kind = \"lag\"\nwarn = 5\nbad = 4"), @r#"line 1: rule "a" warns only beyond what is bad"#);
    insta::assert_snapshot!(rule("kind = \"lag\"\nwarn_above = 5"), @"line 4: warn_above: a rule of kind lag has warn or bad");
    insta::assert_snapshot!(rule("kind = \"time-lag\"\nwarn = 5"), @r#"line 4: warn: 5 lacks a unit: write "5s" for seconds"#);
    insta::assert_snapshot!(rule("kind = \"time-lag\"\nwarn = \"5\""), @r#"line 4: warn: "5" lacks a unit: write 5s for seconds, 5ms, 5m"#);
    insta::assert_snapshot!(rule("kind = \"topic-size\"\nwarn = \"5G\""), @r#"line 4: warn: "5G" is not a size: write 512B, 10MB (10^6) or 10MiB (2^20)"#);
    insta::assert_snapshot!(rule("kind = \"produce-rate\"\nwarn = \"5/s\""), @"line 4: warn: a rule of kind produce-rate has warn_below, warn_above, bad_below or bad_above");
    insta::assert_snapshot!(rule("kind = \"produce-rate\"\nwarn_above = \"5MB/s\""), @r#"line 4: warn_above: "5MB/s" counts bytes: write records as 500/s"#);
    insta::assert_snapshot!(rule("kind = \"disk\"\nwarn = \"101%\""), @r#"line 4: warn: "101%" is not a share: write 1% to 100%"#);
    insta::assert_snapshot!(rule("kind = \"disk\"\nmatch = \"a(\""), @r#"line 4: match: "a(" is not a regular expression: unclosed group"#);
    insta::assert_snapshot!(rule("kind = \"disk\"\nfor = \"soon\""), @r#"line 4: for: "soon" is not a duration: write 250ms, 90s, 5m or 1h30m"#);
    insta::assert_snapshot!(rule("kind = \"disk\"\nsend = [\"osp\"]\n[target.ops]\nbell = true"), @r#"
    line 4: send: there is no [target.osp]
    did you mean "ops"?
    "#);
    insta::assert_snapshot!(fault("[[rule]]\nname = \"disk\"\nkind = \"disk\""), @r#"
    line 2: name: "disk" is the name of a built-in check
    [checks] says who is told of those
    "#);
    insta::assert_snapshot!(rule("kind = \"disk\"\n[[rule]]\nname = \"a\"\nkind = \"disk\""), @r#"line 5: name: there are two rules "a""#);
    insta::assert_snapshot!(fault("[[rule]]\nkind = \"disk\""), @r#"line 1: missing field "name""#);
    insta::assert_snapshot!(fault("[[rules]]\nkind = \"disk\""), @r#"
    line 1: unknown field "rules", expected one of "rule", "checks", "target"
    did you mean "rule"?
    "#);
    insta::assert_snapshot!(fault("[checks]\nsend = []\nonly = [\"broker\"]"), @r#"
    line 3: only: "broker" is none of brokers, partitions, quorum, disk, groups, moves
    did you mean "brokers"?
    "#);
    insta::assert_snapshot!(target("levels = [\"bad\"]"), @r#"line 1: target "ops" needs one of bell = true, command and webhook"#);
    insta::assert_snapshot!(target("bell = true\ncommand = [\"a\"]"), @r#"line 1: target "ops" needs one of bell = true, command and webhook"#);
    insta::assert_snapshot!(target("command = []"), @r#"line 2: command: a program and its arguments, such as ["notify-send", "kt"]"#);
    insta::assert_snapshot!(target("webhook = \"ftp://a\""), @"line 2: webhook: it must begin with https:// or http://");
    insta::assert_snapshot!(target("webhook = \"https://me:secret@a/\""), @"line 2: webhook: a password does not belong here: headers_file names a file of headers");
    insta::assert_snapshot!(target("bell = true\nheaders_file = \"a\""), @"line 3: headers_file: only a webhook has headers");
    insta::assert_snapshot!(target("bell = true\nlevels = [\"badd\"]"), @r#"
    line 3: levels: "badd" is none of warn, bad
    did you mean "bad"?
    "#);
    insta::assert_snapshot!(target("bell = true\nrepeat = \"10ms\""), @"line 3: repeat: 1s is the least");
    insta::assert_snapshot!(target("bell = true\nmax_per_hour = 0"), @"line 3: max_per_hour: 1 to 1000");
    insta::assert_snapshot!(fault("rule = "), @"line 1: string values must be quoted, expected literal string");
}

#[test]
fn what_is_too_much_is_refused() {
    let many: String =
        (0..201).map(|it| format!("[[rule]]\nname = \"r{it}\"\nkind = \"disk\"\n")).collect();
    insta::assert_snapshot!(fault(&many), @"there are more than 200 rules");
    let long = format!("[[rule]]\nname = \"{}\"\nkind = \"disk\"", "a".repeat(65));
    insta::assert_snapshot!(fault(&long), @"line 2: name: 1 to 64 letters on one line");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.toml");
    let read = || Rules::read(&path, Timestamp::UNIX_EPOCH);
    assert!(read().unwrap_err().is_missing);
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(read().unwrap_err().message.ends_with("it holds more than 1048576 bytes"));
    std::fs::write(&path, "[target.a]\nbell = 1").unwrap();
    assert!(read().unwrap_err().message.contains("alerts.toml: line 2: "));
    std::fs::write(&path, "[target.a]\nbell = true").unwrap();
    let origin = Origin { path: path.clone(), read: Some(Timestamp::UNIX_EPOCH) };
    assert_eq!(read().unwrap().origin, Some(origin));
}
