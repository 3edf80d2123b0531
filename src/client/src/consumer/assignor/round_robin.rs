//! `roundrobin`: all partitions of all topics are dealt out one by one, like cards.

use std::collections::BTreeSet;

use super::member_order::MemberOrder;
use super::{
    Assignor, GroupAssignment, GroupMembers, GroupTopics, nothing_for_each, partitions_of,
};

/// Deals partitions out one by one. A member that does not want a topic is passed over.
///
/// ```
/// use kt_client::consumer::assignor::{
///     Assignor, GroupMembers, GroupTopics, MemberSubscription, RoundRobin,
/// };
/// use kt_protocol::types::TopicPartition;
///
/// let wants = MemberSubscription { topics: ["orders".to_owned()].into(), ..Default::default() };
/// let members: GroupMembers =
///     ["one", "two"].map(|it| (it.to_owned(), wants.clone())).into_iter().collect();
/// // Three partitions, of whose racks nothing is known.
/// let topics = GroupTopics::from([("orders".to_owned(), vec![Default::default(); 3])]);
/// let given = RoundRobin.assign(&topics, &members);
/// let orders = |it| TopicPartition::new("orders", it);
/// assert_eq!(given["one"], [0, 2].map(orders).into());
/// assert_eq!(given["two"], [1].map(orders).into());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RoundRobin;

impl Assignor for RoundRobin {
    fn name(&self) -> &str {
        "roundrobin"
    }

    fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
        let mut given = nothing_for_each(members);
        let mut order: Vec<(&String, &BTreeSet<String>)> =
            members.iter().map(|(id, member)| (id, &member.topics)).collect();
        order.sort_by_key(|(id, _)| MemberOrder::of(id, &members[*id]));
        let mut turn = 0;
        for (topic, racks) in topics {
            if !members.values().any(|it| it.topics.contains(topic)) {
                continue;
            }
            for partition in partitions_of(topic, racks) {
                while !order[turn].1.contains(topic) {
                    turn = (turn + 1) % order.len();
                }
                given.entry(order[turn].0.clone()).or_default().insert(partition);
                turn = (turn + 1) % order.len();
            }
        }
        given
    }
}
