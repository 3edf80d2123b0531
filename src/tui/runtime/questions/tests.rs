//! All kinds of questions to a real broker that counts requests, with a minute played by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kt_client::{Admin, Client, ClientConfig, Event, Observer};
use kt_protocol::ApiKey;
use kt_protocol::types::{Millis, NodeId, Offset, PartitionIndex, TopicPartition};
use parking_lot::Mutex;

use super::ask;
use crate::config_entity::ConfigEntity;
use crate::tui::model::cluster::{Answer, Cluster};
use crate::tui::model::schedule::{Kind, Needs, Outcome, Question, Schedule, Subject};

type Counts = Arc<Mutex<BTreeMap<ApiKey, usize>>>;

/// A client whose requests are counted by their API.
fn counting(bootstrap: Vec<String>) -> (Admin, Counts) {
    let counts = Counts::default();
    let counted = Arc::clone(&counts);
    let observer: Observer = Arc::new(move |event: &Event<'_>| {
        if let Event::Answered { api, .. } = event {
            *counted.lock().entry(*api).or_default() += 1;
        }
    });
    let config = ClientConfig { bootstrap, observer: Some(observer), ..ClientConfig::default() };
    (Admin::new(Client::new(config)), counts)
}

/// Everything there is, about the one topic and the one group.
fn everything(partition: &TopicPartition) -> Needs {
    let kinds = [
        Kind::Brokers,
        Kind::Metadata,
        Kind::LogEnds,
        Kind::Commits,
        Kind::ShareCommits,
        Kind::Groups,
        Kind::Quorum,
        Kind::Moves,
        Kind::LogDirs,
        Kind::LogStarts,
        Kind::Configs,
    ];
    Needs {
        kinds: kinds.into(),
        members: ["billing".to_owned()].into(),
        ages: vec![(partition.clone(), Offset(1)), (partition.clone(), Offset(0))],
        subject: Some(Subject::Topic(partition.topic.clone())),
        configs_of: Some(ConfigEntity::Topic(partition.topic.clone())),
    }
}

/// Plays a minute: what is asked is asked at once, and answered in no time.
async fn minute(admin: &Admin, schedule: &mut Schedule, cluster: &mut Cluster) -> Vec<Question> {
    let mut asked = Vec::new();
    let mut now = Millis(0);
    while now < Millis(60_000) {
        let mut due = Vec::new();
        schedule.due(now, &mut due);
        for question in due {
            let said = ask(admin, &question).await;
            let outcome = cluster.fold(Answer { lane: question.lane, at: now, said });
            schedule.answered(&question, now, 0, outcome);
            assert_ne!(outcome, Outcome::Failed, "{:?}", cluster.hearing);
            schedule.learn(&cluster.world());
            asked.push(question);
        }
        now = schedule.next_deadline().map_or(Millis(60_000), |it| it.max(now));
    }
    asked
}

fn count(asked: &[Question], kinds: &[Kind]) -> usize {
    asked.iter().filter(|it| kinds.contains(&it.lane.kind)).count()
}

#[test]
fn a_minute_of_questions_is_a_minute_of_requests() {
    kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
        let partition = TopicPartition::new("orders", 0);
        let (admin, counts) = counting(bootstrap);
        kt_doc_broker::commit("billing", &Client::new(admin.client().config().clone())).await?;
        counts.lock().clear();

        let (mut schedule, mut cluster) = (Schedule::default(), Cluster::default());
        schedule.need(everything(&partition));
        let asked = minute(&admin, &mut schedule, &mut cluster).await;

        let counted = counts.lock().clone();
        let requests = |api: ApiKey| counted.get(&api).copied().unwrap_or(0);
        let offsets = [Kind::LogEnds, Kind::LogStarts, Kind::SubjectEnds, Kind::SubjectStableEnds];
        assert_eq!(requests(ApiKey::ListOffsets), count(&asked, &offsets));
        assert_eq!(requests(ApiKey::OffsetFetch), count(&asked, &[Kind::Commits]));
        assert_eq!(requests(ApiKey::ListGroups), count(&asked, &[Kind::Groups]));
        assert_eq!(requests(ApiKey::DescribeCluster), count(&asked, &[Kind::Brokers]));
        assert_eq!(requests(ApiKey::DescribeQuorum), count(&asked, &[Kind::Quorum]));
        assert_eq!(requests(ApiKey::DescribeLogDirs), count(&asked, &[Kind::LogDirs]));
        assert_eq!(
            requests(ApiKey::DescribeConfigs),
            count(&asked, &[Kind::Configs, Kind::EntityConfigs])
        );
        let topic = requests(ApiKey::DescribeTopicPartitions);
        assert_eq!(topic, count(&asked, &[Kind::SubjectPartitions]));
        // Two offsets of one partition are two requests.
        assert_eq!(requests(ApiKey::Fetch), 2 * count(&asked, &[Kind::Ages]));
        // The first question of all must find out where brokers listen.
        assert_eq!(requests(ApiKey::Metadata), 1 + count(&asked, &[Kind::Metadata]));
        assert_eq!(requests(ApiKey::FindCoordinator), 0, "ListGroups tells");

        let rows = [Kind::Brokers, Kind::Metadata, Kind::LogEnds, Kind::Commits, Kind::Groups];
        let rows = rows.map(|kind| format!("{kind:?} {}", count(&asked, &[kind])));
        // One or two more than the base intervals say: the first samples.
        insta::assert_snapshot!(rows.join(", "), @"Brokers 30, Metadata 6, LogEnds 14, Commits 8, Groups 6");
        known(&cluster, &partition);
        Ok(())
    });
}

fn known(cluster: &Cluster, partition: &TopicPartition) {
    let up: BTreeSet<NodeId> = cluster.up().collect();
    assert_eq!(up, [NodeId(1)].into());
    assert_eq!(cluster.controller(), Some(NodeId(1)));
    let orders = cluster.partition(partition).expect("it is known");
    assert_eq!(orders.end.map(|it| it.value), Some(Offset(2)));
    assert_eq!(orders.stable_end.map(|it| it.value), Some(Offset(2)));
    assert_eq!(orders.start.map(|it| it.value), Some(Offset(0)));
    assert_eq!(orders.elr.as_deref(), Some(&[][..]));
    assert!(orders.leader_size().is_some_and(|it| 0 < it.value));
    let billing = &cluster.groups["billing"];
    assert_eq!(billing.coordinator, NodeId(1));
    let commits = billing.commits.as_ref().expect("they are known");
    assert_eq!(commits[partition].offset, Offset(1));
    assert!(billing.description.is_some());
    let configs = cluster.topics["orders"].configs.as_ref().expect("they are known");
    assert_eq!(configs.value.len(), 6, "{configs:?}");
    let all = &cluster.configs[&ConfigEntity::Topic("orders".to_owned())];
    assert!(all.told.as_ref().is_some_and(|it| 6 < it.value.len()), "{all:?}");
    for offset in [Offset(0), Offset(1)] {
        assert!(cluster.ages.has(partition, offset, Millis(u64::MAX)), "{offset:?}");
    }
    assert!(!cluster.ages.has(partition, Offset(2), Millis(u64::MAX)));
    assert_eq!(cluster.topics["orders"].partitions.keys().next(), Some(&PartitionIndex(0)));
    assert!(!cluster.brokers[&NodeId(1)].dirs.is_empty());
}
