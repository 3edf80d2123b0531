//! What people chose is nowhere in a redacted recording.

use proptest::prelude::*;

use super::kinds::Chosen;
use super::*;

fn redacted(chosen: &Chosen) -> String {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::Redacted);
    keep(&recording, &chosen.one_of_each());
    recording.finish().unwrap();
    let (header, entries, ending) = all(&file).unwrap();
    assert!(header.redacted);
    assert_eq!((entries.len(), ending), (chosen.one_of_each().len(), Ending::Whole));
    String::from_utf8(zstd::decode_all(std::fs::File::open(&file).unwrap()).unwrap()).unwrap()
}

#[test]
fn each_name_has_one_stand_in() {
    let text = redacted(&Chosen::plain());
    let lines: Vec<&str> = text.lines().collect();
    let shown = [0, 1, 2, 5, 7, 10, 13, 14, 18].map(|it| lines[it]).join("\n");
    insta::assert_snapshot!(shown, @r#"
    {"kind":"Recording","schema":1,"kt":"0.1.0","began":"2026-11-21T14:00:30Z","context":"context-1","reach":null,"protected":true,"redacted":true}
    {"kind":"Answer","wall":1795269630000,"ms":0,"asked":"Brokers","broker":null,"part":0,"of":3,"took":5,"said":{"Ok":{"Brokers":{"cluster_id":"cluster-1","brokers":[{"broker":{"id":3,"host":"host-1","port":9092,"rack":"rack-1"},"standing":"Fenced"}],"scope":"Registered"}}}}
    {"kind":"Answer","wall":1795269630100,"ms":100,"asked":"Metadata","broker":null,"part":1,"of":3,"took":5,"said":{"Ok":{"Metadata":{"brokers":[{"id":3,"host":"host-1","port":9092,"rack":"rack-1"}],"topics":[{"name":"topic-1","id":"AAAAAAAAAAAAAAAAAAAAAg","is_internal":false,"partitions":[{"index":7,"leader":null,"leader_epoch":15,"replicas":[3,1],"isr":[],"elr":[3],"last_known_elr":[],"offline":[1]},{"index":0,"leader":1,"leader_epoch":0,"replicas":[],"isr":[],"elr":null,"last_known_elr":null,"offline":[]}]}]}}}}
    {"kind":"Answer","wall":1795269630400,"ms":400,"asked":"LogEnds","broker":3,"part":1,"of":3,"took":5,"said":{"Ok":{"Offsets":["End",{"__consumer_offsets:2":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}},"topic-1:0":{"Ok":{"offset":182004113,"timestamp":-1,"leader_epoch":3}},"topic-1:1":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}}}]}}}
    {"kind":"Answer","wall":1795269630600,"ms":600,"asked":"Commits","broker":3,"part":0,"of":3,"took":5,"said":{"Ok":{"Commits":{"group-1":{"Ok":{"__consumer_offsets:2":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}},"topic-1:0":{"Ok":{"offset":5,"leader_epoch":null,"metadata":""}},"topic-1:1":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}}}},"group-2":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}}}}}}
    {"kind":"Answer","wall":1795269630900,"ms":900,"asked":"Members","broker":3,"part":0,"of":3,"took":5,"said":{"Ok":{"Members":{"group-1":{"Ok":{"name":"group-1","state":"Reconciling","group_type":"Consumer","protocol_type":"consumer","assignor":"word-2","coordinator":1,"group_epoch":4,"assignment_epoch":null,"members":[{"member_id":"member-1","instance_id":"instance-1","client_id":"client-1","host":"host-2","assignment":["topic-1:0","topic-1:1"]},{"member_id":"member-1","instance_id":null,"client_id":"client-1","host":"host-2","assignment":["topic-1:0","topic-1:1"]}]}},"group-2":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}}}}}}
    {"kind":"Answer","wall":1795269631200,"ms":1200,"asked":"LogDirs","broker":3,"part":0,"of":3,"took":5,"said":{"Ok":{"LogDirs":[{"path":"/dir-1","replicas":{"Ok":[{"partition":"topic-1:0","size":18446744073709551615,"offset_lag":-1,"place":"Current"},{"partition":"topic-1:0","size":18446744073709551615,"offset_lag":-1,"place":"Future"}]},"total_bytes":1,"usable_bytes":null,"admission":"Cordoned"},{"path":"/dir-2","replicas":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}},"total_bytes":1,"usable_bytes":null,"admission":"Open"}]}}}
    {"kind":"Answer","wall":1795269631300,"ms":1300,"asked":"Configs","broker":null,"part":1,"of":3,"took":5,"said":{"Ok":{"TopicConfigs":{"topic-1":{"Ok":[{"name":"retention.ms","value":"604800000","source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},{"name":"advertised.listeners","value":"hidden","source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},{"name":"listener.name.listener-1.ssl.client.auth","value":null,"source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},{"name":"config-1","value":"hidden","source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]}]},"topic-2":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"TOPIC_AUTHORIZATION_FAILED (words are hidden)"}}}}}}
    {"kind":"Answer","wall":1795269631700,"ms":1700,"asked":"EntityConfigs","broker":null,"part":2,"of":3,"took":5,"said":{"Ok":{"EntityConfigs":["group/group-1",{"Ok":[{"entry":{"name":"retention.ms","value":"604800000","source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},"config_type":"LONG","documentation":null},{"entry":{"name":"advertised.listeners","value":"hidden","source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},"config_type":"LIST","documentation":null},{"entry":{"name":"listener.name.listener-1.ssl.client.auth","value":null,"source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},"config_type":null,"documentation":null},{"entry":{"name":"config-1","value":"hidden","source":1,"is_read_only":true,"is_sensitive":false,"synonyms":[{"name":"log.dirs","value":"hidden","source":5}]},"config_type":"STRING","documentation":null}]}]}}}
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_name_is_left(names in prop::collection::vec("zq[a-zA-Z0-9._ü\"\\\\/:-]{1,30}", 20)) {
        let chosen = Chosen { names };
        let text = redacted(&chosen);
        for name in chosen.names.iter().map(String::as_str).chain(["zq"]) {
            prop_assert!(!text.contains(name), "{name} is in {text}");
        }
    }
}
