//! `quorum-state`: what a voter of the metadata quorum must not forget (FileQuorumStateStore).
//!
//! One line of JSON. `data_version` 1 (kraft.version 1) names the directory that was voted for;
//! `data_version` 0 (static voters) carries the voters and a cluster id that is never set.

use std::path::Path;

use kt_protocol::types::{LeaderEpoch, NodeId, Uuid};
use serde_json::{Value, json};

use crate::atomic_file;
use crate::disk::{Disk, DiskError};
use crate::small_file_error::SmallFileError;

/// The file's name, within `__cluster_metadata-0`.
pub const FILE_NAME: &str = "quorum-state";

/// The file's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumState {
    /// The newest epoch seen.
    pub leader_epoch: LeaderEpoch,
    /// Who leads it, if known.
    pub leader: Option<NodeId>,
    /// Whom this voter voted for in it, and that replica's directory (zero in version 0).
    pub voted: Option<(NodeId, Uuid)>,
    /// Which form the file has.
    pub form: Form,
}

/// Which form the file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `data_version` 0, with the static voters.
    StaticVoters(Vec<NodeId>),
    /// `data_version` 1.
    DynamicVoters,
}

/// Reads the file of a metadata log's directory; none if there is none.
///
/// # Errors
///
/// [`SmallFileError`]: a voter whose state is damaged must not vote (Q-10).
pub fn read(disk: &dyn Disk, directory: &Path) -> Result<Option<QuorumState>, SmallFileError> {
    let path = directory.join(FILE_NAME);
    let Some(bytes) = atomic_file::read(disk, &path)? else { return Ok(None) };
    parse(&bytes).map(Some).map_err(|reason| SmallFileError::damaged(&path, reason))
}

/// Writes the file, durably (Q-01).
///
/// # Errors
///
/// Those of the disk.
pub fn write(disk: &dyn Disk, directory: &Path, state: &QuorumState) -> Result<(), DiskError> {
    atomic_file::write(disk, &directory.join(FILE_NAME), format(state).as_bytes())
}

fn format(state: &QuorumState) -> String {
    let leader = state.leader.map_or(-1, |it| it.0);
    let epoch = state.leader_epoch.0;
    let (voted, voted_directory) = state.voted.unwrap_or((NodeId(-1), Uuid::ZERO));
    let json = match &state.form {
        Form::StaticVoters(voters) => {
            let voters: Vec<Value> = voters.iter().map(|it| json!({"voterId": it.0})).collect();
            json!({
                "clusterId": "", "leaderId": leader, "leaderEpoch": epoch, "votedId": voted.0,
                "appliedOffset": 0, "currentVoters": voters, "data_version": 0,
            })
        }
        Form::DynamicVoters => json!({
            "leaderId": leader, "leaderEpoch": epoch, "votedId": voted.0,
            "votedDirectoryId": voted_directory.to_string(), "data_version": 1,
        }),
    };
    json.to_string()
}

fn parse(bytes: &[u8]) -> Result<QuorumState, String> {
    let json: Value = serde_json::from_slice(bytes).map_err(|it| it.to_string())?;
    let number = |name: &str| {
        let value = json.get(name).and_then(Value::as_i64);
        value.and_then(|it| i32::try_from(it).ok()).ok_or_else(|| format!("{name} is no number"))
    };
    let node = |number: i32| (0 <= number).then_some(NodeId(number));
    let (form, voted_directory) = match number("data_version")? {
        0 => (Form::StaticVoters(parse_voters(&json)?), Uuid::ZERO),
        1 => {
            let id = json.get("votedDirectoryId").and_then(Value::as_str);
            let id = id.and_then(|text| text.parse().ok());
            (Form::DynamicVoters, id.ok_or("votedDirectoryId is no id")?)
        }
        other => return Err(format!("data_version is {other}, expected 0 or 1")),
    };
    let leader_epoch = number("leaderEpoch")?;
    if leader_epoch < 0 {
        return Err(format!("leaderEpoch is {leader_epoch}"));
    }
    Ok(QuorumState {
        leader_epoch: LeaderEpoch(leader_epoch),
        leader: node(number("leaderId")?),
        voted: node(number("votedId")?).map(|it| (it, voted_directory)),
        form,
    })
}

fn parse_voters(json: &Value) -> Result<Vec<NodeId>, String> {
    // It may be null, which is no voters; without it the file is another one.
    let voters = json.get("currentVoters").ok_or("currentVoters is missing")?.as_array();
    let id_of = |voter: &Value| {
        let id = voter.get("voterId").and_then(Value::as_i64);
        id.and_then(|it| i32::try_from(it).ok()).map(NodeId)
    };
    let ids = voters.into_iter().flatten().map(id_of).collect::<Option<Vec<NodeId>>>();
    ids.ok_or_else(|| "currentVoters has no ids".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 4.3.1 wrote them.
    const DYNAMIC: &str = r#"{"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#;
    const STATIC: &str = r#"{"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;

    #[test]
    fn both_forms_are_kafkas_to_the_byte() {
        for text in [DYNAMIC, STATIC] {
            assert_eq!(format(&parse(text.as_bytes()).unwrap()), text);
        }
    }

    #[test]
    fn damage_is_an_error() {
        for at in 0..DYNAMIC.len() {
            assert!(parse(&DYNAMIC.as_bytes()[..at]).is_err(), "cut at {at}");
        }
        assert!(parse(DYNAMIC.replace(":1}", ":7}").as_bytes()).is_err());
    }
}
