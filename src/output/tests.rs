//! Each format on one small report.

use jiff::Timestamp;
use serde::Serialize;

use super::{Cell, Column, Format, Item, ItemError, Report, Scope, Style, Table, View};
use crate::error::CliError;

#[derive(schemars::JsonSchema, Serialize)]
struct Thing {
    name: String,
    leader: Option<i32>,
    replicas: Vec<i32>,
    note: String,
}

const COLUMNS: &[Column] = &[
    Column::text("kind").scope(Scope::Machine),
    Column::text("name"),
    Column::number("leader"),
    Column::text("replicas"),
    Column::text("note").scope(Scope::Wide),
];

impl Item for Thing {
    const KIND: &'static str = "things.list";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Thing]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for item in items {
            table.row(vec![
                Cell::text("thing"),
                Cell::text(&item.name),
                Cell::number(item.leader.map(i64::from)),
                Cell::List(item.replicas.clone()),
                Cell::text(&item.note),
            ]);
        }
        vec![table]
    }
}

fn report() -> Report<Thing> {
    let thing = |name: &str, leader, replicas: &[i32], note: &str| Thing {
        name: name.to_owned(),
        leader,
        replicas: replicas.to_vec(),
        note: note.to_owned(),
    };
    Report {
        cluster_id: Some("MkU3OEVBNTcwNTJENDM2Qk".to_owned()),
        time: Timestamp::from_millisecond(1_795_223_647_123).unwrap(),
        items: vec![
            thing("orders", Some(2), &[2, 1, 3], "say \"hi\",\tyou"),
            thing("größe", None, &[], ""),
        ],
        errors: vec![ItemError::new(
            "nosuch",
            &CliError::not_found("topic \"nosuch\" does not exist").hint("kt topics list"),
        )],
    }
}

fn shown(format: &str) -> String {
    let style = Style { header: true, ..Style::default() };
    let mut out = Vec::new();
    report().write(&format.parse().unwrap(), &View::default(), style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn table_is_aligned_and_marks_the_unknown() {
    insta::assert_snapshot!(shown("table"), @"
    NAME    LEADER  REPLICAS
    orders       2  2,1,3
    größe        -  -
    ");
}

#[test]
fn wide_has_more_columns() {
    insta::assert_snapshot!(shown("wide"), @r#"
    NAME    LEADER  REPLICAS  NOTE
    orders       2  2,1,3     say "hi",	you
    größe        -  -         -
    "#);
}

#[test]
fn json_carries_the_envelope() {
    insta::assert_snapshot!(shown("json"), @r#"{"kind":"things.list","version":1,"cluster_id":"MkU3OEVBNTcwNTJENDM2Qk","time":"2026-11-21T01:14:07.123Z","items":[{"name":"orders","leader":2,"replicas":[2,1,3],"note":"say \"hi\",\tyou"},{"name":"größe","leader":null,"replicas":[],"note":""}],"errors":[{"item":"nosuch","error":"NOT_FOUND","exit":5,"message":"topic \"nosuch\" does not exist","hint":"kt topics list"}]}"#);
}

#[test]
fn yaml_carries_the_envelope() {
    insta::assert_snapshot!(shown("yaml"), @r#"
    kind: things.list
    version: 1
    cluster_id: MkU3OEVBNTcwNTJENDM2Qk
    time: "2026-11-21T01:14:07.123Z"
    items:
    - name: orders
      leader: 2
      replicas:
      - 2
      - 1
      - 3
      note: "say \"hi\",\tyou"
    - name: größe
      leader: null
      replicas: []
      note: ""
    errors:
    - item: nosuch
      error: NOT_FOUND
      exit: 5
      message: topic "nosuch" does not exist
      hint: kt topics list
    "#);
}

#[test]
fn jsonl_csv_tsv_and_name_carry_items_only() {
    insta::assert_snapshot!(shown("jsonl"), @r#"
    {"name":"orders","leader":2,"replicas":[2,1,3],"note":"say \"hi\",\tyou"}
    {"name":"größe","leader":null,"replicas":[],"note":""}
    "#);
    insta::assert_snapshot!(shown("csv"), @r#"
    kind,name,leader,replicas,note
    thing,orders,2,"2,1,3","say ""hi"",	you"
    thing,größe,,,
    "#);
    insta::assert_snapshot!(shown("tsv"), @r#"
    kind	name	leader	replicas	note
    thing	orders	2	2,1,3	say "hi",\tyou
    thing	größe
    "#);
    insta::assert_snapshot!(shown("name"), @"
    orders
    größe
    ");
}

#[test]
fn a_terminal_gets_no_control_characters_and_a_bold_header() {
    let style = Style { for_terminal: true, colors: true, header: true };
    let mut out = Vec::new();
    report().write(&Format::Wide, &View::default(), style, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap().replace('\x1b', "ESC");
    insta::assert_snapshot!(shown, @r#"
    ESC[1mNAME    LEADER  REPLICAS  NOTEESC[0m
    orders       2  2,1,3     say "hi",\tyou
    größe        -  -         -
    "#);
}

#[test]
fn no_format_lets_a_name_drive_the_terminal() {
    let style = Style { for_terminal: true, colors: false, header: true };
    let mut report = report();
    report.items[0].name = "a\x1b[32m\u{9b}\u{202e}\r".to_owned();
    let mut all = String::new();
    for format in ["csv", "tsv", "name", "template={name}\\n", "json", "jsonl", "yaml", "table"] {
        let mut out = Vec::new();
        report.write(&format.parse().unwrap(), &View::default(), style, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let line = text.lines().find(|it| it.contains("[32m")).unwrap();
        all.push_str(&format!("{format}: {}\n", line.trim_start()));
    }
    assert!(
        !all.contains(|it| !['\n', '\t'].contains(&it) && crate::terminal::is_unsafe(it)),
        "{all:?}"
    );
    insta::assert_snapshot!(all, @r#"
    csv: thing,"a\x1b[32m\x9b\u{202e}\r",2,"2,1,3","say ""hi"",	you"
    tsv: thing	a\x1b[32m\x9b\u{202e}\r	2	2,1,3	say "hi",\tyou
    name: a\x1b[32m\x9b\u{202e}\r
    template={name}\n: a\x1b[32m\x9b\u{202e}\r
    json: "name": "a\u001b[32m\u009b\u202e\r",
    jsonl: {"name":"a\u001b[32m\u009b\u202e\r","leader":2,"replicas":[2,1,3],"note":"say \"hi\",\tyou"}
    yaml: - name: "a\e[32m\x9B\u202e\r"
    table: a\x1b[32m\x9b\u{202e}\r       2  2,1,3
    "#);
}

#[test]
fn templates_follow_paths() {
    insta::assert_snapshot!(
        shown("template={name}\\t{replicas.0}\\t{{{leader}}\\n"),
        @"
        orders	2	{2}
        größe		{}
        "
    );
}

#[test]
fn templates_that_cannot_be_are_refused() {
    let fault = |text: &str| text.parse::<Format>().unwrap_err().to_string();
    insta::assert_snapshot!(fault("template={name"), @"the template lacks a } after {name");
    insta::assert_snapshot!(fault("template=\\q"), @r#"the template has \q: it knows \t, \n and \\"#);
    insta::assert_snapshot!(fault("jsno"), @r#""jsno" is not a format: did you mean json?"#);
    insta::assert_snapshot!(fault("earliest"), @"-o is the output; where to start is --from earliest");
    let mut out = Vec::new();
    let format = "template={nmae}".parse().unwrap();
    let error = report().write(&format, &View::default(), Style::default(), &mut out).unwrap_err();
    insta::assert_snapshot!(error.message, @r#"{nmae}: the item has no field "nmae""#);
    insta::assert_snapshot!(error.hint.unwrap(), @r#"did you mean "name"?"#);
}

fn seen(format: &str, fields: &str, sort: &str) -> Result<String, CliError> {
    let split = fields.split(',').filter(|it| !it.is_empty());
    let view = View { fields: split.map(str::to_owned).collect(), sort: sort.parse().ok() };
    let style = Style { header: true, ..Style::default() };
    let mut out = Vec::new();
    report().write(&format.parse().unwrap(), &view, style, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn fields_are_columns_or_paths() {
    insta::assert_snapshot!(seen("tsv", "leader,name", "").unwrap(), @"
    leader	name
    2	orders
    	größe
    ");
    insta::assert_snapshot!(seen("table", "name,replicas.0", "").unwrap(), @"
    NAME    REPLICAS.0
    orders  2
    größe   -
    ");
    insta::assert_snapshot!(seen("jsonl", "name,replicas.1", "").unwrap(), @r#"
    {"name":"orders","replicas.1":1}
    {"name":"größe","replicas.1":null}
    "#);
}

#[test]
fn items_are_sorted_whatever_the_format() {
    insta::assert_snapshot!(seen("name", "", "name").unwrap(), @"
    größe
    orders
    ");
    insta::assert_snapshot!(seen("name", "", "-leader").unwrap(), @"
    orders
    größe
    ");
    insta::assert_snapshot!(seen("csv", "name", "leader").unwrap(), @"
    name
    größe
    orders
    ");
}

#[test]
fn fields_that_are_not_there_are_named() {
    let error = seen("jsonl", "nmae", "").unwrap_err();
    insta::assert_snapshot!(error, @r#"the items have no field "nmae""#);
    assert_eq!(error.hint.unwrap(), "did you mean \"name\"?");
    assert!(seen("kafka", "", "").is_err());
    assert!(seen("tsv", "", "nosuch").is_err());
}
