//! `kt configs`: what each command prints in every format, and how it ends.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use crate::support::{Operator, scenarios};

scenarios![
    descriptions_in_every_format,
    alterations_in_every_format,
    differences_in_every_format,
    every_kind_of_entity_is_altered_described_and_put_back,
    what_counts_without_a_value_of_its_own_is_told,
    secrets_are_not_shown_nor_kept,
    slips_are_told_the_right_line,
    templates_choose_from_an_item,
];

fn set_up(operator: &Operator) {
    operator.ok("topics create orders --set retention.ms=1000000 --set cleanup.policy=compact");
    operator.ok("topics create pay --set retention.ms=2000000");
}

fn descriptions_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("configs describe topic/orders"), @r#"
    $ kt configs describe topic/orders -o table
    topic/orders
    NAME            VALUE    SOURCE
    cleanup.policy  compact  DYNAMIC_TOPIC_CONFIG
    retention.ms    1000000  DYNAMIC_TOPIC_CONFIG
    $ kt configs describe topic/orders -o wide
    topic/orders
    NAME            VALUE    SOURCE                SENSITIVE  READ ONLY
    cleanup.policy  compact  DYNAMIC_TOPIC_CONFIG  -          -
    retention.ms    1000000  DYNAMIC_TOPIC_CONFIG  -          -
    $ kt configs describe topic/orders -o json
    {"kind":"configs.describe","version":1,"cluster_id":"ID","time":"TIME","items":[{"entity":"topic/orders","configs":[{"name":"cleanup.policy","value":"compact","source":"DYNAMIC_TOPIC_CONFIG","sensitive":false,"read_only":false,"synonyms":[{"name":"cleanup.policy","value":"compact","source":"DYNAMIC_TOPIC_CONFIG"},{"name":"log.cleanup.policy","value":"delete","source":"DEFAULT_CONFIG"}]},{"name":"retention.ms","value":"1000000","source":"DYNAMIC_TOPIC_CONFIG","sensitive":false,"read_only":false,"synonyms":[{"name":"retention.ms","value":"1000000","source":"DYNAMIC_TOPIC_CONFIG"}]}]}],"errors":[]}
    $ kt configs describe topic/orders -o jsonl
    {"entity":"topic/orders","configs":[{"name":"cleanup.policy","value":"compact","source":"DYNAMIC_TOPIC_CONFIG","sensitive":false,"read_only":false,"synonyms":[{"name":"cleanup.policy","value":"compact","source":"DYNAMIC_TOPIC_CONFIG"},{"name":"log.cleanup.policy","value":"delete","source":"DEFAULT_CONFIG"}]},{"name":"retention.ms","value":"1000000","source":"DYNAMIC_TOPIC_CONFIG","sensitive":false,"read_only":false,"synonyms":[{"name":"retention.ms","value":"1000000","source":"DYNAMIC_TOPIC_CONFIG"}]}]}
    $ kt configs describe topic/orders -o yaml
    kind: configs.describe
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - entity: topic/orders
      configs:
      - name: cleanup.policy
        value: compact
        source: DYNAMIC_TOPIC_CONFIG
        sensitive: false
        read_only: false
        synonyms:
        - name: cleanup.policy
          value: compact
          source: DYNAMIC_TOPIC_CONFIG
        - name: log.cleanup.policy
          value: delete
          source: DEFAULT_CONFIG
      - name: retention.ms
        value: "1000000"
        source: DYNAMIC_TOPIC_CONFIG
        sensitive: false
        read_only: false
        synonyms:
        - name: retention.ms
          value: "1000000"
          source: DYNAMIC_TOPIC_CONFIG
    errors: []
    $ kt configs describe topic/orders -o csv
    entity,name,value,source,sensitive,read_only
    topic/orders,cleanup.policy,compact,DYNAMIC_TOPIC_CONFIG,false,false
    topic/orders,retention.ms,1000000,DYNAMIC_TOPIC_CONFIG,false,false
    $ kt configs describe topic/orders -o tsv
    entity	name	value	source	sensitive	read_only
    topic/orders	cleanup.policy	compact	DYNAMIC_TOPIC_CONFIG	false	false
    topic/orders	retention.ms	1000000	DYNAMIC_TOPIC_CONFIG	false	false
    $ kt configs describe topic/orders -o name
    topic/orders
    $ kt configs describe topic/orders -o kafka
    Dynamic configs for topic orders are:
      cleanup.policy=compact sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact, DEFAULT_CONFIG:log.cleanup.policy=delete}
      retention.ms=1000000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000000}
    "#);
}

fn alterations_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n"), @r#"
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o table
    ENTITY        NAME            VALUE   VALUE BEFORE  ALTERED
    topic/orders  retention.ms    5       1000000       -
    topic/orders  cleanup.policy  delete  compact       -
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o wide
    ENTITY        NAME            VALUE   VALUE BEFORE  ALTERED
    topic/orders  retention.ms    5       1000000       -
    topic/orders  cleanup.policy  delete  compact       -
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o json
    {"kind":"configs.alter","version":1,"cluster_id":"ID","time":"TIME","items":[{"entity":"topic/orders","name":"retention.ms","value":"5","value_before":"1000000","sensitive":false,"altered":false},{"entity":"topic/orders","name":"cleanup.policy","value":"delete","value_before":"compact","sensitive":false,"altered":false}],"errors":[]}
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o jsonl
    {"entity":"topic/orders","name":"retention.ms","value":"5","value_before":"1000000","sensitive":false,"altered":false}
    {"entity":"topic/orders","name":"cleanup.policy","value":"delete","value_before":"compact","sensitive":false,"altered":false}
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o yaml
    kind: configs.alter
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - entity: topic/orders
      name: retention.ms
      value: "5"
      value_before: "1000000"
      sensitive: false
      altered: false
    - entity: topic/orders
      name: cleanup.policy
      value: delete
      value_before: compact
      sensitive: false
      altered: false
    errors: []
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o csv
    entity,name,value,value_before,altered
    topic/orders,retention.ms,5,1000000,false
    topic/orders,cleanup.policy,delete,compact,false
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o tsv
    entity	name	value	value_before	altered
    topic/orders	retention.ms	5	1000000	false
    topic/orders	cleanup.policy	delete	compact	false
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o name
    topic/orders
    topic/orders
    $ kt configs alter topic/orders --set retention.ms=5 --unset cleanup.policy -n -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn differences_in_every_format(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.every_format("configs diff topic/orders topic/pay"), @r#"
    $ kt configs diff topic/orders topic/pay -o table
    NAME            LEFT     RIGHT
    cleanup.policy  compact  delete
    retention.ms    1000000  2000000
    $ kt configs diff topic/orders topic/pay -o wide
    NAME            LEFT     RIGHT
    cleanup.policy  compact  delete
    retention.ms    1000000  2000000
    $ kt configs diff topic/orders topic/pay -o json
    {"kind":"configs.diff","version":1,"cluster_id":"ID","time":"TIME","items":[{"name":"cleanup.policy","left":"compact","right":"delete"},{"name":"retention.ms","left":"1000000","right":"2000000"}],"errors":[]}
    $ kt configs diff topic/orders topic/pay -o jsonl
    {"name":"cleanup.policy","left":"compact","right":"delete"}
    {"name":"retention.ms","left":"1000000","right":"2000000"}
    $ kt configs diff topic/orders topic/pay -o yaml
    kind: configs.diff
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - name: cleanup.policy
      left: compact
      right: delete
    - name: retention.ms
      left: "1000000"
      right: "2000000"
    errors: []
    $ kt configs diff topic/orders topic/pay -o csv
    name,left,right
    cleanup.policy,compact,delete
    retention.ms,1000000,2000000
    $ kt configs diff topic/orders topic/pay -o tsv
    name	left	right
    cleanup.policy	compact	delete
    retention.ms	1000000	2000000
    $ kt configs diff topic/orders topic/pay -o name
    cleanup.policy
    retention.ms
    $ kt configs diff topic/orders topic/pay -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

fn every_kind_of_entity_is_altered_described_and_put_back(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "configs alter broker/default --set log.cleaner.threads=2 -y",
        "configs alter broker/1 --set log.cleaner.threads=3 -y",
        "configs alter group/app --set consumer.session.timeout.ms=50000 -y",
        "configs alter client-metrics/m1 --set interval.ms=60000 -y",
        "configs describe broker/default broker/1 group/app client-metrics/m1 -o kafka",
        "configs describe -r .*/.*",
        "configs describe -r group/.* client-metrics/.* broker/.* topic/o.* -o name",
        "undo 3 -y -q",
        "undo 4 -y -q",
        "undo 5 -y -q",
        "undo 6 -y -q",
        "configs describe broker/default broker/1 group/app client-metrics/m1",
    ]), @r#"
    $ kt configs alter broker/default --set log.cleaner.threads=2 -y
    ENTITY          NAME                 VALUE  VALUE BEFORE  ALTERED
    broker/default  log.cleaner.threads  2      1             yes
    alter broker/default: log.cleaner.threads 1 (inherited) -> 2
    kt undo 3 takes it back
    $ kt configs alter broker/1 --set log.cleaner.threads=3 -y
    ENTITY    NAME                 VALUE  VALUE BEFORE  ALTERED
    broker/1  log.cleaner.threads  3      2             yes
    alter broker/1: log.cleaner.threads 2 (inherited) -> 3
    kt undo 4 takes it back
    $ kt configs alter group/app --set consumer.session.timeout.ms=50000 -y
    ENTITY     NAME                         VALUE  VALUE BEFORE  ALTERED
    group/app  consumer.session.timeout.ms  50000  45000         yes
    alter group/app: consumer.session.timeout.ms 45000 (inherited) -> 50000
    kt undo 5 takes it back
    $ kt configs alter client-metrics/m1 --set interval.ms=60000 -y
    ENTITY             NAME         VALUE  VALUE BEFORE  ALTERED
    client-metrics/m1  interval.ms  60000  300000        yes
    alter client-metrics/m1: interval.ms 300000 (inherited) -> 60000
    kt undo 6 takes it back
    $ kt configs describe broker/default broker/1 group/app client-metrics/m1 -o kafka
    Default configs for brokers in the cluster are:
      log.cleaner.threads=2 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.cleaner.threads=2}
    Dynamic configs for broker 1 are:
      log.cleaner.threads=3 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.cleaner.threads=3, DYNAMIC_DEFAULT_BROKER_CONFIG:log.cleaner.threads=2, DEFAULT_CONFIG:log.cleaner.threads=1}
    Dynamic configs for group app are:
      consumer.session.timeout.ms=50000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000, DEFAULT_CONFIG:group.consumer.session.timeout.ms=45000}
    Dynamic configs for client-metric m1 are:
      interval.ms=60000 sensitive=false synonyms={DYNAMIC_CLIENT_METRICS_CONFIG:interval.ms=60000}
    $ kt configs describe -r .*/.*
    error: ".*" has no configs: write topic/NAME, broker/ID, broker/default, logger/ID, group/NAME or client-metrics/NAME
    exit 2
    $ kt configs describe -r group/.* client-metrics/.* broker/.* topic/o.* -o name
    topic/orders
    broker/1
    group/app
    client-metrics/m1
    $ kt undo 3 -y -q
    ID  THING           COMMAND                                                      UNDONE
     3  broker/default  kt configs alter broker/default --unset log.cleaner.threads  yes
    $ kt undo 4 -y -q
    ID  THING     COMMAND                                                UNDONE
     4  broker/1  kt configs alter broker/1 --unset log.cleaner.threads  yes
    $ kt undo 5 -y -q
    ID  THING      COMMAND                                                         UNDONE
     5  group/app  kt configs alter group/app --unset consumer.session.timeout.ms  yes
    $ kt undo 6 -y -q
    ID  THING              COMMAND                                                 UNDONE
     6  client-metrics/m1  kt configs alter client-metrics/m1 --unset interval.ms  yes
    $ kt configs describe broker/default broker/1 group/app client-metrics/m1
    broker/default

    broker/1

    group/app

    client-metrics/m1
    note: no config is set on broker/default
    note: no config is set on broker/1
    note: no config is set on group/app
    note: no config is set on client-metrics/m1
    "#);
}

fn what_counts_without_a_value_of_its_own_is_told(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "configs alter topic/orders --unset retention.ms -n",
        "topics alter orders --set retention.ms=-1 -y -q -o name",
        "topics alter orders --unset retention.ms -n",
    ]), @"
    $ kt configs alter topic/orders --unset retention.ms -n
    ENTITY        NAME          VALUE      VALUE BEFORE  ALTERED
    topic/orders  retention.ms  604800000  1000000       -
    would alter topic/orders: retention.ms 1000000 -> 604800000 (inherited)
    $ kt topics alter orders --set retention.ms=-1 -y -q -o name
    orders
    $ kt topics alter orders --unset retention.ms -n
    NAME    PARTITIONS  CONFIGS                 ALTERED
    orders           1  retention.ms=604800000  -
    would alter topic/orders: retention.ms -1 -> 604800000 (inherited); lower retention: older records may go
    ");
}

fn secrets_are_not_shown_nor_kept(operator: &Operator) {
    set_up(operator);
    let said =
        operator.run("configs alter broker/1 --set listener.name.x.ssl.key.password=hunter2 -n");
    assert!(said.contains("ssl.key.password (hidden) -> (hidden); no undo"), "{said}");
    operator.run("configs alter broker/1 --set listener.name.x.ssl.key.password=hunter2 -y");
    let journal = std::fs::read_to_string(operator.journal()).expect("a journal");
    assert!(!journal.contains("hunter2"), "{journal}");
}

fn slips_are_told_the_right_line(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "configs describe orders",
        "configs describe topics/orders",
        "configs describe topic/order",
        "configs describe broker/9",
        "configs describe topic/orders topic/nosuch -o name",
        "configs alter topic/orders",
        "configs alter topic/orders --set retention.ms=soon -y",
        "configs alter topic/orders --set min.insync.replicas=3",
        "configs alter topic/orders --set retention.ms=1000000 -y",
        "configs diff topic/orders topic/orders --check",
        "configs diff topic/orders topic/pay --check -o name",
        "configs diff topic/orders topic/nosuch --check",
    ]), @r#"
    $ kt configs describe orders
    error: "orders" does not say what it is: write topic/NAME, broker/ID, broker/default, logger/ID, group/NAME or client-metrics/NAME
    exit 2
    $ kt configs describe topics/orders
    error: "topics" has no configs: did you mean topic/orders?
    exit 2
    $ kt configs describe topic/order
    error: topic "order" does not exist
    hint: did you mean topic/orders?
    exit 5
    $ kt configs describe broker/9
    error: broker 9 is not up or does not exist
    hint: brokers that are up: 1
    exit 5
    $ kt configs describe topic/orders topic/nosuch -o name
    topic/orders
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 3
    $ kt configs alter topic/orders
    error: nothing to alter: name --set or --unset
    hint: kt configs alter topic/orders --set KEY=VALUE
    exit 2
    $ kt configs alter topic/orders --set retention.ms=soon -y
    alter topic/orders: retention.ms 1000000 -> soon
    error: topic "orders": Invalid value soon for configuration retention.ms: Not a number of type LONG (INVALID_CONFIG from IncrementalAlterConfigs)
    exit 1
    $ kt configs alter topic/orders --set min.insync.replicas=3
    alter topic/orders: min.insync.replicas 1 (inherited) -> 3
    error: to alter a config here needs -y: nobody can be asked
    hint: -n shows what would happen
    exit 2
    $ kt configs alter topic/orders --set retention.ms=1000000 -y
    note: topic/orders is so already
    $ kt configs diff topic/orders topic/orders --check
    note: topic/orders and topic/orders do not differ
    $ kt configs diff topic/orders topic/pay --check -o name
    cleanup.policy
    retention.ms
    exit 7
    $ kt configs diff topic/orders topic/nosuch --check
    error: topic "nosuch" does not exist
    hint: kt topics list
    exit 5
    "#);
}

fn templates_choose_from_an_item(operator: &Operator) {
    set_up(operator);
    insta::assert_snapshot!(operator.run_all(&[
        "configs describe topic/orders -o template={entity}:{configs.0.name}\\n",
        "configs alter topic/orders --set retention.ms=5 -n -q -o template={value_before}->{value}\\n",
        "configs diff topic/orders topic/pay -o template={name}:{left}|{right}\\n",
    ]), @r"
    $ kt configs describe topic/orders -o template={entity}:{configs.0.name}\n
    topic/orders:cleanup.policy
    $ kt configs alter topic/orders --set retention.ms=5 -n -q -o template={value_before}->{value}\n
    1000000->5
    $ kt configs diff topic/orders topic/pay -o template={name}:{left}|{right}\n
    cleanup.policy:compact|delete
    retention.ms:1000000|2000000
    ");
}
