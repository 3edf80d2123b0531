//! `meta.properties`: whose directory this is (MetaProperties, MetaPropertiesEnsemble).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kt_protocol::properties::{escape_property, parse_properties};
use kt_protocol::types::{NodeId, Uuid};

use crate::atomic_file;
use crate::disk::{Disk, DiskError};
use crate::small_file_error::SmallFileError;

/// The file's name.
pub const FILE_NAME: &str = "meta.properties";

/// Version 1, of nodes with KRaft. Version 0 was ZooKeeper's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster.
    pub cluster_id: String,
    /// The node.
    pub node_id: NodeId,
    /// The directory itself (KIP-858).
    pub directory_id: Uuid,
}

/// Reads the file of a log directory; none if there is none.
///
/// # Errors
///
/// [`SmallFileError::Damaged`] if a property is missing or wrong, or the version is not 1.
pub fn read(disk: &dyn Disk, directory: &Path) -> Result<Option<MetaProperties>, SmallFileError> {
    let path = directory.join(FILE_NAME);
    let Some(bytes) = atomic_file::read(disk, &path)? else { return Ok(None) };
    parse(&bytes).map(Some).map_err(|reason| SmallFileError::damaged(&path, reason))
}

/// Writes the file, durably: from then on the directory is formatted.
///
/// # Errors
///
/// Those of the disk.
pub fn write(
    disk: &dyn Disk,
    directory: &Path,
    properties: &MetaProperties,
) -> Result<(), DiskError> {
    atomic_file::write(disk, &directory.join(FILE_NAME), format(properties).as_bytes())
}

fn format(properties: &MetaProperties) -> String {
    format!(
        "#\nversion=1\ncluster.id={}\nnode.id={}\ndirectory.id={}\n",
        escape_property(&properties.cluster_id),
        properties.node_id,
        properties.directory_id,
    )
}

fn parse(bytes: &[u8]) -> Result<MetaProperties, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let pairs = parse_properties(text).map_err(|it| it.to_string())?;
    let value = |name: &str| {
        let pair = pairs.iter().rev().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str()).ok_or_else(|| format!("{name} is missing"))
    };
    match value("version")? {
        "1" => {}
        "0" => return Err("version is 0, of a broker with ZooKeeper; migrate it first".to_owned()),
        other => return Err(format!("version is {other}, expected 1")),
    }
    let node_id: i32 = value("node.id")?.parse().map_err(|_| "node.id is no number".to_owned())?;
    let directory_id =
        value("directory.id")?.parse().map_err(|it| format!("directory.id: {it}"))?;
    let cluster_id = value("cluster.id")?.to_owned();
    if cluster_id.is_empty() || node_id < 0 {
        return Err("cluster.id is empty or node.id negative".to_owned());
    }
    Ok(MetaProperties { cluster_id, node_id: NodeId(node_id), directory_id })
}

/// Why a set of directories is not one node's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignDirectory {
    /// Of another cluster.
    #[error("{directory} belongs to cluster {found}, not to {expected}", directory = directory.display())]
    Cluster {
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Of another node.
    #[error("{directory} belongs to node {found}, not to node {expected}", directory = directory.display())]
    Node {
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        found: NodeId,
        /// Whose it should be.
        expected: NodeId,
    },
    /// A copy of another one.
    #[error("{directory} has the directory id {id}, as another of log.dirs has", directory = directory.display())]
    SameId {
        /// The directory.
        directory: PathBuf,
        /// The id.
        id: Uuid,
    },
}

/// Checks that all directories belong to one cluster and to this node, each under an id of its own
/// (L-12). `cluster_id` is the one that is expected, if any is.
///
/// # Errors
///
/// The first directory that does not fit.
pub fn check_same_node<'a>(
    directories: impl IntoIterator<Item = (&'a Path, &'a MetaProperties)>,
    cluster_id: Option<&str>,
    node_id: NodeId,
) -> Result<(), ForeignDirectory> {
    let mut expected = cluster_id.map(str::to_owned);
    let mut ids = BTreeSet::new();
    for (directory, properties) in directories {
        let directory = directory.to_owned();
        let expected = expected.get_or_insert_with(|| properties.cluster_id.clone());
        if properties.cluster_id != *expected {
            let (found, expected) = (properties.cluster_id.clone(), expected.clone());
            return Err(ForeignDirectory::Cluster { directory, found, expected });
        }
        if properties.node_id != node_id {
            let found = properties.node_id;
            return Err(ForeignDirectory::Node { directory, found, expected: node_id });
        }
        if !ids.insert(properties.directory_id) {
            return Err(ForeignDirectory::SameId { directory, id: properties.directory_id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 4.3.1 wrote it.
    const KAFKAS: &str = "#\n#Sat Nov 21 03:33:40 UTC 2026\nnode.id=1\n\
        directory.id=Uk9ri_VNS7GYZztdUEkS3A\nversion=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qk\n";

    #[test]
    fn reads_kafkas_and_its_own() {
        let properties = parse(KAFKAS.as_bytes()).unwrap();
        assert_eq!(properties.node_id, NodeId(1));
        assert_eq!(parse(format(&properties).as_bytes()), Ok(properties));
        let old = KAFKAS.replace("version=1", "version=0");
        assert!(parse(old.as_bytes()).unwrap_err().contains("ZooKeeper"));
        let without = KAFKAS.replace("cluster.id", "cluster");
        assert_eq!(parse(without.as_bytes()).unwrap_err(), "cluster.id is missing");
    }

    #[test]
    fn foreign_and_copied_directories_are_named() {
        let first = parse(KAFKAS.as_bytes()).unwrap();
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        let check = |pairs: &[(&Path, &MetaProperties)], cluster| {
            check_same_node(pairs.iter().copied(), cluster, NodeId(1)).map_err(|it| it.to_string())
        };
        assert_eq!(check(&[(a, &first)], None), Ok(()));
        let copy = check(&[(a, &first), (b, &first)], None).unwrap_err();
        assert!(copy.starts_with("/b has the directory id"), "{copy}");
        let other = check(&[(a, &first)], Some("other")).unwrap_err();
        assert_eq!(other, "/a belongs to cluster MkU3OEVBNTcwNTJENDM2Qk, not to other");
    }
}
