"""confluent-kafka against a broker: topics, every codec, headers, nulls, offsets by time."""

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec

address = sys.argv[1]
admin = AdminClient({"bootstrap.servers": address})


def done(futures):
    return {name: future.result(30) for name, future in futures.items()}


done(admin.create_topics([NewTopic("python", 2, 1), NewTopic("gone", 1, 1)]))
done(admin.create_partitions([NewPartitions("python", 3)]))
assert len(admin.list_topics("python", 30).topics["python"].partitions) == 3
resource = ConfigResource(ConfigResource.Type.TOPIC, "python")
assert done(admin.describe_configs([resource]))[resource]["retention.ms"].value == "604800000"
cluster = admin.describe_cluster().result(30)
assert len(cluster.nodes) == 1 and len(cluster.cluster_id) == 22, cluster.cluster_id

errors = []
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    producer = Producer({
        "bootstrap.servers": address,
        "compression.type": codec,
        "enable.idempotence": True,
        "linger.ms": 20,
    })
    for number in range(100):
        producer.produce(
            "python",
            key=None if number % 10 == 0 else f"{codec}-{number}",
            value=None if number % 10 == 1 else f"value {number} " * 10,
            partition=0,
            timestamp=1_700_000_000_000 + number,
            headers=[("h", b"1"), ("h", None), ("", b"")],
            on_delivery=lambda error, message: errors.append(error) if error else None,
        )
    assert producer.flush(30) == 0
assert not errors, errors

consumer = Consumer({
    "bootstrap.servers": address,
    "group.id": "none",
    "enable.auto.commit": False,
    "check.crcs": True,
})
consumer.assign([TopicPartition("python", 0, OFFSET_BEGINNING)])
records = []
while len(records) < 500:
    record = consumer.poll(30)
    assert record is not None and record.error() is None, record and record.error()
    records.append(record)
assert [record.offset() for record in records] == list(range(500))
assert records[0].key() is None and records[1].value() is None
assert records[5].headers() == [("h", b"1"), ("h", None), ("", b"")]
found = consumer.offsets_for_times([TopicPartition("python", 0, 1_700_000_000_042)], 30)
assert found[0].offset == 42, found
assert consumer.get_watermark_offsets(TopicPartition("python", 0), 30) == (0, 500)
consumer.close()

latest = admin.list_offsets({TopicPartition("python", 0): OffsetSpec.max_timestamp()})
assert done(latest)[TopicPartition("python", 0)].timestamp == 1_700_000_000_099
deleted = admin.delete_records([TopicPartition("python", 0, 100)])
assert done(deleted)[TopicPartition("python", 0)].low_watermark == 100
done(admin.delete_topics(["gone"]))
assert "gone" not in admin.list_topics(timeout=30).topics
print("ok")
