//! The examples of the client library do what they say.

use std::process::Command;
use std::sync::atomic::Ordering;

use crate::support::command::ok;
use crate::support::{Operator, member};

#[path = "../src/client/examples/batch_to_database.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod batch_to_database;
#[path = "../src/client/examples/custom_partitioner.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod custom_partitioner;
#[path = "../src/client/examples/external_offsets.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod external_offsets;
#[path = "../src/client/examples/interceptors.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod interceptors;
#[path = "../src/client/examples/merge_by_time.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod merge_by_time;
#[path = "../src/client/examples/worker_pool.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod worker_pool;

fn topic(operator: &Operator, name: &str, partitions: &str) {
    ok(operator, &["topics", "create", name, "--partitions", partitions], "");
}

#[tokio::test]
async fn a_worker_pool_keeps_the_order_of_keys_and_commits_what_it_processed() {
    let operator = Operator::start();
    topic(&operator, "orders", "2");
    let lines: String = (0..200).map(|it| format!("key {},value {it}\n", it % 5)).collect();
    ok(&operator, &["produce", "orders", "--key-separator", ","], &lines);
    let processed = worker_pool::run(operator.address(), "orders", "billing", 200).await.unwrap();
    assert_eq!(processed.len(), 5, "{processed:?}");
    let mut count = 0;
    for offsets in processed.values() {
        // Failed tries are below 0, and their records come next.
        let done: Vec<i64> = offsets.iter().copied().filter(|it| 0 <= *it).collect();
        assert!(done.is_sorted(), "{offsets:?}");
        assert!(done.iter().all(|it| it % 7 != 3 || offsets.contains(&-it)), "{offsets:?}");
        count += done.len();
    }
    assert_eq!(count, 200);
    let committed = member::committed(operator.address(), "billing", "orders", 2);
    assert_eq!(committed.into_iter().flatten().sum::<i64>(), 200);
}

#[tokio::test]
async fn a_partitioner_of_ones_own_chooses() {
    let operator = Operator::start();
    topic(&operator, "orders", "4");
    let customers = ["house", "anna", "ben", "clara"];
    let address = operator.address();
    let chosen = custom_partitioner::run(address, "orders", &customers, &["house"]).await.unwrap();
    assert_eq!(chosen["house"], [0, 0, 0]);
    for small in &customers[1..] {
        let partitions = &chosen[small];
        assert!(partitions.iter().all(|it| *it == partitions[0] && 0 < *it), "{partitions:?}");
    }
}

#[tokio::test]
async fn offsets_beside_results_count_each_record_once_and_a_gap_stops() {
    let operator = Operator::start();
    topic(&operator, "numbers", "2");
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("sums");
    let fill = |range: std::ops::Range<u64>| {
        let lines: String = range.map(|it| format!("{},{it}\n", it % 2)).collect();
        ok(&operator, &["produce", "numbers", "-f", "%p,%v"], &lines);
    };
    let sums = async || external_offsets::run(operator.address(), "numbers", &database).await;
    fill(0..10);
    assert_eq!(sums().await.unwrap().into_values().collect::<Vec<_>>(), [20, 25]);
    // Nothing new, and then something: what was counted is not counted again.
    assert_eq!(sums().await.unwrap().into_values().collect::<Vec<_>>(), [20, 25]);
    fill(10..20);
    assert_eq!(sums().await.unwrap().into_values().collect::<Vec<_>>(), [90, 100]);
    // Records that go before they were read are missed, aloud.
    fill(20..30);
    ok(&operator, &["topics", "trim", "numbers:1", "--before", "12", "-y"], "");
    let gap = sums().await.unwrap_err().to_string();
    assert_eq!(
        gap,
        "partition 1 of topic \"numbers\" goes on at offset 12, the stored position is 10: the \
         records in between are gone"
    );
}

#[tokio::test]
async fn interceptors_change_and_count_records() {
    let operator = Operator::start();
    topic(&operator, "orders", "1");
    let counts = interceptors::run(operator.address(), "orders", 10).await.unwrap();
    assert_eq!(counts.successes.load(Ordering::Relaxed), 10);
    assert_eq!(counts.failures.load(Ordering::Relaxed), 1);
    assert_eq!(counts.closed.load(Ordering::Relaxed), 1);
    let read = ok(&operator, &["consume", "orders"], "");
    for (number, line) in read.lines().enumerate() {
        let (time, value) = line.split_once(' ').expect("a time and a value");
        assert!(1_000_000_000_000 < time.parse::<i64>().expect("a time"), "{line}");
        assert_eq!(value, format!("message {number}"));
    }
}

#[tokio::test]
async fn partitions_are_merged_by_time() {
    let operator = Operator::start();
    topic(&operator, "orders", "3");
    // The partition, the time, the value; times of a partition rise, but for the last of each.
    let lines: String = (0..600)
        .map(|it| format!("{},{},v{it}\n", it * 7 % 3, 1_700_000_000_000_i64 + it * 10))
        .collect();
    ok(&operator, &["produce", "orders", "-f", "%p,%T,%v"], &lines);
    let mut shown = Vec::new();
    let show = |record: &kt_client::worker_pool::OwnedRecord| {
        shown.push(record.value.clone().expect("each has a value"));
    };
    merge_by_time::run(operator.address(), "orders", show).await.unwrap();
    let expected: Vec<String> = (0..600).map(|it| format!("v{it}")).collect();
    assert_eq!(shown, expected);
}

const ADDRESS: &str = "KT_EXAMPLE_ADDRESS";
const DATABASE: &str = "KT_EXAMPLE_DATABASE";
const STEP: &str = "KT_EXAMPLE_STEP";

/// Runs the example until it dies: a process of its own.
#[tokio::test]
#[ignore = "a child of the test below"]
async fn dies_within_a_batch() {
    let read = |name| std::env::var(name).expect("the parent says it");
    let deadly = Some(read(STEP).parse().expect("a step"));
    let (address, database) = (read(ADDRESS), read(DATABASE));
    let group = read(STEP);
    let _ = batch_to_database::run(&address, "orders", &group, database.as_ref(), deadly).await;
}

#[tokio::test]
async fn a_batch_is_stored_once_wherever_its_process_dies() {
    let operator = Operator::start();
    topic(&operator, "orders", "2");
    let lines: String = (0..100).map(|it| format!("{},v{it}\n", it % 2)).collect();
    ok(&operator, &["produce", "orders", "-f", "%p,%v"], &lines);
    let directory = tempfile::tempdir().unwrap();
    let expected: Vec<((i32, i64), Vec<u8>)> = (0..2)
        .flat_map(|it| (0..50).map(move |offset| (it, offset)))
        .map(|(it, offset)| ((it, offset), format!("v{}", offset * 2 + i64::from(it)).into_bytes()))
        .collect();
    for step in ["polled", "written", "stored", "committed"] {
        let database = directory.path().join(step);
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["client_examples::dies_within_a_batch", "--exact", "--ignored"])
            .env(ADDRESS, operator.address())
            .env(DATABASE, &database)
            .env(STEP, step)
            .output()
            .unwrap();
        assert_eq!(child.status.code(), None, "{step}: it is aborted");
        let address = operator.address();
        let stored = batch_to_database::run(address, "orders", step, &database, None).await;
        assert_eq!(stored.unwrap(), expected, "{step}");
    }
}
