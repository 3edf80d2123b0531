//! The first thing a new leader appends (`ActivationRecordsGenerator`), and what it appends when
//! nothing happens.
//!
//! An empty log gets the bootstrap records between BeginTransaction and EndTransaction (KIP-868):
//! no reader sees half of them. A log whose last leader died within a transaction gets its abort.

use kt_protocol::messages::{
    AbortTransactionRecord, BeginTransactionRecord, EndTransactionRecord, NoOpRecord,
};
use kt_protocol::types::{Millis, Now};

use super::leadership::BrokerTurn;
use super::{Controller, Decision};
use crate::metadata::VersionedRecord;

/// The name that Kafka gives the bootstrap transaction.
const BOOTSTRAP_TRANSACTION: &str = "Bootstrap records";

impl Controller {
    /// Takes over: decides the records that put the log into a state to go on from. `bootstrap`
    /// are those of `bootstrap.checkpoint`, used if the log has no record yet. Everybody's session
    /// starts anew.
    ///
    /// Once it is replayed, deciders may be asked.
    pub fn activate(&mut self, now: Now, bootstrap: &[VersionedRecord]) -> Decision<()> {
        let mut settled = self.clone();
        let mut records = Vec::new();
        if let Some(start) = self.loader.transaction_start() {
            let reason = Some("Controller failover".to_owned());
            let abort = AbortTransactionRecord { reason };
            settled.loader.apply(&abort.clone().into(), start).expect("a transaction is open");
            records.push(VersionedRecord::v0(abort));
        }
        if settled.image().features().finalized().is_empty() {
            let name = Some(BOOTSTRAP_TRANSACTION.to_owned());
            records.push(VersionedRecord::v0(BeginTransactionRecord { name }));
            records.extend(bootstrap.iter().cloned());
            records.push(VersionedRecord::v0(EndTransactionRecord {}));
        }
        records.extend(settled.fence_own_earlier_incarnation());
        let brokers: Vec<_> = self.image().brokers().iter().map(|broker| broker.id).collect();
        self.sessions.restart(now.monotonic, brokers);
        Decision { records, response: () }
    }

    /// The broker of this process had another process before: it is dead, whatever its session
    /// says, and whatever it led gets a new epoch before anything is appended.
    fn fence_own_earlier_incarnation(&self) -> Vec<VersionedRecord> {
        let own = self.config.own_broker.and_then(|own| self.image().brokers().get(own));
        let Some(own) = own.filter(|broker| !broker.fenced) else { return Vec::new() };
        let mut records = self.partition_changes(BrokerTurn::Leaves(own.id));
        records.push(self.fence_record(own));
        records
    }

    /// A record that says nothing, to be appended when nothing else was for
    /// `metadata.max.idle.interval.ms`: followers and clients see that the log lives.
    pub fn no_op(&self) -> Decision<()> {
        Decision { records: vec![VersionedRecord::v0(NoOpRecord {})], response: () }
    }

    /// When to append [`Controller::no_op`], if the last batch was appended at `last_append`.
    pub fn no_op_deadline(&self, last_append: Millis) -> Option<Millis> {
        let interval = self.config.metadata_max_idle_interval_ms;
        (interval != 0).then(|| last_append + interval)
    }
}
