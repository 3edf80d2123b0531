//! `kt groups delete` and `delete-offsets`: what is asked first, and what comes back.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use super::set_up;
use crate::support::{Operator, scenarios};

scenarios![deleted_groups_and_offsets_come_back, what_changes_asks_first];

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
