//! `kt groups check`: its answers and its exit codes.

use super::{member, set_up};
use crate::support::{Operator, scenarios};

scenarios![checks_in_every_format, checks_answer_by_their_exit_code];

fn checks_in_every_format(operator: &Operator) {
    set_up(operator);
    operator.ok("groups reset done -t orders --to latest -y");
    let line = "groups check done --max-lag 0 --max-time-lag 5m --max-state ok";
    insta::assert_snapshot!(operator.every_format(line), @r#"
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o table
    NAME  CHECK         EXPECTED  ACTUAL          OK
    done  max_lag       0         0               yes
    done  max_time_lag  5m        nothing unread  yes
    done  max_state     ok        ok              yes
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o wide
    NAME  CHECK         EXPECTED  ACTUAL          OK
    done  max_lag       0         0               yes
    done  max_time_lag  5m        nothing unread  yes
    done  max_state     ok        ok              yes
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o json
    {"kind":"groups.check","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"done","ok":true,"checks":[{"check":"max_lag","expected":"0","actual":"0","ok":true},{"check":"max_time_lag","expected":"5m","actual":"nothing unread","ok":true},{"check":"max_state","expected":"ok","actual":"ok","ok":true}]}],"errors":[]}
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o jsonl
    {"name":"done","ok":true,"checks":[{"check":"max_lag","expected":"0","actual":"0","ok":true},{"check":"max_time_lag","expected":"5m","actual":"nothing unread","ok":true},{"check":"max_state","expected":"ok","actual":"ok","ok":true}]}
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o yaml
    kind: groups.check
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: done
      ok: true
      checks:
      - check: max_lag
        expected: "0"
        actual: "0"
        ok: true
      - check: max_time_lag
        expected: 5m
        actual: nothing unread
        ok: true
      - check: max_state
        expected: ok
        actual: ok
        ok: true
    errors: []
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o csv
    name,check,expected,actual,ok
    done,max_lag,0,0,true
    done,max_time_lag,5m,nothing unread,true
    done,max_state,ok,ok,true
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o tsv
    name	check	expected	actual	ok
    done	max_lag	0	0	true
    done	max_time_lag	5m	nothing unread	true
    done	max_state	ok	ok	true
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o name
    done
    $ kt groups check done --max-lag 0 --max-time-lag 5m --max-state ok -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn checks_answer_by_their_exit_code(operator: &Operator) {
    set_up(operator);
    operator.ok("groups reset done -t orders --to latest -y");
    member(operator, "idle", &["pay"], &[]);
    insta::assert_snapshot!(operator.run_all(&[
        "groups check app --max-lag 1",
        "groups check app done --max-lag 2 --max-time-lag 1h --fields name,check,ok",
        "groups check app --max-state ok",
        "groups check app --max-state warn",
        "groups check app --max-lag 1 --for 1s",
        "groups check idle --max-lag 0",
        "groups check nosuch --max-lag 0",
        "groups check app",
    ]), @r#"
    $ kt groups check app --max-lag 1
    NAME  CHECK    EXPECTED  ACTUAL  OK
    app   max_lag  1         2       -
    exit 7
    $ kt groups check app done --max-lag 2 --max-time-lag 1h --fields name,check,ok
    NAME  CHECK         OK
    app   max_lag       yes
    app   max_time_lag  yes
    done  max_lag       yes
    done  max_time_lag  yes
    $ kt groups check app --max-state ok
    NAME  CHECK      EXPECTED  ACTUAL          OK
    app   max_state  ok        warn (stopped)  -
    exit 7
    $ kt groups check app --max-state warn
    NAME  CHECK      EXPECTED  ACTUAL          OK
    app   max_state  warn      warn (stopped)  yes
    $ kt groups check app --max-lag 1 --for 1s
    NAME  CHECK    EXPECTED  ACTUAL  OK
    app   max_lag  1         2       -
    exit 7
    $ kt groups check idle --max-lag 0
    error: group "idle" has committed nothing: it has no lag
    hint: kt groups describe idle
    exit 5
    $ kt groups check nosuch --max-lag 0
    error: group "nosuch" does not exist
    hint: kt groups list
    exit 5
    $ kt groups check app
    error: nothing to check
    hint: kt groups check app --max-lag 1000
    exit 2
    "#);
}
