//! Conditions against one record, faults with their places, and random conditions against an
//! evaluator that is too simple to be wrong.

use std::ops::ControlFlow;

use kt_client::consumer::FetchedRecords;
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::Offset;
use proptest::prelude::*;

use super::*;

const NOW_MS: i64 = 1_732_154_400_000;

fn filter(condition: &str) -> Result<RecordFilter, CliError> {
    let now = Timestamp::from_millisecond(NOW_MS).unwrap();
    RecordFilter::new(Some(condition), None, now, &TimeZone::UTC)
}

fn is_shown(filter: &RecordFilter, record: NewRecord<'_>) -> bool {
    let mut batch = BatchBuilder::new().base_offset(Offset(42));
    batch.append(record).unwrap();
    let partition = TopicPartition::new("orders", 3);
    let records =
        FetchedRecords::new(partition, &batch.build(), Offset(42), Offset(43), Vec::new()).unwrap();
    let mut shown = false;
    let _ = records.for_each::<()>(|record| {
        shown = filter.matches(records.partition(), record);
        ControlFlow::Continue(())
    });
    shown
}

const RECORD: NewRecord<'_> = NewRecord {
    timestamp: kt_protocol::types::Timestamp(NOW_MS - 60_000),
    key: Some(b"k1"),
    value: Some(br#"{"total":100.5,"n":7,"name":"bob","ok":true,"gone":null,"items":[{"sku":"a.b"}],"a.b":1}"#),
    headers: &[("trace", Some(b"first")), ("trace", Some(b"12")), ("x.y", Some(b"z")), ("none", None)],
};

#[test]
fn conditions_that_hold() {
    for condition in [
        "topic = orders",
        "topic='orders' and partition=3 AND offset = 42",
        "partition in (1, 3) and offset not in (1, 2)",
        "offset >= 42 and offset <= 42 and not offset < 42 and not offset > 42",
        "offset > 41.5",
        "timestamp >= -1h and timestamp < -30s",
        "timestamp = 2024-11-21T01:59:00Z and timestamp = '01:59'",
        "timestamp = @1732154340000",
        "key = k1 and key != 'k2' and key ~ '^k[0-9]$' and key like 'k_'",
        "key > k0 and key < k2",
        "value like '%bob%' and value not like 'bob%'",
        "value is not null",
        "header.trace = 12 and header.trace = '12' and header.trace > 9 and header.x.y = z",
        "header.none is null and header.nosuch is null",
        "value.total > 100 and value.total = 100.5 and value.n = 7 and value.n < 7.5",
        "value.name = bob and value.name ~ 'b$' and value.ok = true and value.ok != false",
        "value.items.0.sku = 'a.b' and value.\"a.b\" = 1",
        "value.gone is null and value.nosuch is null and value.items.9 is null",
        "value.nosuch != 1 and not value.nosuch = 1 and not value.nosuch < 1",
        "key = nope or key = k1 and partition = 3",
        "(key = nope or key = k1) and not (partition = 4)",
        "value.items ~ sku",
    ] {
        assert!(is_shown(&filter(condition).unwrap(), RECORD), "{condition}");
        let opposite = format!("not ({condition})");
        assert!(!is_shown(&filter(&opposite).unwrap(), RECORD), "{opposite}");
    }
}

#[test]
fn null_and_text_that_is_no_json() {
    let tombstone = NewRecord { value: None, ..NewRecord::default() };
    assert!(is_shown(&filter("value is null and key is null").unwrap(), tombstone));
    assert!(is_shown(&filter("value.total is null").unwrap(), tombstone));
    assert!(!is_shown(&filter("value = ''").unwrap(), tombstone));
    let text = NewRecord { value: Some(b"{no json"), ..NewRecord::default() };
    assert!(is_shown(&filter("value.total is null and value like '{%'").unwrap(), text));
    assert!(!is_shown(&filter("key = inf").unwrap(), RECORD));
}

#[test]
fn grep_looks_at_keys_and_values() {
    let grep = |pattern: &str| {
        RecordFilter::new(None, Some(pattern), Timestamp::UNIX_EPOCH, &TimeZone::UTC)
    };
    assert!(is_shown(&grep("^k1$").unwrap(), RECORD));
    assert!(is_shown(&grep("bob").unwrap(), RECORD));
    assert!(!is_shown(&grep("trace").unwrap(), RECORD));
    insta::assert_snapshot!(grep("a(").unwrap_err().message, @r#"--grep: "a(" is not a regular expression: unclosed group"#);
}

#[test]
fn faults_name_their_place_and_the_field_that_was_meant() {
    let fault = |condition: &str| {
        let error = filter(condition).unwrap_err();
        format!("{} [{}]", error.message, error.hint.unwrap_or_default())
    };
    insta::assert_snapshot!(fault("key = 1 and ofset > 3"), @r#"--where: there is no field "ofset" (column 13) [did you mean offset?]"#);
    insta::assert_snapshot!(fault("total > 3"), @r#"--where: there is no field "total" (column 1) [the fields are topic partition offset timestamp key value header.NAME value.PATH]"#);
    insta::assert_snapshot!(fault("headers.a = 1"), @r#"--where: there is no field "headers.a" (column 1) [did you mean header?]"#);
    insta::assert_snapshot!(fault("header = 1"), @"--where: name the header: header.NAME (column 1) []");
    insta::assert_snapshot!(fault("offset = x"), @"--where: x is not a number (column 10) []");
    insta::assert_snapshot!(fault("timestamp > 1732154340000"), @"--where: 1732154340000 is not a time (column 13) [write -1h, 2026-11-21T02:00, 02:00 or @1700000000000]");
    insta::assert_snapshot!(fault("key = null"), @"--where: nothing is equal to null: write is null (column 7) []");
    insta::assert_snapshot!(fault("key ~ 'a('"), @"--where: 'a(' is not a regular expression: unclosed group (column 7) []");
    insta::assert_snapshot!(fault("(key = 1"), @"--where: this ( is not closed (column 1) []");
    insta::assert_snapshot!(fault("key = 1)"), @"--where: this ) closes nothing (column 8) []");
    insta::assert_snapshot!(fault("key = 'a"), @"--where: this text is not closed (column 7) []");
    insta::assert_snapshot!(fault("key 1"), @"--where: = != < <= > >= ~ in like or is is expected here (column 5) []");
    insta::assert_snapshot!(fault("key = 1 key"), @"--where: and, or, or the end is expected here (column 9) []");
    insta::assert_snapshot!(fault("key in 1"), @"--where: a list is expected after in: (1, 2) (column 8) []");
    insta::assert_snapshot!(fault("key in (1 2)"), @"--where: , or ) is expected in this list (column 11) []");
    insta::assert_snapshot!(fault(""), @"--where: a field is expected here (column 1) [topic partition offset timestamp key value header.NAME value.PATH]");
    insta::assert_snapshot!(fault("key ! 1"), @"--where: write not, or != (column 5) []");
    insta::assert_snapshot!(fault("key is 1"), @"--where: null is expected after is (column 8) []");
    insta::assert_snapshot!(fault("key not 1"), @"--where: in or like is expected after not (column 9) []");
    insta::assert_snapshot!(fault(&format!("{}key=1{}", "(".repeat(200), ")".repeat(200))), @"--where: this is too deep inside parentheses (column 101) []");
}

/// A condition over the offset, as text and as what it means.
#[derive(Clone, Debug)]
enum Model {
    Compare(&'static str, i64),
    And(Box<Model>, Box<Model>),
    Or(Box<Model>, Box<Model>),
    Not(Box<Model>),
}

impl Model {
    fn text(&self) -> String {
        match self {
            Model::Compare(sign, number) => format!("offset {sign} {number}"),
            Model::And(a, b) => format!("({}) and ({})", a.text(), b.text()),
            Model::Or(a, b) => format!("({})or({})", a.text(), b.text()),
            Model::Not(it) => format!("not ({})", it.text()),
        }
    }

    fn holds(&self) -> bool {
        match self {
            Model::Compare(sign, number) => match *sign {
                "=" => 42 == *number,
                "!=" => 42 != *number,
                "<" => 42 < *number,
                "<=" => 42 <= *number,
                ">" => 42 > *number,
                _ => 42 >= *number,
            },
            Model::And(a, b) => a.holds() && b.holds(),
            Model::Or(a, b) => a.holds() || b.holds(),
            Model::Not(it) => !it.holds(),
        }
    }
}

fn models() -> impl Strategy<Value = Model> {
    let sign = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let leaf = (sign, 40_i64..45).prop_map(|(sign, number)| Model::Compare(sign, number));
    leaf.prop_recursive(5, 32, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Model::And(a.into(), b.into())),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Model::Or(a.into(), b.into())),
            inner.prop_map(|it| Model::Not(it.into())),
        ]
    })
}

proptest! {
    #[test]
    fn conditions_mean_what_they_say(model in models()) {
        let filter = filter(&model.text()).unwrap();
        prop_assert_eq!(is_shown(&filter, RECORD), model.holds(), "{}", model.text());
    }

    /// `and` binds closer than `or`.
    #[test]
    fn and_binds_closer_than_or(a: bool, b: bool, c: bool) {
        let leaf = |it: bool| if it { "offset = 42" } else { "offset = 1" };
        let text = format!("{} or {} and {}", leaf(a), leaf(b), leaf(c));
        prop_assert_eq!(is_shown(&filter(&text).unwrap(), RECORD), a || (b && c));
    }

    /// Text in quotes is itself, whatever it holds.
    #[test]
    fn quoted_text_is_itself(text in "\\PC{0,20}") {
        let quoted = format!("key = '{}'", text.replace('\'', "''"));
        let record = NewRecord { key: Some(text.as_bytes()), ..NewRecord::default() };
        prop_assert!(is_shown(&filter(&quoted).unwrap(), record), "{}", quoted);
    }

    #[test]
    fn no_text_makes_it_panic(text in "([a-z.]{0,6}|[ ()=<>~!,'\"]|and|or|not|in|like|is|null|key|value|é){0,12}") {
        let _ = filter(&text);
    }
}
