//! Where a partition is read: the start that was asked for, the position, and what stands between
//! the two.

use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp};

use crate::consumer::offset_store::Continuity;

/// Where reading begins.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::{Offset, Timestamp, TopicPartition};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([
///     (TopicPartition::new("orders", 0), Start::from(Offset(42))),
///     (TopicPartition::new("orders", 1), Start::Latest),
///     (TopicPartition::new("orders", 2), Start::At(Timestamp(1_700_000_000_000))),
/// ]);
/// assert_eq!(consumer.assignment().len(), 3);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At a position that is known.
    Position(Position),
    /// At the log start offset.
    Earliest,
    /// Behind the last record that this reader may see.
    Latest,
    /// At the first record with this timestamp or a later one; behind the last record if there is
    /// none.
    At(Timestamp),
    /// Where `auto.offset.reset` says.
    Reset,
    /// At a position that was kept beside results: if the log does not go on there, that is an
    /// error with both offsets, whatever `auto.offset.reset` says.
    Stored(Position, Continuity),
}

impl From<Offset> for Start {
    fn from(offset: Offset) -> Start {
        Start::Position(Position::from(offset))
    }
}

impl From<Position> for Start {
    fn from(position: Position) -> Start {
        Start::Position(position)
    }
}

/// The next offset to read, and what was read before it.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::{Offset, TopicPartition};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// let orders = TopicPartition::new("orders", 0);
/// consumer.assign([(orders.clone(), Start::Earliest)]);
/// consumer.poll(Duration::from_secs(30)).await?;
/// let position = consumer.position(&orders).expect("something was polled");
/// assert_eq!(position.offset, Offset(2));
/// // Later, perhaps in another process:
/// consumer.assign([(orders, position)]);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The next offset.
    pub offset: Offset,
    /// The leader epoch of the record before it, if known: with it a truncated log is found out
    /// (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
}

impl From<Offset> for Position {
    fn from(offset: Offset) -> Position {
        Position { offset, leader_epoch: None }
    }
}

/// Who leads, and since which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) node: NodeId,
    pub(super) epoch: LeaderEpoch,
}

/// What a partition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has no position: one is asked for.
    Reset(Start),
    /// The log does not have the stored position: its start is asked for, to say what is missing.
    Gap,
    /// The replica that the caller named does not have the position: the start of the leader's log
    /// is asked for, to say whether it only is behind.
    Doubted,
    /// It has one, and the leader changed: the log may have been cut below it.
    Validate,
    /// It is read.
    Fetch,
    /// It cannot be read until the caller decides where to go on.
    Failed,
}
