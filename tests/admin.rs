//! Topics and configurations through librdkafka's admin client.

use rdkafka::admin::{
    AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;

use crate::support::{Broker, client};

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(client::SOON)).request_timeout(Some(client::SOON))
}

fn partitions_of(broker: &Broker, topic: &str) -> usize {
    let consumer: BaseConsumer =
        client::config(&broker.address(), &[]).create().expect("the configuration is right");
    let metadata = consumer.fetch_metadata(Some(topic), client::SOON).expect("an answer");
    metadata.topics()[0].partitions().len()
}

async fn create(broker: &Broker, topic: NewTopic<'_>) -> Result<String, RDKafkaErrorCode> {
    let admin = client::admin(&broker.address());
    let mut results = admin.create_topics([&topic], &options()).await.expect("an answer");
    results.remove(0).map_err(|(_, code)| code)
}

#[tokio::test]
async fn topics_are_created_grown_and_deleted() {
    let broker = Broker::start();
    let plain = |name, partitions| NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    assert_eq!(create(&broker, plain("orders", 3)).await, Ok("orders".to_owned()));
    assert_eq!(partitions_of(&broker, "orders"), 3);
    assert_eq!(
        create(&broker, plain("orders", 1)).await,
        Err(RDKafkaErrorCode::TopicAlreadyExists)
    );
    assert_eq!(create(&broker, plain("a b", 1)).await, Err(RDKafkaErrorCode::InvalidTopic));
    let three = NewTopic::new("three", 1, TopicReplication::Fixed(3));
    assert_eq!(create(&broker, three).await, Err(RDKafkaErrorCode::InvalidReplicationFactor));
    let wrong = plain("wrong", 1).set("retention.ms", "soon");
    assert_eq!(create(&broker, wrong).await, Err(RDKafkaErrorCode::InvalidConfig));

    let admin = client::admin(&broker.address());
    let grow = |count| NewPartitions::new("orders", count);
    let grown = admin.create_partitions([&grow(5)], &options()).await.expect("an answer");
    assert!(grown[0].is_ok());
    assert_eq!(partitions_of(&broker, "orders"), 5);
    let shrunk = admin.create_partitions([&grow(2)], &options()).await.expect("an answer");
    let code = shrunk[0].as_ref().expect_err("fewer are refused").1;
    assert_eq!(code, RDKafkaErrorCode::InvalidPartitions);

    let deleted = admin.delete_topics(&["orders", "nosuch"], &options()).await.expect("an answer");
    assert!(deleted[0].is_ok());
    let code = deleted[1].as_ref().expect_err("it is not there").1;
    assert_eq!(code, RDKafkaErrorCode::UnknownTopicOrPartition);
    // The name is free again at once, for a topic with another id and no records.
    assert_eq!(create(&broker, plain("orders", 1)).await, Ok("orders".to_owned()));
    assert_eq!(client::watermarks(&broker.address(), "orders", 0), (0, 0));
}

#[tokio::test]
async fn configurations_are_described_and_altered() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "kept", 1, &[("retention.ms", "1000000")]).await;
    let admin = client::admin(&broker.address());
    let value = |name: &'static str| {
        let admin = &admin;
        async move {
            let topic = ResourceSpecifier::Topic("kept");
            let mut all = admin.describe_configs([&topic], &options()).await.expect("an answer");
            let resource = all.remove(0).expect("it is described");
            let entry_map = resource.entry_map();
            let entry = entry_map.get(name).expect("the key is there");
            entry.value.clone()
        }
    };
    assert_eq!(value("retention.ms").await.as_deref(), Some("1000000"));
    assert_eq!(value("segment.bytes").await.as_deref(), Some("1073741824"));
    let change = AlterConfig::new(ResourceSpecifier::Topic("kept")).set("retention.ms", "5000");
    let altered = admin.alter_configs([&change], &options()).await.expect("an answer");
    assert!(altered[0].is_ok());
    assert_eq!(value("retention.ms").await.as_deref(), Some("5000"));
}

#[tokio::test]
async fn topic_deletion_that_is_switched_off_is_refused() {
    let broker = Broker::start_with(&[("delete.topic.enable", "false")]);
    client::create_topic(&broker.address(), "stays", 1, &[]).await;
    let admin = client::admin(&broker.address());
    let deleted = admin.delete_topics(&["stays"], &options()).await.expect("an answer");
    let code = deleted[0].as_ref().expect_err("it is refused").1;
    // librdkafka speaks version 1, from before there was a code of its own (version 3).
    assert_eq!(code, RDKafkaErrorCode::InvalidRequest);
}

#[tokio::test]
async fn state_survives_a_clean_restart() {
    let mut broker = Broker::start();
    client::create_topic(&broker.address(), "lasting", 2, &[("retention.ms", "77777")]).await;
    assert!(broker.stop().success());
    assert!(broker.data().join(".kafka_cleanshutdown").exists());
    broker.restart();
    assert_eq!(partitions_of(&broker, "lasting"), 2);
}
