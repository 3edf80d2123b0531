// Apache Kafka's Java consumer and admin client in classic groups: every assignor, incremental
// rebalances, static members by their generations, fenced commits, and the groups' administration.

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class Groups {
    static final String TOPIC = "java-groups";
    static final int PARTITIONS = 6;
    static String address;

    static void check(boolean holds, Object... said) {
        if (!holds) throw new AssertionError(Arrays.toString(said));
    }

    static Throwable failure(Future<?> future) throws Exception {
        try {
            future.get();
            return null;
        } catch (ExecutionException error) {
            return error.getCause();
        }
    }

    /** A consumer that notes what it is assigned and what is taken from it. */
    static class Member implements ConsumerRebalanceListener, AutoCloseable {
        final KafkaConsumer<String, String> consumer;
        final List<String> heard = new ArrayList<>();
        final List<String> read = new ArrayList<>();

        Member(String group, String... pairs) {
            Properties properties = new Properties();
            properties.putAll(Map.of("bootstrap.servers", address, "group.id", group, "group.protocol", "classic",
                "auto.offset.reset", "earliest", "enable.auto.commit", "false", "heartbeat.interval.ms", "100",
                "fetch.max.wait.ms", "50"));
            for (int at = 0; at < pairs.length; at += 2) properties.put(pairs[at], pairs[at + 1]);
            consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
            consumer.subscribe(List.of(TOPIC), this);
        }

        @Override public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            heard.add("assigned " + partitions.size());
        }

        @Override public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            heard.add("revoked " + partitions.size());
        }

        @Override public void onPartitionsLost(Collection<TopicPartition> partitions) {
            heard.add("lost " + partitions.size());
        }

        void poll() {
            for (var record : consumer.poll(Duration.ofMillis(10))) read.add(record.value());
        }

        Set<Integer> owned() {
            return consumer.assignment().stream().map(TopicPartition::partition).collect(Collectors.toCollection(TreeSet::new));
        }

        int generation() {
            return consumer.groupMetadata().generationId();
        }

        @Override public void close() {
            consumer.close();
        }
    }

    static void until(String what, BooleanSupplier holds, Member... members) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!holds.getAsBoolean()) {
            check(System.nanoTime() < end, what, Arrays.stream(members).map(it -> it.owned() + " " + it.heard).toList());
            for (var member : members) member.poll();
        }
    }

    static void share(Member... members) {
        until("all partitions are shared", () -> {
            var all = Arrays.stream(members).flatMap(it -> it.owned().stream()).sorted().toList();
            return all.equals(IntStream.range(0, PARTITIONS).boxed().toList())
                && Arrays.stream(members).allMatch(it -> it.owned().size() == PARTITIONS / members.length);
        }, members);
    }

    static void produce(int from, int to) {
        try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", address), new StringSerializer(), new StringSerializer())) {
            for (int number = from; number < to; number++)
                producer.send(new ProducerRecord<>(TOPIC, number % PARTITIONS, null, String.valueOf(number)));
        }
    }

    /** These numbers are read, each once, and committed. */
    static void readOnce(int from, int to, Member... members) {
        until("all is read", () -> Arrays.stream(members).mapToInt(it -> it.read.size()).sum() >= to - from, members);
        var read = Arrays.stream(members).flatMap(it -> it.read.stream()).map(Integer::valueOf).sorted().toList();
        check(read.equals(IntStream.range(from, to).boxed().toList()), read);
        for (var member : members) {
            member.consumer.commitSync();
            member.read.clear();
        }
    }

    static void everyAssignor(Admin admin) throws Exception {
        int from = 0;
        for (var assignor : List.of(RangeAssignor.class, RoundRobinAssignor.class, StickyAssignor.class, CooperativeStickyAssignor.class)) {
            String group = assignor.getSimpleName();
            String[] pairs = {"partition.assignment.strategy", assignor.getName()};
            var start = new HashMap<TopicPartition, OffsetAndMetadata>();
            for (int partition = 0; partition < PARTITIONS; partition++)
                start.put(new TopicPartition(TOPIC, partition), new OffsetAndMetadata(from / PARTITIONS));
            admin.alterConsumerGroupOffsets(group, start).all().get();
            Member first = new Member(group, pairs), second = new Member(group, pairs), third = new Member(group, pairs);
            share(first, second, third);
            produce(from, from + 60);
            readOnce(from, from + 60, first, second, third);
            from += 60;
            first.heard.clear();
            third.heard.clear();
            second.close();
            share(first, third);
            boolean isCooperative = assignor == CooperativeStickyAssignor.class;
            for (var member : List.of(first, third))
                check(member.heard.stream().noneMatch(it -> it.startsWith("lost"))
                    && member.heard.contains("revoked 2") == !isCooperative, group, member.heard);
            var rejoined = new Member(group, pairs);
            share(first, third, rejoined);
            produce(from, from + 60);
            readOnce(from, from + 60, first, third, rejoined);
            from += 60;
            first.close();
            third.close();
            rejoined.close();
            int end = from / PARTITIONS;
            var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            check(committed.size() == PARTITIONS && committed.values().stream().allMatch(it -> it.offset() == end), group, committed);
            check(committed.values().stream().allMatch(it -> it.leaderEpoch().equals(Optional.of(0))), committed);
        }
    }

    /** Members hear of topics and partitions that come, and what is gone leaves the group alone. */
    static void topicsComeAndGo(Admin admin) throws Exception {
        String[] pairs = {"metadata.max.age.ms", "200"};
        try (Member first = new Member("pattern", pairs); Member second = new Member("pattern", pairs)) {
            for (var member : List.of(first, second)) {
                member.consumer.unsubscribe();
                member.consumer.subscribe(Pattern.compile("come-.*"), member);
            }
            admin.createTopics(List.of(new NewTopic("come-1", 2, (short) 1))).all().get();
            BooleanSupplier shared = () -> first.owned().size() == 1 && second.owned().size() == 1;
            until("a topic that comes is shared", shared, first, second);
            admin.createPartitions(Map.of("come-1", NewPartitions.increaseTo(4))).all().get();
            until("partitions that come are shared", () -> first.owned().size() == 2 && second.owned().size() == 2, first, second);
            for (int partition = 0; partition < 4; partition++) {
                var at = Map.of(new TopicPartition("come-1", partition), new OffsetAndMetadata(0));
                first.consumer.commitSync(at);
            }
            admin.deleteTopics(List.of("come-1")).all().get();
            until("a topic that goes is given up", () -> first.owned().isEmpty() && second.owned().isEmpty(), first, second);
            check(admin.listConsumerGroupOffsets("pattern").partitionsToOffsetAndMetadata().get().isEmpty());
            // Who leaves while others still join waits for them: a connection is answered in order.
            admin.createTopics(List.of(new NewTopic("come-2", 2, (short) 1))).all().get();
            until("another topic is shared", shared, first, second);
        }
    }

    static void staticMembers(Admin admin) throws Exception {
        String group = "static";
        Member first = new Member(group, "group.instance.id", "a"), second = new Member(group, "group.instance.id", "b");
        share(first, second);
        int generation = first.generation();
        var owned = second.owned();
        // A static member does not say that it leaves.
        second.close();
        second = new Member(group, "group.instance.id", "b");
        share(first, second);
        check(second.owned().equals(owned), owned, second.owned());
        check(first.generation() == generation && second.generation() == generation, generation, first.generation());
        check(first.heard.stream().filter(it -> it.startsWith("assigned")).count() <= 2, first.heard);
        Member twin = new Member(group, "group.instance.id", "b");
        share(first, twin);
        try {
            second.consumer.commitSync(Map.of(new TopicPartition(TOPIC, 0), new OffsetAndMetadata(0)));
            check(false, "a fenced member may commit");
        } catch (FencedInstanceIdException | CommitFailedException expected) {
            // The latter where its heartbeat has heard of it before.
            check(twin.generation() == generation, twin.generation());
        }
        second.consumer.close(CloseOptions.timeout(Duration.ZERO));
        admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("b")))).all().get();
        share(first);
        check(first.generation() > generation, first.generation());
        check(first.owned().size() == PARTITIONS, first.owned());
        first.close();
        twin.close();
        // Without names it asks who is there, and removes everybody.
        admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all().get();
        var left = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        check(left.groupState() == GroupState.EMPTY, left);
    }

    static void administer(Admin admin) throws Exception {
        var groups = admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get().stream().map(GroupListing::groupId).toList();
        check(groups.containsAll(List.of("RangeAssignor", "CooperativeStickyAssignor", "static")), groups);
        try (var member = new Member("described", "client.id", "somebody")) {
            share(member);
            var described = admin.describeConsumerGroups(List.of("described")).all().get().get("described");
            check(described.groupState() == GroupState.STABLE && described.partitionAssignor().equals("range"), described);
            check(described.type() == GroupType.CLASSIC && described.coordinator().id() == 1, described);
            var only = described.members().iterator().next();
            check(only.clientId().equals("somebody") && only.host().equals("/127.0.0.1"), only);
            check(only.assignment().topicPartitions().size() == PARTITIONS, only);
            check(failure(admin.deleteConsumerGroups(List.of("described")).all()) instanceof GroupNotEmptyException);
            var subscribed = admin.deleteConsumerGroupOffsets("described", Set.of(new TopicPartition(TOPIC, 0)));
            check(failure(subscribed.all()) instanceof GroupSubscribedToTopicException);
        }
        var first = new TopicPartition(TOPIC, 0);
        admin.alterConsumerGroupOffsets("static", Map.of(first, new OffsetAndMetadata(7, Optional.of(0), "by hand"))).all().get();
        var both = admin.listConsumerGroupOffsets(Map.of("static", new ListConsumerGroupOffsetsSpec(),
            "RangeAssignor", new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(first)))).all().get();
        check(both.get("static").get(first).equals(new OffsetAndMetadata(7, Optional.of(0), "by hand")), both);
        check(both.get("RangeAssignor").get(first).offset() == 20, both);
        admin.deleteConsumerGroupOffsets("static", Set.of(first)).all().get();
        check(admin.listConsumerGroupOffsets("static").partitionsToOffsetAndMetadata().get().isEmpty());
        admin.deleteConsumerGroups(List.of("static")).all().get();
        check(failure(admin.deleteConsumerGroups(List.of("static")).all()) instanceof GroupIdNotFoundException);
        check(failure(admin.describeConsumerGroups(List.of("static")).all()) instanceof GroupIdNotFoundException);
    }

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
            everyAssignor(admin);
            topicsComeAndGo(admin);
            staticMembers(admin);
            administer(admin);
        }
        System.out.println("ok");
    }
}
