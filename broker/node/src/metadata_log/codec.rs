//! Batches of the metadata log ↔ records.

use bytes::Bytes;
use kt_core::metadata::VersionedRecord;
use kt_core::raft::{ControlRecord, ReplicaKey, Voter, VoterEndpoint, VoterSet};
use kt_protocol::codec::Message;
use kt_protocol::messages::leader_change_message::Voter as LeaderChangeVoter;
use kt_protocol::messages::voters_record::{Endpoint, KRaftVersionFeature, Voter as VoterMessage};
use kt_protocol::messages::{KRaftVersionRecord, LeaderChangeMessage, VotersRecord};
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp, Uuid};

/// Makes the batch of a decision.
///
/// # Panics
///
/// If a record cannot be written in the version that its decider chose.
pub(super) fn data_batch(
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: Timestamp,
    records: &[VersionedRecord],
) -> Bytes {
    let mut batch = BatchBuilder::new().base_offset(base_offset).leader_epoch(epoch);
    for VersionedRecord { record, version } in records {
        let value = record.encode(*version).expect("a decider chooses a version that fits");
        let record = NewRecord { timestamp: now, value: Some(&value), ..NewRecord::default() };
        batch.append(record).expect("a decision is bounded far below a batch");
    }
    batch.build()
}

/// Makes the batch that begins an epoch.
pub(super) fn control_batch(
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: Timestamp,
    records: &[ControlRecord],
) -> Bytes {
    let mut batch = BatchBuilder::new().base_offset(base_offset).leader_epoch(epoch);
    for record in records {
        let (kind, value) = control_value(record);
        batch.append_control(now, kind, &value).expect("a few small records fit into a batch");
    }
    batch.build()
}

fn control_value(record: &ControlRecord) -> (ControlType, Bytes) {
    match record {
        ControlRecord::LeaderChange { leader, voters, granting } => {
            let message = LeaderChangeMessage {
                version: 1,
                leader_id: leader.0,
                voters: voters.iter().map(leader_change_voter).collect(),
                granting_voters: granting.iter().map(leader_change_voter).collect(),
            };
            (ControlType::LeaderChange, encode(&message, 1))
        }
        ControlRecord::KRaftVersion(level) => {
            let message = KRaftVersionRecord { version: 0, kraft_version: *level };
            (ControlType::KRaftVersion, encode(&message, 0))
        }
        ControlRecord::Voters(voters) => {
            (ControlType::KRaftVoters, encode(&voters_record(voters), 0))
        }
    }
}

fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    message.encode_to_bytes(version).expect("control records have all fields of their version")
}

fn leader_change_voter(key: &ReplicaKey) -> LeaderChangeVoter {
    LeaderChangeVoter {
        voter_id: key.id.0,
        voter_directory_id: key.directory_id.unwrap_or(Uuid::ZERO),
    }
}

/// The voter set as a record.
pub(super) fn voters_record(voters: &VoterSet) -> VotersRecord {
    let endpoint = |it: &VoterEndpoint| Endpoint {
        name: it.name.clone(),
        host: it.host.clone(),
        port: it.port,
    };
    let voter = |it: &Voter| VoterMessage {
        voter_id: it.key.id.0,
        voter_directory_id: it.key.directory_id.unwrap_or(Uuid::ZERO),
        endpoints: it.endpoints.iter().map(endpoint).collect(),
        kraft_version_feature: KRaftVersionFeature {
            min_supported_version: it.min_kraft_version,
            max_supported_version: it.max_kraft_version,
        },
    };
    VotersRecord { version: 0, voters: voters.iter().map(voter).collect() }
}

/// The voter set of a record.
pub(super) fn voter_set(record: &VotersRecord) -> VoterSet {
    let endpoint = |it: &Endpoint| VoterEndpoint {
        name: it.name.clone(),
        host: it.host.clone(),
        port: it.port,
    };
    VoterSet::new(record.voters.iter().map(|it| Voter {
        key: ReplicaKey {
            id: NodeId(it.voter_id),
            directory_id: Some(it.voter_directory_id).filter(|id| !id.is_zero()),
        },
        endpoints: it.endpoints.iter().map(endpoint).collect(),
        min_kraft_version: it.kraft_version_feature.min_supported_version,
        max_kraft_version: it.kraft_version_feature.max_supported_version,
    }))
}
