//! Where a group has come to in some partitions (OffsetFetch), asked by a member.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kt_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};
use tokio::time::{Instant, timeout_at};

use super::commits::{OffsetAndMetadata, Offsets};
use super::coordinator::subject;
use super::driver::{Shared, connect};
use crate::backoff::Backoff;
use crate::client::{Client, Limit};
use crate::connection::Wanted;
use crate::consumer::by_topic::by_topic;
use crate::duration::after;
use crate::error::{Error, Subject};
use crate::pool::Lane;

/// From here on one request asks for several groups.
const BATCHED_SINCE: i16 = 8;

/// From here on topics are named by ids.
const LAST_BY_NAME: i16 = 9;

/// From here on offsets of transactions that are not decided can be waited for (KIP-447).
const STABLE_SINCE: i16 = 7;

/// Asks on behalf of one consumer.
pub(super) struct Seeker {
    pub(super) client: Client,
    pub(super) shared: Arc<Shared>,
    pub(super) group: String,
}

impl Seeker {
    /// Asks until the coordinator answers, or time is up. A partition without a commit is not in
    /// the answer.
    pub(super) async fn committed(
        &self,
        partitions: &BTreeSet<TopicPartition>,
    ) -> Result<Offsets, Error> {
        let config = self.client.config();
        let timeout = config.timeout;
        let _lookup = Lookup::begin(&self.shared);
        let deadline = after(Instant::now(), timeout);
        let mut backoff = Backoff::new(config.backoff);
        let mut last = None;
        while Instant::now() < deadline {
            let coordinator = self.shared.until(|machine| machine.membership().coordinator());
            let Ok(node) = timeout_at(deadline, coordinator).await else { break };
            let question = Question {
                client: &self.client,
                lane: self.shared.lane,
                node,
                group: &self.group,
                partitions,
                within: config.request_timeout,
            };
            match question.ask().await {
                Err(error) if is_worth_another_try(&error) => {
                    self.shared.with(|machine, now, effects| {
                        machine.on_committed_failed(now, &error, effects);
                    });
                    last = Some(Box::new(error));
                }
                result => return result,
            }
            tokio::time::sleep(self.client.next_wait(&mut backoff)).await;
        }
        Err(Error::TimedOut { operation: "OffsetFetch".to_owned(), after: timeout, last })
    }
}

/// While it lives, the coordinator is looked for, whether or not anything is subscribed.
struct Lookup<'a>(&'a Shared);

impl<'a> Lookup<'a> {
    fn begin(shared: &'a Shared) -> Lookup<'a> {
        shared.with(|machine, now, effects| machine.begin_lookup(now, effects));
        Lookup(shared)
    }
}

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        self.0.with(|machine, _, _| machine.end_lookup());
    }
}

/// What is asked, of whom.
struct Question<'a> {
    client: &'a Client,
    lane: Lane,
    node: NodeId,
    group: &'a str,
    partitions: &'a BTreeSet<TopicPartition>,
    within: Duration,
}

impl Question<'_> {
    /// Asks once.
    async fn ask(&self) -> Result<Offsets, Error> {
        let limit = Limit {
            operation: "OffsetFetch",
            deadline: Instant::now() + self.within,
            timeout: self.within,
        };
        let connection = connect(self.client, self.node, self.lane, limit).await?;
        let wanted = Wanted::between(1, LAST_BY_NAME);
        let build = |version: i16| self.request(version);
        let response = self.client.call_on(&connection, wanted, limit, build).await?;
        self.offsets(response)
    }

    fn request(&self, version: i16) -> OffsetFetchRequest {
        let names = by_topic(self.partitions.iter().map(|it| (it, it.partition.0)));
        let require_stable = STABLE_SINCE <= version;
        if version < BATCHED_SINCE {
            let topic =
                |(name, partition_indexes)| OffsetFetchRequestTopic { name, partition_indexes };
            return OffsetFetchRequest {
                group_id: self.group.to_owned(),
                topics: Some(names.into_iter().map(topic).collect()),
                require_stable,
                ..Default::default()
            };
        }
        let topic = |(name, partition_indexes)| OffsetFetchRequestTopics {
            name,
            partition_indexes,
            ..Default::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: self.group.to_owned(),
            topics: Some(names.into_iter().map(topic).collect()),
            ..Default::default()
        };
        OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() }
    }

    fn offsets(&self, response: OffsetFetchResponse) -> Result<Offsets, Error> {
        let mut offsets = Offsets::new();
        let mut code = response.error_code;
        for topic in response.topics {
            for it in topic.partitions {
                let told = Told {
                    code: it.error_code,
                    offset: it.committed_offset,
                    leader_epoch: it.committed_leader_epoch,
                    metadata: it.metadata,
                };
                told.add(
                    TopicPartition::new(topic.name.clone(), it.partition_index),
                    &mut offsets,
                )?;
            }
        }
        for group in response.groups.into_iter().filter(|it| it.group_id == self.group) {
            code = group.error_code;
            for topic in group.topics {
                for it in topic.partitions {
                    let told = Told {
                        code: it.error_code,
                        offset: it.committed_offset,
                        leader_epoch: it.committed_leader_epoch,
                        metadata: it.metadata,
                    };
                    let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                    told.add(partition, &mut offsets)?;
                }
            }
        }
        match ErrorCode::from_code(code) {
            ErrorCode::None => Ok(offsets),
            code => Err(Error::broker(ApiKey::OffsetFetch, code, subject(self.group))),
        }
    }
}

/// What is told of one partition, in whichever version.
struct Told {
    code: i16,
    offset: i64,
    leader_epoch: i32,
    metadata: Option<String>,
}

impl Told {
    fn add(self, partition: TopicPartition, offsets: &mut Offsets) -> Result<(), Error> {
        let code = ErrorCode::from_code(self.code);
        if !code.is_none() {
            return Err(Error::broker(ApiKey::OffsetFetch, code, Subject::Partition(partition)));
        }
        if self.offset < 0 {
            return Ok(());
        }
        let known = OffsetAndMetadata {
            offset: Offset(self.offset),
            leader_epoch: (0 <= self.leader_epoch).then_some(LeaderEpoch(self.leader_epoch)),
            metadata: self.metadata.unwrap_or_default(),
        };
        offsets.insert(partition, known);
        Ok(())
    }
}

/// True of what another coordinator, or a later moment, does not say.
fn is_worth_another_try(error: &Error) -> bool {
    error.is_retriable() || matches!(error, Error::TimedOut { .. })
}
