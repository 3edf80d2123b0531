// Apache Kafka's Java client against a broker: every codec and acks, idempotence, headers, seeking,
// offsets by time, isolation, and what its admin client asks of one node without groups.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class Client {
    static String address;

    static void check(boolean holds, Object... said) {
        if (!holds) throw new AssertionError(java.util.Arrays.toString(said));
    }

    static Properties properties(String... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", address);
        for (int at = 0; at < pairs.length; at += 2) properties.put(pairs[at], pairs[at + 1]);
        return properties;
    }

    static KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String... pairs) {
        return new KafkaConsumer<>(properties(pairs), new StringDeserializer(), new StringDeserializer());
    }

    /** What a future ended with, if it failed. */
    static Throwable failure(Future<?> future) throws Exception {
        try {
            future.get();
            return null;
        } catch (ExecutionException error) {
            return error.getCause();
        }
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (records.size() < count && System.nanoTime() < end)
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        check(records.size() == count, "read", records.size(), "of", count);
        return records;
    }

    static void codecsAndAcks() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd"))
            for (String acks : List.of("0", "1", "all"))
                try (var producer = producer("compression.type", codec, "acks", acks, "linger.ms", "20",
                        "enable.idempotence", String.valueOf(acks.equals("all")))) {
                    for (int number = 0; number < 20; number++) {
                        var record = new ProducerRecord<>("java", 0, 1_700_000_000_000L + number,
                            number == 0 ? null : codec + acks, number == 1 ? null : "value " + number);
                        record.headers().add("h", "1".getBytes(StandardCharsets.UTF_8)).add("h", null);
                        producer.send(record);
                    }
                }
        try (var consumer = consumer("isolation.level", "read_committed", "check.crcs", "true")) {
            var partition = new TopicPartition("java", 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            var records = read(consumer, 300);
            for (int at = 0; at < 300; at++) check(records.get(at).offset() == at, at, records.get(at));
            check(records.get(0).key() == null && records.get(1).value() == null);
            check(records.get(5).headers().toArray().length == 2);
            check(records.get(5).leaderEpoch().equals(Optional.of(0)), records.get(5).leaderEpoch());
            consumer.seek(partition, 137);
            check(read(consumer, 163).get(0).offset() == 137);
            var byTime = consumer.offsetsForTimes(Map.of(partition, 1_700_000_000_019L));
            check(byTime.get(partition).offset() == 19, byTime);
            check(consumer.endOffsets(List.of(partition)).get(partition) == 300);
            check(consumer.beginningOffsets(List.of(partition)).get(partition) == 0);
        }
    }

    static void outOfRange() {
        try (var consumer = consumer("auto.offset.reset", "none")) {
            var partition = new TopicPartition("java", 0);
            consumer.assign(List.of(partition));
            consumer.seek(partition, 9_999);
            try {
                for (int turn = 0; turn < 100; turn++) consumer.poll(Duration.ofMillis(100));
                check(false, "an offset out of range was read");
            } catch (org.apache.kafka.clients.consumer.OffsetOutOfRangeException expected) {
                check(expected.partitions().contains(partition));
            }
        }
    }

    static void transactionsFailAtOnce() {
        try (var producer = producer("transactional.id", "t", "max.block.ms", "20000")) {
            long started = System.nanoTime();
            try {
                producer.initTransactions();
                check(false, "transactions do not exist yet");
            } catch (KafkaException expected) {
                check(!(expected instanceof TimeoutException), expected);
            }
            check(System.nanoTime() - started < Duration.ofSeconds(10).toNanos());
        }
    }

    static void records(Admin admin) throws Exception {
        var partition = new TopicPartition("java", 0);
        Map<OffsetSpec, Long> specs = new HashMap<>();
        specs.put(OffsetSpec.earliest(), 0L);
        specs.put(OffsetSpec.latest(), 300L);
        specs.put(OffsetSpec.earliestLocal(), 0L);
        specs.put(OffsetSpec.latestTiered(), -1L);
        specs.put(OffsetSpec.maxTimestamp(), 19L);
        for (var spec : specs.entrySet()) {
            var found = admin.listOffsets(Map.of(partition, spec.getKey())).partitionResult(partition).get();
            check(found.offset() == spec.getValue(), spec.getKey().getClass(), found);
        }
        var producers = admin.describeProducers(List.of(partition)).partitionResult(partition).get();
        check(producers.activeProducers().size() == 5, producers.activeProducers());
        var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(100)));
        check(deleted.lowWatermarks().get(partition).get().lowWatermark() == 100);
        var beyond = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(1_000)));
        check(failure(beyond.all()) instanceof org.apache.kafka.common.errors.OffsetOutOfRangeException);
        var dirs = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1);
        check(dirs.values().iterator().next().replicaInfos().containsKey(partition), dirs);
    }

    static void configs(Admin admin) throws Exception {
        var topic = new ConfigResource(ConfigResource.Type.TOPIC, "java");
        var broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        Collection<AlterConfigOp> ops = List.of(
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND),
            new AlterConfigOp(new ConfigEntry("retention.ms", "12345"), AlterConfigOp.OpType.SET));
        admin.incrementalAlterConfigs(Map.of(topic, ops)).all().get();
        var described = admin.describeConfigs(List.of(topic, broker)).all().get();
        check(described.get(topic).get("cleanup.policy").value().equals("delete,compact"));
        check(described.get(topic).get("retention.ms").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG);
        check(described.get(topic).get("segment.bytes").isDefault());
        check(described.get(broker).get("node.id").value().equals("1"));
        Collection<AlterConfigOp> wrong =
            List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET));
        check(failure(admin.incrementalAlterConfigs(Map.of(topic, wrong)).all()) instanceof InvalidConfigurationException);
        Collection<AlterConfigOp> back =
            List.of(new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.SUBTRACT));
        admin.incrementalAlterConfigs(Map.of(topic, back)).all().get();
    }

    static void cluster(Admin admin) throws Exception {
        var cluster = admin.describeCluster();
        check(cluster.nodes().get().size() == 1 && cluster.clusterId().get().length() == 22);
        check(cluster.controller().get().id() == 1);
        var quorum = admin.describeMetadataQuorum().quorumInfo().get();
        check(quorum.leaderId() == 1 && quorum.voters().size() == 1 && quorum.highWatermark() > 0, quorum);
        var features = admin.describeFeatures().featureMetadata().get();
        check(features.finalizedFeatures().containsKey("metadata.version"), features);
        check(failure(admin.describeTopics(List.of("nosuch")).allTopicNames()) instanceof UnknownTopicOrPartitionException);
        check(failure(admin.createTopics(List.of(new NewTopic("java", 1, (short) 1))).all()) instanceof TopicExistsException);
        check(failure(admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all()) instanceof InvalidTopicException);
        check(failure(admin.createTopics(List.of(new NewTopic("three", 1, (short) 3))).all()) instanceof InvalidReplicationFactorException);
        admin.createPartitions(Map.of("java", NewPartitions.increaseTo(3))).all().get();
        var java = admin.describeTopics(List.of("java")).allTopicNames().get().get("java");
        check(java.partitions().size() == 3, java);
        admin.deleteTopics(TopicCollection.ofTopicIds(Set.of(java.topicId()))).all().get();
        check(!admin.listTopics().names().get().contains("java"));
    }

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        try (Admin admin = Admin.create(properties())) {
            admin.createTopics(List.of(new NewTopic("java", 1, (short) 1))).all().get();
            codecsAndAcks();
            outOfRange();
            transactionsFailAtOnce();
            records(admin);
            configs(admin);
            cluster(admin);
        }
        System.out.println("ok");
    }
}
