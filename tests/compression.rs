//! Each codec, each acks mode: what librdkafka sends arrives whole, and compressed as it was sent.

use kt_protocol::records::{Batches, Compression};
use rdkafka::producer::FutureRecord;

use crate::support::{Broker, client};

/// The codecs of the batches in the first segment of a partition.
fn codecs_on_disk(broker: &Broker, topic: &str) -> Vec<Compression> {
    let path = broker.data().join(format!("{topic}-0/00000000000000000000.log"));
    let bytes = std::fs::read(path).expect("the segment is there");
    let batches = Batches::new(&bytes);
    let codec_of = |batch| -> Compression {
        let batch: kt_protocol::records::BatchView<'_> = batch;
        batch.compression().expect("a known codec")
    };
    batches.map(|batch| codec_of(batch.expect("the batch is whole"))).collect()
}

#[tokio::test]
async fn every_codec_and_acks_mode_keeps_every_record() {
    let broker = Broker::start();
    let codecs = [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ];
    for (name, codec) in codecs {
        for acks in ["0", "1", "all"] {
            let topic = format!("codec-{name}-{acks}");
            client::create_topic(&broker.address(), &topic, 1, &[]).await;
            send(&broker, &topic, name, acks).await;
            let records = client::read_all(&broker.address(), &topic, 0, 0);
            let texts: Vec<String> = records.iter().map(client::ReadRecord::text).collect();
            assert_eq!(texts, values(), "{topic}");
            let stored = codecs_on_disk(&broker, &topic);
            assert!(stored.iter().all(|it| *it == codec), "{topic}: stored as {stored:?}");
        }
    }
}

/// Compressible, so that librdkafka does not fall back to storing it plain.
fn values() -> Vec<String> {
    (0..200).map(|number| format!("{number} {}", "kafka ".repeat(20))).collect()
}

async fn send(broker: &Broker, topic: &str, codec: &str, acks: &str) {
    let pairs = [("compression.codec", codec), ("acks", acks), ("linger.ms", "20")];
    let producer = client::producer(&broker.address(), &pairs);
    let deliveries: Vec<_> = values()
        .iter()
        .map(|value| {
            let record = FutureRecord::<(), String>::to(topic).payload(value);
            producer.send_result(record).expect("the queue has room")
        })
        .collect();
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let delivery = delivery.await.expect("the producer lives").expect("it is delivered");
        // acks=0 learns no offset.
        if acks != "0" {
            assert_eq!(delivery.offset, i64::try_from(number).expect("small"));
        }
    }
    wait_for_end(broker, topic).await;
}

/// acks=0 returns before the broker has appended: the end offset tells when it has.
async fn wait_for_end(broker: &Broker, topic: &str) {
    let end = i64::try_from(values().len()).expect("small");
    let deadline = std::time::Instant::now() + client::SOON;
    while client::watermarks(&broker.address(), topic, 0).1 < end {
        assert!(std::time::Instant::now() < deadline, "{topic} never reached offset {end}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn compression_type_of_the_topic_is_what_is_stored() {
    let broker = Broker::start();
    for (name, codec) in [("zstd", Compression::Zstd), ("uncompressed", Compression::None)] {
        let topic = format!("stored-{name}");
        let configs = [("compression.type", name)];
        client::create_topic(&broker.address(), &topic, 1, &configs).await;
        send(&broker, &topic, "gzip", "all").await;
        let records = client::read_all(&broker.address(), &topic, 0, 0);
        assert_eq!(records.len(), values().len());
        assert!(codecs_on_disk(&broker, &topic).iter().all(|it| *it == codec), "{topic}");
    }
}
