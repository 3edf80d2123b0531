//! `kt groups offsets`, and `committed:GROUP` in other commands.

use super::set_up;
use crate::support::{Operator, scenarios};

scenarios![offsets_in_every_format, positions_of_groups_are_known_to_other_commands];

fn offsets_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("groups offsets app"), @r#"
    $ kt groups offsets app -o table
    TOPIC   PARTITION  OFFSET
    orders          0       2
    orders          1       1
    $ kt groups offsets app -o wide
    TOPIC   PARTITION  OFFSET
    orders          0       2
    orders          1       1
    $ kt groups offsets app -o json
    {"kind":"groups.offsets","version":1,"cluster_id":"ID","time":"TIME","items":[{"topic":"orders","partition":0,"offset":2,"leader_epoch":null,"metadata":""},{"topic":"orders","partition":1,"offset":1,"leader_epoch":null,"metadata":""}],"errors":[]}
    $ kt groups offsets app -o jsonl
    {"topic":"orders","partition":0,"offset":2,"leader_epoch":null,"metadata":""}
    {"topic":"orders","partition":1,"offset":1,"leader_epoch":null,"metadata":""}
    $ kt groups offsets app -o yaml
    kind: groups.offsets
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - topic: orders
      partition: 0
      offset: 2
      leader_epoch: null
      metadata: ""
    - topic: orders
      partition: 1
      offset: 1
      leader_epoch: null
      metadata: ""
    errors: []
    $ kt groups offsets app -o csv
    topic,partition,offset
    orders,0,2
    orders,1,1
    $ kt groups offsets app -o tsv
    topic	partition	offset
    orders	0	2
    orders	1	1
    $ kt groups offsets app -o name
    orders:0
    orders:1
    $ kt groups offsets app -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
    insta::assert_snapshot!(operator.run_all(&[
        "groups offsets app -t orders:1 -o csv",
        "groups offsets app -t pay",
        "groups offsets nosuch",
        "groups offsets -r app",
    ]), @r#"
    $ kt groups offsets app -t orders:1 -o csv
    topic,partition,offset
    orders,1,1
    $ kt groups offsets app -t pay
    note: group "app" has committed nothing there
    $ kt groups offsets nosuch
    error: group "nosuch" does not exist
    hint: kt groups list
    exit 5
    $ kt groups offsets -r app
    error: -r: this command takes the exact names of one group
    exit 2
    "#);
}

fn positions_of_groups_are_known_to_other_commands(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "topics offsets orders --at committed:app",
        "topics trim orders --before committed:app -y",
        "consume orders:1 --from committed:app -f %o%v\\n",
        "topics trim orders --before committed:nosuch -y",
    ]), @r#"
    $ kt topics offsets orders --at committed:app
    TOPIC   PARTITION  AT             OFFSET
    orders          0  committed:app       2
    orders          1  committed:app       1
    $ kt topics trim orders --before committed:app -y
    TOPIC   PARTITION  LOG START OFFSET BEFORE  LOG START OFFSET  TRIMMED
    orders          0                        0                 2  yes
    orders          1                        0                 1  yes
    trim orders:0: deletes 2 offsets (0 to 1), 0 stay; no undo
    trim orders:1: deletes 1 offset (0 to 0), 2 stay; no undo
    $ kt consume orders:1 --from committed:app -f %o%v\n
    1d
    2e
    $ kt topics trim orders --before committed:nosuch -y
    error: --before committed:nosuch: group "nosuch" has committed no offset of partition 1 of topic "orders"
    hint: --before earliest; kt topics offsets orders
    exit 5
    "#);
}
