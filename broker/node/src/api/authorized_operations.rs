//! Which operations a principal may do, as a bit field (KIP-430). Without an authorizer: all.

/// What a request that did not ask gets.
pub(crate) const NOT_ASKED: i32 = i32::MIN;

/// Read, write, create, delete, alter, describe, describe and alter configs
/// (`AclEntry.supportedOperations` of a topic; bit n is `AclOperation` n).
pub(crate) const ALL_OF_TOPIC: i32 = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);

/// Create, alter, describe, cluster action, describe and alter configs, idempotent write.
pub(crate) const ALL_OF_CLUSTER: i32 = bits(&[5, 7, 8, 9, 10, 11, 12]);

/// Read, delete, describe, describe and alter configs.
pub(crate) const ALL_OF_GROUP: i32 = bits(&[3, 6, 8, 10, 11]);

const fn bits(operations: &[u8]) -> i32 {
    let mut field = 0;
    let mut at = 0;
    while at < operations.len() {
        field |= 1 << operations[at];
        at += 1;
    }
    field
}
