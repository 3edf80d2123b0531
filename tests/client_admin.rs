//! The library's administrator asks what no command asks yet.

use kt_client::{Admin, Client, ClientConfig, ErrorKind};
use kt_protocol::types::{NodeId, Offset, TopicPartition};

use crate::support::command::ok;
use crate::support::{Broker, Operator};

#[tokio::test]
async fn quorums_and_producers_are_described() {
    let broker = Broker::start();
    describes_quorum_and_producers(&broker.address()).await;
}

/// The same of any cluster of one node.
pub(crate) async fn describes_quorum_and_producers(address: &str) {
    let config = ClientConfig { bootstrap: vec![address.to_owned()], ..ClientConfig::default() };
    let admin = Admin::new(Client::new(config));
    let quorum = admin.describe_quorum().await.expect("the broker answers");
    let leader: Vec<_> = quorum.voters.iter().filter(|it| it.node == quorum.leader).collect();
    assert_eq!((quorum.voters.len(), leader.len()), (1, 1), "{quorum:?}");
    assert!(leader[0].log_end.is_some_and(|it| quorum.high_watermark <= it), "{quorum:?}");
    assert!(Offset(0) < quorum.high_watermark && NodeId(0) <= quorum.leader, "{quorum:?}");

    let operator = Operator::at(address);
    ok(&operator, &["topics", "create", "described"], "");
    ok(&operator, &["produce", "described"], "one\ntwo\n");
    let partition = TopicPartition::new("described", 0);
    let producers = admin.describe_producers(&partition).await.expect("the leader answers");
    assert_eq!(producers.len(), 1, "{producers:?}");
    assert_eq!(producers[0].last_sequence, Some(1));
    assert_eq!((producers[0].epoch, producers[0].transaction_start), (0, None));
    let missing = admin.describe_producers(&TopicPartition::new("described", 9)).await;
    assert_eq!(missing.expect_err("there is none").kind(), ErrorKind::NotFound);
    ok(&operator, &["topics", "delete", "described", "-y"], "");
}
