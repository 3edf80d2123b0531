//! `kt topics`: what each command prints in every format, and how it ends.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use crate::support::{Operator, scenarios};

scenarios![
    lists_in_every_format,
    descriptions_in_every_format,
    offsets_in_every_format,
    checks_in_every_format,
    creations_in_every_format,
    alterations_in_every_format,
    trims_in_every_format,
    deletions_in_every_format,
    a_check_says_no_only_if_it_could_look,
    changes_show_their_plan_and_ask,
    trimmed_records_are_gone,
    topics_are_copied_placed_and_left_alone,
    singular_nouns_describe_and_take_verbs,
    templates_choose_from_an_item,
];

/// Two topics, three records in one partition.
fn set_up(operator: &Operator) {
    operator.ok("topics create orders --partitions 2 --set retention.ms=1000000");
    operator.ok("topics create pay");
    operator.produce("orders", 1, "a\nb\nc\n");
}

fn lists_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics list"), @r#"
    $ kt topics list -o table
    NAME    PARTITIONS  REPLICATION FACTOR
    orders           2                   1
    pay              1                   1
    $ kt topics list -o wide
    NAME    PARTITIONS  REPLICATION FACTOR  UNDER REPLICATED  UNDER MIN ISR  OFFLINE  INTERNAL  TOPIC ID
    orders           2                   1                 0              -        0  -         ID
    pay              1                   1                 0              -        0  -         ID
    $ kt topics list -o json
    {"kind":"topics.list","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"orders","topic_id":"ID","internal":false,"partitions":2,"replication_factor":1,"under_replicated":0,"under_min_isr":null,"offline":0},{"name":"pay","topic_id":"ID","internal":false,"partitions":1,"replication_factor":1,"under_replicated":0,"under_min_isr":null,"offline":0}],"errors":[]}
    $ kt topics list -o jsonl
    {"name":"orders","topic_id":"ID","internal":false,"partitions":2,"replication_factor":1,"under_replicated":0,"under_min_isr":null,"offline":0}
    {"name":"pay","topic_id":"ID","internal":false,"partitions":1,"replication_factor":1,"under_replicated":0,"under_min_isr":null,"offline":0}
    $ kt topics list -o yaml
    kind: topics.list
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: orders
      topic_id: ID
      internal: false
      partitions: 2
      replication_factor: 1
      under_replicated: 0
      under_min_isr: null
      offline: 0
    - name: pay
      topic_id: ID
      internal: false
      partitions: 1
      replication_factor: 1
      under_replicated: 0
      under_min_isr: null
      offline: 0
    errors: []
    $ kt topics list -o csv
    name,partitions,replication_factor,under_replicated,under_min_isr,offline,internal,topic_id
    orders,2,1,0,,0,false,ID
    pay,1,1,0,,0,false,ID
    $ kt topics list -o tsv
    name	partitions	replication_factor	under_replicated	under_min_isr	offline	internal	topic_id
    orders	2	1	0		0	false	ID
    pay	1	1	0		0	false	ID
    $ kt topics list -o name
    orders
    pay
    $ kt topics list -o kafka
    orders
    pay
    "#);
}

fn descriptions_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics describe orders --configs"), @r#"
    $ kt topics describe orders --configs -o table
    orders  replication factor 1  id ID
      retention.ms=1000000  (DYNAMIC_TOPIC_CONFIG)
    PARTITION  LEADER  REPLICAS  ISR  LOG START OFFSET  HIGH WATERMARK  SIZE BYTES  UNDER REPLICATED
            0       1  1         1                   0               0           0  -
            1       1  1         1                   0               3          85  -
    $ kt topics describe orders --configs -o wide
    orders  replication factor 1  id ID
      retention.ms=1000000  (DYNAMIC_TOPIC_CONFIG)
    PARTITION  LEADER  LEADER EPOCH  REPLICAS  ISR  ELR  OFFLINE  LOG START OFFSET  HIGH WATERMARK  SIZE BYTES  UNDER REPLICATED
            0       1             0  1         1    -    -                       0               0           0  -
            1       1             0  1         1    -    -                       0               3          85  -
    $ kt topics describe orders --configs -o json
    {"kind":"topics.describe","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"orders","topic_id":"ID","internal":false,"replication_factor":1,"partitions":[{"partition":0,"leader":1,"leader_epoch":0,"replicas":[1],"isr":[1],"elr":[],"offline":[],"log_start_offset":0,"high_watermark":0,"size_bytes":0,"under_replicated":false},{"partition":1,"leader":1,"leader_epoch":0,"replicas":[1],"isr":[1],"elr":[],"offline":[],"log_start_offset":0,"high_watermark":3,"size_bytes":85,"under_replicated":false}],"configs":[{"name":"retention.ms","value":"1000000","source":"DYNAMIC_TOPIC_CONFIG","sensitive":false}]}],"errors":[]}
    $ kt topics describe orders --configs -o jsonl
    {"name":"orders","topic_id":"ID","internal":false,"replication_factor":1,"partitions":[{"partition":0,"leader":1,"leader_epoch":0,"replicas":[1],"isr":[1],"elr":[],"offline":[],"log_start_offset":0,"high_watermark":0,"size_bytes":0,"under_replicated":false},{"partition":1,"leader":1,"leader_epoch":0,"replicas":[1],"isr":[1],"elr":[],"offline":[],"log_start_offset":0,"high_watermark":3,"size_bytes":85,"under_replicated":false}],"configs":[{"name":"retention.ms","value":"1000000","source":"DYNAMIC_TOPIC_CONFIG","sensitive":false}]}
    $ kt topics describe orders --configs -o yaml
    kind: topics.describe
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: orders
      topic_id: ID
      internal: false
      replication_factor: 1
      partitions:
      - partition: 0
        leader: 1
        leader_epoch: 0
        replicas:
        - 1
        isr:
        - 1
        elr: []
        offline: []
        log_start_offset: 0
        high_watermark: 0
        size_bytes: 0
        under_replicated: false
      - partition: 1
        leader: 1
        leader_epoch: 0
        replicas:
        - 1
        isr:
        - 1
        elr: []
        offline: []
        log_start_offset: 0
        high_watermark: 3
        size_bytes: 85
        under_replicated: false
      configs:
      - name: retention.ms
        value: "1000000"
        source: DYNAMIC_TOPIC_CONFIG
        sensitive: false
    errors: []
    $ kt topics describe orders --configs -o csv
    topic,partition,leader,leader_epoch,replicas,isr,elr,offline,log_start_offset,high_watermark,size_bytes,under_replicated
    orders,0,1,0,1,1,,,0,0,0,false
    orders,1,1,0,1,1,,,0,3,85,false
    $ kt topics describe orders --configs -o tsv
    topic	partition	leader	leader_epoch	replicas	isr	elr	offline	log_start_offset	high_watermark	size_bytes	under_replicated
    orders	0	1	0	1	1			0	0	0	false
    orders	1	1	0	1	1			0	3	85	false
    $ kt topics describe orders --configs -o name
    orders
    $ kt topics describe orders --configs -o kafka
    Topic: orders	TopicId: ID	PartitionCount: 2	ReplicationFactor: 1	Configs: retention.ms=1000000
    	Topic: orders	Partition: 0	Leader: 1	Replicas: 1	Isr: 1	Elr: 	LastKnownElr: 
    	Topic: orders	Partition: 1	Leader: 1	Replicas: 1	Isr: 1	Elr: 	LastKnownElr:
    "#);
}

fn offsets_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics offsets orders pay:0"), @r#"
    $ kt topics offsets orders pay:0 -o table
    TOPIC   PARTITION  AT      OFFSET
    orders          0  latest       0
    orders          1  latest       3
    pay             0  latest       0
    $ kt topics offsets orders pay:0 -o wide
    TOPIC   PARTITION  AT      OFFSET  TIMESTAMP
    orders          0  latest       0          -
    orders          1  latest       3          -
    pay             0  latest       0          -
    $ kt topics offsets orders pay:0 -o json
    {"kind":"topics.offsets","version":1,"cluster_id":"ID","time":"TIME","items":[{"topic":"orders","partition":0,"at":"latest","offset":0,"timestamp":null},{"topic":"orders","partition":1,"at":"latest","offset":3,"timestamp":null},{"topic":"pay","partition":0,"at":"latest","offset":0,"timestamp":null}],"errors":[]}
    $ kt topics offsets orders pay:0 -o jsonl
    {"topic":"orders","partition":0,"at":"latest","offset":0,"timestamp":null}
    {"topic":"orders","partition":1,"at":"latest","offset":3,"timestamp":null}
    {"topic":"pay","partition":0,"at":"latest","offset":0,"timestamp":null}
    $ kt topics offsets orders pay:0 -o yaml
    kind: topics.offsets
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - topic: orders
      partition: 0
      at: latest
      offset: 0
      timestamp: null
    - topic: orders
      partition: 1
      at: latest
      offset: 3
      timestamp: null
    - topic: pay
      partition: 0
      at: latest
      offset: 0
      timestamp: null
    errors: []
    $ kt topics offsets orders pay:0 -o csv
    topic,partition,at,offset,timestamp
    orders,0,latest,0,
    orders,1,latest,3,
    pay,0,latest,0,
    $ kt topics offsets orders pay:0 -o tsv
    topic	partition	at	offset	timestamp
    orders	0	latest	0	
    orders	1	latest	3	
    pay	0	latest	0	
    $ kt topics offsets orders pay:0 -o name
    orders:0
    orders:1
    pay:0
    $ kt topics offsets orders pay:0 -o kafka
    orders:0:0
    orders:1:3
    pay:0:0
    "#);
    insta::assert_snapshot!(operator.run_all(&[
        "topics offsets orders:1 --at earliest --at -1 --at +2 --at 3 --at -1h",
        "topics offsets orders --at 4",
        "topics offsets orders:1 nosuch",
        "topics offsets orders --at earliest --at latest -o kafka",
    ]), @r#"
    $ kt topics offsets orders:1 --at earliest --at -1 --at +2 --at 3 --at -1h
    TOPIC   PARTITION  AT        OFFSET
    orders          1  earliest       0
    orders          1  -1             2
    orders          1  +2             2
    orders          1  3              3
    orders          1  -1h            0
    $ kt topics offsets orders --at 4
    error: --at 4: partition 0 of topic "orders" has offsets 0 to 0
    hint: --at earliest --at latest
    exit 5
    $ kt topics offsets orders:1 nosuch
    TOPIC   PARTITION  AT      OFFSET
    orders          1  latest       3
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 3
    $ kt topics offsets orders --at earliest --at latest -o kafka
    error: -o kafka shows one position
    hint: name one --at
    exit 2
    "#);
}

fn checks_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics check orders --partitions 2 --min-isr 2"), @r#"
    $ kt topics check orders --partitions 2 --min-isr 2 -o table
    NAME    CHECK                EXPECTED  ACTUAL  OK
    orders  partitions           2         2       yes
    orders  min.insync.replicas  2         1       -
    $ kt topics check orders --partitions 2 --min-isr 2 -o wide
    NAME    CHECK                EXPECTED  ACTUAL  OK
    orders  partitions           2         2       yes
    orders  min.insync.replicas  2         1       -
    $ kt topics check orders --partitions 2 --min-isr 2 -o json
    {"kind":"topics.check","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"orders","ok":false,"checks":[{"check":"partitions","expected":"2","actual":"2","ok":true},{"check":"min.insync.replicas","expected":"2","actual":"1","ok":false}]}],"errors":[]}
    $ kt topics check orders --partitions 2 --min-isr 2 -o jsonl
    {"name":"orders","ok":false,"checks":[{"check":"partitions","expected":"2","actual":"2","ok":true},{"check":"min.insync.replicas","expected":"2","actual":"1","ok":false}]}
    $ kt topics check orders --partitions 2 --min-isr 2 -o yaml
    kind: topics.check
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: orders
      ok: false
      checks:
      - check: partitions
        expected: "2"
        actual: "2"
        ok: true
      - check: min.insync.replicas
        expected: "2"
        actual: "1"
        ok: false
    errors: []
    $ kt topics check orders --partitions 2 --min-isr 2 -o csv
    name,check,expected,actual,ok
    orders,partitions,2,2,true
    orders,min.insync.replicas,2,1,false
    $ kt topics check orders --partitions 2 --min-isr 2 -o tsv
    name	check	expected	actual	ok
    orders	partitions	2	2	true
    orders	min.insync.replicas	2	1	false
    $ kt topics check orders --partitions 2 --min-isr 2 -o name
    orders
    $ kt topics check orders --partitions 2 --min-isr 2 -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn creations_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics create new --like orders -n"), @r#"
    $ kt topics create new --like orders -n -o table
    NAME  PARTITIONS  REPLICATION FACTOR  TOPIC ID
    new            2                   1  -
    $ kt topics create new --like orders -n -o wide
    NAME  PARTITIONS  REPLICATION FACTOR  TOPIC ID  CREATED
    new            2                   1  -         -
    $ kt topics create new --like orders -n -o json
    {"kind":"topics.create","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"new","topic_id":null,"partitions":2,"replication_factor":1,"created":false}],"errors":[]}
    $ kt topics create new --like orders -n -o jsonl
    {"name":"new","topic_id":null,"partitions":2,"replication_factor":1,"created":false}
    $ kt topics create new --like orders -n -o yaml
    kind: topics.create
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: new
      topic_id: null
      partitions: 2
      replication_factor: 1
      created: false
    errors: []
    $ kt topics create new --like orders -n -o csv
    name,partitions,replication_factor,topic_id,created
    new,2,1,,false
    $ kt topics create new --like orders -n -o tsv
    name	partitions	replication_factor	topic_id	created
    new	2	1		false
    $ kt topics create new --like orders -n -o name
    new
    $ kt topics create new --like orders -n -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn alterations_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics alter orders --partitions 3 --set retention.ms=5 -n"), @r#"
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o table
    NAME    PARTITIONS  CONFIGS         ALTERED
    orders           3  retention.ms=5  -
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o wide
    NAME    PARTITIONS  CONFIGS         ALTERED
    orders           3  retention.ms=5  -
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o json
    {"kind":"topics.alter","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"orders","partitions":3,"partitions_before":2,"configs":[{"name":"retention.ms","value":"5","value_before":"1000000"}],"altered":false}],"errors":[]}
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o jsonl
    {"name":"orders","partitions":3,"partitions_before":2,"configs":[{"name":"retention.ms","value":"5","value_before":"1000000"}],"altered":false}
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o yaml
    kind: topics.alter
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: orders
      partitions: 3
      partitions_before: 2
      configs:
      - name: retention.ms
        value: "5"
        value_before: "1000000"
      altered: false
    errors: []
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o csv
    name,partitions,configs,altered
    orders,3,retention.ms=5,false
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o tsv
    name	partitions	configs	altered
    orders	3	retention.ms=5	false
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o name
    orders
    $ kt topics alter orders --partitions 3 --set retention.ms=5 -n -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn trims_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics trim orders --before -1 -n"), @r#"
    $ kt topics trim orders --before -1 -n -o table
    TOPIC   PARTITION  LOG START OFFSET BEFORE  LOG START OFFSET  TRIMMED
    orders          0                        0                 0  -
    orders          1                        0                 2  -
    $ kt topics trim orders --before -1 -n -o wide
    TOPIC   PARTITION  LOG START OFFSET BEFORE  LOG START OFFSET  TRIMMED
    orders          0                        0                 0  -
    orders          1                        0                 2  -
    $ kt topics trim orders --before -1 -n -o json
    {"kind":"topics.trim","version":1,"cluster_id":"ID","time":"TIME","items":[{"topic":"orders","partition":0,"log_start_offset_before":0,"log_start_offset":0,"trimmed":false},{"topic":"orders","partition":1,"log_start_offset_before":0,"log_start_offset":2,"trimmed":false}],"errors":[]}
    $ kt topics trim orders --before -1 -n -o jsonl
    {"topic":"orders","partition":0,"log_start_offset_before":0,"log_start_offset":0,"trimmed":false}
    {"topic":"orders","partition":1,"log_start_offset_before":0,"log_start_offset":2,"trimmed":false}
    $ kt topics trim orders --before -1 -n -o yaml
    kind: topics.trim
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - topic: orders
      partition: 0
      log_start_offset_before: 0
      log_start_offset: 0
      trimmed: false
    - topic: orders
      partition: 1
      log_start_offset_before: 0
      log_start_offset: 2
      trimmed: false
    errors: []
    $ kt topics trim orders --before -1 -n -o csv
    topic,partition,log_start_offset_before,log_start_offset,trimmed
    orders,0,0,0,false
    orders,1,0,2,false
    $ kt topics trim orders --before -1 -n -o tsv
    topic	partition	log_start_offset_before	log_start_offset	trimmed
    orders	0	0	0	false
    orders	1	0	2	false
    $ kt topics trim orders --before -1 -n -o name
    orders:0
    orders:1
    $ kt topics trim orders --before -1 -n -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn deletions_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("topics delete orders pay -n"), @r#"
    $ kt topics delete orders pay -n -o table
    NAME    PARTITIONS  TOPIC ID                DELETED
    orders           2  ID  -
    pay              1  ID  -
    $ kt topics delete orders pay -n -o wide
    NAME    PARTITIONS  TOPIC ID                DELETED
    orders           2  ID  -
    pay              1  ID  -
    $ kt topics delete orders pay -n -o json
    {"kind":"topics.delete","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"orders","topic_id":"ID","partitions":2,"deleted":false},{"name":"pay","topic_id":"ID","partitions":1,"deleted":false}],"errors":[]}
    $ kt topics delete orders pay -n -o jsonl
    {"name":"orders","topic_id":"ID","partitions":2,"deleted":false}
    {"name":"pay","topic_id":"ID","partitions":1,"deleted":false}
    $ kt topics delete orders pay -n -o yaml
    kind: topics.delete
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: orders
      topic_id: ID
      partitions: 2
      deleted: false
    - name: pay
      topic_id: ID
      partitions: 1
      deleted: false
    errors: []
    $ kt topics delete orders pay -n -o csv
    name,partitions,topic_id,deleted
    orders,2,ID,false
    pay,1,ID,false
    $ kt topics delete orders pay -n -o tsv
    name	partitions	topic_id	deleted
    orders	2	ID	false
    pay	1	ID	false
    $ kt topics delete orders pay -n -o name
    orders
    pay
    $ kt topics delete orders pay -n -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn a_check_says_no_only_if_it_could_look(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "topics check orders --partitions 2 --replication-factor 1 --min-isr 1 --healthy",
        "topics check orders --expect retention.ms=1000000 --expect cleanup.policy=delete",
        "topics check orders pay --partitions 2 -o name",
        "topics check orders nosuch --partitions 3 -o name",
        "topics check nosuch --healthy -o name",
        "topics check orders --expect retention.sm=5 -o name",
        "topics check orders",
    ]), @r#"
    $ kt topics check orders --partitions 2 --replication-factor 1 --min-isr 1 --healthy
    NAME    CHECK                EXPECTED  ACTUAL   OK
    orders  partitions           2         2        yes
    orders  replication_factor   1         1        yes
    orders  min.insync.replicas  1         1        yes
    orders  health               healthy   healthy  yes
    $ kt topics check orders --expect retention.ms=1000000 --expect cleanup.policy=delete
    NAME    CHECK           EXPECTED  ACTUAL   OK
    orders  retention.ms    1000000   1000000  yes
    orders  cleanup.policy  delete    delete   yes
    $ kt topics check orders pay --partitions 2 -o name
    orders
    pay
    exit 7
    $ kt topics check orders nosuch --partitions 3 -o name
    orders
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 3
    $ kt topics check nosuch --healthy -o name
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 5
    $ kt topics check orders --expect retention.sm=5 -o name
    error: topic "orders" has no config "retention.sm"
    hint: kt configs describe topic/orders --all
    exit 1
    $ kt topics check orders
    error: nothing to check
    hint: kt topics check orders --healthy
    exit 2
    "#);
}

fn changes_show_their_plan_and_ask(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "topics alter orders --partitions 3 --set segment.bytes=2000000",
        "topics alter orders --partitions 3 --set segment.bytes=2000000 -y",
        "topics alter orders --partitions 3 --set segment.bytes=2000000 -y",
        "topics alter orders --unset segment.bytes --set retention.ms=5 -y",
        "topics alter -r .* --set retention.ms=4 -y",
        "topics alter -r .* --set retention.ms=4 -y --confirm 2 -q",
        "topics alter orders --partitions 2 -y",
        "topics alter orders --replication-factor 3",
        "topics alter orders --set retention.sm=5 -y",
        "topics alter orders --unset retention.sm -y",
        "topics alter orders --set a=1 --unset a",
        "topics alter orders nosuch --set retention.ms=3 -y",
        "topics alter nosuch --partitions 3 -y",
        "topics alter orders",
    ]), @r#"
    $ kt topics alter orders --partitions 3 --set segment.bytes=2000000
    alter topic/orders: partitions 2 -> 3; keys move to other partitions; no undo
    alter topic/orders: segment.bytes 1073741824 (inherited) -> 2000000
    error: to alter a topic here needs -y: nobody can be asked
    hint: -n shows what would happen
    exit 2
    $ kt topics alter orders --partitions 3 --set segment.bytes=2000000 -y
    NAME    PARTITIONS  CONFIGS                ALTERED
    orders           3  segment.bytes=2000000  yes
    alter topic/orders: partitions 2 -> 3; keys move to other partitions; no undo
    alter topic/orders: segment.bytes 1073741824 (inherited) -> 2000000
    kt undo 3 takes it back
    $ kt topics alter orders --partitions 3 --set segment.bytes=2000000 -y
    NAME    PARTITIONS  CONFIGS  ALTERED
    orders           3  -        -
    note: topic "orders" is so already
    $ kt topics alter orders --unset segment.bytes --set retention.ms=5 -y
    NAME    PARTITIONS  CONFIGS                                  ALTERED
    orders           3  retention.ms=5,segment.bytes=1073741824  yes
    alter topic/orders: retention.ms 1000000 -> 5; lower retention: older records may go
    alter topic/orders: segment.bytes 2000000 -> 1073741824 (inherited)
    kt undo 4 takes it back
    $ kt topics alter -r .* --set retention.ms=4 -y
    alter topic/orders: retention.ms 5 -> 4; lower retention: older records may go
    alter topic/pay: retention.ms 604800000 (inherited) -> 4; lower retention: older records may go
    error: the pattern matches 2 topics: say how many
    hint: --confirm 2, once -n has shown which
    exit 2
    $ kt topics alter -r .* --set retention.ms=4 -y --confirm 2 -q
    NAME    PARTITIONS  CONFIGS         ALTERED
    orders           3  retention.ms=4  yes
    pay              1  retention.ms=4  yes
    $ kt topics alter orders --partitions 2 -y
    error: topic "orders" has 3 partitions and cannot have 2: the records of the others would be lost
    hint: kt topics create NEW --like orders --partitions 2
    exit 1
    $ kt topics alter orders --replication-factor 3
    error: the replication factor is changed by moving replicas
    hint: kt reassign plan orders --replication-factor 3
    exit 2
    $ kt topics alter orders --set retention.sm=5 -y
    alter topic/orders: retention.sm unset -> 5
    error: topic "orders": Unknown topic config name: retention.sm (INVALID_CONFIG from IncrementalAlterConfigs)
    hint: did you mean "retention.ms"?
    exit 1
    $ kt topics alter orders --unset retention.sm -y
    error: topic/orders has no config "retention.sm"
    hint: did you mean "retention.ms"?
    exit 1
    $ kt topics alter orders --set a=1 --unset a
    error: config "a" is named twice
    exit 2
    $ kt topics alter orders nosuch --set retention.ms=3 -y
    NAME    PARTITIONS  CONFIGS         ALTERED
    orders           3  retention.ms=3  yes
    alter topic/orders: retention.ms 4 -> 3; lower retention: older records may go
    kt undo 6 takes it back
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 3
    $ kt topics alter nosuch --partitions 3 -y
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 5
    $ kt topics alter orders
    error: nothing to alter: name --partitions, --set or --unset
    hint: kt topics alter orders --partitions 6
    exit 2
    "#);
}

fn trimmed_records_are_gone(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "topics trim orders:1 --before 2",
        "topics trim orders:1 --before 2 -y",
        "consume orders",
        "topics trim orders --before earliest -y",
        "topics trim orders:1 --before 7 -y",
        "topics trim orders:5 --before 1 -y",
        "topics create kept --set cleanup.policy=compact",
    ]), @r#"
    $ kt topics trim orders:1 --before 2
    trim orders:1: deletes 2 offsets (0 to 1), 1 stay; no undo
    error: to trim a topic here needs -y: nobody can be asked
    hint: -n shows what would happen
    exit 2
    $ kt topics trim orders:1 --before 2 -y
    TOPIC   PARTITION  LOG START OFFSET BEFORE  LOG START OFFSET  TRIMMED
    orders          1                        0                 2  yes
    trim orders:1: deletes 2 offsets (0 to 1), 1 stay; no undo
    $ kt consume orders
    c
    $ kt topics trim orders --before earliest -y
    TOPIC   PARTITION  LOG START OFFSET BEFORE  LOG START OFFSET  TRIMMED
    orders          0                        0                 0  -
    orders          1                        2                 2  -
    note: nothing to trim: no record is before that position
    $ kt topics trim orders:1 --before 7 -y
    error: --before 7: partition 1 of topic "orders" has offsets 2 to 3
    hint: kt topics offsets orders --at earliest --at latest
    exit 5
    $ kt topics trim orders:5 --before 1 -y
    error: partition 5 of topic "orders" does not exist
    hint: it has partitions 0 to 1
    exit 5
    $ kt topics create kept --set cleanup.policy=compact
    NAME  PARTITIONS  REPLICATION FACTOR  TOPIC ID
    kept           1                   1  ID
    create topic "kept": partitions the broker's default, replication factor the broker's default, cleanup.policy=compact
    kt undo 4 takes it back
    "#);
    // Kafka refuses what would leave a compacted topic with half of its keys.
    operator.ok("produce kept -k k --file /dev/null --tombstone");
    insta::assert_snapshot!(operator.run("topics trim kept --before latest -y"), @r#"
    $ kt topics trim kept --before latest -y
    trim kept:0: deletes 1 offset (0 to 0), 0 stay; no undo
    error: partition 0 of topic "kept": POLICY_VIOLATION from DeleteRecords
    hint: only topics with cleanup.policy=delete can be trimmed
    exit 1
    "#);
}

fn topics_are_copied_placed_and_left_alone(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "topics create copy --like orders",
        "topics create placed --assignment 1,1,1",
        "topics create nowhere --assignment 7",
        "topics create orders --if-not-exists",
        "topics create orders",
        "topics delete nosuch --if-exists -y",
        "topics delete copy placed -y",
    ]), @r#"
    $ kt topics create copy --like orders
    NAME  PARTITIONS  REPLICATION FACTOR  TOPIC ID
    copy           2                   1  ID
    create topic "copy": partitions 2, replication factor 1, retention.ms=1000000
    kt undo 3 takes it back
    $ kt topics create placed --assignment 1,1,1
    NAME    PARTITIONS  REPLICATION FACTOR  TOPIC ID
    placed           3                   1  ID
    create topic "placed": partitions 3, 0 on [1], 1 on [1], 2 on [1]
    kt undo 4 takes it back
    $ kt topics create nowhere --assignment 7
    create topic "nowhere": partitions 1, 0 on [7]
    error: topic "nowhere": The manual partition assignment includes broker 7, but no such broker is registered (INVALID_REPLICA_ASSIGNMENT from CreateTopics)
    exit 1
    $ kt topics create orders --if-not-exists
    NAME    PARTITIONS  REPLICATION FACTOR  TOPIC ID
    orders           -                   -  -
    create topic "orders": partitions the broker's default, replication factor the broker's default
    note: topic "orders" exists already
    $ kt topics create orders
    create topic "orders": partitions the broker's default, replication factor the broker's default
    error: topic "orders" exists already
    hint: kt topics describe orders
    exit 1
    $ kt topics delete nosuch --if-exists -y
    note: topic "nosuch" does not exist
    $ kt topics delete copy placed -y
    NAME    PARTITIONS  TOPIC ID                DELETED
    copy             2  ID  yes
    placed           3  ID  yes
    delete topic "copy": 2 partitions with all records; no undo
    delete topic "placed": 3 partitions with all records; no undo
    "#);
}

fn singular_nouns_describe_and_take_verbs(operator: &Operator) {
    set_up(operator);
    assert_eq!(operator.ok("topic orders -o name"), "orders\n");
    assert_eq!(operator.ok("topic offsets pay -o name"), "pay:0\n");
    assert_eq!(operator.ok("config topic/pay -o name"), "topic/pay\n");
    assert_eq!(operator.ok("config diff topic/pay topic/pay -o name"), "");
    assert!(operator.run("topic").ends_with("exit 2\n"));
}

fn templates_choose_from_an_item(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "topics list -o template={name}\\t{partitions}\\n",
        "topics describe orders -o template={name}:{partitions.1.high_watermark}\\n",
        "topics offsets orders -o template={topic}:{partition}={offset}\\n",
        "topics check orders --healthy -o template={name}:{ok}\\n",
        "topics create new -n -q -o template={name}:{created}\\n",
        "topics alter orders --partitions 4 -n -q -o template={partitions_before}->{partitions}\\n",
        "topics trim orders --before latest -n -q -o template={partition}:{log_start_offset}\\n",
        "topics delete orders -n -q -o template={name}:{deleted}\\n",
    ]), @r"
    $ kt topics list -o template={name}\t{partitions}\n
    orders	2
    pay	1
    $ kt topics describe orders -o template={name}:{partitions.1.high_watermark}\n
    orders:3
    $ kt topics offsets orders -o template={topic}:{partition}={offset}\n
    orders:0=0
    orders:1=3
    $ kt topics check orders --healthy -o template={name}:{ok}\n
    orders:true
    $ kt topics create new -n -q -o template={name}:{created}\n
    new:false
    $ kt topics alter orders --partitions 4 -n -q -o template={partitions_before}->{partitions}\n
    2->4
    $ kt topics trim orders --before latest -n -q -o template={partition}:{log_start_offset}\n
    0:0
    1:3
    $ kt topics delete orders -n -q -o template={name}:{deleted}\n
    orders:false
    ");
}
