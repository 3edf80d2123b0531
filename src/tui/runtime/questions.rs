//! Performs one question and gives what came of it.
//!
//! A question is one request, asked once: who failed is asked again when the schedule says so.
//! Only what any broker can answer goes to another one, within the client's time limit.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kt_client::admin::{
    BrokerScope, BrokerStanding, ConfigEntry, Isolation, OffsetQuery, PerGroup, RegisteredBroker,
    RegisteredBrokers, Resource, ResourceKind,
};
use kt_client::{Admin, Error};
use kt_protocol::types::{NodeId, Offset, TopicPartition};

use crate::config_entity::ConfigEntity;
use crate::tui::model::cluster::{Failure, LogDir, PerName, PerPartition, Said};
use crate::tui::model::schedule::{Ask, Question, WhichOffset};

/// The configs of a topic that the dashboard judges by.
const TOPIC_CONFIGS: [&str; 6] = [
    "retention.ms",
    "retention.bytes",
    "cleanup.policy",
    "min.insync.replicas",
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
];

/// The configs of a broker that slow replication down.
const BROKER_CONFIGS: [&str; 3] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

/// Asks the cluster. The result goes into an `Answer`, with the time at which it came.
pub(crate) async fn ask(admin: &Admin, question: &Question) -> Result<Said, Failure> {
    asked(admin, question).await.map_err(Failure::from)
}

async fn asked(admin: &Admin, question: &Question) -> Result<Said, Error> {
    match &question.ask {
        Ask::Brokers => brokers(admin).await.map(Said::Brokers),
        Ask::Metadata => metadata(admin).await,
        Ask::Quorum => admin.describe_quorum().await.map(Said::Quorum),
        Ask::Moves => admin.list_reassignments().await.map(Said::Moves),
        Ask::Topic(name) => topic(admin, name).await,
        Ask::TopicConfigs(topics) => {
            let resources: Vec<Resource> = topics.iter().map(Resource::topic).collect();
            let told = admin.config_values(&resources, Some(&TOPIC_CONFIGS)).await;
            told.map(|it| Said::TopicConfigs(each(it)))
        }
        Ask::Ages(positions) => ages(admin, positions).await,
        Ask::EntityConfigs(entity) => entity_configs(admin, entity).await,
        ask => there(admin, ask, node(question)?).await,
    }
}

/// What only the broker of the lane can answer.
async fn there(admin: &Admin, ask: &Ask, node: NodeId) -> Result<Said, Error> {
    match ask {
        Ask::Offsets(which, partitions) => {
            let (query, isolation) = offset(*which);
            let found = admin.list_offsets_at(node, partitions, query, isolation).await;
            found.map(|it| Said::Offsets(*which, each(it)))
        }
        Ask::Commits(groups) => {
            let found = admin.committed_offsets_at(node, groups).await;
            found.map(|it| Said::Commits(each_of_each(it)))
        }
        Ask::ShareCommits(groups) => {
            let found = admin.share_offsets_at(node, groups).await;
            found.map(|it| Said::ShareCommits(each_of_each(it)))
        }
        Ask::Groups => admin.list_groups_at(node).await.map(Said::Groups),
        Ask::Members(groups) => {
            let found = admin.describe_groups_at(node, groups).await;
            found.map(|it| Said::Members(each(it)))
        }
        Ask::LogDirs => {
            let told = admin.broker_log_dirs(node).await?;
            Ok(Said::LogDirs(told.into_iter().map(log_dir).collect()))
        }
        Ask::BrokerConfigs => broker_configs(admin, node).await.map(Said::BrokerConfigs),
        Ask::Brokers
        | Ask::Metadata
        | Ask::Quorum
        | Ask::Moves
        | Ask::Topic(_)
        | Ask::TopicConfigs(_)
        | Ask::Ages(_)
        | Ask::EntityConfigs(_) => unreachable!("any broker answers {ask:?}"),
    }
}

/// What failed of each, in words that outlive the client.
fn each<K: Ord, T>(
    found: impl IntoIterator<Item = (K, Result<T, Error>)>,
) -> BTreeMap<K, Result<T, Failure>> {
    found.into_iter().map(|(key, it)| (key, it.map_err(Failure::from))).collect()
}

fn each_of_each<T>(
    found: PerGroup<BTreeMap<TopicPartition, Result<T, Error>>>,
) -> PerName<PerPartition<T>> {
    let each = |(group, it): (String, Result<_, Error>)| match it {
        Ok(found) => (group, Ok(each(found))),
        Err(error) => (group, Err(error.into())),
    };
    found.into_iter().map(each).collect()
}

fn log_dir(it: kt_client::admin::LogDir) -> LogDir {
    LogDir {
        path: it.path,
        replicas: it.replicas.map_err(Failure::from),
        total_bytes: it.total_bytes,
        usable_bytes: it.usable_bytes,
        admission: it.admission,
    }
}

/// The schedule names the broker wherever only one can answer.
fn node(question: &Question) -> Result<NodeId, Error> {
    question.lane.broker.ok_or_else(|| Error::Unreachable {
        node: None,
        reason: format!("{:?} goes to no broker", question.lane.kind),
    })
}

fn offset(which: WhichOffset) -> (OffsetQuery, Isolation) {
    match which {
        WhichOffset::Start => (OffsetQuery::Earliest, Isolation::ReadUncommitted),
        WhichOffset::End => (OffsetQuery::Latest, Isolation::ReadUncommitted),
        WhichOffset::StableEnd => (OffsetQuery::Latest, Isolation::ReadCommitted),
    }
}

/// Brokers before 2.8 tell only by Metadata who is up.
async fn brokers(admin: &Admin) -> Result<RegisteredBrokers, Error> {
    match admin.registered_brokers().await {
        Err(error @ Error::Version { .. }) => {
            let told = admin.describe_cluster().await?;
            let cluster_id = told.cluster_id.ok_or(error)?;
            let up = |broker| RegisteredBroker { broker, standing: BrokerStanding::Up };
            let brokers = told.brokers.into_iter().map(up).collect();
            Ok(RegisteredBrokers { cluster_id, brokers, scope: BrokerScope::Up })
        }
        told => told,
    }
}

async fn metadata(admin: &Admin) -> Result<Said, Error> {
    let topics = admin.list_topics().await?;
    let brokers = admin.client().metadata().brokers.values().cloned().collect();
    Ok(Said::Metadata { brokers, topics })
}

async fn topic(admin: &Admin, name: &str) -> Result<Said, Error> {
    let told = admin.describe_topics(&[name.to_owned()]).await?;
    let lacks =
        || Error::Unreachable { node: None, reason: format!("nobody told topic \"{name}\"") };
    let (_, topic) = told.into_iter().next().ok_or_else(lacks)?;
    topic.map(Said::Topic)
}

async fn broker_configs(admin: &Admin, node: NodeId) -> Result<Vec<ConfigEntry>, Error> {
    let resource = Resource { kind: ResourceKind::Broker, name: node.to_string() };
    let told = admin.config_values(&[resource], Some(&BROKER_CONFIGS)).await?;
    told.into_iter().next().map_or_else(|| Ok(Vec::new()), |(_, it)| it)
}

/// What a broker says of the entity is its own matter; that nobody answers is the cluster's.
async fn entity_configs(admin: &Admin, entity: &ConfigEntity) -> Result<Said, Error> {
    let told = match admin.documented_configs(&entity.resource()).await {
        Err(error) if error.code().is_none() => return Err(error),
        told => told,
    };
    Ok(Said::EntityConfigs(entity.clone(), told.map_err(Failure::from)))
}

/// One request tells one offset of a partition: where several groups read the same partition, the
/// next one asks for the next of them.
async fn ages(admin: &Admin, positions: &[(TopicPartition, Offset)]) -> Result<Said, Error> {
    let mut found = Vec::with_capacity(positions.len());
    let mut rest: Vec<(TopicPartition, Offset)> = positions.to_vec();
    while !rest.is_empty() {
        let mut now = BTreeMap::new();
        let mut later = Vec::new();
        for (partition, offset) in rest {
            match now.contains_key(&partition) {
                true => later.push((partition, offset)),
                false => drop(now.insert(partition, offset)),
            }
        }
        let mut times = admin.record_times(&now).await?;
        for (partition, offset) in now {
            let Some(time) = times.remove(&partition) else { continue };
            found.push((partition, offset, time.map_err(Failure::from)));
        }
        rest = later;
    }
    Ok(Said::Ages(found))
}
