//! The quorum in conversation, and the first batch of a log that Apache Kafka wrote.

use std::fmt::Write;
use std::io::Read;

use bytes::Bytes;
use kt_protocol::records::Batches;
use kt_protocol::records::control::ControlType;
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp};

use super::*;
use crate::transcript::{self, Command};

#[derive(Default)]
struct Conversation {
    quorum: Option<Quorum>,
}

impl Conversation {
    fn say(&mut self, command: &Command<'_>) -> String {
        let mut effects = Vec::new();
        if command.name == "open" {
            return match Quorum::open(facts(command)) {
                Ok(quorum) => {
                    self.quorum = Some(quorum);
                    "ok".to_owned()
                }
                Err(error) => format!("refused: {error}"),
            };
        }
        let quorum = self.quorum.as_mut().expect("opened before");
        match command.name {
            "start" => {
                if let Err(error) = quorum.start(&mut effects) {
                    return format!("refused: {error}");
                }
            }
            "persisted" => {
                let version = PersistVersion(command.number("version").unwrap());
                quorum.on_persisted(version, &mut effects);
            }
            "appended" => quorum.on_appended(Offset(command.number("end").unwrap())),
            "flushed" => {
                quorum.on_flushed(Offset(command.number("up_to").unwrap()), &mut effects);
            }
            "resign" => quorum.resign(),
            "describe" => return describe(quorum),
            other => panic!("{other} is no command"),
        }
        show(&effects)
    }
}

fn facts(command: &Command<'_>) -> QuorumFacts {
    let directory = |key| command.get(key).map(|it| it.parse().unwrap());
    let voter = |id: &str| Voter {
        key: ReplicaKey { id: NodeId(id.parse().unwrap()), directory_id: directory("directory") },
        endpoints: Vec::new(),
        min_kraft_version: 0,
        max_kraft_version: 1,
    };
    let ids = command.list("voters", ',');
    let epoch = command.number("epoch");
    let own = ReplicaKey {
        id: NodeId(1),
        directory_id: directory("own_directory").or(directory("directory")),
    };
    QuorumFacts {
        own,
        election: epoch.map(|epoch| ElectionState {
            epoch: LeaderEpoch(epoch),
            voted: command.get("voted").map(|_| own),
            leader: command.number("leader").map(NodeId),
        }),
        voters: VoterSet::new(ids.into_iter().filter(|it| !it.is_empty()).map(voter)),
        voter_source: match command.get("source") {
            Some("bootstrap") => VoterSource::BootstrapCheckpoint,
            Some("config") => VoterSource::Config,
            _ => VoterSource::Log(Offset(2)),
        },
        kraft_version: 1,
        log_end: LogEnd {
            offset: Offset(command.number("log_end").unwrap_or(0)),
            epoch: LeaderEpoch(command.number("log_epoch").unwrap_or(0)),
        },
    }
}

fn show(effects: &[Effect]) -> String {
    let mut text = String::new();
    for effect in effects {
        _ = match effect {
            Effect::Persist(version, state) => writeln!(text, "persist {}: {state}", version.0),
            Effect::AppendControl(epoch, records) => {
                writeln!(text, "append in epoch {epoch}: {}", show_records(records))
            }
            Effect::BecomeLeader(epoch) => writeln!(text, "lead epoch {epoch}"),
            Effect::HighWatermark(offset) => writeln!(text, "high watermark {offset}"),
        };
    }
    text
}

fn show_records(records: &[ControlRecord]) -> String {
    let show_one = |record: &ControlRecord| match record {
        ControlRecord::LeaderChange { leader, voters, granting } => {
            let (voters, granting) = (voters.len(), granting.len());
            format!("LeaderChange({leader}, {granting} of {voters})")
        }
        ControlRecord::KRaftVersion(version) => format!("KRaftVersion({version})"),
        ControlRecord::Voters(voters) => format!("Voters({voters})"),
    };
    records.iter().map(show_one).collect::<Vec<_>>().join(", ")
}

fn describe(quorum: &Quorum) -> String {
    let described = quorum.describe(Timestamp(1_000));
    let mut text = format!(
        "epoch {}, leader {:?}, high watermark {:?}\n",
        described.leader_epoch,
        described.leader.map(|it| it.0),
        described.high_watermark.map(|it| it.0)
    );
    for voter in described.voters {
        let end = voter.log_end_offset.map(|it| it.0);
        _ = writeln!(text, "voter {}: log end {end:?}, last fetch {}", voter.key, voter.last_fetch);
    }
    text
}

#[test]
fn one_voter_elects_itself_and_commits_what_is_flushed() {
    let text = include_str!("../../tests/quorum/one_voter.txt");
    let mut conversation = Conversation::default();
    transcript::run("quorum/one_voter.txt", text, |command| conversation.say(command));
}

#[test]
fn a_restarted_leader_never_leads_its_old_epoch() {
    let text = include_str!("../../tests/quorum/restart.txt");
    let mut conversation = Conversation::default();
    transcript::run("quorum/restart.txt", text, |command| conversation.say(command));
}

#[test]
fn impossible_states_are_refused() {
    let text = include_str!("../../tests/quorum/refused.txt");
    let mut conversation = Conversation::default();
    transcript::run("quorum/refused.txt", text, |command| conversation.say(command));
}

/// The control records at the start of a log that Apache Kafka began from `--standalone`.
fn first_batch_of_apache_kafka() -> Vec<(ControlType, Bytes)> {
    let compressed = include_bytes!("../../tests/data/f-killed.log.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut bytes).unwrap();
    let batch = Batches::new(&bytes).next().unwrap().unwrap();
    assert!(batch.is_control());
    let records = batch.records_in_place().unwrap().map(|record| {
        let record = record.unwrap();
        let control_type = ControlType::from_key(record.key).unwrap();
        (control_type, Bytes::copy_from_slice(record.value.unwrap()))
    });
    records.collect()
}

#[test]
fn a_first_leader_appends_what_apache_kafka_appends() {
    let expected = first_batch_of_apache_kafka();
    let decode = |(control_type, value): &(ControlType, Bytes)| {
        ControlRecord::decode(*control_type, value).unwrap().unwrap()
    };
    let decoded: Vec<ControlRecord> = expected.iter().map(decode).collect();
    let [_, ControlRecord::KRaftVersion(kraft_version), ControlRecord::Voters(voters)] =
        &decoded[..]
    else {
        panic!("{decoded:?}");
    };
    let own = voters.get(NodeId(1)).unwrap().key;
    let mut quorum = Quorum::open(QuorumFacts {
        own,
        election: None,
        voters: voters.clone(),
        voter_source: VoterSource::BootstrapCheckpoint,
        kraft_version: *kraft_version,
        log_end: LogEnd { offset: Offset(0), epoch: LeaderEpoch(0) },
    })
    .unwrap();
    let mut effects = Vec::new();
    quorum.start(&mut effects).unwrap();
    quorum.on_persisted(PersistVersion(1), &mut effects);
    let appended = effects.iter().find_map(|effect| match effect {
        Effect::AppendControl(epoch, records) => Some((*epoch, records)),
        _ => None,
    });
    let (epoch, records) = appended.unwrap();
    assert_eq!(epoch, LeaderEpoch(1));
    let written: Vec<(ControlType, Bytes)> =
        records.iter().map(|record| (record.control_type(), record.value())).collect();
    assert_eq!(written, expected);
}
