// Writes what Apache Kafka's own assignors make of given and of random groups: the golden vectors of
// this folder. Run with Kafka's jars of 4.3.1 on the class path:
//
//   java -cp "$(apache-kafka classpath)" Vectors.java DIRECTORY
//
// A case is one group: topics with the racks of each partition's replicas, members with what they say
// of themselves, and what each member is given.

import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.clients.consumer.internals.*;
import org.apache.kafka.common.*;

public class Vectors {
    static final Random random = new Random(20260101);

    record Member(String id, TreeSet<String> topics, List<TopicPartition> owned, int generation, String rack, String instance) {}

    static PartitionInfo info(String topic, int partition, List<String> racks) {
        Node[] replicas = new Node[racks.size()];
        for (int i = 0; i < replicas.length; i++)
            replicas[i] = new Node(i, "h" + i, 1, racks.get(i).isEmpty() ? null : racks.get(i));
        return new PartitionInfo(topic, partition, replicas.length == 0 ? null : replicas[0], replicas, replicas);
    }

    static AbstractPartitionAssignor assignor(String name) {
        return switch (name) {
            case "range" -> new RangeAssignor();
            case "roundrobin" -> new RoundRobinAssignor();
            case "sticky" -> new StickyAssignor();
            default -> new CooperativeStickyAssignor();
        };
    }

    static ByteBuffer userData(String name, Member member) {
        AbstractPartitionAssignor of = assignor(name);
        if (member.generation >= 0)
            of.onAssignment(new Assignment(member.owned), new ConsumerGroupMetadata("g", member.generation, member.id, Optional.ofNullable(member.instance)));
        return of.subscriptionUserData(member.topics);
    }

    static Map<String, List<TopicPartition>> run(PrintWriter out, String name, String title,
            TreeMap<String, List<List<String>>> topics, List<Member> members) {
        out.println("case " + title);
        Map<String, List<PartitionInfo>> infos = new TreeMap<>();
        topics.forEach((topic, partitions) -> {
            out.println("topic " + topic + " " + partitions.stream().map(it -> it.isEmpty() ? "-" : String.join(",", it)).collect(Collectors.joining(" ")));
            List<PartitionInfo> list = new ArrayList<>();
            for (int i = 0; i < partitions.size(); i++) list.add(info(topic, i, partitions.get(i)));
            infos.put(topic, list);
        });
        Map<String, Subscription> subscriptions = new TreeMap<>();
        boolean eager = name.equals("sticky");
        for (Member it : members) {
            ByteBuffer data = userData(name, it);
            Subscription subscription = new Subscription(new ArrayList<>(it.topics), data,
                eager ? List.of() : it.owned, it.generation, Optional.ofNullable(it.rack));
            subscription.setGroupInstanceId(Optional.ofNullable(it.instance));
            subscriptions.put(it.id, subscription);
            out.println("member " + it.id + " topics=" + String.join(",", it.topics) + " owned=" + show(it.owned)
                + " generation=" + it.generation + " rack=" + (it.rack == null ? "" : it.rack)
                + " instance=" + (it.instance == null ? "" : it.instance)
                + " bytes=" + hex(ConsumerProtocol.serializeSubscription(subscription)));
        }
        infos.keySet().removeIf(topic -> members.stream().noneMatch(it -> it.topics.contains(topic)));
        Map<String, List<TopicPartition>> result = assignor(name).assignPartitions(infos, subscriptions);
        new TreeMap<>(result).forEach((member, partitions) -> out.println("given " + member + " " + show(partitions)));
        return result;
    }

    static String show(List<TopicPartition> partitions) {
        return partitions.stream().sorted(Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition))
            .map(TopicPartition::toString).collect(Collectors.joining(","));
    }

    static String hex(ByteBuffer buffer) {
        return HexFormat.of().formatHex(Arrays.copyOf(buffer.array(), buffer.limit()));
    }

    static Member fresh(String id, String... topics) {
        return new Member(id, new TreeSet<>(List.of(topics)), List.of(), -1, null, null);
    }

    static List<List<String>> bare(int partitions) {
        return Collections.nCopies(partitions, List.of());
    }

    static void golden(PrintWriter out, String name) {
        for (int partitions = 1; partitions <= 3; partitions++) {
            TreeMap<String, List<List<String>>> topics = new TreeMap<>();
            for (String topic : List.of("t0", "t1", "t2")) topics.put(topic, bare(partitions));
            run(out, name, "triangle-" + partitions, topics,
                List.of(fresh("C0", "t0"), fresh("C1", "t0", "t1"), fresh("C2", "t0", "t1", "t2")));
        }
        TreeMap<String, List<List<String>>> topics = new TreeMap<>();
        topics.put("t0", bare(3));
        topics.put("t1", bare(3));
        run(out, name, "two-topics", topics, List.of(fresh("C0", "t0", "t1"), fresh("C1", "t0", "t1")));
    }

    static void walk(PrintWriter out, String name, int number) {
        boolean same = random.nextBoolean();
        boolean racks = random.nextInt(4) == 0;
        int topicCount = 1 + random.nextInt(4);
        TreeMap<String, List<List<String>>> topics = new TreeMap<>();
        for (int i = 0; i < topicCount; i++) topics.put("t" + i, partitions(random.nextInt(7), racks));
        List<Member> members = new ArrayList<>();
        int born = 0;
        for (int i = 1 + random.nextInt(5); i > 0; i--) members.add(member(born++, topics, same, racks));
        for (int round = 0; round < 4; round++) {
            Map<String, List<TopicPartition>> given = run(out, name, number + "." + round, topics, members);
            List<Member> next = new ArrayList<>();
            for (Member it : members) {
                if (members.size() > 1 && random.nextInt(5) == 0) continue;
                TreeSet<String> subscribed = !same && random.nextInt(4) == 0 ? some(topics.keySet()) : it.topics;
                int generation = random.nextInt(8) == 0 ? round - 1 : round;
                List<TopicPartition> owned = generation < 0 ? List.of()
                    : generation < round ? it.owned : given.get(it.id);
                next.add(new Member(it.id, subscribed, owned, generation, it.rack, it.instance));
            }
            for (int i = random.nextInt(3); i > 0 || next.isEmpty(); i--) next.add(member(born++, topics, same, racks));
            members = next;
            if (random.nextInt(3) == 0) {
                String topic = "t" + random.nextInt(topicCount);
                List<List<String>> more = new ArrayList<>(topics.get(topic));
                more.addAll(partitions(1 + random.nextInt(2), racks));
                topics.put(topic, more);
            }
        }
    }

    static List<List<String>> partitions(int count, boolean racks) {
        List<List<String>> list = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            if (!racks) { list.add(List.of()); continue; }
            int first = random.nextInt(3);
            list.add(List.of("r" + first, "r" + (first + 1) % 3));
        }
        return list;
    }

    static TreeSet<String> some(Set<String> topics) {
        TreeSet<String> chosen = new TreeSet<>();
        for (String it : topics) if (random.nextBoolean()) chosen.add(it);
        if (chosen.isEmpty()) chosen.add(topics.iterator().next());
        return chosen;
    }

    static Member member(int number, TreeMap<String, List<List<String>>> topics, boolean same, boolean racks) {
        TreeSet<String> subscribed = same ? new TreeSet<>(topics.keySet()) : some(topics.keySet());
        String rack = racks && random.nextInt(4) > 0 ? "r" + random.nextInt(3) : null;
        String instance = random.nextInt(4) == 0 ? "i" + (9 - number) : null;
        return new Member("C" + (char) ('a' + number), subscribed, List.of(), -1, rack, instance);
    }

    public static void main(String[] args) throws Exception {
        for (String name : List.of("range", "roundrobin", "sticky", "cooperative-sticky")) {
            try (PrintWriter out = new PrintWriter(args[0] + "/" + name + ".txt")) {
                golden(out, name);
                int walks = name.equals("range") || name.equals("roundrobin") ? 12 : 40;
                for (int i = 0; i < walks; i++) walk(out, name, i);
            }
        }
    }
}
