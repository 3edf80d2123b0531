//! Whether a request speaks of the leader epoch that this leader has (KIP-320).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::types::LeaderEpoch;

/// Compares the epoch a client knows with ours; [`LeaderEpoch::UNKNOWN`] asks for no check.
///
/// # Errors
///
/// `FENCED_LEADER_EPOCH` if the client's is older, so that it looks for the new leader;
/// `UNKNOWN_LEADER_EPOCH` if it is newer, so that it tries again once we have heard of it.
pub fn check_leader_epoch(requested: LeaderEpoch, own: LeaderEpoch) -> Result<(), ErrorCode> {
    if requested == LeaderEpoch::UNKNOWN {
        return Ok(());
    }
    if requested < own {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if own < requested {
        return Err(ErrorCode::UnknownLeaderEpoch);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_current_older_or_newer() {
        let check = |requested| check_leader_epoch(LeaderEpoch(requested), LeaderEpoch(5));
        assert_eq!(check(-1), Ok(()));
        assert_eq!(check(5), Ok(()));
        assert_eq!(check(4), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(check(0), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(check(6), Err(ErrorCode::UnknownLeaderEpoch));
    }
}
