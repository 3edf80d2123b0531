//! Who is in groups, and what each member has (ConsumerGroupDescribe, DescribeGroups,
//! ShareGroupDescribe, StreamsGroupDescribe).

mod classic;
mod consumer;
mod share;
mod streams;

use kt_protocol::ErrorCode;
use kt_protocol::types::{NodeId, TopicPartition};

use super::coordinator::{PerGroup, subject};
use super::{Admin, GroupState, GroupType};
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::Error;
use crate::request::Request;

/// A group, its state and its members.
///
/// Shown at [`Admin::describe_groups`](crate::Admin::describe_groups).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupDescription {
    /// Its id.
    pub name: String,
    /// What it does now.
    pub state: GroupState,
    /// By which protocol its members agree.
    pub group_type: GroupType,
    /// What its members are: `consumer`, `connect`; empty of a group that only commits.
    pub protocol_type: String,
    /// Who decides which member has what: `range`, `uniform`; none while nobody has.
    pub assignor: Option<String>,
    /// The broker that coordinates it.
    pub coordinator: NodeId,
    /// Of all but classic groups: raised by each change of members or topics.
    pub group_epoch: Option<i32>,
    /// Of all but classic groups: the group epoch that the assignment was computed for.
    pub assignment_epoch: Option<i32>,
    /// In the coordinator's order.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
///
/// Shown at [`Admin::describe_groups`](crate::Admin::describe_groups).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupMember {
    /// Its id, new with each start.
    pub member_id: String,
    /// Of a static member: its id for ever (KIP-345).
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it runs, as the broker sees it.
    pub host: String,
    /// What it has; in order, none twice.
    pub assignment: Vec<TopicPartition>,
}

impl Admin {
    /// Describes groups of all types.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::admin::GroupState;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # let consumer = kt_doc_broker::join("billing", admin.client()).await?;
    /// let mut found = admin.describe_groups(&["billing".to_owned()]).await?;
    /// let billing = found.remove("billing").expect("each group has an answer")?;
    /// for member in &billing.members {
    ///     println!("{} at {} reads {:?}", member.client_id, member.host, member.assignment);
    /// }
    /// assert_eq!(billing.state, GroupState::Stable);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker answers in time; each group has its own result, and one that
    /// does not exist `GROUP_ID_NOT_FOUND`.
    pub async fn describe_groups(
        &self,
        groups: &[String],
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let limit = self.client.limit("DescribeGroups");
        let ask = |node: NodeId, groups: Vec<String>| self.describe_each_type(node, groups, limit);
        self.ask_coordinators(groups, limit, ask).await
    }

    /// Describes groups that one broker coordinates, those of type Consumer with one request, and
    /// with one more for each other type as long as some are left: classic, share, streams. Nobody
    /// is asked who coordinates them, and there is no other try. What another broker coordinates is
    /// an error of its group.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # let consumer = kt_doc_broker::join("billing", admin.client()).await?;
    /// let groups = ["billing".to_owned()];
    /// for broker in admin.describe_cluster().await?.brokers {
    ///     let mut found = admin.describe_groups_at(broker.id, &groups).await?;
    ///     let billing = found.remove("billing").expect("each group has an answer")?;
    ///     assert_eq!(billing.members.len(), 1);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the broker does not answer; each group has its own result.
    pub async fn describe_groups_at(
        &self,
        node: NodeId,
        groups: &[String],
    ) -> Result<PerGroup<GroupDescription>, Error> {
        self.client.know_brokers().await?;
        let limit = self.client.limit("DescribeGroups");
        self.describe_each_type(node, groups.to_vec(), limit).await
    }

    /// What is not there as a group of type Consumer is asked for as a classic one, and so on: the
    /// API that knows a group depends on its type.
    async fn describe_each_type(
        &self,
        node: NodeId,
        groups: Vec<String>,
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let mut found = self.describe_consumer(node, &groups, limit).await?;
        let classic = not_found(&groups, &found);
        if !classic.is_empty() {
            found.extend(self.describe_classic(node, classic, limit).await?);
        }
        let share = not_found(&groups, &found);
        if !share.is_empty() {
            found.extend(known(self.describe_share(node, &share, limit).await?));
        }
        let streams = not_found(&groups, &found);
        if !streams.is_empty() {
            found.extend(known(self.describe_streams(node, &streams, limit).await?));
        }
        Ok(found)
    }

    /// Asks a broker for groups of one type; `None` if it knows none of that type.
    async fn ask_for_type<R: Request>(
        &self,
        node: NodeId,
        limit: Limit,
        build: impl Fn(i16) -> R,
    ) -> Result<Option<R::Response>, Error> {
        match self.client.call_once(Target::Node(node), Wanted::any::<R>(), limit, build).await {
            Err(Error::Version { .. }) => Ok(None),
            response => response.map(Some),
        }
    }
}

/// What a broker says of a group beside its description.
struct Said {
    group: String,
    code: i16,
    message: Option<String>,
}

impl Said {
    /// The description, or what is said in its place.
    fn result<R: Request>(
        self,
        description: impl FnOnce() -> GroupDescription,
    ) -> (String, Result<GroupDescription, Error>) {
        let Said { group, code, message } = self;
        let result = match ErrorCode::from_code(code) {
            ErrorCode::None => Ok(description()),
            code => Err(Error::Broker { api: R::API, code, subject: subject(&group), message }),
        };
        (group, result)
    }
}

/// Groups that nobody knew so far.
fn not_found(groups: &[String], found: &PerGroup<GroupDescription>) -> Vec<String> {
    let is_not_found = |it: &&String| match found.get(*it) {
        Some(Ok(_)) => false,
        Some(Err(error)) => error.code() == Some(ErrorCode::GroupIdNotFound),
        None => true,
    };
    groups.iter().filter(is_not_found).cloned().collect()
}

/// Without those that are not of this type: what was said of them before stays.
fn known(described: PerGroup<GroupDescription>) -> PerGroup<GroupDescription> {
    let is_there = |result: &Result<GroupDescription, Error>| {
        let code = result.as_ref().err().and_then(Error::code);
        code != Some(ErrorCode::GroupIdNotFound)
    };
    described.into_iter().filter(|(_, result)| is_there(result)).collect()
}

fn in_order(partitions: impl Iterator<Item = TopicPartition>) -> Vec<TopicPartition> {
    let mut partitions: Vec<TopicPartition> = partitions.collect();
    partitions.sort();
    partitions.dedup();
    partitions
}
