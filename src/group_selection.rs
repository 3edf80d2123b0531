//! From the names on the command line to groups: exact names, patterns, who is in a group, and what
//! to say when there is none.

use kt_client::Admin;
use kt_client::admin::{GroupDescription, ListedGroup};
use kt_protocol::ErrorCode;

use crate::change::counted;
use crate::error::{CliError, Failed, Kind};
use crate::nearest::nearest;
use crate::session::Session;
use crate::topic_selection::Patterns;

/// The groups that are meant, none twice: the names as they are, or with `-r` all that match.
pub(crate) async fn names(
    admin: &Admin,
    session: &Session,
    written: &[String],
) -> Result<Vec<String>, CliError> {
    if !session.globals.regex {
        let mut names: Vec<String> = Vec::new();
        for name in written {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        return Ok(names);
    }
    let patterns = Patterns::new(written)?;
    let listed = admin.list_groups().await?;
    // A pattern over some of the groups would be another pattern.
    if let Some((_, error)) = listed.failed.into_iter().next() {
        return Err(error.into());
    }
    let names = listed.groups.into_iter().map(|it| it.name);
    let names: Vec<String> = names.filter(|it| patterns.match_any(it)).collect();
    if names.is_empty() {
        return Err(no_match(written));
    }
    Ok(names)
}

/// Refuses `-r` where one group is named: a pattern could mean another one tomorrow.
pub(crate) fn exact_only(session: &Session) -> Result<(), CliError> {
    match session.globals.regex {
        true => Err(CliError::usage("-r: this command takes the exact names of one group")),
        false => Ok(()),
    }
}

/// The error of patterns that match no group.
pub(crate) fn no_match(patterns: &[String]) -> CliError {
    let message = format!("no group matches \"{}\"", patterns.join("\" or \""));
    CliError::not_found(message).hint("kt groups list")
}

/// The error of a group that does not exist, with the one that may be meant.
pub(crate) fn not_there<'a>(name: &str, existing: impl IntoIterator<Item = &'a str>) -> CliError {
    let code = ErrorCode::GroupIdNotFound.name();
    let message = format!("group \"{name}\" does not exist");
    let error = CliError::new(Kind::NotFound, code, message);
    match nearest(name, existing) {
        Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
        None => error.hint("kt groups list"),
    }
}

/// Groups with their members, in the order of `names`, and those that cannot be told.
pub(crate) async fn describe(
    admin: &Admin,
    names: &[String],
) -> Result<(Vec<GroupDescription>, Failed), CliError> {
    let mut described = admin.describe_groups(names).await?;
    let mut found = Vec::new();
    let mut failed = Failed::new();
    let mut missing = Vec::new();
    for name in names {
        match described.remove(name) {
            Some(Ok(group)) => found.push(group),
            Some(Err(error)) if error.code() == Some(ErrorCode::GroupIdNotFound) => {
                missing.push(name.clone());
            }
            Some(Err(error)) => failed.push((name.clone(), error.into())),
            None => failed.push((name.clone(), CliError::other("the answer lacks it"))),
        }
    }
    if !missing.is_empty() {
        // Failing to look for similar names is no error of its own.
        let listed = admin.list_groups().await.map(|it| it.groups).unwrap_or_default();
        for name in missing {
            let error = match listed.iter().find(|it| it.name == name) {
                Some(it) => of_other_type(it),
                None => not_there(&name, listed.iter().map(|it| it.name.as_str())),
            };
            failed.push((name, error));
        }
    }
    Ok((found, failed))
}

/// The error of a group that is there, but not as a group of consumers.
fn of_other_type(group: &ListedGroup) -> CliError {
    let (name, group_type) = (&group.name, group.group_type.name());
    let message = format!("group \"{name}\" is of type {group_type}, not of consumers");
    let error = CliError::new(Kind::NotFound, ErrorCode::GroupIdNotFound.name(), message);
    error.hint("kt groups list --type classic,consumer")
}

/// One group that must exist.
pub(crate) async fn find(admin: &Admin, name: &str) -> Result<GroupDescription, CliError> {
    let (mut found, mut failed) = describe(admin, &[name.to_owned()]).await?;
    match (found.pop(), failed.pop()) {
        (Some(group), _) => Ok(group),
        (None, Some((_, error))) => Err(error),
        (None, None) => Err(not_there(name, [])),
    }
}

/// One group, or none.
pub(crate) async fn find_if_any(
    admin: &Admin,
    name: &str,
) -> Result<Option<GroupDescription>, CliError> {
    let mut described = admin.describe_groups(&[name.to_owned()]).await?;
    match described.remove(name) {
        Some(Ok(group)) => Ok(Some(group)),
        Some(Err(error)) if error.code() == Some(ErrorCode::GroupIdNotFound) => Ok(None),
        Some(Err(error)) => Err(error.into()),
        None => Ok(None),
    }
}

/// Holders that are named one by one.
const HOLDERS_SHOWN: usize = 5;

/// Refuses what only a group without members allows, naming those who are in it.
pub(crate) fn require_inactive(group: &GroupDescription) -> Result<(), CliError> {
    if group.state.is_inactive() {
        return Ok(());
    }
    let holder = |it: &kt_client::admin::GroupMember| {
        let host = it.host.trim_start_matches('/');
        format!("{} (client {}, host {host})", it.member_id, it.client_id)
    };
    let mut holders: Vec<String> = group.members.iter().take(HOLDERS_SHOWN).map(holder).collect();
    if let Some(more) = group.members.len().checked_sub(HOLDERS_SHOWN).filter(|it| 0 < *it) {
        holders.push(format!("{more} more"));
    }
    let members = counted(group.members.len(), "member");
    let (name, state) = (&group.name, group.state.name());
    let mut message = format!("group \"{name}\" is active ({state}, {members})");
    if !holders.is_empty() {
        message.push_str(&format!(": {}", holders.join(", ")));
    }
    let error = CliError::new(Kind::Other, ErrorCode::NonEmptyGroup.name(), message);
    Err(error.hint("stop its members first"))
}

#[cfg(test)]
mod tests {
    use kt_client::admin::{GroupMember, GroupState, GroupType};
    use kt_protocol::types::NodeId;

    use super::*;

    fn group(members: usize) -> GroupDescription {
        let member = |at: usize| GroupMember {
            member_id: format!("m-{at}"),
            instance_id: None,
            client_id: "app".to_owned(),
            host: "/10.0.0.1".to_owned(),
            assignment: Vec::new(),
        };
        GroupDescription {
            name: "orders".to_owned(),
            state: if members == 0 { GroupState::Empty } else { GroupState::Stable },
            group_type: GroupType::Classic,
            protocol_type: "consumer".to_owned(),
            assignor: None,
            coordinator: NodeId(1),
            group_epoch: None,
            assignment_epoch: None,
            members: (0..members).map(member).collect(),
        }
    }

    #[test]
    fn who_holds_a_group_is_named() {
        assert_eq!(require_inactive(&group(0)), Ok(()));
        let refused = |members| require_inactive(&group(members)).unwrap_err().message;
        insta::assert_snapshot!(refused(1), @r#"group "orders" is active (Stable, 1 member): m-0 (client app, host 10.0.0.1)"#);
        insta::assert_snapshot!(refused(7), @r#"group "orders" is active (Stable, 7 members): m-0 (client app, host 10.0.0.1), m-1 (client app, host 10.0.0.1), m-2 (client app, host 10.0.0.1), m-3 (client app, host 10.0.0.1), m-4 (client app, host 10.0.0.1), 2 more"#);
    }

    #[test]
    fn a_group_that_is_not_there_names_one_that_is() {
        let hint = |name: &str| not_there(name, ["orders", "pay"]).hint.unwrap();
        assert_eq!(hint("order"), "did you mean \"orders\"?");
        assert_eq!(hint("billing"), "kt groups list");
    }
}
