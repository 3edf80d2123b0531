//! What `acks` asks for, and when the ISR is too small to promise it.

use kt_protocol::error_code::ErrorCode;

/// What a producer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Nothing: there is no answer.
    None,
    /// The leader's append.
    Leader,
    /// The high watermark.
    All,
}

impl Acks {
    /// Reads the number of the Produce request.
    ///
    /// # Errors
    ///
    /// `INVALID_REQUIRED_ACKS` for any but 0, 1 and -1.
    pub fn from_wire(acks: i16) -> Result<Acks, ErrorCode> {
        match acks {
            0 => Ok(Acks::None),
            1 => Ok(Acks::Leader),
            -1 => Ok(Acks::All),
            _ => Err(ErrorCode::InvalidRequiredAcks),
        }
    }
}

/// How many replicas must be in sync: no more than there are.
pub fn effective_min_isr(min_insync_replicas: usize, replication_factor: usize) -> usize {
    min_insync_replicas.min(replication_factor)
}

/// Whether an append may begin.
///
/// # Errors
///
/// `NOT_ENOUGH_REPLICAS`: nothing was appended, the producer may try again.
pub fn check_appendable(acks: Acks, isr: usize, min_isr: usize) -> Result<(), ErrorCode> {
    if acks == Acks::All && isr < min_isr {
        return Err(ErrorCode::NotEnoughReplicas);
    }
    Ok(())
}

/// Whether an append that the high watermark has reached may be acknowledged.
///
/// # Errors
///
/// `NOT_ENOUGH_REPLICAS_AFTER_APPEND`: the ISR shrank meanwhile, and fewer replicas than promised
/// have the records.
pub fn check_acknowledgeable(isr: usize, min_isr: usize) -> Result<(), ErrorCode> {
    if isr < min_isr {
        return Err(ErrorCode::NotEnoughReplicasAfterAppend);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_acks() {
        assert_eq!(Acks::from_wire(0), Ok(Acks::None));
        assert_eq!(Acks::from_wire(1), Ok(Acks::Leader));
        assert_eq!(Acks::from_wire(-1), Ok(Acks::All));
        for acks in [-2, 2, i16::MAX] {
            assert_eq!(Acks::from_wire(acks), Err(ErrorCode::InvalidRequiredAcks));
        }
    }

    #[test]
    fn only_acks_all_asks_for_an_isr() {
        assert_eq!(check_appendable(Acks::All, 1, 2), Err(ErrorCode::NotEnoughReplicas));
        assert_eq!(check_appendable(Acks::All, 2, 2), Ok(()));
        assert_eq!(check_appendable(Acks::Leader, 1, 2), Ok(()));
        assert_eq!(check_appendable(Acks::None, 1, 2), Ok(()));
        assert_eq!(check_acknowledgeable(1, 2), Err(ErrorCode::NotEnoughReplicasAfterAppend));
        assert_eq!(check_acknowledgeable(2, 2), Ok(()));
    }

    #[test]
    fn a_topic_of_one_replica_needs_one() {
        assert_eq!(effective_min_isr(2, 1), 1);
        assert_eq!(effective_min_isr(2, 3), 2);
    }
}
