//! What groups there are, on every broker (ListGroups), and groups that go (DeleteGroups).

use std::collections::BTreeMap;

use kt_protocol::messages::{DeleteGroupsRequest, ListGroupsRequest};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use super::coordinator::{PerGroup, lacks, subject};
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// What a group does now, in Kafka's words.
///
/// Shown at [`Admin::list_groups`](crate::Admin::list_groups).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum GroupState {
    /// Members are to join again.
    PreparingRebalance,
    /// Members have joined and wait for their partitions.
    CompletingRebalance,
    /// Members have their partitions.
    Stable,
    /// It is gone, or was never there.
    Dead,
    /// No members; offsets may stand.
    Empty,
    /// The coordinator computes who gets what (KIP-848).
    Assigning,
    /// Members change over to what they got (KIP-848).
    Reconciling,
    /// Its topics are not there yet (streams).
    NotReady,
    /// A state from a later Kafka.
    Unknown,
}

/// By which protocol members of a group agree.
///
/// Shown at [`Admin::list_groups`](crate::Admin::list_groups).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum GroupType {
    /// JoinGroup and SyncGroup.
    Classic,
    /// ConsumerGroupHeartbeat (KIP-848).
    Consumer,
    /// A share group (KIP-932).
    Share,
    /// A streams group (KIP-1071).
    Streams,
    /// A type from a later Kafka.
    Unknown,
}

const STATES: [(GroupState, &str); 9] = [
    (GroupState::PreparingRebalance, "PreparingRebalance"),
    (GroupState::CompletingRebalance, "CompletingRebalance"),
    (GroupState::Stable, "Stable"),
    (GroupState::Dead, "Dead"),
    (GroupState::Empty, "Empty"),
    (GroupState::Assigning, "Assigning"),
    (GroupState::Reconciling, "Reconciling"),
    (GroupState::NotReady, "NotReady"),
    (GroupState::Unknown, "Unknown"),
];

const TYPES: [(GroupType, &str); 5] = [
    (GroupType::Classic, "Classic"),
    (GroupType::Consumer, "Consumer"),
    (GroupType::Share, "Share"),
    (GroupType::Streams, "Streams"),
    (GroupType::Unknown, "Unknown"),
];

impl GroupState {
    /// The state of that name, however its letters are written.
    pub fn from_name(name: &str) -> GroupState {
        let found = STATES.iter().find(|it| it.1.eq_ignore_ascii_case(name));
        found.map_or(GroupState::Unknown, |it| it.0)
    }

    /// Kafka's word.
    pub fn name(self) -> &'static str {
        STATES.iter().find(|it| it.0 == self).map_or("Unknown", |it| it.1)
    }

    /// True if nobody is in the group, so that its offsets can be changed.
    pub fn is_inactive(self) -> bool {
        matches!(self, GroupState::Empty | GroupState::Dead)
    }
}

impl GroupType {
    /// The type of that name, however its letters are written.
    pub fn from_name(name: &str) -> GroupType {
        let found = TYPES.iter().find(|it| it.1.eq_ignore_ascii_case(name));
        found.map_or(GroupType::Unknown, |it| it.0)
    }

    /// Kafka's word.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|it| it.0 == self).map_or("Unknown", |it| it.1)
    }
}

/// A group, as its coordinator lists it.
///
/// Shown at [`Admin::list_groups`](crate::Admin::list_groups).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ListedGroup {
    /// Its id.
    pub name: String,
    /// What its members are: `consumer`, `connect`, `share`; empty of a group that only commits.
    pub protocol_type: String,
    /// Told by brokers from 2.6 on.
    pub state: Option<GroupState>,
    /// Told by brokers from 3.8 on; before, all groups were classic.
    pub group_type: GroupType,
    /// The broker that coordinates it.
    pub coordinator: NodeId,
}

/// The groups of all brokers that answered.
///
/// Shown at [`Admin::list_groups`](crate::Admin::list_groups).
#[derive(Clone, Debug, Default)]
pub struct ListedGroups {
    /// By name.
    pub groups: Vec<ListedGroup>,
    /// The brokers whose groups are missing, and why.
    pub failed: Vec<(NodeId, Error)>,
}

impl Admin {
    /// Asks every broker for its groups.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::admin::GroupState;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # kt_doc_broker::commit("billing", admin.client()).await?;
    /// let listed = admin.list_groups().await?;
    /// for group in &listed.groups {
    ///     let (kind, state) = (group.group_type.name(), group.state.map(GroupState::name));
    ///     println!("{} ({kind}): {state:?}", group.name);
    /// }
    /// assert_eq!(listed.groups[0].state, Some(GroupState::Empty));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker tells who the brokers are; each broker has its own result.
    pub async fn list_groups(&self) -> Result<ListedGroups, Error> {
        self.client.refresh(Some(&[])).await?;
        let limit = self.client.limit("ListGroups");
        let mut listed = ListedGroups::default();
        for node in self.client.metadata().brokers.keys() {
            match self.list_groups_of(*node, limit).await {
                Ok(groups) => listed.groups.extend(groups),
                Err(error) => listed.failed.push((*node, error)),
            }
        }
        listed.groups.sort_by(|one, other| one.name.cmp(&other.name));
        // A group that moves is told by both its coordinators for a moment.
        listed.groups.dedup_by(|one, other| one.name == other.name);
        Ok(listed)
    }

    /// The groups that one broker coordinates, in one request and without another try.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # kt_doc_broker::commit("billing", admin.client()).await?;
    /// for broker in admin.describe_cluster().await?.brokers {
    ///     for group in admin.list_groups_at(broker.id).await? {
    ///         println!("{} is coordinated by {}", group.name, broker.id);
    ///         assert_eq!(group.coordinator, broker.id);
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the broker does not answer or refuses.
    pub async fn list_groups_at(&self, node: NodeId) -> Result<Vec<ListedGroup>, Error> {
        self.client.know_brokers().await?;
        self.list_groups_once(node, self.client.limit("ListGroups")).await
    }

    async fn list_groups_of(&self, node: NodeId, limit: Limit) -> Result<Vec<ListedGroup>, Error> {
        self.client.retrying(limit, || self.list_groups_once(node, limit)).await
    }

    async fn list_groups_once(
        &self,
        node: NodeId,
        limit: Limit,
    ) -> Result<Vec<ListedGroup>, Error> {
        let wanted = Wanted::any::<ListGroupsRequest>();
        let build = |_| ListGroupsRequest::default();
        let response = self.client.call_once(Target::Node(node), wanted, limit, build).await?;
        let code = ErrorCode::from_code(response.error_code);
        if !code.is_none() {
            let subject = Subject::Other(format!("the groups of broker {node}"));
            return Err(Error::broker(ApiKey::ListGroups, code, subject));
        }
        let listed = response.groups.into_iter().map(|it| ListedGroup {
            name: it.group_id,
            protocol_type: it.protocol_type,
            state: (!it.group_state.is_empty()).then(|| GroupState::from_name(&it.group_state)),
            group_type: match it.group_type.as_str() {
                "" => GroupType::Classic,
                name => GroupType::from_name(name),
            },
            coordinator: node,
        });
        Ok(listed.collect())
    }

    /// Deletes groups with all that they have committed.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # kt_doc_broker::commit("billing", admin.client()).await?;
    /// for (_, deleted) in admin.delete_groups(&["billing".to_owned()]).await? {
    ///     deleted?;
    /// }
    /// assert!(admin.list_groups().await?.groups.is_empty());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker answers in time; each group has its own result.
    pub async fn delete_groups(&self, groups: &[String]) -> Result<PerGroup<()>, Error> {
        let limit = self.client.limit("DeleteGroups");
        let ask = |node: NodeId, groups: Vec<String>| async move {
            let wanted = Wanted::any::<DeleteGroupsRequest>();
            let build = |_| DeleteGroupsRequest { groups_names: groups.clone() };
            let response = self.client.call_once(Target::Node(node), wanted, limit, build).await?;
            let api = ApiKey::DeleteGroups;
            let mut codes: BTreeMap<String, i16> =
                response.results.into_iter().map(|it| (it.group_id, it.error_code)).collect();
            let result = |group: String| {
                let result = match codes.remove(&group).map(ErrorCode::from_code) {
                    Some(ErrorCode::None) => Ok(()),
                    Some(code) => Err(Error::broker(api, code, subject(&group))),
                    None => Err(lacks(api, &group)),
                };
                (group, result)
            };
            Ok(groups.clone().into_iter().map(result).collect())
        };
        self.ask_coordinators(groups, limit, ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kafkas_however_they_are_written() {
        for (state, name) in STATES {
            assert_eq!(GroupState::from_name(&name.to_lowercase()), state);
            assert_eq!(state.name(), name);
        }
        for (group_type, name) in TYPES {
            assert_eq!(GroupType::from_name(&name.to_uppercase()), group_type);
            assert_eq!(group_type.name(), name);
        }
        assert_eq!(GroupState::from_name("Hovering"), GroupState::Unknown);
    }
}
