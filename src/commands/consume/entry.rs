//! Who may enter a group: an empty one, or one of `kt consume` alone; others only with `--join`.
//!
//! A second reader in a group of an application takes partitions away from it, and commits in its
//! name: nobody should do that by mistake.

use kt_client::Admin;
use kt_client::admin::GroupMember;
use kt_protocol::ErrorCode;

use crate::error::{CliError, Kind};

/// By this client id members that are `kt consume` know each other.
pub(super) const CLIENT_ID: &str = "kt-consume";

/// Members that are named; the rest are counted.
const NAMED_MAX: usize = 5;

/// Refuses to enter a group in which we would not be among ourselves.
pub(super) async fn check(admin: &Admin, group: &str, client_id: &str) -> Result<(), CliError> {
    let mut described = admin.describe_groups(&[group.to_owned()]).await?;
    let members = match described.remove(group) {
        Some(Ok(described)) => described.members,
        Some(Err(error)) if error.code() == Some(ErrorCode::GroupIdNotFound) => Vec::new(),
        Some(Err(error)) => return Err(error.into()),
        None => Vec::new(),
    };
    refusal(group, client_id, &members).map_or(Ok(()), Err)
}

fn refusal(group: &str, client_id: &str, members: &[GroupMember]) -> Option<CliError> {
    let is_stranger = |it: &&GroupMember| it.client_id != CLIENT_ID || client_id != CLIENT_ID;
    let strangers: Vec<String> = members.iter().filter(is_stranger).map(named).collect();
    let count = strangers.len();
    if count == 0 {
        return None;
    }
    let mut names = strangers[..count.min(NAMED_MAX)].join(", ");
    if NAMED_MAX < count {
        names.push_str(&format!(" and {} more", count - NAMED_MAX));
    }
    let noun = if count == 1 { "a member" } else { "members" };
    let message = format!("group \"{group}\" has {noun} that would lose partitions: {names}");
    let error = CliError::new(Kind::Other, ErrorCode::NonEmptyGroup.name(), message);
    Some(error.hint("--join enters it all the same; without -g nothing is taken from anybody"))
}

/// What the client calls itself, and where it runs.
fn named(member: &GroupMember) -> String {
    let host = member.host.trim_start_matches('/');
    match &member.instance_id {
        Some(instance) => format!("{} at {host} (instance {instance})", member.client_id),
        None => format!("{} at {host}", member.client_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(client_id: &str, instance_id: Option<&str>) -> GroupMember {
        GroupMember {
            member_id: format!("{client_id}-1"),
            instance_id: instance_id.map(str::to_owned),
            client_id: client_id.to_owned(),
            host: "/10.0.0.7".to_owned(),
            assignment: Vec::new(),
        }
    }

    fn refused(client_id: &str, members: &[GroupMember]) -> String {
        refusal("billing", client_id, members).map_or("enters".to_owned(), |it| it.message)
    }

    #[test]
    fn only_our_own_are_joined_unasked() {
        let (ours, app) = (member(CLIENT_ID, None), member("app", Some("app-1")));
        insta::assert_snapshot!(refused(CLIENT_ID, &[]), @"enters");
        insta::assert_snapshot!(refused(CLIENT_ID, &[ours.clone(), ours.clone()]), @"enters");
        insta::assert_snapshot!(refused(CLIENT_ID, &[ours.clone(), app.clone()]), @r#"group "billing" has a member that would lose partitions: app at 10.0.0.7 (instance app-1)"#);
        insta::assert_snapshot!(refused("mine", &[ours]), @r#"group "billing" has a member that would lose partitions: kt-consume at 10.0.0.7"#);
        insta::assert_snapshot!(refused(CLIENT_ID, &vec![app; 7]), @r#"group "billing" has members that would lose partitions: app at 10.0.0.7 (instance app-1), app at 10.0.0.7 (instance app-1), app at 10.0.0.7 (instance app-1), app at 10.0.0.7 (instance app-1), app at 10.0.0.7 (instance app-1) and 2 more"#);
    }
}
