"""confluent-kafka in consumer groups: callbacks, a member that is too slow, and groups administered."""

import sys
import time

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    ConsumerGroupType,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

address = sys.argv[1]
TOPIC = "python-groups"
PARTITIONS = range(6)
admin = AdminClient({"bootstrap.servers": address})


def done(futures):
    return {name: future.result(30) for name, future in futures.items()}


def refused(call):
    """The code with which something is refused."""
    try:
        call()
    except KafkaException as error:
        return error.args[0].code()
    raise AssertionError("it was not refused")


class Member:
    """A consumer that notes what its callbacks said."""

    def __init__(self, group, name, **extra):
        self.said = []
        self.read = []
        self.consumer = Consumer({
            "bootstrap.servers": address,
            "group.id": group,
            "client.id": name,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "heartbeat.interval.ms": 100,
            "fetch.wait.max.ms": 50,
            **{key.replace("_", "."): value for key, value in extra.items()},
        })
        self.consumer.subscribe(
            [TOPIC],
            on_assign=lambda _, partitions: self.note("assign", partitions),
            on_revoke=lambda _, partitions: self.note("revoke", partitions),
            on_lost=lambda _, partitions: self.note("lost", partitions),
        )

    def note(self, what, partitions):
        self.said.append((what, len(partitions)))

    def poll(self):
        record = self.consumer.poll(0.01)
        if record is None:
            return
        if record.error() is None:
            self.read.append((record.partition(), record.offset()))
        elif record.error().code() == KafkaError._MAX_POLL_EXCEEDED:
            self.said.append(("too slow", 0))
        else:
            assert record.error().retriable(), record.error()

    def owned(self):
        return [it.partition for it in self.consumer.assignment()]

    def positions(self):
        return self.consumer.position(self.consumer.assignment())


def until(what, holds, *members):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, (what, [(it.owned(), it.said) for it in members])
        for member in members:
            member.poll()


def share(*members):
    def holds():
        owned = sorted(partition for it in members for partition in it.owned())
        return owned == list(PARTITIONS) and all(it.owned() for it in members)

    until("all partitions are owned once", holds, *members)


def produce(count):
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
    for number in range(count):
        producer.produce(TOPIC, value=str(number), partition=number % len(PARTITIONS))
    assert producer.flush(30) == 0


done(admin.create_topics([NewTopic(TOPIC, len(PARTITIONS), 1)]))
produce(60)

# Eager: all is revoked and assigned anew. Cooperative: only what moves.
for strategy, seen in [
    ("range", [("assign", 6), ("revoke", 6), ("assign", 3)]),
    ("cooperative-sticky", [("assign", 6), ("revoke", 3)]),
]:
    first = Member(strategy, "first", partition_assignment_strategy=strategy)
    share(first)
    second = Member(strategy, "second", partition_assignment_strategy=strategy)
    share(first, second)
    assert [it for it in first.said if it != ("assign", 0)] == seen, first.said
    second.consumer.close()
    share(first)
    until("all is read", lambda: [it.offset for it in first.positions()] == [10] * 6, first)
    first.consumer.commit(asynchronous=False)
    first.consumer.close()
    assert first.said[-1] == ("revoke", 6), first.said

# A member that does not poll in time is put out, hears that its partitions are lost, and comes again.
slow = Member("slow", "slow", max_poll_interval_ms=1000, session_timeout_ms=1000)
share(slow)
until("there is something to commit", lambda: len(set(slow.read)) == 60, slow)


def is_empty():
    return done(admin.describe_consumer_groups(["slow"]))["slow"].state == ConsumerGroupState.EMPTY


until("the slow one is put out", is_empty)
quick = Member("slow", "quick")
share(quick)
at = [TopicPartition(TOPIC, 0, 1)]
assert refused(lambda: slow.consumer.commit(offsets=at, asynchronous=False)) in (
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
)
until("the slow one is back", lambda: len(slow.owned()) == 3, slow, quick)
assert ("too slow", 0) in slow.said and ("lost", 6) in slow.said, slow.said

listed = admin.list_consumer_groups(states={ConsumerGroupState.STABLE}).result(30)
assert [it.group_id for it in listed.valid] == ["slow"] and not listed.errors, listed.valid
assert listed.valid[0].type == ConsumerGroupType.CLASSIC
described = done(admin.describe_consumer_groups(["slow", "range"]))
assert described["slow"].state == ConsumerGroupState.STABLE
assert described["slow"].partition_assignor == "range" and described["slow"].coordinator.id == 1
clients = {it.client_id: len(it.assignment.topic_partitions) for it in described["slow"].members}
assert clients == {"slow": 3, "quick": 3}, clients
assert described["range"].state == ConsumerGroupState.EMPTY
assert refused(lambda: done(admin.delete_consumer_groups(["slow"]))) == KafkaError.NON_EMPTY_GROUP
slow.consumer.close()
quick.consumer.close()


def offsets_of(group):
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    return {it.partition: it.offset for it in done(asked)[group].topic_partitions}


assert offsets_of("range") == {partition: 10 for partition in PARTITIONS}
altered = ConsumerGroupTopicPartitions("range", [TopicPartition(TOPIC, 2, 4), TopicPartition(TOPIC, 3, 7)])
done(admin.alter_consumer_group_offsets([altered]))
assert offsets_of("range") == {0: 10, 1: 10, 2: 4, 3: 7, 4: 10, 5: 10}
ends = done(admin.list_offsets({TopicPartition(TOPIC, it): OffsetSpec.latest() for it in PARTITIONS}))
assert sum(ends[TopicPartition(TOPIC, it)].offset - at for it, at in offsets_of("range").items()) == 9
resumed = Member("range", "resumed")
share(resumed)
until("what is left is read", lambda: len(resumed.read) == 9, resumed)
assert sorted(resumed.read) == [(2, it) for it in range(4, 10)] + [(3, it) for it in range(7, 10)]
resumed.consumer.close()
done(admin.delete_consumer_groups(["range", "cooperative-sticky"]))
assert refused(lambda: done(admin.delete_consumer_groups(["range"]))) == KafkaError.GROUP_ID_NOT_FOUND
print("ok")
