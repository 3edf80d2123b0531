//! Groups that Apache Kafka's own assignors shared out (`../vectors`, made by `Vectors.java`).

use super::*;

/// One group of a file, and what was made of it.
struct Case {
    title: String,
    topics: GroupTopics,
    members: GroupMembers,
    given: GroupAssignment,
}

fn cases(file: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in file.lines() {
        let (kind, rest) = line.split_once(' ').unwrap();
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if kind == "case" {
            let (topics, members, given) = Default::default();
            cases.push(Case { title: name.to_owned(), topics, members, given });
            continue;
        }
        let case = cases.last_mut().unwrap();
        match kind {
            "topic" => {
                let racks = |it: &str| words(it).filter(|it| it != "-").collect();
                let partitions = rest.split(' ').filter(|it| !it.is_empty()).map(racks).collect();
                case.topics.insert(name.to_owned(), partitions);
            }
            "member" => drop(case.members.insert(name.to_owned(), member(rest))),
            "given" => drop(case.given.insert(name.to_owned(), partitions(rest))),
            kind => panic!("{kind}"),
        }
    }
    cases
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').filter(|it| !it.is_empty()).map(str::to_owned)
}

fn partitions(text: &str) -> BTreeSet<TopicPartition> {
    let named = |it: String| {
        let (topic, partition) = it.rsplit_once('-').unwrap();
        TopicPartition::new(topic, partition.parse().unwrap())
    };
    words(text).map(named).collect()
}

/// What the Java client's bytes say of the member, with what is not in them.
fn member(text: &str) -> MemberSubscription {
    let field = |name: &str| {
        let found = text.split(' ').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("{name} in {text}"))
    };
    let hex = field("bytes");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let bytes = Bytes::from(bytes);
    let mut read = MemberSubscription::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_bytes().unwrap(), bytes, "written as the Java client writes it");
    assert!(read.topics.iter().cloned().eq(words(field("topics"))));
    let generation: i32 = field("generation").parse().unwrap();
    assert_eq!(read.generation.map_or(-1, |it| it.0), generation);
    assert_eq!(read.rack.as_deref().unwrap_or(""), field("rack"));
    read.instance_id = words(field("instance")).next();
    // Sticky members send nothing as owned; the checks want to know.
    read.owned = partitions(field("owned"));
    read
}

/// What Kafka made of a group, and what is made of it here.
fn compared(name: &str, file: &str) -> Vec<(Case, GroupAssignment)> {
    let assignor = by_name(name).unwrap();
    let cases = cases(file);
    assert!(50 <= cases.len());
    cases
        .into_iter()
        .map(|case| {
            let mut members = case.members.clone();
            if name == "sticky" {
                members.values_mut().for_each(|it| it.owned.clear());
            }
            let given = assignor.assign(&case.topics, &members);
            (case, given)
        })
        .collect()
}

#[test]
fn range_gives_what_kafkas_gives() {
    for (case, given) in compared("range", include_str!("../vectors/range.txt")) {
        assert_eq!(given, case.given, "case {}", case.title);
    }
}

#[test]
fn round_robin_gives_what_kafkas_gives() {
    for (case, given) in compared("roundrobin", include_str!("../vectors/roundrobin.txt")) {
        assert_eq!(given, case.given, "case {}", case.title);
    }
}

/// Kafka's walk through members in the order of Java's hashes: who keeps one more than the others
/// then differs, and nothing else may.
fn check_sticky(name: &str, file: &str) {
    let mut equal = 0;
    let compared = compared(name, file);
    for (case, given) in &compared {
        let wants = |id: &String, it: &TopicPartition| case.members[id].topics.contains(&it.topic);
        if *given == case.given {
            equal += 1;
        } else if case.given.iter().all(|(id, its)| its.iter().all(|it| wants(id, it))) {
            assert_eq!(sizes(given), sizes(&case.given), "case {}", case.title);
            let (ours, theirs) = (kept(&case.members, given), kept(&case.members, &case.given));
            assert_eq!(ours, theirs, "case {}", case.title);
        }
        // Else Kafka's gave a partition back to a member that has left its topic.
    }
    assert!(compared.len() * 95 / 100 <= equal, "{equal} of {}", compared.len());
}

#[test]
fn sticky_gives_what_kafkas_gives() {
    check_sticky("sticky", include_str!("../vectors/sticky.txt"));
}

#[test]
fn cooperative_sticky_gives_what_kafkas_gives() {
    let file = include_str!("../vectors/cooperative-sticky.txt");
    check_sticky("cooperative-sticky", file);
}

#[test]
fn what_sticky_members_say_is_written_as_kafka_writes_it() {
    for (case, _) in compared("sticky", include_str!("../vectors/sticky.txt")) {
        for member in case.members.values() {
            let Some(generation) = member.generation else { continue };
            // Kafka writes several in the order of hashes.
            let partitions = member.owned.clone();
            if partitions.len() == 1 {
                let last = LastAssignment { generation, partitions };
                assert_eq!(Sticky.user_data(Some(&last)), member.user_data);
            }
        }
    }
}
