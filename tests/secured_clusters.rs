//! kt against Apache Kafka behind TLS and each mechanism of SASL: what works without them works with
//! them, and what is wrong is said in one sentence.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::support::node::Node;
use crate::support::tool::ApacheKafka;
use crate::support::{Operator, command, ports};

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";
const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A node with a listener of each kind, and the files that its clients need.
struct Secured {
    node: Node,
    folder: tempfile::TempDir,
    tls: u16,
    mutual: u16,
    expired: u16,
    login: u16,
    both: u16,
}

/// One node for all of it: it takes longer to start than any of it to run.
#[test]
fn commands_reach_secured_clusters_and_say_what_is_wrong() {
    let Some(kafka) = ApacheKafka::find("kt against secured clusters") else { return };
    let cluster = Secured::start(&kafka);
    for (name, address, properties) in cluster.ways() {
        eprintln!("--- {name}");
        works(&cluster, &name, &address, &properties);
    }
    certificates_that_are_wrong_are_named(&cluster);
    listeners_that_are_others_are_named(&cluster);
    logins_that_are_wrong_are_named(&cluster);
    a_context_reaches_a_secured_cluster(&cluster);
    a_session_outlives_its_end(&cluster);
}

/// Topics, records and groups, all of which need connections to the advertised address too.
fn works(cluster: &Secured, name: &str, address: &str, properties: &str) {
    let operator = Operator::at(address);
    let file = cluster.file(&format!("{name}.properties"), properties);
    let run = |line: &str, input: &str| {
        let line = format!("{line} --command-config {}", file.display());
        command::ok(&operator, &line.split(' ').collect::<Vec<_>>(), input)
    };
    let topic = name.to_lowercase();
    run(&format!("topics create {topic} --partitions 2"), "");
    run(&format!("produce {topic} --key-separator :"), "a:1\nb:2\nc:3\n");
    let records = run(&format!("consume {topic} -f %k%v\\n"), "");
    let mut records: Vec<&str> = records.lines().collect();
    records.sort_unstable();
    assert_eq!(records, ["a1", "b2", "c3"], "{name}");
    run(&format!("groups reset of-{topic} -t {topic} --to latest -y"), "");
    let offsets = run(&format!("groups offsets of-{topic} -o csv --no-header"), "");
    assert_eq!(offsets.lines().count(), 2, "{name}: {offsets}");
    assert!(run("topics list -o name", "").lines().any(|it| it == topic), "{name}");
}

impl Secured {
    fn start(kafka: &ApacheKafka) -> Secured {
        let folder = tempfile::tempdir().expect("a folder");
        make_certificates(folder.path());
        let first = ports::in_a_row(5);
        let [tls, mutual, expired, login, both] = [0, 1, 2, 3, 4].map(|it| first + it);
        let path = |name: &str| folder.path().join(name).display().to_string();
        let node = Node::start_with(kafka, |port| {
            let others = [("TLS", tls), ("MUTUAL", mutual), ("EXPIRED", expired)];
            let others = others.into_iter().chain([("LOGIN", login), ("BOTH", both)]);
            let at = |host: &str| -> String {
                others.clone().map(|(name, port)| format!(",{name}://{host}:{port}")).collect()
            };
            let next = port + 1;
            let plain = format!("PLAINTEXT://127.0.0.1:{port}");
            let mut lines = vec![
                format!("listeners={plain},CONTROLLER://127.0.0.1:{next}{}", at("127.0.0.1")),
                format!("advertised.listeners={plain}{}", at("localhost")),
                "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,TLS:SSL,\
                 MUTUAL:SSL,EXPIRED:SSL,LOGIN:SASL_PLAINTEXT,BOTH:SASL_SSL"
                    .to_owned(),
                "ssl.keystore.type=PEM".to_owned(),
                format!("ssl.keystore.location={}", path("server.pem")),
                "ssl.truststore.type=PEM".to_owned(),
                format!("ssl.truststore.location={}", path("ca.pem")),
                "listener.name.mutual.ssl.client.auth=required".to_owned(),
                "listener.name.expired.ssl.keystore.type=PEM".to_owned(),
                format!("listener.name.expired.ssl.keystore.location={}", path("expired.pem")),
                "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER".to_owned(),
                // Sessions that end while commands run (KIP-368). A renewal within a second of
                // the last is refused, so they cannot be much shorter.
                "listener.name.both.plain.connections.max.reauth.ms=2000".to_owned(),
            ];
            lines.extend(["login", "both"].into_iter().flat_map(mechanisms_of));
            lines
        });
        // One call for each: both at once are refused.
        for digest in ["SHA-256", "SHA-512"] {
            let password = format!("SCRAM-{digest}=[password=alice-secret]");
            let user = ["--entity-type", "users", "--entity-name", "alice"];
            let to = ["--bootstrap-server", node.address(), "--alter", "--add-config", &password];
            kafka.output("kafka-configs", &[&to[..], &user].concat());
        }
        Secured { node, folder, tls, mutual, expired, login, both }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Keys that trust the node's issuer.
    fn trust(&self) -> String {
        format!("ssl.truststore.location={}\nssl.truststore.type=PEM\n", self.path("ca.pem"))
    }

    /// All ways in: a name, the address, and what a client has to be told.
    fn ways(&self) -> Vec<(String, String, String)> {
        let ssl = "security.protocol=SSL\n";
        let trust = self.trust();
        let key_store =
            format!("ssl.keystore.location={}\nssl.keystore.type=PEM\n", self.path("client.pem"));
        let mut ways = vec![
            ("tls-pem".to_owned(), at(self.tls), format!("{ssl}{trust}")),
            ("tls-pkcs12".to_owned(), at(self.tls), format!("{ssl}{}", self.java_store())),
            (
                "tls-1-2".to_owned(),
                at(self.tls),
                format!("{ssl}{trust}ssl.enabled.protocols=TLSv1.2\n"),
            ),
            ("mutual".to_owned(), at(self.mutual), format!("{ssl}{trust}{key_store}")),
        ];
        for (name, login) in logins() {
            let plain = format!("security.protocol=SASL_PLAINTEXT\n{login}");
            ways.push((format!("login-{name}"), at(self.login), plain));
            let both = format!("security.protocol=SASL_SSL\n{trust}{login}");
            ways.push((format!("both-{name}"), at(self.both), both));
        }
        ways
    }

    /// A trust store as Java's own tool makes it.
    fn java_store(&self) -> String {
        let (ca, store) = (self.path("ca.pem"), self.path("trust.p12"));
        let made = Command::new("keytool")
            .args(["-importcert", "-noprompt", "-alias", "ca", "-file", &ca])
            .args(["-keystore", &store, "-storetype", "PKCS12", "-storepass", "changeit"])
            .output();
        let made = made.expect("a JDK has keytool");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        format!("ssl.truststore.location={store}\nssl.truststore.password=changeit\n")
    }

    /// What `topics list` says there, told these keys, and how it ends.
    fn said(&self, address: &str, properties: &str) -> String {
        let operator = Operator::at(address);
        let file = self.file("fault.properties", properties);
        let line = format!("topics list --timeout 5s --command-config {}", file.display());
        let output = operator.output(&line);
        let text = format!(
            "{}{}exit {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            output.status.code().expect("an exit code")
        );
        let text = text.replace(address, "HOST:PORT");
        text.replace(self.folder.path().to_str().expect("the path is text"), "HOME")
    }
}

fn at(port: u16) -> String {
    format!("localhost:{port}")
}

/// The lines that make a listener know alice.
fn mechanisms_of(listener: &str) -> [String; 4] {
    let line = |mechanism: &str, module: &str, options: &str| {
        format!("listener.name.{listener}.{mechanism}.sasl.jaas.config={module} required{options};")
    };
    [
        line("plain", PLAIN, " user_alice=\"alice-secret\""),
        line("scram-sha-256", SCRAM, ""),
        line("scram-sha-512", SCRAM, ""),
        line("oauthbearer", OAUTH, " unsecuredLoginStringClaim_sub=\"broker\""),
    ]
}

/// Names and keys of clients that log in.
fn logins() -> [(&'static str, String); 4] {
    [
        ("plain", login("PLAIN", PLAIN, "alice", "alice-secret")),
        ("scram-256", login("SCRAM-SHA-256", SCRAM, "alice", "alice-secret")),
        ("scram-512", login("SCRAM-SHA-512", SCRAM, "alice", "alice-secret")),
        (
            "oauth",
            format!(
                "sasl.mechanism=OAUTHBEARER\nsasl.jaas.config={OAUTH} required \
                 unsecuredLoginStringClaim_sub=\"alice\";\n"
            ),
        ),
    ]
}

fn login(mechanism: &str, module: &str, user: &str, password: &str) -> String {
    format!(
        "sasl.mechanism={mechanism}\n\
         sasl.jaas.config={module} required username=\"{user}\" password=\"{password}\";\n"
    )
}

fn certificates_that_are_wrong_are_named(cluster: &Secured) {
    let ssl = "security.protocol=SSL\n";
    let trust = cluster.trust();
    let other = trust.replace("ca.pem", "other.pem");
    insta::assert_snapshot!(cluster.said(&at(cluster.tls), &format!("{ssl}{other}")), @"
    error: HOST:PORT: its certificate is issued by nobody who is trusted here
    hint: ssl.truststore.location has to name the certificate of who issued it
    exit 4
    ");
    let said = cluster.said(&at(cluster.expired), &format!("{ssl}{trust}"));
    assert!(said.contains("HOST:PORT: its certificate expired "), "{said}");
    assert!(said.ends_with("hint: the broker needs a new certificate\nexit 4"), "{said}");
    let by_number = format!("127.0.0.1:{}", cluster.tls);
    insta::assert_snapshot!(cluster.said(&by_number, &format!("{ssl}{trust}")), @"
    error: HOST:PORT: its certificate is for localhost, not for 127.0.0.1
    hint: connect by a name that the certificate has; without comparing names (-X ssl.endpoint.identification.algorithm=) anybody with a certificate of this issuer can pose as the broker
    exit 4
    ");
    let unchecked = format!("{ssl}{trust}ssl.endpoint.identification.algorithm=\n");
    assert!(cluster.said(&by_number, &unchecked).ends_with("exit 0"));
    insta::assert_snapshot!(cluster.said(&at(cluster.mutual), &format!("{ssl}{trust}")), @"
    error: HOST:PORT: it wants a client certificate
    hint: ssl.keystore.location has to name a key and its certificate
    exit 4
    ");
    let stranger = format!(
        "{ssl}{trust}ssl.keystore.location={}\nssl.keystore.type=PEM\n",
        cluster.path("stranger.pem")
    );
    let said = cluster.said(&at(cluster.mutual), &stranger);
    assert!(said.contains("it refuses our certificate") && said.ends_with("exit 4"), "{said}");
}

fn listeners_that_are_others_are_named(cluster: &Secured) {
    let plain = cluster.node.address();
    let ssl = format!("security.protocol=SSL\n{}", cluster.trust());
    let (_, login) = &logins()[0];
    let login = format!("security.protocol=SASL_PLAINTEXT\n{login}");
    insta::assert_snapshot!(cluster.said(&at(cluster.tls), ""), @"
    error: HOST:PORT speaks TLS, not plain Kafka
    hint: -X security.protocol=SSL speaks TLS, SASL_SSL logs in as well
    exit 6
    ");
    insta::assert_snapshot!(cluster.said(plain, &ssl), @"
    error: HOST:PORT closed the connection in the TLS handshake, as listeners without TLS do
    hint: -X security.protocol=PLAINTEXT, or SASL_PLAINTEXT, speaks without TLS
    exit 6
    ");
    insta::assert_snapshot!(cluster.said(&at(cluster.login), ""), @"
    error: HOST:PORT closed the connection at the first request, as listeners do that want a login
    hint: security.protocol=SASL_SSL or SASL_PLAINTEXT logs in, with sasl.mechanism and sasl.jaas.config in --command-config FILE
    exit 6
    ");
    insta::assert_snapshot!(cluster.said(plain, &login), @"
    error: HOST:PORT takes no logins
    hint: security.protocol=SSL or PLAINTEXT does not log in
    exit 6
    ");
}

fn logins_that_are_wrong_are_named(cluster: &Secured) {
    let with = |mechanism, module, user, password| {
        let keys = login(mechanism, module, user, password);
        let said =
            cluster.said(&at(cluster.login), &format!("security.protocol=SASL_PLAINTEXT\n{keys}"));
        assert!(!said.contains("geheim"), "{said}");
        said
    };
    insta::assert_snapshot!(with("PLAIN", PLAIN, "alice", "geheim"), @r#"
    error: HOST:PORT does not let "alice" in with PLAIN: Authentication failed: Invalid username or password
    hint: sasl.jaas.config says who logs in; `kt context explain` shows where settings are from
    exit 4
    "#);
    insta::assert_snapshot!(with("PLAIN", PLAIN, "bob", "geheim"), @r#"
    error: HOST:PORT does not let "bob" in with PLAIN: Authentication failed: Invalid username or password
    hint: sasl.jaas.config says who logs in; `kt context explain` shows where settings are from
    exit 4
    "#);
    insta::assert_snapshot!(with("SCRAM-SHA-256", SCRAM, "alice", "geheim"), @r#"
    error: HOST:PORT does not let "alice" in with SCRAM-SHA-256: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256
    hint: sasl.jaas.config says who logs in; `kt context explain` shows where settings are from
    exit 4
    "#);
    insta::assert_snapshot!(with("SCRAM-SHA-512", SCRAM, "bob", "geheim"), @r#"
    error: HOST:PORT does not let "bob" in with SCRAM-SHA-512: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512
    hint: sasl.jaas.config says who logs in; `kt context explain` shows where settings are from
    exit 4
    "#);
    let gone = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n\
         sasl.oauthbearer.token.endpoint.url=file://{}\n",
        cluster.path("token")
    );
    insta::assert_snapshot!(cluster.said(&at(cluster.login), &gone), @"
    error: there is no token for HOST:PORT: HOME/token: No such file or directory (os error 2)
    hint: sasl.oauthbearer.token.endpoint.url and sasl.jaas.config say where tokens are from
    exit 4
    ");
    let forged = cluster.file("token", "no.token.\n");
    let said = cluster.said(&at(cluster.login), &gone);
    std::fs::remove_file(forged).expect("it is there");
    assert!(said.contains("does not let us in with OAUTHBEARER"), "{said}");
    assert!(said.ends_with("exit 4"), "{said}");
}

/// By a file beside the contexts, as its secrets demand.
fn a_context_reaches_a_secured_cluster(cluster: &Secured) {
    let (_, login) = &logins()[2];
    let text = format!("security.protocol=SASL_SSL\n{}{login}", cluster.trust());
    let file = cluster.file("context.properties", &text);
    let operator = Operator::at(cluster.node.address());
    let address = at(cluster.both);
    let file = file.to_str().expect("the path is text");
    let kt = |words: &[&str]| {
        let output = operator.command(words).env_remove("KT_BOOTSTRAP").output().expect("kt runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "kt {words:?}: {stderr}");
        String::from_utf8(output.stdout).expect("text")
    };
    kt(&["context", "add", "safe", "-b", &address, "--command-config", file]);
    assert!(kt(&["topics", "list", "-o", "name", "--context", "safe"]).contains("both-plain"));
    let explained = kt(&["context", "explain", "--context", "safe"]);
    assert!(!explained.contains("alice-secret"), "{explained}");
}

/// The broker closes a connection whose session has ended and that sends anything but a login: each
/// connection is made once, though its session ends several times.
fn a_session_outlives_its_end(cluster: &Secured) {
    let (_, login) = &logins()[0];
    let text = format!("security.protocol=SASL_SSL\n{}{login}", cluster.trust());
    let file = cluster.file("session.properties", &text);
    let operator = Operator::at(&at(cluster.both));
    let line = format!(
        "produce both-plain --repeat 24 --rate 5/s -vv --command-config {}",
        file.display()
    );
    let output = command::run(&operator, &line.split(' ').collect::<Vec<_>>(), b"x\n");
    let said = command::stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("24 records delivered"), "{said}");
    assert_eq!(said.matches("connected to").count(), 2, "{said}");
}

/// PEM files of the node, of a client, and of those who issued them.
fn make_certificates(folder: &Path) {
    let write = |name: &str, pem: String| {
        std::fs::write(folder.join(name), pem).expect("a file can be written");
    };
    let (ours, other) = (authority("ours"), authority("other"));
    write("ca.pem", ours.pem());
    write("other.pem", other.pem());
    write("server.pem", issued(&ours, "localhost", |_| {}));
    write("client.pem", issued(&ours, "client", |_| {}));
    write("stranger.pem", issued(&other, "stranger", |_| {}));
    let end = rcgen::date_time_ymd(2024, 1, 1);
    write("expired.pem", issued(&ours, "localhost", |it| it.not_after = end));
}

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("a certificate")
}

/// Certificate and key.
fn issued(by: &Issuer, host: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, host);
    change(&mut params);
    let certificate = params.signed_by(&key, by).expect("a certificate");
    format!("{}{}", certificate.pem(), key.serialize_pem())
}
