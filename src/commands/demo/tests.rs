//! The demo as somebody sees it who connects to it.

use std::time::Duration;

use clap::Parser;
use kt_client::Admin;
use kt_client::admin::{GroupDescription, GroupState, Isolation, OffsetQuery, Resource};
use kt_client::consumer::{Consumer, ConsumerConfig, Start};
use kt_protocol::types::TopicPartition;

use super::groups::{self, WITH_IDLE_MEMBER};
use super::topics::{ENRICHED, TOPICS};
use super::*;
use crate::cli::Cli;
use crate::terminal::Terminal;

/// Far more than anything here takes.
const LONGEST: Duration = Duration::from_secs(60);

/// The demo, and one that looks at it.
fn with_demo(look: impl AsyncFnOnce(&Admin)) {
    let session = Session::new(Cli::parse_from(["kt"]).globals, Terminal::default());
    let mut left = Vec::new();
    let looked = run_around(&session, |session, demo| {
        left = demo.log_dirs().to_vec();
        assert_eq!(session.target()?.bootstrap, demo.node.bootstrap());
        session.block_on(async {
            let admin = session.admin()?;
            tokio::time::timeout(LONGEST, look(&admin)).await.unwrap();
            Ok(())
        })
    });
    looked.unwrap();
    assert!(left.iter().all(|it| !it.exists()), "{left:?}");
}

/// Records that a group has not read, over the partitions where it has committed.
async fn lag(admin: &Admin, group: &str) -> i64 {
    let committed = admin.committed_offsets(group).await.unwrap();
    let queries = committed.keys().map(|it| (it.clone(), OffsetQuery::Latest)).collect();
    let ends = admin.list_offsets(&queries, Isolation::default()).await.unwrap();
    let of_partition = |(partition, committed): (&TopicPartition, &Result<_, _>)| {
        let committed: &kt_client::admin::CommittedOffset = committed.as_ref().unwrap();
        let end = ends[partition].as_ref().unwrap().offset.unwrap();
        end.0 - committed.offset.0
    };
    committed.iter().map(of_partition).sum()
}

#[test]
fn topics_are_there_with_their_configs_and_history() {
    with_demo(async |admin| {
        let found = admin.list_topics().await.unwrap();
        for topic in &TOPICS {
            let it = found.iter().find(|it| it.name == topic.name).unwrap();
            assert_eq!(it.partitions.len(), usize::from(topic.partitions));
            let resources = [Resource::topic(topic.name)];
            let mut described = admin.config_values(&resources, None).await.unwrap();
            let entries = described.remove(0).1.unwrap();
            for (key, value) in topic.configs {
                let entry = entries.iter().find(|it| it.name == *key).unwrap();
                assert_eq!(entry.value.as_deref(), Some(*value), "{key}");
            }
            let partitions = (0..i32::from(topic.partitions))
                .map(|it| (TopicPartition::new(topic.name, it), OffsetQuery::Latest));
            let ends = admin.list_offsets(&partitions.collect(), Isolation::default()).await;
            let records: i64 =
                ends.unwrap().values().map(|it| it.as_ref().unwrap().offset.unwrap().0).sum();
            assert!(i64::from(topic.history.records) <= records, "{}: {records}", topic.name);
        }
    });
}

#[test]
fn groups_read_some_well_some_too_slowly_and_one_member_has_nothing_to_do() {
    with_demo(async |admin| {
        let expected = |name: &str| groups::all().find(|it| it.name == name).unwrap().members;
        let names: Vec<String> = groups::all().map(|it| it.name.to_owned()).collect();
        let is_whole = |it: &GroupDescription| {
            it.state == GroupState::Stable && it.members.len() == expected(&it.name)
        };
        let described = loop {
            let described = admin.describe_groups(&names).await.unwrap();
            let described: Vec<_> = described.into_values().map(Result::unwrap).collect();
            if described.iter().all(is_whole) {
                break described;
            }
        };
        let shared = described.iter().find(|it| it.name == WITH_IDLE_MEMBER.name).unwrap();
        let idle = shared.members.iter().filter(|it| it.assignment.is_empty());
        assert_eq!(idle.count(), 1);

        let at_first = lag(admin, "warehouse-loader").await;
        assert!(10_000 < at_first, "{at_first}");
        while lag(admin, "warehouse-loader").await < at_first + 20 {}
        // It commits every second: what comes in meanwhile is a small part of that.
        while 500 < lag(admin, "metrics-rollup").await {}
    });
}

#[test]
fn the_pipeline_runs() {
    with_demo(async |admin| {
        let consumer = Consumer::new(admin.client().clone(), ConsumerConfig::default());
        consumer.assign((0..4).map(|it| (TopicPartition::new(ENRICHED, it), Start::Latest)));
        let polled = loop {
            let polled = consumer.poll(LONGEST).await.unwrap();
            if !polled.records.is_empty() {
                break polled;
            }
        };
        let mut cursor = polled.records[0].cursor();
        let record = cursor.next().unwrap().unwrap();
        let value: serde_json::Value = serde_json::from_slice(record.value.unwrap()).unwrap();
        assert!(value["section"].is_string(), "{value}");
    });
}
