//! Why a batch or a marker of a producer is refused.

use kt_protocol::ErrorCode;
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId};

/// Why a batch or a marker of a producer is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// Another instance with the same id has taken over.
    #[error("producer {producer_id} has epoch {given}, but epoch {current} has written already")]
    InvalidEpoch {
        /// Whose it is.
        producer_id: ProducerId,
        /// The epoch given.
        given: ProducerEpoch,
        /// The newest that was seen.
        current: ProducerEpoch,
    },
    /// Batches before this one are missing, or it is an old one that is no longer remembered.
    #[error(
        "producer {producer_id} with epoch {epoch} sent sequence {given}, expected is {expected}"
    )]
    OutOfOrderSequence {
        /// Whose it is.
        producer_id: ProducerId,
        /// The producer's epoch.
        epoch: ProducerEpoch,
        /// What should come.
        expected: i32,
        /// What came.
        given: i32,
    },
    /// A batch without a transaction while one is open.
    #[error("producer {producer_id} has a transaction open since offset {first_offset}")]
    OutsideTransaction {
        /// Whose it is.
        producer_id: ProducerId,
        /// Where the transaction began.
        first_offset: Offset,
    },
    /// A coordinator that has lost its partition.
    #[error(
        "the marker for producer {producer_id} is of coordinator epoch {given}, after {current}"
    )]
    CoordinatorFenced {
        /// Whose transaction.
        producer_id: ProducerId,
        /// The epoch given.
        given: i32,
        /// The newest that was seen.
        current: i32,
    },
}

impl ProducerError {
    pub(super) fn fenced(
        producer_id: ProducerId,
        given: ProducerEpoch,
        current: ProducerEpoch,
    ) -> ProducerError {
        ProducerError::InvalidEpoch { producer_id, given, current }
    }

    /// The code on the wire.
    pub fn code(&self) -> ErrorCode {
        match self {
            ProducerError::InvalidEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            ProducerError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            ProducerError::OutsideTransaction { .. } => ErrorCode::InvalidTxnState,
            ProducerError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        }
    }
}
