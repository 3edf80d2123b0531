//! `-o kafka` beside Apache Kafka's own tools, on one broker.

use crate::support::Operator;
use crate::support::tool::ApacheKafka;

#[test]
fn topics_and_configs_are_shown_as_its_tools_show_them() {
    let Some(kafka) = ApacheKafka::find("-o kafka beside Apache Kafka's tools") else { return };
    let operator = Operator::start();
    let address = operator.address();
    let tool = |tool: &str, arguments: &str| {
        let mut all = vec!["--bootstrap-server", address];
        all.extend(arguments.split(' '));
        kafka.output(tool, &all)
    };
    assert_eq!(operator.ok("topics list -o kafka"), tool("kafka-topics", "--list"));
    operator.ok("topics create ten --partitions 11 --set retention.ms=7200000");
    operator.ok("topics create kept --set cleanup.policy=compact --set segment.bytes=1048576 \
         --set min.insync.replicas=1 --set compression.type=lz4 --set flush.ms=100");
    operator.produce("ten", 10, "a\nb\n");
    operator.ok("configs alter broker/default --set log.cleaner.threads=2 -y");
    operator.ok("configs alter broker/1 --set log.cleaner.threads=3 -y");
    operator.ok("configs alter client-metrics/m1 --set interval.ms=60000 -y");
    assert_eq!(operator.ok("topics list -o kafka"), tool("kafka-topics", "--list"));
    for topic in ["ten", "kept"] {
        assert_eq!(
            operator.ok(&format!("topics describe {topic} -o kafka")),
            tool("kafka-topics", &format!("--describe --topic {topic}"))
        );
    }
    assert_eq!(
        operator.ok("topics offsets ten -o kafka"),
        tool("kafka-get-offsets", "--topic ten")
    );
    assert_eq!(
        operator.ok("topics offsets ten --at @1000000000000 -o kafka"),
        tool("kafka-get-offsets", "--topic ten --time 1000000000000")
    );
    for (entity, of_tool) in [
        ("topic/ten", "--topic ten"),
        ("topic/kept --all", "--topic kept --all"),
        ("broker/1", "--broker 1"),
        ("broker/1 --all", "--broker 1 --all"),
        ("broker/default", "--broker-defaults"),
        ("client-metrics/m1", "--client-metrics m1"),
    ] {
        assert_eq!(
            operator.ok(&format!("configs describe {entity} -o kafka")),
            tool("kafka-configs", &format!("--describe {of_tool}")),
            "{entity}"
        );
    }
}
