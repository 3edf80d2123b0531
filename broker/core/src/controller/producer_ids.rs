//! AllocateProducerIds: brokers get producer ids by the block (`ProducerIdControlManager`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, ProducerIdsRecord,
};

use super::{ApiError, Controller, Decision};
use crate::metadata::VersionedRecord;

/// How many ids a block has (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`). A broker that stops
/// wastes what is left of its block.
pub const PRODUCER_ID_BLOCK_LENGTH: i32 = 1000;

impl Controller {
    /// Gives a broker the next block.
    pub fn allocate_producer_ids(
        &self,
        request: &AllocateProducerIdsRequest,
    ) -> Decision<AllocateProducerIdsResponse> {
        match self.next_block(request) {
            Ok(record) => {
                let start = record.next_producer_id - i64::from(PRODUCER_ID_BLOCK_LENGTH);
                let response = AllocateProducerIdsResponse {
                    producer_id_start: start,
                    producer_id_len: PRODUCER_ID_BLOCK_LENGTH,
                    ..Default::default()
                };
                Decision { records: vec![VersionedRecord::v0(record)], response }
            }
            Err(error) => Decision::only(AllocateProducerIdsResponse {
                error_code: error.code as i16,
                ..Default::default()
            }),
        }
    }

    fn next_block(
        &self,
        request: &AllocateProducerIdsRequest,
    ) -> Result<ProducerIdsRecord, ApiError> {
        self.check_broker_epoch(request.broker_id, request.broker_epoch)?;
        let start = self.image().producer_ids().next_producer_id().0;
        let next = start.checked_add(i64::from(PRODUCER_ID_BLOCK_LENGTH)).ok_or_else(|| {
            ApiError::new(
                ErrorCode::UnknownServerError,
                "Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit",
            )
        })?;
        Ok(ProducerIdsRecord {
            broker_id: request.broker_id,
            broker_epoch: request.broker_epoch,
            next_producer_id: next,
        })
    }
}
