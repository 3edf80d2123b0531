//! Each letter and each form, and the way there and back.

use std::ops::ControlFlow;

use kt_client::consumer::FetchedRecords;
use kt_protocol::records::{BatchBuilder, Compression, NewRecord};
use kt_protocol::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use proptest::prelude::*;

use super::input::{FormattedRecord, InputFormat, Parsed, Tail};
use super::*;

const MARKS: Marks =
    Marks { log_start: Offset(1), last_stable: Offset(50), high_watermark: Offset(60) };

fn written_bytes(format: &str, record: NewRecord<'_>, for_terminal: bool) -> Vec<u8> {
    let mut batch = BatchBuilder::new()
        .base_offset(Offset(42))
        .compressed(Compression::Lz4)
        .leader_epoch(LeaderEpoch(9))
        .producer(ProducerId(7), ProducerEpoch(2), 0);
    batch.append(record).unwrap();
    let partition = TopicPartition::new("orders", 3);
    let records =
        FetchedRecords::new(partition, &batch.build(), Offset(42), Offset(43), Vec::new()).unwrap();
    let layout = Layout::parse(format, Shape::Output).unwrap();
    let mut writer = Writer::new(layout, TimeZone::UTC, for_terminal);
    let mut out = Vec::new();
    let _ = records.for_each::<()>(|record| {
        let place = Place { partition: records.partition(), marks: MARKS };
        writer.write(place, record, &mut out);
        ControlFlow::Continue(())
    });
    out
}

fn written(format: &str) -> String {
    let record = NewRecord {
        timestamp: kt_protocol::types::Timestamp(1_732_154_400_123),
        key: Some(b"k1"),
        value: Some(b"\x00\x01\x02\x03 value"),
        headers: &[("trace", Some(b"a")), ("none", None)],
    };
    String::from_utf8(written_bytes(format, record, false)).unwrap()
}

#[test]
fn every_letter_has_its_field() {
    insta::assert_snapshot!(written("%t %p %o %k %K %V %H %e %x %y %[ %| %] %i %%%{%}"), @"orders 3 42 k1 2 10 2 9 7 2 1 50 60 1 %{}");
    insta::assert_snapshot!(written("%T %d %d{hex} %a %a{compression} %a{timestamp-type} %a{transactional-bit} %a{control-bit}"), @"1732154400123 1732154400123 1934c729d7b 3 lz4 0 0 0");
    insta::assert_snapshot!(written("%d{strftime[%Y-%m-%d %H:%M:%S]} %d{strftime##%F##}"), @"2024-11-21 02:00:00 2024-11-21");
    insta::assert_snapshot!(written(r"%h|%h{<%k=%v:%K:%V>}\x41\\"), @r"trace=a,none=|<trace=a:5:1><none=:4:0>A\");
    insta::assert_snapshot!(written("%k{hex} %k{base64} %k{json} %h{%v{json} }%t{hex} %s{unpack[>hBbx$]}"), @r#"6b31 azE= "k1" "a" null 6f7264657273 123 (unpack: 6 bytes are left)"#);
    insta::assert_snapshot!(written("%p{hex8} %o{hex} %o{hex16} %V{ascii} %S"), @"03 2a 002a 10 10");
    assert_eq!(written("%p{big16}%p{little32}%p{byte}").as_bytes(), [0, 3, 3, 0, 0, 0, 3]);
}

#[test]
fn null_prints_nothing_and_a_terminal_gets_no_control_bytes() {
    let tombstone = NewRecord { key: None, value: None, ..NewRecord::default() };
    assert_eq!(written_bytes("[%k|%v|%V|%h]\n", tombstone, true), b"[||0|]\n");
    let nasty = NewRecord { value: Some(b"\x1b[2J\xff"), ..NewRecord::default() };
    assert_eq!(written_bytes("%v\n", nasty, true), b"\\x1b[2J\\xff\n");
    assert_eq!(written_bytes("%v\n", nasty, false), b"\x1b[2J\xff\n");
}

#[test]
fn faults_name_their_place() {
    let fault = |format: &str| Layout::parse(format, Shape::Output).unwrap_err().to_string();
    insta::assert_snapshot!(fault("%v %q"), @"-f: %q is no letter of a format: %t %p %o %k %K %v %V %s %S %T %d %h %H %e %a %x %y %[ %| %] %i %% (column 4)");
    insta::assert_snapshot!(fault("é%T{hex}"), @"-f: %T is the time in milliseconds and takes no braces: write %d{…} (column 2)");
    insta::assert_snapshot!(fault("%v{hax}"), @r#"-f: "hax" is no form of text: hex, base64, json, unpack[…] (column 4)"#);
    insta::assert_snapshot!(fault("%o{hex5}"), @r#"-f: "hex5" is no form of a number: ascii, hex, hex64 to hex4, big64 to big8, little64 to little8, byte (column 4)"#);
    insta::assert_snapshot!(fault("%v%"), @"-f: a % at the end: %% is a percent sign (column 3)");
    insta::assert_snapshot!(fault("%v{hex"), @"-f: this { is not closed; %{ is a brace (column 3)");
    insta::assert_snapshot!(fault(r"\q"), @r"-f: after \ comes t, n, r, \ or xNN (column 1)");
    insta::assert_snapshot!(fault("%d{go##2006##}"), @"-f: write %d{strftime[%F %T]}, or a form of number such as %d{big64} (column 4)");
    insta::assert_snapshot!(fault("%h{%o}"), @"-f: %o inside %h{…}: a header has %k %K %v %V (column 4)");
    insta::assert_snapshot!(fault("%v{unpack[>z]}"), @r#"-f: "z" in unpack: x < > b B h H i I q Q c . s $ (column 4)"#);
    for format in ["%d{strftime[%!]}", "%a{nope}", r"\x4", "%v{unpack>}", "%h{"] {
        assert!(Layout::parse(format, Shape::Output).is_err(), "{format}");
    }
}

fn read_all(format: &str, mut bytes: &[u8]) -> Result<Vec<FormattedRecord>, String> {
    let format = InputFormat::parse(format)?;
    let mut found = Vec::new();
    while !bytes.is_empty() {
        match format.read(bytes, Tail::Ended)? {
            Parsed::Record(record, length) => {
                found.push(*record);
                bytes = &bytes[length..];
            }
            Parsed::NeedsMore => return Err("it wants more after the end".to_owned()),
        }
    }
    Ok(found)
}

fn pairs(format: &str, input: &str) -> Result<Vec<(String, String)>, String> {
    let text = |it: Option<Vec<u8>>| String::from_utf8(it.unwrap_or_default()).unwrap();
    let found = read_all(format, input.as_bytes())?;
    Ok(found.into_iter().map(|it| (text(it.key), text(it.value))).collect())
}

#[test]
fn fields_end_at_texts_or_have_sizes() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(pairs("%k,%v", "a,1\nb,2"), Ok(vec![pair("a", "1"), pair("b", "2")]));
    assert_eq!(pairs("%k,%v\\n", "a,1\nb,2\n"), Ok(vec![pair("a", "1"), pair("b", "2")]));
    assert_eq!(pairs("%K %k%V %v", "1 a3 1\n22 bb0 "), Ok(vec![pair("a", "1\n2"), pair("bb", "")]));
    assert_eq!(pairs("%V{big16}%v", "\0\u{2}hi\0\0"), Ok(vec![pair("", "hi"), pair("", "")]));
    assert_eq!(pairs("%k{hex}::%v{base64};", "61::YQ==;"), Ok(vec![pair("a", "a")]));
    let headers = read_all("%H %h{%k=%v,}%p@%T %v{json}\n", b"2 a=1,b=,3@99 null\n").unwrap();
    assert_eq!(
        headers[0],
        FormattedRecord {
            partition: Some(3),
            timestamp: Some(99),
            headers: vec![("a".to_owned(), Some(b"1".to_vec())), ("b".to_owned(), Some(vec![]))],
            ..FormattedRecord::default()
        }
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    insta::assert_snapshot!(pairs("%k%v", "").unwrap_err(), @"-f: nothing tells where %k ends: put text behind it, or its size %K before it");
    insta::assert_snapshot!(pairs("%k\n", "").unwrap_err(), @"-f: a record needs a value: %v");
    insta::assert_snapshot!(pairs("%h{%k=%v,}%v", "").unwrap_err(), @"-f: %h{…} needs their number before it: %H");
    insta::assert_snapshot!(pairs("%k,%v", "a1\n").unwrap_err(), @r#"no "," in what is left"#);
    insta::assert_snapshot!(pairs("%V %v", "x 1").unwrap_err(), @r#"a number is expected, not """#);
    insta::assert_snapshot!(pairs("%V %v", "9 1").unwrap_err(), @"the input ends inside a record");
    insta::assert_snapshot!(pairs("%V %v", "-9 1").unwrap_err(), @"-9 is no size");
    insta::assert_snapshot!(pairs("%V{byte}:%v", "\u{1};a").unwrap_err(), @r#"":" is expected before ";a""#);
    insta::assert_snapshot!(pairs("%v{hex}", "xx\n").unwrap_err(), @r#""xx" is not hex"#);
}

proptest! {
    /// What a format with sizes writes, it reads back, however the bytes come in pieces.
    #[test]
    fn sizes_lose_nothing(
        key: Vec<u8>,
        value: Vec<u8>,
        headers: Vec<(String, Vec<u8>)>,
        cut in 0_usize..100,
    ) {
        let format = "%p %H{big16}%h{%K %k%V{big32}%v}%K{little32}%k%V %v";
        let borrowed: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|(key, value)| (&**key, Some(value.as_slice()))).collect();
        let record = NewRecord {
            key: Some(&key),
            value: Some(&value),
            headers: &borrowed,
            ..NewRecord::default()
        };
        let bytes = written_bytes(format, record, false);
        let input = InputFormat::parse(format).unwrap();
        let cut = cut.min(bytes.len() - 1);
        prop_assert_eq!(input.read(&bytes[..cut], Tail::Open), Ok(Parsed::NeedsMore));
        let Ok(Parsed::Record(read, length)) = input.read(&bytes, Tail::Ended) else {
            return Err(TestCaseError::fail("no record"));
        };
        prop_assert_eq!(length, bytes.len());
        let expected = FormattedRecord {
            partition: Some(3),
            key: Some(key),
            value: Some(value),
            headers: headers.into_iter().map(|(key, value)| (key, Some(value))).collect(),
            ..FormattedRecord::default()
        };
        prop_assert_eq!(*read, expected);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}") {
        let _ = Layout::parse(&text, Shape::Output);
        let _ = InputFormat::parse(&text);
        let _ = Layout::parse(&format!("%{text}"), Shape::Output);
    }
}
