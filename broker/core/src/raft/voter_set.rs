//! Who votes, and how each is reached (KIP-853's voter set).

use std::collections::BTreeMap;
use std::fmt;

use kt_protocol::messages::VotersRecord;
use kt_protocol::messages::voters_record as record;
use kt_protocol::types::{NodeId, Offset};

use super::ReplicaKey;

/// Where a voter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterEndpoint {
    /// The listener's name.
    pub name: String,
    /// Host or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// One voter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Who it is.
    pub key: ReplicaKey,
    /// Where it listens, by its own order.
    pub endpoints: Vec<VoterEndpoint>,
    /// The least `kraft.version` it supports.
    pub min_kraft_version: i16,
    /// The greatest `kraft.version` it supports.
    pub max_kraft_version: i16,
}

/// Where a voter set was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoterSource {
    /// `controller.quorum.voters`: kraft.version 0, the set never changes.
    Config,
    /// The checkpoint at offset 0, written when the directory was formatted. The first leader
    /// copies it into the log, where followers find it.
    BootstrapCheckpoint,
    /// A VotersRecord of the log (or of a snapshot), at this offset.
    Log(Offset),
}

/// All voters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoterSet {
    voters: BTreeMap<NodeId, Voter>,
}

impl VoterSet {
    /// Makes a set of `voters`; of two with one number the later counts.
    pub fn new(voters: impl IntoIterator<Item = Voter>) -> VoterSet {
        VoterSet { voters: voters.into_iter().map(|voter| (voter.key.id, voter)).collect() }
    }

    /// The set that a record holds.
    pub fn from_record(record: &VotersRecord) -> VoterSet {
        let endpoint = |it: &record::Endpoint| VoterEndpoint {
            name: it.name.clone(),
            host: it.host.clone(),
            port: it.port,
        };
        let voter = |it: &record::Voter| Voter {
            key: ReplicaKey {
                id: NodeId(it.voter_id),
                directory_id: Some(it.voter_directory_id).filter(|id| !id.is_zero()),
            },
            endpoints: it.endpoints.iter().map(endpoint).collect(),
            min_kraft_version: it.kraft_version_feature.min_supported_version,
            max_kraft_version: it.kraft_version_feature.max_supported_version,
        };
        VoterSet::new(record.voters.iter().map(voter))
    }

    /// The record that holds this set.
    pub fn to_record(&self) -> VotersRecord {
        let endpoint = |it: &VoterEndpoint| record::Endpoint {
            name: it.name.clone(),
            host: it.host.clone(),
            port: it.port,
        };
        let voter = |it: &Voter| record::Voter {
            voter_id: it.key.id.0,
            voter_directory_id: it.key.directory_id.unwrap_or_default(),
            endpoints: it.endpoints.iter().map(endpoint).collect(),
            kraft_version_feature: record::KRaftVersionFeature {
                min_supported_version: it.min_kraft_version,
                max_supported_version: it.max_kraft_version,
            },
        };
        VotersRecord { voters: self.iter().map(voter).collect(), ..Default::default() }
    }

    /// How many vote.
    pub fn len(&self) -> usize {
        self.voters.len()
    }

    /// True if nobody votes.
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty()
    }

    /// All voters, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Voter> {
        self.voters.values()
    }

    /// The voter of this number.
    pub fn get(&self, id: NodeId) -> Option<&Voter> {
        self.voters.get(&id)
    }

    /// Whether `key` votes: its number is listed, and its directory is the one listed with it. A
    /// set that names no directory (kraft.version 0) takes any.
    pub fn contains(&self, key: ReplicaKey) -> bool {
        let Some(voter) = self.voters.get(&key.id) else { return false };
        voter.key.directory_id.is_none() || voter.key.directory_id == key.directory_id
    }

    /// Whether `key` alone decides everything.
    pub fn is_only(&self, key: ReplicaKey) -> bool {
        self.len() == 1 && self.contains(key)
    }
}

impl fmt::Display for VoterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, voter) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", voter.key)?;
        }
        Ok(())
    }
}
