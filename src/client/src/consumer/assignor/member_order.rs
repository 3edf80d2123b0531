//! The order in which members are served: static ones by their own names, so that a restart
//! changes nothing, and then the others by the ids they were given.

use super::MemberSubscription;

/// What members are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MemberOrder<'a> {
    /// A static member, by `group.instance.id`.
    Static(&'a str),
    /// Any other, by its member id.
    Dynamic(&'a str),
}

impl<'a> MemberOrder<'a> {
    pub(super) fn of(id: &'a str, member: &'a MemberSubscription) -> MemberOrder<'a> {
        match &member.instance_id {
            Some(instance) => MemberOrder::Static(instance),
            None => MemberOrder::Dynamic(id),
        }
    }
}
