//! The directory ids that mean no directory (`DirectoryId`, KIP-858).

use kt_protocol::types::Uuid;

/// A replica from before directories had ids: it lies wherever it was.
pub const MIGRATING: Uuid = Uuid::ZERO;
/// A replica that its broker has not placed yet.
pub const UNASSIGNED: Uuid = Uuid::ONE;
/// A replica in a directory that is lost.
pub const LOST: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

/// Ids below this name no directory.
const RESERVED: u128 = 100;

/// Whether `id` names no directory.
pub fn is_reserved(id: Uuid) -> bool {
    u128::from_be_bytes(id.0) < RESERVED
}

/// Whether a replica in `directory` is reachable on a broker with these online directories. A
/// broker that registered without any is taken at its word.
pub fn is_online(directory: Uuid, online: &[Uuid]) -> bool {
    match directory {
        MIGRATING | UNASSIGNED => true,
        LOST => false,
        _ => online.is_empty() || online.contains(&directory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_ids_are_reserved() {
        assert!(is_reserved(LOST));
        assert!(is_reserved(Uuid(99u128.to_be_bytes())));
        assert!(!is_reserved(Uuid(100u128.to_be_bytes())));
    }

    #[test]
    fn a_directory_is_online_if_its_broker_says_so() {
        let (a, b) = (Uuid([1; 16]), Uuid([2; 16]));
        assert!(is_online(a, &[a]));
        assert!(!is_online(b, &[a]));
        assert!(is_online(b, &[]));
        assert!(is_online(UNASSIGNED, &[a]));
        assert!(!is_online(LOST, &[]));
    }
}
