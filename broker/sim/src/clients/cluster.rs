//! What runs against the node: topics, groups, and who writes and reads what, out of the seed.

use std::sync::Arc;

use kt_client::Metadata;
use kt_client::consumer::assignor::{self, Assignor};
use kt_core::random::Random;
use kt_protocol::ErrorCode;
use kt_protocol::messages::metadata_request::MetadataRequestTopic;
use kt_protocol::messages::{MetadataRequest, MetadataResponse};
use kt_protocol::types::TopicPartition;

use super::auditor::Auditor;
use super::member::{Member, MemberRole};
use super::network::ADRIFT_MS_MAX;
use super::program::Program;
use super::reader::{Reader, ReaderRole};
use super::sending::{SenderRole, Sending};
use crate::client_history::{Life, Place};

use std::collections::BTreeMap;

/// Topics, and how many partitions they have.
pub(super) const TOPICS: [(&str, i32); 2] = [("orders", 3), ("payments", 2)];
/// Groups, each of which reads all topics.
pub(super) const GROUPS: [&str; 2] = ["g0", "g1"];
/// Members of each group.
const MEMBERS: [usize; 2] = [3, 2];
const SENDERS: usize = 3;

/// `request.timeout.ms` of all programs. Longer than a request can be adrift.
pub(super) const REQUEST_TIMEOUT_MS: u64 = 1_500;
const _: () = assert!(ADRIFT_MS_MAX < REQUEST_TIMEOUT_MS);

/// What a process is there for.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// Makes the topics, and reads the log in the end.
    Audit,
    /// Writes.
    Send(SenderRole),
    /// Reads all partitions by itself.
    Read(ReaderRole),
    /// Reads as a member of a group.
    Join(MemberRole),
}

impl Role {
    /// Whether its process may be killed or stopped.
    pub(super) fn is_mortal(&self) -> bool {
        !matches!(self, Role::Audit)
    }

    /// A program that knows nothing of any before it.
    ///
    /// # Errors
    ///
    /// If its machine does not take its settings.
    pub(super) fn start(&self, life: Life, seed: u64) -> Result<Box<dyn Program>, String> {
        Ok(match self {
            Role::Audit => Box::new(Auditor::new()),
            Role::Send(role) => Box::new(Sending::new(role, life, seed)),
            Role::Read(role) => Box::new(Reader::new(role, life, seed)),
            Role::Join(role) => Box::new(Member::new(role, life, seed)?),
        })
    }
}

/// All but the auditor, who comes first.
pub(super) fn roles(random: &mut Random) -> Vec<Role> {
    let mut roles: Vec<Role> = (0..SENDERS).map(|_| Role::Send(SenderRole::any(random))).collect();
    roles.push(Role::Read(ReaderRole::any(random)));
    for (group, members) in MEMBERS.iter().enumerate() {
        let assignors = any_assignors(random);
        for number in 0..*members {
            let is_static = random.below(3) == 0;
            let role = MemberRole::any(group, number, is_static, assignors.clone(), random);
            roles.push(Role::Join(role));
        }
    }
    roles
}

/// Those that the members of a group agree on.
fn any_assignors(random: &mut Random) -> Vec<Arc<dyn Assignor>> {
    let names: &[&str] = match random.below(6) {
        0 => &["range"],
        1 => &["roundrobin"],
        2 => &["sticky"],
        3 => &["range", "sticky"],
        _ => &["cooperative-sticky"],
    };
    names.iter().filter_map(|it| assignor::by_name(it)).collect()
}

/// How many partitions there are.
pub(super) fn places() -> usize {
    TOPICS.iter().map(|(_, partitions)| partitions.unsigned_abs() as usize).sum()
}

/// All partitions.
pub(super) fn partitions() -> impl Iterator<Item = TopicPartition> {
    (0..places()).map(|place| {
        let (topic, index) = partition(Place(place));
        TopicPartition::new(topic, index)
    })
}

/// A partition by its number.
pub(super) fn partition(place: Place) -> (&'static str, i32) {
    let mut left = place.0;
    for (topic, partitions) in TOPICS {
        let count = partitions.unsigned_abs() as usize;
        if left < count {
            return (topic, i32::try_from(left).unwrap_or(0));
        }
        left -= count;
    }
    panic!("{place} is none")
}

/// The number of a partition.
///
/// # Errors
///
/// If there is no such partition.
pub(super) fn place(of: &TopicPartition) -> Result<Place, String> {
    let found = partitions().position(|it| it == *of);
    found.map(Place).ok_or_else(|| format!("{of} does not exist"))
}

/// The question for topics.
pub(super) fn metadata_request(topics: &[String]) -> MetadataRequest {
    let topic = |name: &String| MetadataRequestTopic {
        name: Some(name.clone()),
        ..MetadataRequestTopic::default()
    };
    MetadataRequest {
        topics: Some(topics.iter().map(topic).collect()),
        ..MetadataRequest::default()
    }
}

/// What a client makes of the answer.
pub(super) fn metadata(response: MetadataResponse) -> (Metadata, BTreeMap<String, ErrorCode>) {
    let mut metadata = Metadata::default();
    let errors = metadata.apply(response, false);
    (metadata, errors)
}
