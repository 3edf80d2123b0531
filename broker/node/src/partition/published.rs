//! What a partition publishes: offsets, segments, and who waits for them to change.
//!
//! One struct under one lock that is never held over I/O. Check and park happen under it, so that
//! no wake-up is lost. Whoever moves an offset takes what is due as [`Moved`], lets go of the lock,
//! and delivers it.

use std::collections::BinaryHeap;
use std::sync::Arc;

use kt_protocol::ErrorCode;
use kt_protocol::types::{LeaderEpoch, Offset};
use kt_storage::Segment;
use smallvec::SmallVec;

use crate::effect::{Effect, MachineId};
use crate::fetch_session::FetchSession;
use crate::purgatory::{ParkedProduce, Purgatory};

/// Whether a partition can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Its log is being opened; the client tries again.
    Opening,
    /// It is led elsewhere, or by nobody.
    NotLeader,
    /// This broker leads it and serves it.
    Leading,
    /// Its log is damaged, or its directory is lost.
    Offline,
    /// Its topic was deleted.
    Deleted,
}

impl Service {
    /// What to tell who asks; none while the partition is served.
    pub(crate) fn refusal(self) -> Option<ErrorCode> {
        match self {
            Service::Leading => None,
            Service::Opening | Service::NotLeader => Some(ErrorCode::NotLeaderOrFollower),
            Service::Offline => Some(ErrorCode::KafkaStorageError),
            Service::Deleted => Some(ErrorCode::UnknownTopicOrPartition),
        }
    }
}

/// Where the log stands, as its writer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) log_start: Offset,
    /// Below it everything is committed.
    pub(crate) high_watermark: Offset,
    /// Below it no transaction is open.
    pub(crate) last_stable: Offset,
    pub(crate) log_end: Offset,
    /// Below it everything counts as kept by this replica.
    pub(crate) stable_end: Offset,
}

/// What a partition publishes.
pub(crate) struct Published {
    service: Service,
    epoch: LeaderEpoch,
    offsets: Offsets,
    segments: Arc<[Arc<Segment>]>,
    /// What an append that the high watermark has reached comes to: no error, or that the ISR is
    /// too small to promise it.
    acknowledgement: ErrorCode,
    /// Who waits for the high watermark, the lowest first.
    produces: BinaryHeap<ParkedProduce>,
    /// A machine that wants to be woken when the high watermark is there.
    coordinator: Option<(Offset, MachineId)>,
    /// Which sessions want to hear of a change, and by which of their slots.
    watchers: SmallVec<[(Arc<FetchSession>, u32); 2]>,
}

/// What one reader may see, copied out of the lock.
#[derive(Clone)]
pub(crate) struct Bounds {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) offsets: Offsets,
    pub(crate) segments: Arc<[Arc<Segment>]>,
}

/// What has become due by a change, to be delivered without any lock of a partition.
#[derive(Default)]
#[must_use = "somebody waits for it"]
pub(crate) struct Moved {
    /// Produces that are done, each with what it came to.
    pub(crate) produces: SmallVec<[(ParkedProduce, ErrorCode); 2]>,
    /// Slots of sessions that have something to look at.
    pub(crate) ready: SmallVec<[(Arc<FetchSession>, u32); 2]>,
    /// Machines that waited for the high watermark.
    pub(crate) wakes: SmallVec<[MachineId; 1]>,
}

impl Published {
    /// A partition whose log is not open yet.
    pub(crate) fn new() -> Published {
        let zero = Offset(0);
        Published {
            service: Service::Opening,
            epoch: LeaderEpoch::UNKNOWN,
            offsets: Offsets {
                log_start: zero,
                high_watermark: zero,
                last_stable: zero,
                log_end: zero,
                stable_end: zero,
            },
            segments: Arc::new([]),
            acknowledgement: ErrorCode::None,
            produces: BinaryHeap::new(),
            coordinator: None,
            watchers: SmallVec::new(),
        }
    }

    pub(crate) fn service(&self) -> Service {
        self.service
    }

    pub(crate) fn offsets(&self) -> Offsets {
        self.offsets
    }

    /// What a reader may see.
    ///
    /// # Errors
    ///
    /// Why it may see nothing.
    pub(crate) fn bounds(&self) -> Result<Bounds, ErrorCode> {
        if let Some(refusal) = self.service.refusal() {
            return Err(refusal);
        }
        let (epoch, offsets) = (self.epoch, self.offsets);
        Ok(Bounds { epoch, offsets, segments: Arc::clone(&self.segments) })
    }

    /// Publishes where the log stands, and gives what waited for it.
    pub(crate) fn advance(
        &mut self,
        offsets: Offsets,
        segments: &Arc<[Arc<Segment>]>,
        acknowledgement: ErrorCode,
    ) -> Moved {
        let seen = |it: &Offsets| (it.high_watermark, it.last_stable, it.log_start);
        let is_visible = seen(&self.offsets) != seen(&offsets);
        self.offsets = offsets;
        self.acknowledgement = acknowledgement;
        if !Arc::ptr_eq(&self.segments, segments) {
            self.segments = Arc::clone(segments);
        }
        let mut moved = Moved::default();
        if is_visible {
            moved.ready = self.watchers.clone();
        }
        while self.produces.peek().is_some_and(|parked| parked.end <= offsets.high_watermark) {
            let parked = self.produces.pop().expect("it was just looked at");
            moved.produces.push((parked, acknowledgement));
        }
        let is_due = |(end, _): &mut (Offset, MachineId)| *end <= offsets.high_watermark;
        moved.wakes.extend(self.coordinator.take_if(is_due).map(|it| it.1));
        moved
    }

    /// Another epoch, or another kind of service: whoever waits learns it.
    pub(crate) fn turn(&mut self, service: Service, epoch: LeaderEpoch) -> Moved {
        self.service = service;
        self.epoch = epoch;
        let refusal = service.refusal().unwrap_or(ErrorCode::NotLeaderOrFollower);
        let produces = std::mem::take(&mut self.produces).into_vec();
        Moved {
            produces: produces.into_iter().map(|parked| (parked, refusal)).collect(),
            ready: self.watchers.clone(),
            wakes: self.coordinator.take().map(|it| it.1).into_iter().collect(),
        }
    }

    /// Waits until the high watermark of `epoch` reaches `end`, unless it is there.
    ///
    /// # Errors
    ///
    /// Another epoch, or none that is served here.
    pub(crate) fn wait_for_high_watermark(
        &mut self,
        epoch: LeaderEpoch,
        end: Offset,
        machine: MachineId,
    ) -> Result<Option<Offset>, ErrorCode> {
        if let Some(refusal) = self.service.refusal() {
            return Err(refusal);
        }
        if self.epoch != epoch {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        if end <= self.offsets.high_watermark {
            return Ok(Some(self.offsets.high_watermark));
        }
        let end = self.coordinator.map_or(end, |(before, _)| before.min(end));
        self.coordinator = Some((end, machine));
        Ok(None)
    }

    /// Parks a produce that was appended in `epoch`, unless it is done already: then it comes back
    /// with what it came to.
    pub(crate) fn park(
        &mut self,
        epoch: LeaderEpoch,
        parked: ParkedProduce,
    ) -> Option<(ParkedProduce, ErrorCode)> {
        if let Some(refusal) = self.service.refusal() {
            return Some((parked, refusal));
        }
        if self.epoch != epoch {
            return Some((parked, ErrorCode::NotLeaderOrFollower));
        }
        if parked.end <= self.offsets.high_watermark {
            return Some((parked, self.acknowledgement));
        }
        self.produces.push(parked);
        None
    }

    /// Registers a session's slot.
    pub(crate) fn watch(&mut self, session: &Arc<FetchSession>, slot: u32) {
        self.watchers.push((Arc::clone(session), slot));
    }

    /// Takes back what [`Published::watch`] did.
    pub(crate) fn unwatch(&mut self, session: &FetchSession, slot: u32) {
        let is_meant = |watcher: &(Arc<FetchSession>, u32)| {
            std::ptr::eq(&*watcher.0, session) && watcher.1 == slot
        };
        if let Some(at) = self.watchers.iter().position(is_meant) {
            self.watchers.swap_remove(at);
        }
    }
}

impl Moved {
    /// Adds what another change made due.
    pub(crate) fn and(mut self, other: Moved) -> Moved {
        self.produces.extend(other.produces);
        self.ready.extend(other.ready);
        self.wakes.extend(other.wakes);
        self
    }

    /// Hands out what has become due. No lock is held.
    pub(crate) fn deliver(self, purgatory: &Purgatory, effects: &mut Vec<Effect>) {
        for (parked, error) in self.produces {
            effects.extend(purgatory.fill(&parked, error));
        }
        for (session, slot) in self.ready {
            session.mark_ready(slot, effects);
        }
        effects.extend(self.wakes.into_iter().map(Effect::Wake));
    }
}
