//! Brokers say that they live: fencing, unfencing, controlled shutdown (`BrokerHeartbeatManager`).

use std::collections::BTreeMap;

use kt_protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationChangeRecord,
};
use kt_protocol::types::{Millis, NodeId, Now, Offset, Uuid};

use super::leadership::BrokerTurn;
use super::{ApiError, Controller, Decision};
use crate::metadata::{BrokerRegistration, VersionedRecord};

/// `BrokerRegistrationChangeRecord.Fenced`.
const FENCE: i8 = 1;
const UNFENCE: i8 = -1;

/// When brokers were last heard. Not logged: a new leader gives everybody a new session.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    sessions: BTreeMap<NodeId, Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    last_contact: Millis,
    metadata_offset: Offset,
    /// While it shuts down: the others must have read this far before it may go.
    shutdown_offset: Option<Offset>,
}

impl Session {
    fn new(now: Millis) -> Session {
        Session { last_contact: now, metadata_offset: Offset(-1), shutdown_offset: None }
    }
}

impl Sessions {
    pub(super) fn restart(&mut self, now: Millis, brokers: Vec<NodeId>) {
        self.sessions = brokers.into_iter().map(|id| (id, Session::new(now))).collect();
    }

    /// A broker registered: a new session.
    pub(super) fn contact(&mut self, broker: NodeId, now: Millis) {
        self.sessions.insert(broker, Session::new(now));
    }

    pub(super) fn remove(&mut self, broker: NodeId) {
        self.sessions.remove(&broker);
    }
}

/// What a broker is, and what it becomes by a heartbeat (`BrokerControlState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BrokerState {
    Fenced,
    Unfenced,
    ControlledShutdown,
    /// Fenced, and told to stop.
    ShutdownNow,
}

impl Controller {
    /// A broker lives, and says what it wants. It is unfenced once it has read its own
    /// registration; it may stop once it leads nothing and the others know.
    pub fn broker_heartbeat(
        &mut self,
        now: Now,
        request: &BrokerHeartbeatRequest,
    ) -> Decision<BrokerHeartbeatResponse> {
        let broker = match self.check_broker_epoch(request.broker_id, request.broker_epoch) {
            Ok(broker) => broker.clone(),
            Err(error) => return Decision::only(refused(&error)),
        };
        self.note_heartbeat(now.monotonic, &broker, request);
        let current = current_state(&broker);
        let next = self.next_state(&broker, request);
        // Both in one batch could contradict each other: the directories wait for the next one.
        let records = if current == next {
            self.log_dir_records(&broker, request)
        } else {
            self.turn_records(&broker, next)
        };
        let response = BrokerHeartbeatResponse {
            is_caught_up: self.has_read_its_registration(&broker, request),
            is_fenced: matches!(next, BrokerState::Fenced | BrokerState::ShutdownNow),
            should_shut_down: next == BrokerState::ShutdownNow,
            ..Default::default()
        };
        Decision { records, response }
    }

    /// Fences one broker whose session has ended. Call it again until it decides nothing: what it
    /// decides for the next depends on this one.
    pub fn fence_stale_broker(&self, now: Now) -> Decision<Option<NodeId>> {
        let stale = self
            .image()
            .brokers()
            .iter()
            .find(|it| !it.fenced && !self.has_valid_session(it, now.monotonic));
        let Some(stale) = stale else { return Decision::only(None) };
        let records = self.turn_records(stale, BrokerState::Fenced);
        Decision { records, response: Some(stale.id) }
    }

    /// When a session ends next, if nobody is heard: at that time it has ended.
    pub fn next_session_deadline(&self) -> Option<Millis> {
        let unfenced = self.image().brokers().iter().filter(|it| !it.fenced);
        let deadlines = unfenced.map(|it| self.session_deadline(it.id));
        deadlines.min()
    }

    pub(super) fn has_valid_session(&self, broker: &BrokerRegistration, now: Millis) -> bool {
        !broker.fenced && now < self.session_deadline(broker.id)
    }

    pub(super) fn fence_record(&self, broker: &BrokerRegistration) -> VersionedRecord {
        VersionedRecord::v0(BrokerRegistrationChangeRecord {
            broker_id: broker.id.0,
            broker_epoch: broker.epoch,
            fenced: FENCE,
            ..Default::default()
        })
    }

    fn session_deadline(&self, broker: NodeId) -> Millis {
        let session = self.sessions.sessions.get(&broker);
        session.map_or(Millis(0), |it| it.last_contact + self.config.broker_session_timeout_ms)
    }

    fn note_heartbeat(
        &mut self,
        now: Millis,
        broker: &BrokerRegistration,
        request: &BrokerHeartbeatRequest,
    ) {
        let log_end = self.image().provenance().last_offset;
        let session = self.sessions.sessions.entry(broker.id).or_insert_with(|| Session::new(now));
        session.last_contact = now;
        session.metadata_offset = Offset(request.current_metadata_offset);
        if broker.in_controlled_shutdown {
            session.shutdown_offset.get_or_insert(log_end);
        }
    }

    fn next_state(
        &self,
        broker: &BrokerRegistration,
        request: &BrokerHeartbeatRequest,
    ) -> BrokerState {
        match current_state(broker) {
            BrokerState::Fenced if request.want_shut_down => BrokerState::ShutdownNow,
            BrokerState::Fenced if request.want_fence => BrokerState::Fenced,
            // Who asked to stop and was fenced meanwhile comes back only as a new incarnation.
            BrokerState::Fenced if broker.in_controlled_shutdown => BrokerState::Fenced,
            BrokerState::Fenced if self.has_read_its_registration(broker, request) => {
                BrokerState::Unfenced
            }
            BrokerState::Unfenced if request.want_fence && request.want_shut_down => {
                BrokerState::ShutdownNow
            }
            BrokerState::Unfenced if request.want_fence => BrokerState::Fenced,
            BrokerState::Unfenced if !request.want_shut_down => BrokerState::Unfenced,
            BrokerState::Unfenced if self.has_leaderships(broker.id) => {
                BrokerState::ControlledShutdown
            }
            BrokerState::Unfenced => BrokerState::ShutdownNow,
            BrokerState::ControlledShutdown if self.may_shut_down(broker) => {
                BrokerState::ShutdownNow
            }
            unchanged => unchanged,
        }
    }

    fn has_read_its_registration(
        &self,
        broker: &BrokerRegistration,
        request: &BrokerHeartbeatRequest,
    ) -> bool {
        // A registration that came with a snapshot lies at or after its epoch.
        let registered_at = self.registered_at.get(&broker.id).map_or(broker.epoch, |it| it.0);
        registered_at <= request.current_metadata_offset
    }

    /// It leads nothing, and every other active broker has read that.
    fn may_shut_down(&self, broker: &BrokerRegistration) -> bool {
        if self.has_leaderships(broker.id) {
            return false;
        }
        let session_of = |id: NodeId| self.sessions.sessions.get(&id);
        let Some(shutdown_offset) = session_of(broker.id).and_then(|it| it.shutdown_offset) else {
            return false;
        };
        let others = self.image().brokers().iter().filter(|it| it.is_active());
        others
            .map(|it| session_of(it.id))
            .all(|session| session.is_none_or(|session| shutdown_offset <= session.metadata_offset))
    }

    fn turn_records(&self, broker: &BrokerRegistration, next: BrokerState) -> Vec<VersionedRecord> {
        let change = BrokerRegistrationChangeRecord {
            broker_id: broker.id.0,
            broker_epoch: broker.epoch,
            ..Default::default()
        };
        match next {
            BrokerState::Fenced | BrokerState::ShutdownNow => {
                if broker.fenced {
                    return Vec::new();
                }
                let mut records = self.partition_changes(BrokerTurn::Leaves(broker.id));
                records.push(self.fence_record(broker));
                records
            }
            BrokerState::Unfenced => {
                let change = BrokerRegistrationChangeRecord { fenced: UNFENCE, ..change };
                let mut records = vec![VersionedRecord::v0(change)];
                records.extend(self.partition_changes(BrokerTurn::Joins(broker.id)));
                records
            }
            BrokerState::ControlledShutdown => {
                let change = BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..change };
                let mut records = vec![VersionedRecord::new(change, 1)];
                records.extend(self.partition_changes(BrokerTurn::Leaves(broker.id)));
                records
            }
        }
    }

    /// Log directories that went offline, or that take no new partitions.
    fn log_dir_records(
        &self,
        broker: &BrokerRegistration,
        request: &BrokerHeartbeatRequest,
    ) -> Vec<VersionedRecord> {
        let mut records = Vec::new();
        let change = BrokerRegistrationChangeRecord {
            broker_id: broker.id.0,
            broker_epoch: broker.epoch,
            ..Default::default()
        };
        let (lost, online): (Vec<Uuid>, Vec<Uuid>) =
            broker.log_dirs.iter().partition(|it| request.offline_log_dirs.contains(it));
        // A broker without any directory stops by itself; an empty list would say "no change".
        if !lost.is_empty() && !online.is_empty() {
            records.extend(self.directory_changes(broker.id, &lost));
            let change = BrokerRegistrationChangeRecord { log_dirs: online, ..change.clone() };
            records.push(VersionedRecord::new(change, 2));
        }
        let version = self.image().features().metadata_version();
        let is_new = request.cordoned_log_dirs.is_some()
            && request.cordoned_log_dirs != broker.cordoned_log_dirs;
        if is_new && version.are_cordoned_log_dirs_supported() {
            let cordoned_log_dirs = request.cordoned_log_dirs.clone();
            let change = BrokerRegistrationChangeRecord { cordoned_log_dirs, ..change };
            records.push(VersionedRecord::new(change, 3));
        }
        records
    }
}

fn current_state(broker: &BrokerRegistration) -> BrokerState {
    if broker.fenced {
        BrokerState::Fenced
    } else if broker.in_controlled_shutdown {
        BrokerState::ControlledShutdown
    } else {
        BrokerState::Unfenced
    }
}

fn refused(error: &ApiError) -> BrokerHeartbeatResponse {
    BrokerHeartbeatResponse { error_code: error.code as i16, is_fenced: true, ..Default::default() }
}
