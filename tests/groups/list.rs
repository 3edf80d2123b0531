//! `kt groups list`: every format, and how long the oldest unread record has waited.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use serde_json::Value;

use super::{set_up, steady};
use crate::support::{Operator, scenarios};

scenarios![lists_in_every_format, a_record_that_waits_has_an_age];

fn lists_in_every_format(operator: &Operator) {
    set_up(operator);
    operator.ok("groups reset done -t orders --to latest -y");
    let shown = operator.every_format("groups list --fields name,state,type,lag");
    insta::assert_snapshot!(shown, @r#"
    $ kt groups list --fields name,state,type,lag -o table
    NAME  STATE  TYPE     LAG
    app   Empty  Classic    2
    done  Empty  Classic    0
    $ kt groups list --fields name,state,type,lag -o wide
    NAME  STATE  TYPE     LAG
    app   Empty  Classic    2
    done  Empty  Classic    0
    $ kt groups list --fields name,state,type,lag -o json
    {"kind":"groups.list","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"app","state":"Empty","type":"Classic","lag":2},{"name":"done","state":"Empty","type":"Classic","lag":0}],"errors":[]}
    $ kt groups list --fields name,state,type,lag -o jsonl
    {"name":"app","state":"Empty","type":"Classic","lag":2}
    {"name":"done","state":"Empty","type":"Classic","lag":0}
    $ kt groups list --fields name,state,type,lag -o yaml
    kind: groups.list
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: app
      state: Empty
      type: Classic
      lag: 2
    - name: done
      state: Empty
      type: Classic
      lag: 0
    errors: []
    $ kt groups list --fields name,state,type,lag -o csv
    name,state,type,lag
    app,Empty,Classic,2
    done,Empty,Classic,0
    $ kt groups list --fields name,state,type,lag -o tsv
    name	state	type	lag
    app	Empty	Classic	2
    done	Empty	Classic	0
    $ kt groups list --fields name,state,type,lag -o name
    app
    done
    $ kt groups list --fields name,state,type,lag -o kafka
    error: -o kafka has its own fields and order
    hint: -o tsv
    "#);
    insta::assert_snapshot!(steady(&operator.run("groups list -o jsonl")), @r#"
    $ kt groups list -o jsonl
    {"name":"app","state":"Empty","type":"Classic","protocol_type":"","coordinator":1,"committed_partitions":2,"lag":2,"time_lag_ms":AGE}
    {"name":"done","state":"Empty","type":"Classic","protocol_type":"","coordinator":1,"committed_partitions":2,"lag":0,"time_lag_ms":null}
    "#);
    insta::assert_snapshot!(operator.run_all(&[
        "groups list -o kafka --state empty --type classic",
        "groups list done --fields name,lag,time_lag_ms",
        "groups list --state Stable",
        "groups list -r a.* -o name",
        "groups list nosuch app -o name",
        "groups list --state stabel",
        "groups --type share reset app -t orders --to 0",
    ]), @r#"
    $ kt groups list -o kafka --state empty --type classic
    GROUP                     TYPE                 STATE               
    app                       Classic              Empty               
    done                      Classic              Empty               
    $ kt groups list done --fields name,lag,time_lag_ms
    NAME  LAG  TIME LAG MS
    done    0            -
    $ kt groups list --state Stable
    note: no such groups
    $ kt groups list -r a.* -o name
    app
    $ kt groups list nosuch app -o name
    app
    error: group "nosuch" does not exist
    hint: kt groups list
    exit 3
    $ kt groups list --state stabel
    error: invalid value 'stabel' for '--state <STATE>': no such state: did you mean Stable?

    For more information, try '--help'.
    exit 2
    $ kt groups --type share reset app -t orders --to 0
    error: --state and --type choose what is listed
    hint: kt groups list --state Empty
    exit 2
    "#);
}

fn a_record_that_waits_has_an_age(operator: &Operator) {
    set_up(operator);
    let line = operator.ok("groups list app -o template={time_lag_ms}\\n");
    let age: u64 = line.trim().parse().expect("an age in ms");
    assert!(age < 60_000, "{age}");
    let described = operator.ok("groups describe app -o jsonl");
    let group: Value = serde_json::from_str(&described).expect("JSON");
    assert!(group["partitions"][1]["oldest_unread"].is_string(), "{described}");
    assert!(group["partitions"][0]["oldest_unread"].is_null(), "nothing is unread: {described}");
}
