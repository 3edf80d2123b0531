//! `kt groups`: what each command prints in every format, and how it ends.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::support::client::{self, SOON};
use crate::support::tool::ApacheKafka;
use crate::support::{Operator, scenarios};

scenarios![
    lists_in_every_format,
    descriptions_in_every_format,
    members_are_shown_with_their_partitions,
    who_has_no_partitions_is_idle,
    active_groups_are_not_changed,
    offsets_in_every_format,
    resets_in_every_format,
    resets_go_where_they_are_told,
    saved_offsets_come_back,
    deleted_groups_and_offsets_come_back,
    checks_in_every_format,
    checks_answer_by_their_exit_code,
    a_record_that_waits_has_an_age,
    positions_of_groups_are_known_to_other_commands,
    what_changes_asks_first,
];

/// Two topics, five records, and a group without members that has read three of them.
fn set_up(operator: &Operator) {
    operator.ok("topics create orders --partitions 2");
    operator.ok("topics create pay");
    operator.produce("orders", 0, "a\nb\n");
    operator.produce("orders", 1, "c\nd\ne\n");
    commit(operator, "app", &[("orders", 0, 2), ("orders", 1, 1)]);
}

/// Commits as a client does that is no member.
fn commit(operator: &Operator, group: &str, offsets: &[(&str, i32, i64)]) {
    let address = operator.address();
    let consumer: BaseConsumer =
        client::config(address, &[("group.id", group)]).create().expect("right");
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in offsets {
        let offset = Offset::Offset(*offset);
        list.add_partition_offset(topic, *partition, offset).expect("the offset is right");
    }
    // A broker that makes the coordinator's topic for it says at first that it is another's.
    let deadline = Instant::now() + SOON;
    while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
        let is_early = error.rdkafka_error_code() == Some(RDKafkaErrorCode::NotCoordinator);
        assert!(is_early && Instant::now() < deadline, "{error}");
    }
}

/// A member that has its partitions, with `pairs` set.
fn member(
    operator: &Operator,
    group: &str,
    topics: &[&str],
    pairs: &[(&str, &str)],
) -> BaseConsumer {
    let address = operator.address();
    let mut all = vec![
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("client.id", "reader"),
    ];
    all.extend(pairs);
    let consumer: BaseConsumer = client::config(address, &all).create().expect("right");
    consumer.subscribe(topics).expect("it subscribes");
    let deadline = Instant::now() + SOON;
    while consumer.assignment().expect("an assignment").count() == 0 {
        assert!(Instant::now() < deadline, "the member gets no partitions");
        consumer.poll(Duration::from_millis(100));
    }
    consumer
}

/// Ages and ids of members differ from run to run.
fn steady(text: &str) -> String {
    let ids = regex::Regex::new(r"[\w.-]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    let text = ids.expect("a pattern").replace_all(text, "MEMBER").into_owned();
    let ages = regex::Regex::new(r#"("time_lag_ms":|time_lag_ms: )\d+"#).expect("a pattern");
    ages.replace_all(&text, "${1}AGE").into_owned()
}

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

fn descriptions_in_every_format(operator: &Operator) {
    set_up(operator);
    commit(operator, "app", &[("pay", 0, 0)]);
    operator.ok("groups reset done -t orders --to latest -y");
    insta::assert_snapshot!(operator.every_format("groups describe done --state"), @r#"
    $ kt groups describe done --state -o table
    NAME  STATE  TYPE     ASSIGNOR  COORDINATOR  MEMBERS  IDLE MEMBERS  SKEW  LAG  TIME LAG MS
    done  Empty  Classic  -                   1        0             0     -    0            -
    $ kt groups describe done --state -o wide
    NAME  STATE  TYPE     ASSIGNOR  COORDINATOR  MEMBERS  IDLE MEMBERS  SKEW  LAG  TIME LAG MS  GROUP EPOCH  ASSIGNMENT EPOCH
    done  Empty  Classic  -                   1        0             0     -    0            -            -                 -
    $ kt groups describe done --state -o json
    {"kind":"groups.describe","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"done","state":"Empty","type":"Classic","protocol_type":"","assignor":null,"coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":0,"time_lag_ms":null,"idle_members":0,"skew":null,"members":[],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null},{"topic":"orders","partition":1,"committed_offset":3,"log_end_offset":3,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null}]}],"errors":[]}
    $ kt groups describe done --state -o jsonl
    {"name":"done","state":"Empty","type":"Classic","protocol_type":"","assignor":null,"coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":0,"time_lag_ms":null,"idle_members":0,"skew":null,"members":[],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null},{"topic":"orders","partition":1,"committed_offset":3,"log_end_offset":3,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null}]}
    $ kt groups describe done --state -o yaml
    kind: groups.describe
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: done
      state: Empty
      type: Classic
      protocol_type: ""
      assignor: null
      coordinator: 1
      group_epoch: null
      assignment_epoch: null
      lag: 0
      time_lag_ms: null
      idle_members: 0
      skew: null
      members: []
      partitions:
      - topic: orders
        partition: 0
        committed_offset: 2
        log_end_offset: 2
        lag: 0
        oldest_unread: null
        time_lag_ms: null
        committed_leader_epoch: null
        committed_metadata: ""
        member_id: null
        client_id: null
        host: null
      - topic: orders
        partition: 1
        committed_offset: 3
        log_end_offset: 3
        lag: 0
        oldest_unread: null
        time_lag_ms: null
        committed_leader_epoch: null
        committed_metadata: ""
        member_id: null
        client_id: null
        host: null
    errors: []
    $ kt groups describe done --state -o csv
    name,state,type,assignor,coordinator,members,idle_members,skew,lag,time_lag_ms,group_epoch,assignment_epoch
    done,Empty,Classic,,1,0,0,,0,,,
    $ kt groups describe done --state -o tsv
    name	state	type	assignor	coordinator	members	idle_members	skew	lag	time_lag_ms	group_epoch	assignment_epoch
    done	Empty	Classic		1	0	0		0			
    $ kt groups describe done --state -o name
    done
    $ kt groups describe done --state -o kafka

    GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                #MEMBERS
    done            HOST:PORT  (1)      -                    Empty                0
    "#);
    insta::assert_snapshot!(operator.every_format("groups describe done"), @r#"
    $ kt groups describe done -o table
    done  Empty  Classic  coordinator 1  0 members  lag 0
    TOPIC   PARTITION  COMMITTED OFFSET  LOG END OFFSET  LAG  TIME LAG MS  CLIENT ID  HOST
    orders          0                 2               2    0            -  -          -
    orders          1                 3               3    0            -  -          -
    $ kt groups describe done -o wide
    done  Empty  Classic  coordinator 1  0 members  lag 0
    TOPIC   PARTITION  COMMITTED OFFSET  LOG END OFFSET  LAG  TIME LAG MS  CLIENT ID  HOST  MEMBER ID  OLDEST UNREAD
    orders          0                 2               2    0            -  -          -     -          -
    orders          1                 3               3    0            -  -          -     -          -
    $ kt groups describe done -o json
    {"kind":"groups.describe","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"done","state":"Empty","type":"Classic","protocol_type":"","assignor":null,"coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":0,"time_lag_ms":null,"idle_members":0,"skew":null,"members":[],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null},{"topic":"orders","partition":1,"committed_offset":3,"log_end_offset":3,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null}]}],"errors":[]}
    $ kt groups describe done -o jsonl
    {"name":"done","state":"Empty","type":"Classic","protocol_type":"","assignor":null,"coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":0,"time_lag_ms":null,"idle_members":0,"skew":null,"members":[],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null},{"topic":"orders","partition":1,"committed_offset":3,"log_end_offset":3,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null}]}
    $ kt groups describe done -o yaml
    kind: groups.describe
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: done
      state: Empty
      type: Classic
      protocol_type: ""
      assignor: null
      coordinator: 1
      group_epoch: null
      assignment_epoch: null
      lag: 0
      time_lag_ms: null
      idle_members: 0
      skew: null
      members: []
      partitions:
      - topic: orders
        partition: 0
        committed_offset: 2
        log_end_offset: 2
        lag: 0
        oldest_unread: null
        time_lag_ms: null
        committed_leader_epoch: null
        committed_metadata: ""
        member_id: null
        client_id: null
        host: null
      - topic: orders
        partition: 1
        committed_offset: 3
        log_end_offset: 3
        lag: 0
        oldest_unread: null
        time_lag_ms: null
        committed_leader_epoch: null
        committed_metadata: ""
        member_id: null
        client_id: null
        host: null
    errors: []
    $ kt groups describe done -o csv
    group,topic,partition,committed_offset,log_end_offset,lag,time_lag_ms,client_id,host,member_id,oldest_unread
    done,orders,0,2,2,0,,,,,
    done,orders,1,3,3,0,,,,,
    $ kt groups describe done -o tsv
    group	topic	partition	committed_offset	log_end_offset	lag	time_lag_ms	client_id	host	member_id	oldest_unread
    done	orders	0	2	2	0					
    done	orders	1	3	3	0					
    $ kt groups describe done -o name
    done
    $ kt groups describe done -o kafka

    GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID
    done            orders          0          2               2               0               -               -               -
    done            orders          1          3               3               0               -               -               -
    "#);
    insta::assert_snapshot!(steady(&operator.run("groups describe app -o jsonl")), @r#"
    $ kt groups describe app -o jsonl
    {"name":"app","state":"Empty","type":"Classic","protocol_type":"","assignor":null,"coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":2,"time_lag_ms":AGE,"idle_members":0,"skew":null,"members":[],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null},{"topic":"orders","partition":1,"committed_offset":1,"log_end_offset":3,"lag":2,"oldest_unread":"TIME","time_lag_ms":AGE,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null},{"topic":"pay","partition":0,"committed_offset":0,"log_end_offset":0,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":null,"client_id":null,"host":null}]}
    "#);
    insta::assert_snapshot!(operator.run_all(&[
        "groups describe app --fields topic,partition,committed_offset,log_end_offset,lag",
        "groups describe app -o kafka",
        "group app --members",
        "groups describe nosuch",
        "groups describe -r nosuch.*",
        "groups describe app --members --state",
    ]), @r#"
    $ kt groups describe app --fields topic,partition,committed_offset,log_end_offset,lag
    app  Empty  Classic  coordinator 1  0 members  lag 2
    TOPIC   PARTITION  COMMITTED OFFSET  LOG END OFFSET  LAG
    orders          0                 2               2    0
    orders          1                 1               3    2
    pay             0                 0               0    0
    $ kt groups describe app -o kafka

    GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID
    app             orders          0          2               2               0               -               -               -
    app             orders          1          1               3               2               -               -               -
    app             pay             0          0               0               0               -               -               -
    $ kt group app --members
    app  Empty  Classic  coordinator 1  0 members  lag 2
    $ kt groups describe nosuch
    error: group "nosuch" does not exist
    hint: kt groups list
    exit 5
    $ kt groups describe -r nosuch.*
    error: no group matches "nosuch.*"
    hint: kt groups list
    exit 5
    $ kt groups describe app --members --state
    error: the argument '--members' cannot be used with '--state'

    Usage: kt groups describe --members --bootstrap <HOST:PORT,…> <GROUP>...

    For more information, try '--help'.
    exit 2
    "#);
}

/// A static member does not leave when it ends: it must be forgotten soon.
const STATIC: [(&str, &str); 2] = [("group.instance.id", "node-1"), ("session.timeout.ms", "6000")];

fn members_are_shown_with_their_partitions(operator: &Operator) {
    set_up(operator);
    let reader = member(operator, "app", &["orders"], &STATIC);
    insta::assert_snapshot!(steady(&operator.every_format("groups describe app --members")), @r#"
    $ kt groups describe app --members -o table
    app  Stable  Classic  assignor range  coordinator 1  1 member  lag 2
    MEMBER ID                                    INSTANCE ID  CLIENT ID  HOST       PARTITIONS  IDLE  LAG  ASSIGNMENT
    MEMBER  node-1       reader     127.0.0.1           2  -       2  orders:0,1
    $ kt groups describe app --members -o wide
    app  Stable  Classic  assignor range  coordinator 1  1 member  lag 2
    MEMBER ID                                    INSTANCE ID  CLIENT ID  HOST       PARTITIONS  IDLE  LAG  ASSIGNMENT
    MEMBER  node-1       reader     127.0.0.1           2  -       2  orders:0,1
    $ kt groups describe app --members -o json
    {"kind":"groups.describe","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"app","state":"Stable","type":"Classic","protocol_type":"consumer","assignor":"range","coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":2,"time_lag_ms":AGE,"idle_members":0,"skew":0,"members":[{"member_id":"MEMBER","instance_id":"node-1","client_id":"reader","host":"127.0.0.1","idle":false,"partitions":2,"lag":2,"assignment":[{"topic":"orders","partitions":[0,1]}]}],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":"MEMBER","client_id":"reader","host":"127.0.0.1"},{"topic":"orders","partition":1,"committed_offset":1,"log_end_offset":3,"lag":2,"oldest_unread":"TIME","time_lag_ms":AGE,"committed_leader_epoch":null,"committed_metadata":"","member_id":"MEMBER","client_id":"reader","host":"127.0.0.1"}]}],"errors":[]}
    $ kt groups describe app --members -o jsonl
    {"name":"app","state":"Stable","type":"Classic","protocol_type":"consumer","assignor":"range","coordinator":1,"group_epoch":null,"assignment_epoch":null,"lag":2,"time_lag_ms":AGE,"idle_members":0,"skew":0,"members":[{"member_id":"MEMBER","instance_id":"node-1","client_id":"reader","host":"127.0.0.1","idle":false,"partitions":2,"lag":2,"assignment":[{"topic":"orders","partitions":[0,1]}]}],"partitions":[{"topic":"orders","partition":0,"committed_offset":2,"log_end_offset":2,"lag":0,"oldest_unread":null,"time_lag_ms":null,"committed_leader_epoch":null,"committed_metadata":"","member_id":"MEMBER","client_id":"reader","host":"127.0.0.1"},{"topic":"orders","partition":1,"committed_offset":1,"log_end_offset":3,"lag":2,"oldest_unread":"TIME","time_lag_ms":AGE,"committed_leader_epoch":null,"committed_metadata":"","member_id":"MEMBER","client_id":"reader","host":"127.0.0.1"}]}
    $ kt groups describe app --members -o yaml
    kind: groups.describe
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: app
      state: Stable
      type: Classic
      protocol_type: consumer
      assignor: range
      coordinator: 1
      group_epoch: null
      assignment_epoch: null
      lag: 2
      time_lag_ms: AGE
      idle_members: 0
      skew: 0
      members:
      - member_id: MEMBER
        instance_id: node-1
        client_id: reader
        host: "127.0.0.1"
        idle: false
        partitions: 2
        lag: 2
        assignment:
        - topic: orders
          partitions:
          - 0
          - 1
      partitions:
      - topic: orders
        partition: 0
        committed_offset: 2
        log_end_offset: 2
        lag: 0
        oldest_unread: null
        time_lag_ms: null
        committed_leader_epoch: null
        committed_metadata: ""
        member_id: MEMBER
        client_id: reader
        host: "127.0.0.1"
      - topic: orders
        partition: 1
        committed_offset: 1
        log_end_offset: 3
        lag: 2
        oldest_unread: "TIME"
        time_lag_ms: AGE
        committed_leader_epoch: null
        committed_metadata: ""
        member_id: MEMBER
        client_id: reader
        host: "127.0.0.1"
    errors: []
    $ kt groups describe app --members -o csv
    group,member_id,instance_id,client_id,host,partitions,idle,lag,assignment
    app,MEMBER,node-1,reader,127.0.0.1,2,false,2,"orders:0,1"
    $ kt groups describe app --members -o tsv
    group	member_id	instance_id	client_id	host	partitions	idle	lag	assignment
    app	MEMBER	node-1	reader	127.0.0.1	2	false	2	orders:0,1
    $ kt groups describe app --members -o name
    app
    $ kt groups describe app --members -o kafka

    GROUP           CONSUMER-ID                                 GROUP-INSTANCE-ID HOST            CLIENT-ID       #PARTITIONS     
    app             MEMBER node-1            /127.0.0.1      reader          2
    "#);
    let fields = "topic,partition,lag,client_id,host,member_id";
    let shown = operator.run(&format!("groups describe app -o csv --fields {fields}"));
    insta::assert_snapshot!(steady(&shown), @"
    $ kt groups describe app -o csv --fields topic,partition,lag,client_id,host,member_id
    topic,partition,lag,client_id,host,member_id
    orders,0,0,reader,127.0.0.1,MEMBER
    orders,1,2,reader,127.0.0.1,MEMBER
    ");
    drop(reader);
}

fn who_has_no_partitions_is_idle(operator: &Operator) {
    set_up(operator);
    let reader = member(operator, "crowd", &["pay"], &[]);
    let config = client::config(operator.address(), &[("group.id", "crowd")]);
    let late: BaseConsumer = config.create().expect("right");
    late.subscribe(&["pay"]).expect("it subscribes");
    let deadline = Instant::now() + SOON;
    let line = "groups describe crowd --state -o csv --fields state,members,idle_members,skew";
    while !operator.ok(line).ends_with("\nStable,2,1,1\n") {
        assert!(Instant::now() < deadline, "two members never share one partition");
        reader.poll(Duration::from_millis(20));
        late.poll(Duration::from_millis(20));
    }
    let shown =
        operator.ok("groups describe crowd --members --fields partitions,idle --sort -idle");
    insta::assert_snapshot!(shown, @"
    crowd  Stable  Classic  assignor range  coordinator 1  2 members (1 idle)  lag -
    PARTITIONS  IDLE
             0  yes
             1  -
    ");
}

fn active_groups_are_not_changed(operator: &Operator) {
    set_up(operator);
    let reader = member(operator, "app", &["orders"], &STATIC);
    insta::assert_snapshot!(steady(&operator.run_all(&[
        "groups reset app -t orders --to earliest -y",
        "groups delete app -y",
        "groups delete-offsets app -t orders -y",
        "groups remove-member app --instance node-7 -y",
        "groups remove-member app --instance node-1 -n",
        "groups remove-member app --instance node-1 -y",
    ])), @r#"
    $ kt groups reset app -t orders --to earliest -y
    error: group "app" is active (Stable, 1 member): MEMBER (client reader, host 127.0.0.1)
    hint: stop its members first
    exit 1
    $ kt groups delete app -y
    error: group "app" is active (Stable, 1 member): MEMBER (client reader, host 127.0.0.1)
    hint: stop its members first
    exit 1
    $ kt groups delete-offsets app -t orders -y
    delete offset of app orders:0: 2 -> no commit
    delete offset of app orders:1: 1 -> no commit
    error: partition 0 of topic "orders": GROUP_SUBSCRIBED_TO_TOPIC from OffsetDelete
    hint: its members read the topic: stop them first
    error: partition 1 of topic "orders": GROUP_SUBSCRIBED_TO_TOPIC from OffsetDelete
    hint: its members read the topic: stop them first
    exit 1
    $ kt groups remove-member app --instance node-7 -y
    error: group "app" has no instance "node-7"
    hint: kt groups describe app --members
    exit 5
    $ kt groups remove-member app --instance node-1 -n
    GROUP  MEMBER ID                                    INSTANCE ID  CLIENT ID  HOST       PARTITIONS  REMOVED
    app    MEMBER  node-1       reader     127.0.0.1           2  -
    would remove MEMBER (client reader, host 127.0.0.1) from app: 2 partitions; no undo
    $ kt groups remove-member app --instance node-1 -y
    GROUP  MEMBER ID                                    INSTANCE ID  CLIENT ID  HOST       PARTITIONS  REMOVED
    app    MEMBER  node-1       reader     127.0.0.1           2  yes
    remove MEMBER (client reader, host 127.0.0.1) from app: 2 partitions; no undo
    "#);
    drop(reader);
}

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

fn resets_in_every_format(operator: &Operator) {
    set_up(operator);
    let shown = operator.every_format("groups reset app -t orders --to earliest -n");
    insta::assert_snapshot!(shown, @r#"
    $ kt groups reset app -t orders --to earliest -n -o table
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       0               2    2  -
    app    orders          1              1       0               3    3  -
    $ kt groups reset app -t orders --to earliest -n -o wide
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       0               2    2  -
    app    orders          1              1       0               3    3  -
    $ kt groups reset app -t orders --to earliest -n -o json
    {"kind":"groups.reset","version":1,"cluster_id":"ID","time":"TIME","items":[{"group":"app","topic":"orders","partition":0,"offset_before":2,"offset":0,"log_end_offset":2,"lag":2,"reset":false},{"group":"app","topic":"orders","partition":1,"offset_before":1,"offset":0,"log_end_offset":3,"lag":3,"reset":false}],"errors":[]}
    $ kt groups reset app -t orders --to earliest -n -o jsonl
    {"group":"app","topic":"orders","partition":0,"offset_before":2,"offset":0,"log_end_offset":2,"lag":2,"reset":false}
    {"group":"app","topic":"orders","partition":1,"offset_before":1,"offset":0,"log_end_offset":3,"lag":3,"reset":false}
    $ kt groups reset app -t orders --to earliest -n -o yaml
    kind: groups.reset
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - group: app
      topic: orders
      partition: 0
      offset_before: 2
      offset: 0
      log_end_offset: 2
      lag: 2
      reset: false
    - group: app
      topic: orders
      partition: 1
      offset_before: 1
      offset: 0
      log_end_offset: 3
      lag: 3
      reset: false
    errors: []
    $ kt groups reset app -t orders --to earliest -n -o csv
    group,topic,partition,offset_before,offset,log_end_offset,lag,reset
    app,orders,0,2,0,2,2,false
    app,orders,1,1,0,3,3,false
    $ kt groups reset app -t orders --to earliest -n -o tsv
    group	topic	partition	offset_before	offset	log_end_offset	lag	reset
    app	orders	0	2	0	2	2	false
    app	orders	1	1	0	3	3	false
    $ kt groups reset app -t orders --to earliest -n -o name
    orders:0
    orders:1
    $ kt groups reset app -t orders --to earliest -n -o kafka

    GROUP           TOPIC           PARTITION  NEW-OFFSET
    app             orders          0          0
    app             orders          1          0
    would reset app orders:0: 2 -> 0 (reads 2 offsets again)
    would reset app orders:1: 1 -> 0 (reads 1 offset again)
    "#);
}

fn resets_go_where_they_are_told(operator: &Operator) {
    set_up(operator);
    commit(operator, "other", &[("orders", 0, 1), ("orders", 1, 3)]);
    insta::assert_snapshot!(operator.run_all(&[
        "groups reset app -t orders --to latest",
        "groups reset app -t orders --to latest -y",
        "groups reset app -t orders --to latest -y",
        "undo -y",
        "groups reset app --all-topics --shift -1 -n",
        "groups reset app -t orders:1 --shift +2 -n",
        "groups reset app -t orders --shift -2 -n",
        "groups reset app -t orders --shift -2 -n --clamp",
        "groups reset app -t orders --shift -1h -n",
        "groups reset app -t orders --to committed:other -n",
        "groups reset app -t orders --to 2020-01-01 -n",
        "groups reset app -t orders --to 9 -n",
        "groups reset app -t orders -t nosuch --to 1 -n",
        "groups reset app -t pay --shift +1 -n",
        "groups reset app --to 1",
        "groups reset app -t orders",
        "groups reset fresh -t orders --to 1 -y",
        "undo -y",
        "groups offsets fresh",
    ]), @r#"
    $ kt groups reset app -t orders --to latest
    reset app orders:1: 1 -> 3 (skips 2 offsets)
    error: to reset a group here needs -y: nobody can be asked
    hint: -n shows what would happen
    exit 2
    $ kt groups reset app -t orders --to latest -y
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       2               2    0  -
    app    orders          1              1       3               3    0  yes
    reset app orders:1: 1 -> 3 (skips 2 offsets)
    kt undo 3 takes it back
    $ kt groups reset app -t orders --to latest -y
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       2               2    0  -
    app    orders          1              3       3               3    0  -
    note: nothing to reset: the group is there already
    $ kt undo -y
    ID  THING      COMMAND                                 UNDONE
     3  group/app  kt groups reset app -t orders:1 --to 1  yes
    undo change 3: kt groups reset app -t orders --to latest -y
    reset app orders:1: 3 -> 1 (reads 2 offsets again)
    kt undo 4 takes it back
    $ kt groups reset app --all-topics --shift -1 -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       1               2    1  -
    app    orders          1              1       0               3    3  -
    would reset app orders:0: 2 -> 1 (reads 1 offset again)
    would reset app orders:1: 1 -> 0 (reads 1 offset again)
    $ kt groups reset app -t orders:1 --shift +2 -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          1              1       3               3    0  -
    would reset app orders:1: 1 -> 3 (skips 2 offsets)
    $ kt groups reset app -t orders --shift -2 -n
    error: --shift -2 to -1: partition 1 of topic "orders" has offsets 0 to 3
    hint: --clamp takes the nearest
    exit 5
    $ kt groups reset app -t orders --shift -2 -n --clamp
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       0               2    2  -
    app    orders          1              1       0               3    3  -
    would reset app orders:0: 2 -> 0 (reads 2 offsets again)
    would reset app orders:1: 1 -> 0 (reads 1 offset again)
    $ kt groups reset app -t orders --shift -1h -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       0               2    2  -
    app    orders          1              1       0               3    3  -
    would reset app orders:0: 2 -> 0 (reads 2 offsets again)
    would reset app orders:1: 1 -> 0 (reads 1 offset again)
    $ kt groups reset app -t orders --to committed:other -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       1               2    1  -
    app    orders          1              1       3               3    0  -
    would reset app orders:0: 2 -> 1 (reads 1 offset again)
    would reset app orders:1: 1 -> 3 (skips 2 offsets)
    $ kt groups reset app -t orders --to 2020-01-01 -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       0               2    2  -
    app    orders          1              1       0               3    3  -
    would reset app orders:0: 2 -> 0 (reads 2 offsets again)
    would reset app orders:1: 1 -> 0 (reads 1 offset again)
    $ kt groups reset app -t orders --to 9 -n
    error: --to 9: partition 0 of topic "orders" has offsets 0 to 2
    hint: --clamp takes the nearest
    exit 5
    $ kt groups reset app -t orders -t nosuch --to 1 -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              2       1               2    1  -
    app    orders          1              1       1               3    2  -
    would reset app orders:0: 2 -> 1 (reads 1 offset again)
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 3
    $ kt groups reset app -t pay --shift +1 -n
    error: --shift +1: the group has committed no offset of partition 0 of topic "pay"
    hint: --to earliest
    exit 5
    $ kt groups reset app --to 1
    error: which topics?
    hint: -t TOPIC, or --all-topics
    exit 2
    $ kt groups reset app -t orders
    error: the following required arguments were not provided:
      <--to <AT>|--shift <±N|±DURATION>|--offsets <FILE>>

    Usage: kt groups reset --topic <TOPIC[:P]> --bootstrap <HOST:PORT,…> <--to <AT>|--shift <±N|±DURATION>|--offsets <FILE>> <GROUP>

    For more information, try '--help'.
    exit 2
    $ kt groups reset fresh -t orders --to 1 -y
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    fresh  orders          0              -       1               2    1  yes
    fresh  orders          1              -       1               3    2  yes
    note: group "fresh" does not exist: it is created
    reset fresh orders:0: no commit -> 1
    reset fresh orders:1: no commit -> 1
    kt undo 5 takes it back
    $ kt undo -y
    ID  THING        COMMAND                                                 UNDONE
     5  group/fresh  kt groups delete-offsets fresh -t orders:0 -t orders:1  yes
    undo change 5: kt groups reset fresh -t orders --to 1 -y
    delete offset of fresh orders:0: 1 -> no commit
    delete offset of fresh orders:1: 1 -> no commit
    kt undo 6 takes it back
    $ kt groups offsets fresh
    note: group "fresh" has committed nothing there
    "#);
}

fn saved_offsets_come_back(operator: &Operator) {
    set_up(operator);
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("saved.csv");
    std::fs::write(&path, operator.ok("groups offsets app -o csv")).expect("a file");
    operator.ok("groups reset app -t orders --to earliest -y");
    let path = path.to_str().expect("the path is text");
    operator.ok(&format!("groups reset app --offsets {path} -y"));
    insta::assert_snapshot!(operator.ok("groups offsets app -o csv"), @"
    topic,partition,offset
    orders,0,2
    orders,1,1
    ");
}

fn deleted_groups_and_offsets_come_back(operator: &Operator) {
    set_up(operator);
    operator.ok("groups reset done -t orders --to latest -y");
    insta::assert_snapshot!(operator.run_all(&[
        "groups delete-offsets app -t orders:0 -t pay -n",
        "groups delete-offsets app -t orders:0 -y",
        "groups offsets app -o csv",
        "undo -y",
        "groups delete app done nosuch -n",
        "groups delete -r .* -y",
        "groups delete -r .* -y --confirm 2",
        "groups list",
        "undo -y",
        "groups list -o name",
    ]), @r#"
    $ kt groups delete-offsets app -t orders:0 -t pay -n
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  DELETED
    app    orders          0              2  -
    would delete offset of app orders:0: 2 -> no commit
    error: group "app" has committed no offset of "pay" there
    hint: kt groups offsets app
    exit 3
    $ kt groups delete-offsets app -t orders:0 -y
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  DELETED
    app    orders          0              2  yes
    delete offset of app orders:0: 2 -> no commit
    kt undo 4 takes it back
    $ kt groups offsets app -o csv
    topic,partition,offset
    orders,1,1
    $ kt undo -y
    ID  THING      COMMAND                                 UNDONE
     4  group/app  kt groups reset app -t orders:0 --to 2  yes
    undo change 4: kt groups delete-offsets app -t orders:0 -y
    reset app orders:0: no commit -> 2
    kt undo 5 takes it back
    $ kt groups delete app done nosuch -n
    NAME  STATE  COMMITTED PARTITIONS  DELETED
    app   Empty                     2  -
    done  Empty                     2  -
    would delete group "app": 2 committed offsets
    would delete group "done": 2 committed offsets
    error: group "nosuch" does not exist
    hint: kt groups list
    exit 3
    $ kt groups delete -r .* -y
    delete group "app": 2 committed offsets
    delete group "done": 2 committed offsets
    error: the pattern matches 2 groups: say how many
    hint: --confirm 2, once -n has shown which
    exit 2
    $ kt groups delete -r .* -y --confirm 2
    NAME  STATE  COMMITTED PARTITIONS  DELETED
    app   Empty                     2  yes
    done  Empty                     2  yes
    delete group "app": 2 committed offsets
    delete group "done": 2 committed offsets
    kt undo 6 takes it back
    $ kt groups list
    note: no groups yet
    $ kt undo -y
    ID  THING       COMMAND                                                                             UNDONE
     6  group/done  kt groups reset done -t orders:0 --to 2 && kt groups reset done -t orders:1 --to 3  yes
     6  group/app   kt groups reset app -t orders:1 --to 1 && kt groups reset app -t orders:0 --to 2    yes
    undo change 6: kt groups delete -r '.*' -y --confirm 2
    reset done orders:0: no commit -> 2
    reset done orders:1: no commit -> 3
    reset app orders:0: no commit -> 2
    reset app orders:1: no commit -> 1
    kt undo 7 takes it back
    $ kt groups list -o name
    app
    done
    "#);
}

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

fn what_changes_asks_first(operator: &Operator) {
    set_up(operator);
    let lines = [
        operator.answer("groups reset app -t orders --to 0", "[y/N] ", "n\n"),
        operator.answer("groups delete-offsets app -t orders", "[y/N] ", "y\n"),
        operator.answer("groups reset app -t orders --to 1", "[y/N] ", "y\n"),
        operator.answer("groups delete app", "Type app to delete: ", "app\n"),
    ];
    insta::assert_snapshot!(lines.concat(), @r#"
    $ kt groups reset app -t orders --to 0
    reset app orders:0: 2 -> 0 (reads 2 offsets again)
    reset app orders:1: 1 -> 0 (reads 1 offset again)
    Go on? [y/N] n
    error: nothing was changed
    exit 1
    $ kt groups delete-offsets app -t orders
    delete offset of app orders:0: 2 -> no commit
    delete offset of app orders:1: 1 -> no commit
    Go on? [y/N] y
    kt undo 3 takes it back
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  DELETED
    app    orders          0              2  yes
    app    orders          1              1  yes
    $ kt groups reset app -t orders --to 1
    reset app orders:0: no commit -> 1
    reset app orders:1: no commit -> 1
    Go on? [y/N] y
    kt undo 4 takes it back
    GROUP  TOPIC   PARTITION  OFFSET BEFORE  OFFSET  LOG END OFFSET  LAG  RESET
    app    orders          0              -       1               2    1  yes
    app    orders          1              -       1               3    2  yes
    $ kt groups delete app
    delete group "app": 2 committed offsets
    Type app to delete: app
    kt undo 5 takes it back
    NAME  STATE  COMMITTED PARTITIONS  DELETED
    app   Empty                     2  yes
    "#);
}

/// What kt shows of the coordinator's log is what Kafka's own formatters say of it.
#[test]
fn records_of_groups_are_decoded_as_kafkas_formatter_does() {
    let Some(kafka) = ApacheKafka::find("records of groups, decoded") else { return };
    let operator = Operator::start();
    set_up(&operator);
    drop(member(&operator, "app", &["orders"], &[]));
    for (formatter, kind) in [
        ("OffsetsMessageFormatter", "OffsetCommit"),
        ("GroupMetadataMessageFormatter", "GroupMetadata"),
    ] {
        let theirs = kafka.output(
            "kafka-console-consumer",
            &[
                "--bootstrap-server",
                operator.address(),
                "--topic",
                "__consumer_offsets",
                "--from-beginning",
                "--timeout-ms",
                "5000",
                "--formatter",
                &format!("org.apache.kafka.tools.consumer.{formatter}"),
            ],
        );
        let ours = operator.ok("consume __consumer_offsets --internal -o jsonl");
        let ours = ours.lines().filter(|it| it.contains(kind)).map(as_formatters_write);
        // They stand behind each other without a space.
        let theirs = serde_json::Deserializer::from_str(&theirs).into_iter::<Value>();
        let theirs = theirs.map(|it| without_what_members_say(it.expect("JSON")));
        // The tool has a group of its own.
        let is_ours = |it: &Value| it["key"]["data"]["group"] == "app";
        let mut ours: Vec<Value> = ours.filter(is_ours).collect();
        let mut theirs: Vec<Value> = theirs.filter(is_ours).collect();
        ours.sort_by_key(ToString::to_string);
        theirs.sort_by_key(ToString::to_string);
        assert!(!theirs.is_empty(), "the formatter shows nothing");
        assert_eq!(ours, theirs, "{kind}");
    }
}

/// Kafka's formatters name types by their numbers, and show nothing around key and value.
fn as_formatters_write(line: &str) -> Value {
    let record: Value = serde_json::from_str(line).expect("JSON");
    let number = if record["key"]["type"] == "OffsetCommit" { 1 } else { 2 };
    let key = json!({ "type": number, "data": record["key"]["data"] });
    without_what_members_say(json!({ "key": key, "value": record["value"] }))
}

/// Kafka's formatters leave in base64 what kt opens.
fn without_what_members_say(mut record: Value) -> Value {
    if let Some(members) = record["value"]["data"]["members"].as_array_mut() {
        for member in members.iter_mut().filter_map(Value::as_object_mut) {
            let opened = [member.remove("subscription"), member.remove("assignment")];
            assert!(opened.iter().all(Option::is_some), "{opened:?}");
        }
    }
    record
}

#[test]
fn groups_are_shown_as_apache_kafkas_tools_show_them() {
    let Some(kafka) = ApacheKafka::find("kt groups beside kafka-consumer-groups") else { return };
    let operator = Operator::start();
    set_up(&operator);
    commit(&operator, "a.group.with.a.very.long.name", &[("orders", 0, 1)]);
    let reader = member(&operator, "live", &["orders"], &STATIC);
    let address = operator.address();
    let tool = |arguments: &str| {
        let mut all = vec!["--bootstrap-server", address];
        all.extend(arguments.split(' '));
        kafka.output("kafka-consumer-groups", &all)
    };
    let in_order = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for (ours, theirs) in [
        ("groups list -o kafka", "--list"),
        ("groups list -o kafka --state Empty,Stable", "--list --state Empty,Stable"),
        ("groups list -o kafka --type classic", "--list --type classic"),
    ] {
        assert_eq!(in_order(operator.ok(ours)), in_order(tool(theirs)), "{ours}");
    }
    for group in ["app", "live", "a.group.with.a.very.long.name"] {
        for (ours, theirs) in [("", ""), (" --members", " --members"), (" --state", " --state")] {
            assert_eq!(
                operator.ok(&format!("groups describe {group}{ours} -o kafka")),
                tool(&format!("--describe --group {group}{theirs}")),
                "{group}{ours}"
            );
        }
    }
    assert_eq!(
        operator.ok("groups reset app -t orders --to earliest -o kafka -n"),
        tool("--reset-offsets --group app --topic orders --to-earliest --dry-run")
    );
    drop(reader);
}
