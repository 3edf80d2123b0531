//! What holds for any group, through any rounds.

use proptest::prelude::*;

use super::*;

/// What happens to a group between two rounds.
#[derive(Clone, Debug)]
enum Change {
    Join {
        topics: u8,
        rack: Option<u8>,
    },
    Leave(usize),
    Resubscribe(usize, u8),
    Grow(usize),
    /// A member was away: what it says is of an older generation.
    Stale(usize),
}

fn topics_of(bits: u8) -> BTreeSet<String> {
    let chosen = (0..4u8).filter(|it| bits & (1 << it) != 0);
    chosen.map(|it| format!("t{it}")).collect()
}

fn change(same: bool) -> impl Strategy<Value = Change> {
    let bits = if same { Just(15).boxed() } else { (1..16u8).boxed() };
    let again = bits.clone();
    prop_oneof![
        (bits, prop::option::of(0..3u8)).prop_map(|(topics, rack)| Change::Join { topics, rack }),
        (0..8usize).prop_map(Change::Leave),
        (0..8usize, again).prop_map(|(at, topics)| Change::Resubscribe(at, topics)),
        (0..4usize).prop_map(Change::Grow),
        (0..8usize).prop_map(Change::Stale),
    ]
}

fn racks(first: u8) -> Racks {
    [first % 3, (first + 1) % 3].map(|it| format!("r{it}")).into()
}

/// A group that changes, round by round.
#[derive(Debug, Default)]
struct Group {
    topics: GroupTopics,
    members: GroupMembers,
    born: u8,
    with_racks: bool,
}

impl Group {
    fn new(sizes: &[u8], with_racks: bool) -> Group {
        let racks = |it: u8| if with_racks { racks(it) } else { Racks::new() };
        let topic = |(at, size): (usize, &u8)| (format!("t{at}"), (0..*size).map(racks).collect());
        let topics = sizes.iter().enumerate().map(topic).collect();
        Group { topics, with_racks, ..Group::default() }
    }

    fn nth(&mut self, at: usize) -> Option<&mut MemberSubscription> {
        let count = self.members.len();
        self.members.values_mut().nth(at.checked_rem(count)?)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Join { topics, rack } => {
                let rack = rack.filter(|_| self.with_racks).map(|it| format!("r{it}"));
                let topics = topics_of(*topics);
                let member = MemberSubscription { topics, rack, ..Default::default() };
                self.members.insert(format!("m{:03}", self.born), member);
                self.born += 1;
            }
            Change::Leave(at) => {
                if 1 < self.members.len() {
                    let id = self.members.keys().nth(at % self.members.len()).cloned();
                    self.members.remove(&id.unwrap());
                }
            }
            Change::Resubscribe(at, topics) => {
                if let Some(member) = self.nth(*at) {
                    member.topics = topics_of(*topics);
                }
            }
            Change::Grow(at) => {
                let count = self.topics.len();
                let with_racks = self.with_racks;
                let racks = |it: usize| if with_racks { racks(it as u8) } else { Racks::new() };
                if let Some(topic) = self.topics.values_mut().nth(at % count) {
                    topic.push(racks(topic.len()));
                }
            }
            Change::Stale(at) => {
                if let Some(member) = self.nth(*at) {
                    member.generation = member.generation.map(|it| GenerationId(it.0 - 1));
                }
            }
        }
    }

    /// Members take over what they were given.
    fn adopt(&mut self, generation: i32, given: &GroupAssignment) {
        let generation = GenerationId(generation);
        for (id, member) in &mut self.members {
            member.owned = given[id].clone();
            member.generation = Some(generation);
            let last = LastAssignment { generation, partitions: member.owned.clone() };
            member.user_data = Sticky.user_data(Some(&last));
        }
    }

    /// Under the eager protocol nothing is owned while the group joins.
    fn eager(&self) -> GroupMembers {
        let mut members = self.members.clone();
        members.values_mut().for_each(|it| it.owned.clear());
        members
    }
}

fn rounds(same: bool) -> impl Strategy<Value = (Vec<u8>, bool, Vec<Vec<Change>>)> {
    let sizes = prop::collection::vec(0..7u8, 4);
    let round = prop::collection::vec(change(same), 1..4);
    (sizes, any::<bool>(), prop::collection::vec(round, 1..6))
}

fn walk(
    (sizes, with_racks, rounds): &(Vec<u8>, bool, Vec<Vec<Change>>),
    check: impl Fn(&mut Group, i32),
) {
    let mut group = Group::new(sizes, *with_racks);
    group.apply(&Change::Join { topics: 15, rack: Some(0) });
    for (generation, changes) in (1..).zip(rounds) {
        changes.iter().for_each(|it| group.apply(it));
        check(&mut group, generation);
    }
}

proptest! {
    #[test]
    fn eager_assignors_give_all_to_somebody(
        rounds in any::<bool>().prop_flat_map(rounds),
    ) {
        for name in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
            let assignor = by_name(name).unwrap();
            walk(&rounds, |group, generation| {
                let members = group.eager();
                let given = assignor.assign(&group.topics, &members);
                check_whole(&group.topics, &members, &given);
                group.adopt(generation, &given);
            });
        }
    }

    #[test]
    fn sticky_is_balanced_and_asking_again_changes_nothing(
        rounds in any::<bool>().prop_flat_map(rounds),
    ) {
        walk(&rounds, |group, generation| {
            let given = Sticky.assign(&group.topics, &group.eager());
            assert!(is_balanced(&group.members, &given), "{given:?}");
            group.adopt(generation, &given);
            if !group.with_racks {
                assert_eq!(Sticky.assign(&group.topics, &group.eager()), given);
            }
        });
    }

    #[test]
    fn who_stays_keeps_all_when_others_leave(
        sizes in prop::collection::vec(0..7u8, 4),
        count in 2..7usize,
        leaver in 0..7usize,
    ) {
        let mut group = Group::new(&sizes, false);
        for _ in 0..count {
            group.apply(&Change::Join { topics: 15, rack: None });
        }
        let first = Sticky.assign(&group.topics, &group.eager());
        group.adopt(1, &first);
        group.apply(&Change::Leave(leaver));
        let second = Sticky.assign(&group.topics, &group.eager());
        for (id, partitions) in &second {
            prop_assert!(first[id].is_subset(partitions), "{id} lost something");
        }
    }

    #[test]
    fn cooperative_gives_nothing_that_another_still_reads(
        rounds in any::<bool>().prop_flat_map(rounds),
    ) {
        walk(&rounds, |group, generation| {
            // Each round of changes takes as many generations as it takes to settle.
            for step in 0.. {
                assert!(step < 6, "the group does not settle");
                let given = CooperativeSticky.assign(&group.topics, &group.members);
                check_no_overlap(&group.members, &given);
                let mut is_settled = true;
                for (id, member) in &group.members {
                    for it in given[id].difference(&member.owned) {
                        let keeper = group.members.iter().find(|other| other.1.owned.contains(it));
                        assert!(keeper.is_none(), "{it} goes to {id}, {keeper:?} reads it");
                    }
                    is_settled &= member.owned.is_subset(&given[id]);
                }
                group.adopt(generation * 10 + step, &given);
                if is_settled {
                    check_whole(&group.topics, &group.members, &given);
                    assert!(is_balanced(&group.members, &given), "{given:?}");
                    break;
                }
            }
        });
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let bytes: Bytes = bytes.into();
        let _ = MemberSubscription::from_bytes(&bytes);
        let _ = Assignment::from_bytes(&bytes);
        let members = GroupMembers::from([("m".to_owned(), MemberSubscription {
            topics: topics_of(15),
            user_data: Some(bytes),
            ..Default::default()
        })]);
        let topics = Group::new(&[2, 0, 1, 1], false).topics;
        for name in ["sticky", "cooperative-sticky"] {
            let given = by_name(name).unwrap().assign(&topics, &members);
            assert_eq!(given["m"].len(), 4);
        }
    }
}
