//! A process that is a member of a group: what it was told, and what it is about to do.
//!
//! It goes by what Kafka's consumer does: join, sync, then heartbeats and commits, and back to the
//! start when it is told that it is out.

use kt_node::ConnectionId;
use kt_protocol::ErrorCode;

use crate::group_history::INSTANCE_PREFIX;

/// What a member is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its process is gone until this time.
    Down {
        /// In milliseconds.
        until: u64,
    },
    Joining,
    Syncing,
    Reading,
}

/// What a stopped process does when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waking {
    /// It commits what it had read, whatever has happened since.
    Commits,
    /// It goes on.
    Done,
}

/// One process.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) group: String,
    pub(super) instance_id: Option<String>,
    /// Empty until it is told.
    pub(super) member_id: String,
    pub(super) generation: i32,
    /// All members, if it leads and has to share out.
    pub(super) led: Vec<String>,
    /// What it was given.
    pub(super) partitions: Vec<i32>,
    pub(super) stage: Stage,
    /// It is stopped (`SIGSTOP`) until this time, in milliseconds.
    pub(super) stopped_until: Option<u64>,
    pub(super) waking: Waking,
    /// Whether it waits for an answer.
    pub(super) is_waiting: bool,
    pub(super) connection: ConnectionId,
    pub(super) next_sequence: u64,
}

impl Member {
    pub(super) fn new(number: usize, group: &str, is_static: bool) -> Member {
        Member {
            group: group.to_owned(),
            instance_id: is_static.then(|| format!("{INSTANCE_PREFIX}{number}")),
            member_id: String::new(),
            generation: -1,
            led: Vec::new(),
            partitions: Vec::new(),
            stage: Stage::Joining,
            stopped_until: None,
            waking: Waking::Done,
            is_waiting: false,
            connection: ConnectionId(0),
            next_sequence: 0,
        }
    }

    /// Its connection is another one from now on.
    pub(super) fn reconnect(&mut self, connection: ConnectionId) {
        self.connection = connection;
        self.next_sequence = 0;
        self.is_waiting = false;
    }

    /// Its process is gone, and what it knew with it.
    pub(super) fn go_down(&mut self, until: u64) {
        self.member_id.clear();
        self.generation = -1;
        self.led.clear();
        self.partitions.clear();
        self.stopped_until = None;
        self.waking = Waking::Done;
        self.stage = Stage::Down { until };
    }

    /// Whether it reads, and nothing keeps it from going on.
    pub(super) fn is_reading(&self) -> bool {
        self.stage == Stage::Reading && self.stopped_until.is_none()
    }

    /// It was told an error, and does what Kafka's consumer does.
    ///
    /// # Errors
    ///
    /// An error that no member should be told.
    pub(super) fn on_error(&mut self, error: ErrorCode, now: u64) -> Result<(), String> {
        match error {
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress => {}
            ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration => {
                self.stage = Stage::Joining;
            }
            // A group that was deleted knows nobody.
            ErrorCode::UnknownMemberId | ErrorCode::GroupIdNotFound => {
                self.member_id.clear();
                self.stage = Stage::Joining;
            }
            // Another process has its instance: it gives up, and whoever runs it starts it again.
            ErrorCode::FencedInstanceId => self.go_down(now + 500),
            other => return Err(format!("a member was told {other}: {self:?}")),
        }
        Ok(())
    }
}
