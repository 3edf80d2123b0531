//! The metadata quorum (KRaft) as a protocol machine: who may append to `__cluster_metadata`, and
//! what of it is committed.
//!
//! Everything the outside must do leaves as an [`Effect`]. What may only follow a durable write
//! does not exist before [`Quorum::on_persisted`] or [`Quorum::on_flushed`] reports it, so no
//! effect waits for another.
//!
//! Built for one voter. With a second come the roles Prospective and Follower (KIP-595, KIP-996),
//! the messages between them as `on_…` methods, and deadlines; the election state, the voter set
//! and the high watermark rule are already those of many.

mod control_record;
mod describe;
mod election_state;
mod voter_set;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kt_protocol::types::{LeaderEpoch, Millis, NodeId, Offset};

pub use control_record::ControlRecord;
pub use describe::{QuorumDescription, ReplicaDescription};
pub use election_state::{ElectionState, ReplicaKey};
pub use voter_set::{Voter, VoterEndpoint, VoterSet, VoterSource};

/// The version of the metadata log's own protocol that knows voters with directories.
pub const KRAFT_VERSION_RECONFIGURATION: i16 = 1;

/// Where the log ends: the next offset, and the epoch of the last batch before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The offset that the next record gets.
    pub offset: Offset,
    /// The epoch of the last record; 0 in an empty log.
    pub epoch: LeaderEpoch,
}

/// Everything a voter knows when it starts.
#[derive(Clone, Debug)]
pub struct QuorumFacts {
    /// Who we are.
    pub own: ReplicaKey,
    /// What `quorum-state` says; none if there is no such file.
    pub election: Option<ElectionState>,
    /// The newest voter set known, committed or not.
    pub voters: VoterSet,
    /// Where it was read.
    pub voter_source: VoterSource,
    /// The finalized `kraft.version`.
    pub kraft_version: i16,
    /// Where our log ends, all of it checked.
    pub log_end: LogEnd,
}

/// Why a voter refuses to start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// The voter set is empty.
    #[error("the metadata quorum has no voters")]
    NoVoters,
    /// The set does not hold us.
    #[error("this node is {own}, and the voters of the metadata quorum are {voters}")]
    NotAVoter {
        /// Who we are.
        own: ReplicaKey,
        /// Who votes.
        voters: VoterSet,
    },
    /// More than one voter.
    #[error("the metadata quorum has {0} voters; more than one is not supported yet")]
    SeveralVoters(usize),
    /// Votes may have been given that nobody remembers.
    #[error(
        "quorum-state is missing, but the metadata log ends at offset {0}: this voter cannot know its votes"
    )]
    MissingElectionState(Offset),
    /// The log holds an epoch that the election state has never seen.
    #[error(
        "the metadata log ends in epoch {log}, but quorum-state knows only epoch {election}: one of them is not this node's"
    )]
    LogAheadOfElection {
        /// The epoch of the log's last batch.
        log: LeaderEpoch,
        /// The epoch of `quorum-state`.
        election: LeaderEpoch,
    },
    /// No further epoch can be numbered.
    #[error("the metadata quorum's epoch {0} cannot grow")]
    EpochExhausted(LeaderEpoch),
}

/// Numbers what is to be persisted, so that an answer is not taken for a later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersistVersion(pub u64);

/// What the outside must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write this to `quorum-state`, durably, then call [`Quorum::on_persisted`].
    Persist(PersistVersion, ElectionState),
    /// Append these records as one control batch of this epoch, then call [`Quorum::on_appended`].
    AppendControl(LeaderEpoch, Vec<ControlRecord>),
    /// This node may append batches of this epoch from now on.
    BecomeLeader(LeaderEpoch),
    /// Everything below is committed.
    HighWatermark(Offset),
}

/// What this replica is in the current epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// Knows an epoch, and neither votes nor leads.
    Unattached,
    /// Votes for itself; the vote is being persisted.
    Candidate(PersistVersion),
    /// Leads.
    Leader(Leadership),
    /// Led, and gave up before stopping.
    Resigned,
}

/// What a leader knows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leadership {
    /// Where its LeaderChange lies: nothing counts as committed before that does.
    epoch_start: Offset,
    /// What each voter has on disk, as far as we know; our own too.
    durable_ends: BTreeMap<NodeId, Offset>,
}

/// One replica of the metadata quorum.
#[derive(Clone, Debug)]
pub struct Quorum {
    own: ReplicaKey,
    voters: VoterSet,
    voter_source: VoterSource,
    kraft_version: i16,
    election: ElectionState,
    persist_version: PersistVersion,
    role: Role,
    log_end: Offset,
    high_watermark: Option<Offset>,
}

impl Quorum {
    /// Restores a voter from what it last persisted.
    ///
    /// # Errors
    ///
    /// [`QuorumError`] for states that cannot be, and for what is not built.
    pub fn open(facts: QuorumFacts) -> Result<Quorum, QuorumError> {
        let election = check(&facts)?;
        Ok(Quorum {
            own: facts.own,
            voters: facts.voters,
            voter_source: facts.voter_source,
            kraft_version: facts.kraft_version,
            election,
            persist_version: PersistVersion::default(),
            role: Role::Unattached,
            log_end: facts.log_end.offset,
            high_watermark: None,
        })
    }

    /// Begins to take part. The only voter stands for election at once, always in a new epoch: in
    /// its old one there may be records that were never flushed.
    ///
    /// # Errors
    ///
    /// [`QuorumError::EpochExhausted`].
    pub fn start(&mut self, effects: &mut Vec<Effect>) -> Result<(), QuorumError> {
        assert!(self.voters.is_only(self.own), "open refuses anything else");
        let exhausted = QuorumError::EpochExhausted(self.election.epoch);
        let epoch = LeaderEpoch(self.election.epoch.0.checked_add(1).ok_or(exhausted)?);
        let version =
            self.persist(ElectionState { epoch, voted: Some(self.own), leader: None }, effects);
        self.role = Role::Candidate(version);
        self.high_watermark = None;
        Ok(())
    }

    /// An [`Effect::Persist`] is durable. Late and repeated news change nothing.
    pub fn on_persisted(&mut self, version: PersistVersion, effects: &mut Vec<Effect>) {
        if self.role != Role::Candidate(version) {
            return;
        }
        // Our own vote is durable, and it is a majority of one.
        let epoch = self.election.epoch;
        self.persist(ElectionState { epoch, voted: None, leader: Some(self.own.id) }, effects);
        self.role =
            Role::Leader(Leadership { epoch_start: self.log_end, durable_ends: BTreeMap::new() });
        effects.push(Effect::AppendControl(epoch, self.epoch_start_records()));
        effects.push(Effect::BecomeLeader(epoch));
        self.assert_invariants();
    }

    /// Our log has grown to `log_end`.
    ///
    /// # Panics
    ///
    /// If the log shrank: a leader never truncates.
    pub fn on_appended(&mut self, log_end: Offset) {
        assert!(self.log_end <= log_end, "a leader's log went from {} to {log_end}", self.log_end);
        self.log_end = log_end;
    }

    /// Our log is durable up to `up_to`. Only that is our vote for committing it.
    pub fn on_flushed(&mut self, up_to: Offset, effects: &mut Vec<Effect>) {
        assert!(up_to <= self.log_end, "flushed to {up_to}, beyond the log's end {}", self.log_end);
        let own = self.own.id;
        let Role::Leader(leadership) = &mut self.role else { return };
        let durable_end = leadership.durable_ends.entry(own).or_insert(up_to);
        *durable_end = up_to.max(*durable_end);
        self.advance_high_watermark(effects);
    }

    /// Gives up leadership before stopping. What was appended stays.
    pub fn resign(&mut self) {
        if matches!(self.role, Role::Leader(_) | Role::Candidate(_)) {
            self.role = Role::Resigned;
        }
    }

    /// When to call `on_timeout` next: an only voter waits for nobody.
    pub fn next_deadline(&self) -> Option<Millis> {
        None
    }

    /// Whether this replica leads.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The newest epoch.
    pub fn epoch(&self) -> LeaderEpoch {
        self.election.epoch
    }

    /// Who leads the newest epoch, if known.
    pub fn leader(&self) -> Option<NodeId> {
        self.election.leader.filter(|_| !matches!(self.role, Role::Resigned))
    }

    /// Below it everything is committed; none until this epoch has committed a record.
    pub fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }

    /// Who votes.
    pub fn voters(&self) -> &VoterSet {
        &self.voters
    }

    /// The finalized `kraft.version`.
    pub fn kraft_version(&self) -> i16 {
        self.kraft_version
    }

    fn persist(&mut self, state: ElectionState, effects: &mut Vec<Effect>) -> PersistVersion {
        assert!(self.election.epoch <= state.epoch, "an epoch never goes back");
        self.election = state;
        self.persist_version.0 += 1;
        effects.push(Effect::Persist(self.persist_version, state));
        self.persist_version
    }

    fn epoch_start_records(&self) -> Vec<ControlRecord> {
        let mut records = vec![ControlRecord::leader_change(self.own, &self.voters)];
        if self.voter_source == VoterSource::BootstrapCheckpoint {
            records.push(ControlRecord::KRaftVersion(self.kraft_version));
            records.push(ControlRecord::Voters(self.voters.clone()));
        }
        records
    }

    /// The offset that a majority of the voters has on disk becomes the high watermark, once it is
    /// past the first record of this leader's epoch.
    fn advance_high_watermark(&mut self, effects: &mut Vec<Effect>) {
        let Role::Leader(leadership) = &self.role else { return };
        let end_of = |voter: &Voter| leadership.durable_ends.get(&voter.key.id).copied();
        let mut ends: Vec<Option<Offset>> = self.voters.iter().map(end_of).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let Some(Some(candidate)) = ends.get(ends.len() / 2).copied() else { return };
        if candidate <= leadership.epoch_start || Some(candidate) <= self.high_watermark {
            return;
        }
        self.high_watermark = Some(candidate);
        effects.push(Effect::HighWatermark(candidate));
        self.assert_invariants();
    }

    fn assert_invariants(&self) {
        if let Some(high_watermark) = self.high_watermark {
            assert!(high_watermark <= self.log_end, "committed more than was appended");
        }
        if let Role::Leader(leadership) = &self.role {
            assert!(leadership.epoch_start <= self.log_end);
            assert_eq!(self.election.leader, Some(self.own.id));
        }
    }
}

/// Refuses what cannot be. Every `return` is one reason.
fn check(facts: &QuorumFacts) -> Result<ElectionState, QuorumError> {
    if facts.voters.is_empty() {
        return Err(QuorumError::NoVoters);
    }
    if !facts.voters.contains(facts.own) {
        return Err(QuorumError::NotAVoter { own: facts.own, voters: facts.voters.clone() });
    }
    if 1 < facts.voters.len() {
        return Err(QuorumError::SeveralVoters(facts.voters.len()));
    }
    let Some(election) = facts.election else {
        if facts.log_end.offset != Offset(0) {
            return Err(QuorumError::MissingElectionState(facts.log_end.offset));
        }
        return Ok(ElectionState::INITIAL);
    };
    if election.epoch < facts.log_end.epoch {
        let (log, election) = (facts.log_end.epoch, election.epoch);
        return Err(QuorumError::LogAheadOfElection { log, election });
    }
    Ok(election)
}
