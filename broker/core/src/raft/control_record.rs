//! The control records of the metadata log: who leads, who votes (KIP-595, KIP-853).

use bytes::Bytes;
use kt_protocol::codec::{DecodeError, Message};
use kt_protocol::messages::leader_change_message::Voter as LeaderChangeVoter;
use kt_protocol::messages::{KRaftVersionRecord, LeaderChangeMessage, VotersRecord};
use kt_protocol::records::control::ControlType;
use kt_protocol::types::NodeId;

use super::{ReplicaKey, VoterSet};

/// The version all of these are written at, as Apache Kafka 4.3 does.
const VERSION: i16 = 0;

/// A record that the leader itself appends at the start of its epoch, all in one control batch; or
/// that a snapshot begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// Names the leader, who voted for it, and all voters.
    LeaderChange {
        /// The leader.
        leader: NodeId,
        /// All voters, by number.
        voters: Vec<ReplicaKey>,
        /// Those whose votes elected it.
        granting: Vec<ReplicaKey>,
    },
    /// The version of the log's own protocol.
    KRaftVersion(i16),
    /// The voter set.
    Voters(VoterSet),
}

impl ControlRecord {
    /// What its key says.
    pub const fn control_type(&self) -> ControlType {
        match self {
            ControlRecord::LeaderChange { .. } => ControlType::LeaderChange,
            ControlRecord::KRaftVersion(_) => ControlType::KRaftVersion,
            ControlRecord::Voters(_) => ControlType::KRaftVoters,
        }
    }

    /// The bytes of its value.
    pub fn value(&self) -> Bytes {
        match self {
            ControlRecord::LeaderChange { leader, voters, granting } => {
                // Version 0 names no directories.
                let voter = |key: &ReplicaKey| LeaderChangeVoter {
                    voter_id: key.id.0,
                    ..Default::default()
                };
                encoded(&LeaderChangeMessage {
                    version: VERSION,
                    leader_id: leader.0,
                    voters: voters.iter().map(voter).collect(),
                    granting_voters: granting.iter().map(voter).collect(),
                })
            }
            ControlRecord::KRaftVersion(version) => {
                encoded(&KRaftVersionRecord { version: VERSION, kraft_version: *version })
            }
            ControlRecord::Voters(voters) => encoded(&voters.to_record()),
        }
    }

    /// Reads a value. Nothing for control records that are not the quorum's, such as a snapshot's
    /// header.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not what the type says.
    pub fn decode(
        control_type: ControlType,
        value: &Bytes,
    ) -> Result<Option<ControlRecord>, DecodeError> {
        let version = version_of(value);
        Ok(Some(match control_type {
            ControlType::LeaderChange => {
                let message = LeaderChangeMessage::decode_all(value, version)?;
                let key = |voter: &LeaderChangeVoter| ReplicaKey {
                    id: NodeId(voter.voter_id),
                    directory_id: Some(voter.voter_directory_id).filter(|id| !id.is_zero()),
                };
                ControlRecord::LeaderChange {
                    leader: NodeId(message.leader_id),
                    voters: message.voters.iter().map(key).collect(),
                    granting: message.granting_voters.iter().map(key).collect(),
                }
            }
            ControlType::KRaftVersion => {
                let record = KRaftVersionRecord::decode_all(value, version)?;
                ControlRecord::KRaftVersion(record.kraft_version)
            }
            ControlType::KRaftVoters => {
                let record = VotersRecord::decode_all(value, version)?;
                ControlRecord::Voters(VoterSet::from_record(&record))
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn leader_change(leader: ReplicaKey, voters: &VoterSet) -> ControlRecord {
        ControlRecord::LeaderChange {
            leader: leader.id,
            voters: voters.iter().map(|voter| voter.key).collect(),
            granting: vec![leader],
        }
    }
}

fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_bytes(VERSION).expect("version 0 of these carries every field")
}

/// The version that a value says it is of: the field that each of these begins with.
fn version_of(value: &[u8]) -> i16 {
    value.first_chunk().map_or(VERSION, |bytes| i16::from_be_bytes(*bytes))
}
