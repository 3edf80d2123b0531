//! The reader before a node of its own: pages, a scan and the tail of a topic of three partitions.

use std::sync::Arc;
use std::time::Duration;

use kt_client::admin::{Apply, NewTopic, Placement};
use kt_client::producer::{Acks, AsBytes, Producer, ProducerConfig, Record};
use kt_protocol::types::Timestamp;

use super::*;
use crate::own_node::OwnNode;
use crate::record_filter::RecordFilter;
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::records::list::{Beyond, RecordList, Room};
use crate::tui::model::screens::records::reading::{PAGE, PAGE_BYTES};

const RECORDS: i64 = 1_300;

/// Record n is n ms after the first, in partition n % 3.
async fn write(admin: &Admin, from: i64, count: i64) {
    let config = ProducerConfig { acks: Acks::All, ..ProducerConfig::default() };
    let producer = Producer::new(admin.client().clone(), config, AsBytes, AsBytes).unwrap();
    for number in from..from + count {
        let record: Record<String, String> = Record::new("orders", format!("{{\"n\":{number}}}"))
            .key(format!("k{number}"))
            .partition(i32::try_from(number % 3).unwrap())
            .timestamp(Timestamp(1_700_000_000_000 + number));
        producer.send_and_forget(record).await.unwrap();
    }
    producer.flush().await;
}

/// A node of its own, and one that asks it.
fn admin_of(node: &OwnNode) -> Admin {
    let client = kt_client::ClientConfig {
        bootstrap: vec![node.bootstrap().to_owned()],
        ..kt_client::ClientConfig::default()
    };
    Admin::new(kt_client::Client::new(client))
}

async fn create(admin: &Admin, name: &str, partitions: i32) {
    let placement = Placement::Counts { partitions: Some(partitions), replication_factor: Some(1) };
    let topic = NewTopic { name: name.to_owned(), placement, configs: Default::default() };
    admin.create_topics(&[topic], Apply::Change).await.unwrap();
}

fn plan(way: Way, filter: Option<&str>) -> ReadPlan {
    let zone = jiff::tz::TimeZone::UTC;
    let filter = filter.map(|it| {
        Arc::new(RecordFilter::new(Some(it), None, jiff::Timestamp::now(), &zone).unwrap())
    });
    let partitions = vec![0, 1, 2];
    ReadPlan { generation: 7, topic: "orders".to_owned(), partitions, way, filter }
}

/// What a plan gives until it ends: pieces, and whether it is exhausted.
async fn all(reader: &mut RecordReader, plan: ReadPlan) -> (Vec<RecordLine>, Offsets, bool) {
    reader.read(plan);
    let (mut lines, mut edges) = (Vec::new(), Offsets::new());
    loop {
        let msg = tokio::time::timeout(Duration::from_secs(60), reader.next()).await;
        let Ok(Msg::Read { generation: 7, news }) = msg else { panic!("{msg:?}") };
        match news {
            ReadNews::Began { .. } => {}
            ReadNews::Records { lines: more, edges: now, .. } => {
                lines.extend(more);
                edges = now;
            }
            ReadNews::Ended { is_exhausted } => return (lines, edges, is_exhausted),
            ReadNews::Failed(why) => panic!("{why}"),
        }
    }
}

fn numbers(lines: &[RecordLine]) -> Vec<i64> {
    lines.iter().map(|it| it.timestamp.unwrap() - 1_700_000_000_000).collect()
}

fn at(text: &str) -> Place {
    Place::At { at: text.parse().unwrap(), time: None }
}

#[test]
fn pages_of_three_partitions_are_in_the_order_of_time_and_leave_nothing_out() {
    let node = OwnNode::for_tests();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let admin = admin_of(&node);
        create(&admin, "orders", 3).await;
        write(&admin, 0, RECORDS).await;
        let mut reader = RecordReader::new(admin.clone(), Handle::current());

        // Backwards from the end to the start.
        let mut list = RecordList::default();
        let mut way = Way::Newest;
        while list.before == Beyond::More {
            let (lines, edges, is_exhausted) = all(&mut reader, plan(way, None)).await;
            list.prepend(lines, &edges);
            list.before = if is_exhausted { Beyond::Nothing } else { Beyond::More };
            way = Way::Before(list.first.clone());
        }
        let expected: Vec<i64> = (0..RECORDS).collect();
        let lines: Vec<RecordLine> = list.shown().cloned().collect();
        assert_eq!(numbers(&lines), expected);

        // Forwards from the start to the end.
        let mut list = RecordList::default();
        let mut way = Way::From(at("earliest"));
        while list.behind == Beyond::More {
            let (lines, edges, is_exhausted) = all(&mut reader, plan(way, None)).await;
            list.append(lines, &edges);
            list.behind = if is_exhausted { Beyond::Nothing } else { Beyond::More };
            way = Way::From(Place::Offsets(list.next.clone()));
        }
        let lines: Vec<RecordLine> = list.shown().cloned().collect();
        assert_eq!(numbers(&lines), expected);

        // A scan finds what it is asked for.
        let through = plan(Way::Through(at("+100"), Room::default()), Some("value.n >= 1290"));
        let (lines, edges, is_exhausted) = all(&mut reader, through).await;
        let mut found = numbers(&lines);
        found.sort_unstable();
        assert_eq!(found, (1_290..RECORDS).collect::<Vec<_>>());
        assert!(is_exhausted && edges.values().sum::<i64>() == RECORDS);

        // The tail begins where it is told to, and goes on.
        reader.read(plan(Way::Follow(edges), None));
        write(&admin, RECORDS, 9).await;
        let mut came = Vec::new();
        while came.len() < 9 {
            let msg = tokio::time::timeout(Duration::from_secs(60), reader.next()).await.unwrap();
            let Msg::Read { news: ReadNews::Records { lines, .. }, .. } = msg else {
                panic!("{msg:?}")
            };
            came.extend(numbers(&lines));
        }
        came.sort_unstable();
        assert_eq!(came, (RECORDS..RECORDS + 9).collect::<Vec<_>>());

        // An offset that one partition does not have is refused in words.
        let mut alone = plan(Way::From(at("5000")), None);
        alone.partitions = vec![1];
        reader.read(alone);
        let msg = reader.next().await;
        let Msg::Read { news: ReadNews::Failed(why), .. } = msg else { panic!("{msg:?}") };
        assert!(why.contains("has offsets 0 to 436"), "{why}");
        reader.stop();
    });
}

/// 40 partitions of large values, and one of many small ones: neither a page nor a scan has room for
/// them.
#[test]
fn what_is_larger_than_a_page_comes_in_pages() {
    const LARGE: i64 = 160;
    const SMALL: i64 = 4_500;
    let node = OwnNode::for_tests();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let admin = admin_of(&node);
        create(&admin, "orders", 41).await;
        let config = ProducerConfig { acks: Acks::All, ..ProducerConfig::default() };
        let producer = Producer::new(admin.client().clone(), config, AsBytes, AsBytes).unwrap();
        let send = async |number: i64, partition: i64, value: String| {
            let record: Record<String, String> = Record::new("orders", value)
                .partition(i32::try_from(partition).unwrap())
                .timestamp(Timestamp(1_700_000_000_000 + number));
            producer.send_and_forget(record).await.unwrap();
        };
        for number in 0..LARGE {
            send(number, number % 40, "x".repeat(100_000)).await;
        }
        for number in LARGE..LARGE + SMALL {
            send(number, 40, "y".to_owned()).await;
        }
        producer.flush().await;
        let mut reader = RecordReader::new(admin.clone(), Handle::current());
        let of_all = |way| ReadPlan { partitions: (0..41).collect(), ..plan(way, None) };
        let held = |lines: &[RecordLine]| lines.iter().map(RecordLine::weight).sum::<usize>();

        let (mut seen, mut from) = (Vec::new(), at("earliest"));
        loop {
            let (lines, edges, is_exhausted) = all(&mut reader, of_all(Way::From(from))).await;
            assert!(lines.len() <= PAGE && held(&lines) <= PAGE_BYTES);
            seen.extend(numbers(&lines));
            if is_exhausted {
                break;
            }
            from = Place::Offsets(edges);
        }
        assert_eq!(seen, (0..LARGE + SMALL).collect::<Vec<_>>());

        // From the first small one back: all that is before is large.
        let before = (0..41).map(|it| (it, if it == 40 { 0 } else { 1_000_000 })).collect();
        let (lines, edges, _) = all(&mut reader, of_all(Way::Before(before))).await;
        let count = lines.len() as i64;
        assert!(held(&lines) <= PAGE_BYTES && PAGE_BYTES < held(&lines) + (65 << 10));
        assert_eq!(numbers(&lines), (LARGE - count..LARGE).collect::<Vec<_>>());
        let (lines, ..) = all(&mut reader, of_all(Way::Before(edges))).await;
        assert_eq!(numbers(&lines).last(), Some(&(LARGE - count - 1)));

        // A scan keeps what it found first, and goes on where it ended.
        let (mut hits, mut from, mut is_over) = (Vec::new(), at("earliest"), false);
        while !is_over {
            let way = Way::Through(from, Room::default());
            let mut wanted = plan(way, Some("value = 'y'"));
            wanted.partitions = vec![40];
            let (lines, edges, is_exhausted) = all(&mut reader, wanted).await;
            assert_eq!(lines.len(), 2_000.min(SMALL as usize - hits.len()));
            hits.extend(numbers(&lines));
            (from, is_over) = (Place::Offsets(edges), is_exhausted);
        }
        assert_eq!(hits, (LARGE..LARGE + SMALL).collect::<Vec<_>>());
        reader.stop();
    });
}
