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
use crate::tui::model::screens::records::list::{Beyond, RecordList};

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
        let client = kt_client::ClientConfig {
            bootstrap: vec![node.bootstrap().to_owned()],
            ..kt_client::ClientConfig::default()
        };
        let admin = Admin::new(kt_client::Client::new(client));
        let placement = Placement::Counts { partitions: Some(3), replication_factor: Some(1) };
        let topic = NewTopic { name: "orders".to_owned(), placement, configs: Default::default() };
        admin.create_topics(&[topic], Apply::Change).await.unwrap();
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
        let through = plan(Way::Through(at("+100")), Some("value.n >= 1290"));
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
