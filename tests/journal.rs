//! The journal of changes: `kt history` and `kt undo`.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use crate::support::{Operator, scenarios};

scenarios![
    history_in_every_format,
    undo_in_every_format,
    changes_are_taken_back_from_the_last_to_the_first,
    only_what_is_still_as_the_change_left_it_is_taken_back,
    an_undo_that_lowers_retention_may_lose_data,
    on_a_terminal_a_change_asks_and_a_loss_wants_the_name,
];

fn set_up(operator: &Operator) {
    operator.ok("topics create orders");
    operator.ok("topics alter orders --set segment.bytes=2000000 -y");
}

fn history_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("history"), @r#"
    $ kt history -o table
    ID  TIME                       COMMAND                                                UNDO
     1  TIME  kt topics create orders                                possible
     2  TIME  kt topics alter orders --set segment.bytes=2000000 -y  possible
    $ kt history -o wide
    ID  TIME                       COMMAND                                                UNDO      CLUSTER ID              INVERSE
     1  TIME  kt topics create orders                                possible  ID  kt topics delete orders
     2  TIME  kt topics alter orders --set segment.bytes=2000000 -y  possible  ID  kt configs alter topic/orders --unset segment.bytes
    $ kt history -o json
    {"kind":"history","version":1,"cluster_id":null,"time":"TIME","items":[{"id":1,"time":"TIME","cluster_id":"ID","command":"kt topics create orders","undo":"possible","inverse":["kt topics delete orders"],"lasting":null,"undoes":null,"undone_by":null},{"id":2,"time":"TIME","cluster_id":"ID","command":"kt topics alter orders --set segment.bytes=2000000 -y","undo":"possible","inverse":["kt configs alter topic/orders --unset segment.bytes"],"lasting":null,"undoes":null,"undone_by":null}],"errors":[]}
    $ kt history -o jsonl
    {"id":1,"time":"TIME","cluster_id":"ID","command":"kt topics create orders","undo":"possible","inverse":["kt topics delete orders"],"lasting":null,"undoes":null,"undone_by":null}
    {"id":2,"time":"TIME","cluster_id":"ID","command":"kt topics alter orders --set segment.bytes=2000000 -y","undo":"possible","inverse":["kt configs alter topic/orders --unset segment.bytes"],"lasting":null,"undoes":null,"undone_by":null}
    $ kt history -o yaml
    kind: history
    version: 1
    cluster_id: null
    time: "TIME"
    items:
    - id: 1
      time: "TIME"
      cluster_id: ID
      command: kt topics create orders
      undo: possible
      inverse:
      - kt topics delete orders
      lasting: null
      undoes: null
      undone_by: null
    - id: 2
      time: "TIME"
      cluster_id: ID
      command: kt topics alter orders --set segment.bytes=2000000 -y
      undo: possible
      inverse:
      - kt configs alter topic/orders --unset segment.bytes
      lasting: null
      undoes: null
      undone_by: null
    errors: []
    $ kt history -o csv
    id,time,command,undo,cluster_id,inverse
    1,TIME,kt topics create orders,possible,ID,kt topics delete orders
    2,TIME,kt topics alter orders --set segment.bytes=2000000 -y,possible,ID,kt configs alter topic/orders --unset segment.bytes
    $ kt history -o tsv
    id	time	command	undo	cluster_id	inverse
    1	TIME	kt topics create orders	possible	ID	kt topics delete orders
    2	TIME	kt topics alter orders --set segment.bytes=2000000 -y	possible	ID	kt configs alter topic/orders --unset segment.bytes
    $ kt history -o name
    1
    2
    $ kt history -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn undo_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("undo -n"), @r#"
    $ kt undo -n -o table
    ID  THING         COMMAND                                              UNDONE
     2  topic/orders  kt configs alter topic/orders --unset segment.bytes  -
    $ kt undo -n -o wide
    ID  THING         COMMAND                                              UNDONE
     2  topic/orders  kt configs alter topic/orders --unset segment.bytes  -
    $ kt undo -n -o json
    {"kind":"undo","version":1,"cluster_id":"ID","time":"TIME","items":[{"id":2,"thing":"topic/orders","command":"kt configs alter topic/orders --unset segment.bytes","undone":false}],"errors":[]}
    $ kt undo -n -o jsonl
    {"id":2,"thing":"topic/orders","command":"kt configs alter topic/orders --unset segment.bytes","undone":false}
    $ kt undo -n -o yaml
    kind: undo
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - id: 2
      thing: topic/orders
      command: kt configs alter topic/orders --unset segment.bytes
      undone: false
    errors: []
    $ kt undo -n -o csv
    id,thing,command,undone
    2,topic/orders,kt configs alter topic/orders --unset segment.bytes,false
    $ kt undo -n -o tsv
    id	thing	command	undone
    2	topic/orders	kt configs alter topic/orders --unset segment.bytes	false
    $ kt undo -n -o name
    topic/orders
    $ kt undo -n -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn changes_are_taken_back_from_the_last_to_the_first(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "undo",
        "undo -y",
        "configs describe topic/orders",
        "undo 2 -y",
        "undo 3 -y",
        "configs describe topic/orders",
        "undo -y",
        "undo -y",
        "topics list",
        "undo -y",
        "undo 17 -y",
        "history -o tsv",
    ]), @r#"
    $ kt undo
    undo change 2: kt topics alter orders --set segment.bytes=2000000 -y
    alter topic/orders: segment.bytes 2000000 -> 1073741824 (inherited)
    error: to undo a change here needs -y: nobody can be asked
    hint: -n shows what would happen
    exit 2
    $ kt undo -y
    ID  THING         COMMAND                                              UNDONE
     2  topic/orders  kt configs alter topic/orders --unset segment.bytes  yes
    undo change 2: kt topics alter orders --set segment.bytes=2000000 -y
    alter topic/orders: segment.bytes 2000000 -> 1073741824 (inherited)
    kt undo 3 takes it back
    $ kt configs describe topic/orders
    topic/orders
    note: no config is set on topic/orders
    $ kt undo 2 -y
    error: change 2 was undone already, by change 3
    hint: kt undo 3 makes it again
    exit 1
    $ kt undo 3 -y
    ID  THING         COMMAND                                                    UNDONE
     3  topic/orders  kt configs alter topic/orders --set segment.bytes=2000000  yes
    undo change 3: kt undo -y
    alter topic/orders: segment.bytes 1073741824 (inherited) -> 2000000
    kt undo 4 takes it back
    $ kt configs describe topic/orders
    topic/orders
    NAME           VALUE    SOURCE
    segment.bytes  2000000  DYNAMIC_TOPIC_CONFIG
    $ kt undo -y
    ID  THING         COMMAND                                              UNDONE
     2  topic/orders  kt configs alter topic/orders --unset segment.bytes  yes
    undo change 2: kt topics alter orders --set segment.bytes=2000000 -y
    alter topic/orders: segment.bytes 2000000 -> 1073741824 (inherited)
    kt undo 5 takes it back
    $ kt undo -y
    ID  THING         COMMAND                  UNDONE
     1  topic/orders  kt topics delete orders  yes
    undo change 1: kt topics create orders
    delete topic "orders": 1 empty partition; no undo
    $ kt topics list
    note: no topics yet
    $ kt undo -y
    error: there is no change to undo
    hint: kt history
    exit 5
    $ kt undo 17 -y
    error: there is no change 17
    hint: kt history
    exit 5
    $ kt history -o tsv
    id	time	command	undo	cluster_id	inverse
    1	TIME	kt topics create orders	done	ID	kt topics delete orders
    2	TIME	kt topics alter orders --set segment.bytes=2000000 -y	done	ID	kt configs alter topic/orders --unset segment.bytes
    3	TIME	kt undo -y	done	ID	kt configs alter topic/orders --set segment.bytes=2000000
    4	TIME	kt undo 3 -y	possible	ID	kt configs alter topic/orders --unset segment.bytes
    5	TIME	kt undo -y	possible	ID	kt configs alter topic/orders --set segment.bytes=2000000
    6	TIME	kt undo -y	none	ID
    "#);
}

fn only_what_is_still_as_the_change_left_it_is_taken_back(operator: &Operator) {
    set_up(operator);
    operator.ok("topics alter orders --set segment.bytes=3000000 -y");
    operator.produce("orders", 0, "a\n");
    insta::assert_snapshot!(operator.run_all(&[
        "undo 2 -y",
        "undo 1 -y",
        "topics delete orders -y",
        "undo -y",
        "undo 3 -y",
        "topics create orders",
        "undo 1 -y",
    ]), @r#"
    $ kt undo 2 -y
    error: topic/orders: segment.bytes is 3000000 now, the change left 2000000
    hint: kt configs describe topic/orders
    exit 1
    $ kt undo 1 -y
    error: topic "orders" was written to by now: 1 offset
    hint: kt topics delete orders takes them too
    exit 1
    $ kt topics delete orders -y
    NAME    PARTITIONS  TOPIC ID                DELETED
    orders           1  ID  yes
    delete topic "orders": 1 partition with all records; no undo
    $ kt undo -y
    error: change 4 (kt topics delete orders -y) has no undo: records that were deleted are gone
    hint: kt history shows others; kt undo ID
    exit 1
    $ kt undo 3 -y
    error: topic "orders" does not exist
    exit 5
    $ kt topics create orders
    NAME    PARTITIONS  REPLICATION FACTOR  TOPIC ID
    orders           1                   1  ID
    create topic "orders": partitions the broker's default, replication factor the broker's default
    kt undo 5 takes it back
    $ kt undo 1 -y
    error: topic "orders" is another one by now: its id has changed
    hint: kt topics describe orders
    exit 1
    "#);
}

#[test]
fn a_change_of_another_cluster_is_left_alone() {
    let operator = Operator::start();
    set_up(&operator);
    let other = crate::support::Broker::start();
    insta::assert_snapshot!(operator.run(&format!("undo -y -b {}", other.address())).replace(&other.address(), "OTHER"), @"
    $ kt undo -y -b OTHER
    error: change 2 was made on cluster ID, this is cluster ID
    hint: -b names another cluster
    exit 1
    ");
}

fn an_undo_that_lowers_retention_may_lose_data(operator: &Operator) {
    set_up(operator);
    operator.ok("topics alter orders --set retention.ms=-1 -y");
    insta::assert_snapshot!(operator.run("undo -n -q -o template={id}:{undone}\\n"), @r"
    $ kt undo -n -q -o template={id}:{undone}\n
    3:false
    ");
    insta::assert_snapshot!(operator.run("undo -n"), @"
    $ kt undo -n
    ID  THING         COMMAND                                             UNDONE
     3  topic/orders  kt configs alter topic/orders --unset retention.ms  -
    would undo change 3: kt topics alter orders --set retention.ms=-1 -y
    would alter topic/orders: retention.ms -1 -> 604800000 (inherited); lower retention: older records may go
    ");
}

fn on_a_terminal_a_change_asks_and_a_loss_wants_the_name(operator: &Operator) {
    set_up(operator);
    let line = "topics alter orders --set segment.bytes=3000000";
    insta::assert_snapshot!(operator.answer(line, "[y/N] ", "\n"), @"
    $ kt topics alter orders --set segment.bytes=3000000
    alter topic/orders: segment.bytes 2000000 -> 3000000
    Go on? [y/N] 
    error: nothing was changed
    exit 1
    ");
    insta::assert_snapshot!(operator.answer(line, "[y/N] ", "y\n"), @"
    $ kt topics alter orders --set segment.bytes=3000000
    alter topic/orders: segment.bytes 2000000 -> 3000000
    Go on? [y/N] y
    kt undo 3 takes it back
    NAME    PARTITIONS  CONFIGS                ALTERED
    orders           1  segment.bytes=3000000  yes
    ");
    let line = "topics alter orders --set retention.ms=5";
    insta::assert_snapshot!(operator.answer(line, "alter: ", "y\n"), @"
    $ kt topics alter orders --set retention.ms=5
    alter topic/orders: retention.ms 604800000 (inherited) -> 5; lower retention: older records may go
    Type orders to alter: y
    error: nothing was changed
    exit 1
    ");
    insta::assert_snapshot!(operator.answer(line, "alter: ", "orders\n"), @"
    $ kt topics alter orders --set retention.ms=5
    alter topic/orders: retention.ms 604800000 (inherited) -> 5; lower retention: older records may go
    Type orders to alter: orders
    kt undo 4 takes it back
    NAME    PARTITIONS  CONFIGS         ALTERED
    orders           1  retention.ms=5  yes
    ");
    insta::assert_snapshot!(operator.run("history -o template={id}:{undo}\\n"), @r#"
    $ kt history -o template={id}:{undo}\n
    1:possible
    2:possible
    3:possible
    4:possible
    "#);
}

#[test]
fn a_field_that_is_not_there_is_refused_before_the_change() {
    let operator = Operator::start();
    let refused = operator.run_all(&[
        "topics create orders --fields nmae",
        "topics create orders -o template={nmae}",
        "produce orders --create --sort nosuch",
        "topics list",
    ]);
    insta::assert_snapshot!(refused, @r#"
    $ kt topics create orders --fields nmae
    error: the items have no field "nmae"
    hint: did you mean "name"?
    exit 2
    $ kt topics create orders -o template={nmae}
    error: the items have no field "nmae"
    hint: did you mean "name"?
    exit 2
    $ kt produce orders --create --sort nosuch
    error: the items have no field "nosuch"
    hint: -o jsonl shows every field
    exit 2
    $ kt topics list
    note: no topics yet
    "#);
}
