//! `kt groups reset`: where it goes, from what, and whose group it leaves alone.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use super::{STATIC, commit, member, set_up, steady};
use crate::support::{Operator, scenarios};

scenarios![
    resets_in_every_format,
    resets_go_where_they_are_told,
    saved_offsets_come_back,
    active_groups_are_not_changed
];

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
