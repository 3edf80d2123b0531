//! `range`: each topic by itself is cut into one run of partitions for each member, so that
//! partition 3 of every topic goes to the same member.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::TopicPartition;

use super::member_order::MemberOrder;
use super::sticky::racks_matter;
use super::{
    Assignor, GroupAssignment, GroupMembers, GroupTopics, Racks, nothing_for_each, partitions_of,
};

/// Cuts each topic into runs. Where brokers and members tell their racks (KIP-881), members get
/// what is kept in theirs, as far as the runs stay equally long.
///
/// ```
/// use kt_client::consumer::assignor::{
///     Assignor, GroupMembers, GroupTopics, MemberSubscription, Range,
/// };
/// use kt_protocol::types::TopicPartition;
///
/// let wants = MemberSubscription { topics: ["orders".to_owned()].into(), ..Default::default() };
/// let members: GroupMembers =
///     ["one", "two"].map(|it| (it.to_owned(), wants.clone())).into_iter().collect();
/// // Three partitions, of whose racks nothing is known.
/// let topics = GroupTopics::from([("orders".to_owned(), vec![Default::default(); 3])]);
/// let given = Range.assign(&topics, &members);
/// let orders = |it| TopicPartition::new("orders", it);
/// assert_eq!(given["one"], [0, 1].map(orders).into());
/// assert_eq!(given["two"], [2].map(orders).into());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Range;

impl Assignor for Range {
    fn name(&self) -> &str {
        "range"
    }

    fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
        let mut given = nothing_for_each(members);
        let mut shares: Vec<Share<'_>> = topics
            .iter()
            .filter(|(_, racks)| !racks.is_empty())
            .map(|(topic, racks)| Share::new(topic, racks, members))
            .collect();
        if shares.iter().any(|it| it.racks_matter) {
            within_racks(&mut shares, &mut given);
        }
        for share in &mut shares {
            share.give_runs(false, &mut given);
        }
        given
    }
}

/// One topic while it is shared out.
struct Share<'a> {
    topic: &'a str,
    racks: &'a [Racks],
    /// Who wants it, in the order of serving, each with its rack.
    consumers: Vec<(&'a str, Option<&'a str>)>,
    /// How many partitions each of them has.
    counts: Vec<usize>,
    unassigned: BTreeSet<i32>,
    each: usize,
    /// How many may still have one more than `each`.
    extras: usize,
    racks_matter: bool,
}

impl<'a> Share<'a> {
    fn new(topic: &'a str, racks: &'a [Racks], members: &'a GroupMembers) -> Share<'a> {
        let mut wanting: Vec<(MemberOrder<'a>, (&'a str, Option<&'a str>))> = members
            .iter()
            .filter(|(_, member)| member.topics.contains(topic))
            .map(|(id, member)| {
                (MemberOrder::of(id, member), (id.as_str(), member.rack.as_deref()))
            })
            .collect();
        wanting.sort();
        let consumers: Vec<_> = wanting.into_iter().map(|it| it.1).collect();
        let count = consumers.len().max(1);
        let wanted: BTreeSet<&str> = consumers.iter().filter_map(|it| it.1).collect();
        Share {
            topic,
            racks,
            counts: vec![0; consumers.len()],
            unassigned: partitions_of(topic, racks).map(|it| it.partition.0).collect(),
            each: racks.len() / count,
            extras: if consumers.is_empty() { 0 } else { racks.len() % count },
            racks_matter: racks_matter(&wanted, racks),
            consumers,
        }
    }

    /// True if the member reads from its own rack there, or has none.
    fn matches(&self, consumer: usize, partition: i32) -> bool {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        self.consumers[consumer]
            .1
            .is_none_or(|rack| self.racks.get(at).is_some_and(|racks| racks.contains(rack)))
    }

    /// How many more the member may have.
    fn room(&self, consumer: usize) -> usize {
        let most = self.each + usize::from(0 < self.extras);
        most.saturating_sub(self.counts[consumer])
    }

    fn give(&mut self, consumer: usize, partitions: &[i32], given: &mut GroupAssignment) {
        self.counts[consumer] += partitions.len();
        if self.each < self.counts[consumer] {
            self.extras = self.extras.saturating_sub(1);
        }
        let owned = given.entry(self.consumers[consumer].0.to_owned()).or_default();
        for partition in partitions {
            self.unassigned.remove(partition);
            owned.insert(TopicPartition::new(self.topic, *partition));
        }
    }

    /// One run for each member, of partitions in its rack only if `matching`.
    fn give_runs(&mut self, matching: bool, given: &mut GroupAssignment) {
        for consumer in 0..self.consumers.len() {
            let run: Vec<i32> = self
                .unassigned
                .iter()
                .copied()
                .filter(|it| !matching || self.matches(consumer, *it))
                .take(self.room(consumer))
                .collect();
            if !run.is_empty() {
                self.give(consumer, &run, given);
            }
        }
    }
}

/// Gives what is in the members' racks. Topics with the same partitions and the same members stay
/// together: a partition is given only if it is in the member's rack in all of them.
fn within_racks(shares: &mut [Share<'_>], given: &mut GroupAssignment) {
    let mut together: BTreeMap<(Vec<String>, usize), Vec<usize>> = BTreeMap::new();
    for (at, share) in shares.iter().enumerate() {
        let consumers = share.consumers.iter().map(|it| it.0.to_owned()).collect();
        // Topics whose readers have no rack are not looked at partition by partition.
        let has_racks = share.consumers.iter().any(|it| it.1.is_some());
        let partitions = if has_racks { share.racks.len() } else { 0 };
        together.entry((consumers, partitions)).or_default().push(at);
    }
    for ((_, partitions), members) in together {
        match members.as_slice() {
            [alone] => {
                let share = &mut shares[*alone];
                if share.racks_matter {
                    share.give_runs(true, given);
                }
            }
            several => co_partitioned(shares, several, partitions, given),
        }
    }
}

fn co_partitioned(
    shares: &mut [Share<'_>],
    these: &[usize],
    partitions: usize,
    given: &mut GroupAssignment,
) {
    let Some(first) = these.first() else { return };
    let mut remaining: Vec<usize> = (0..shares[*first].consumers.len()).collect();
    for partition in (0i32..).take(partitions) {
        let takes = |consumer: &usize| {
            these.iter().all(|it| {
                shares[*it].matches(*consumer, partition) && 0 < shares[*it].room(*consumer)
            })
        };
        let Some(consumer) = remaining.iter().copied().find(|it| takes(it)) else { continue };
        for it in these {
            shares[*it].give(consumer, &[partition], given);
        }
        if these.iter().all(|it| shares[*it].room(consumer) == 0) {
            remaining.retain(|it| *it != consumer);
        }
    }
}
