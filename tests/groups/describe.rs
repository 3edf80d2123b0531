//! `kt groups describe`: groups, members and what they read, in every format.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{STATIC, commit, member, set_up, steady};
use crate::support::client::{self, SOON};
use crate::support::{Operator, scenarios};

scenarios![
    descriptions_in_every_format,
    members_are_shown_with_their_partitions,
    who_has_no_partitions_is_idle
];

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
