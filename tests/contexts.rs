//! Contexts: which cluster a command goes to, and what protects it from a slip.

use std::path::Path;
use std::process::Output;

use crate::support::Broker;
use crate::support::broker::kt;

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        Home { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        kt().env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .current_dir(self.path())
            .args(arguments)
            .output()
            .expect("kt runs")
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "kt {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "kt {arguments:?}: {stderr}");
        stderr
    }
}

#[test]
fn a_context_names_the_cluster_and_the_project_comes_first() {
    let (one, other) = (Broker::start(), Broker::start());
    let home = Home::new();
    home.ok(&["context", "add", "one", "-b", &one.address()]);
    home.ok(&["context", "use", "one"]);
    home.ok(&["topics", "create", "of-one"]);
    home.ok(&["topics", "create", "of-other", "-b", &other.address()]);
    assert_eq!(home.ok(&["topics", "-o", "name"]), "of-one\n");
    let project =
        format!("context = \"other\"\n[contexts.other]\nbootstrap = \"{}\"\n", other.address());
    std::fs::write(home.path().join(".kt.toml"), project).expect("a project file");
    assert_eq!(home.ok(&["topics", "-o", "name"]), "of-other\n");
    assert_eq!(home.ok(&["topics", "-o", "name", "--context", "one"]), "of-one\n");
    let list = home.ok(&["contexts", "-o", "tsv", "--fields", "name,in_use", "--sort", "name"]);
    assert_eq!(list, "name\tin_use\none\tfalse\nother\ttrue\n");
    let explained = home.ok(&["context", "explain", "-o", "template={setting}={value} {from}\\n"]);
    assert!(explained.contains(&format!("bootstrap={} ", other.address())), "{explained}");
    let said = home.fails(&["topics", "--context", "oen"], 5);
    assert!(said.contains("did you mean \"one\"?"), "{said}");
    home.fails(&["topics", "--context", "one", "-b", &one.address()], 2);
}

#[test]
fn configs_of_two_clusters_are_compared() {
    let (one, other) = (Broker::start(), Broker::start());
    let home = Home::new();
    home.ok(&["context", "add", "one", "-b", &one.address()]);
    home.ok(&["context", "add", "other", "-b", &other.address()]);
    let create = ["topics", "create", "orders", "--set"];
    home.ok(&[&create[..], &["retention.ms=1000", "-b", &one.address()]].concat());
    home.ok(&[&create[..], &["retention.ms=2000", "--context", "other"]].concat());
    let diff = ["configs", "diff", "-o", "csv", "--check"];
    let differs = home
        .run(&[&diff[..], &["@one/topic/orders", "topic/orders", "--context", "other"]].concat());
    assert_eq!(differs.status.code(), Some(7));
    let text = String::from_utf8(differs.stdout).expect("text");
    assert_eq!(text, "name,left,right\nretention.ms,1000,2000\n");
    home.ok(&[&diff[..], &["@one/topic/orders", "@one/topic/orders", "-b", "127.0.0.1:1"]].concat());
    let said = home.fails(&["configs", "diff", "@oen/topic/orders", "@one/topic/orders"], 5);
    assert!(said.contains("did you mean \"one\"?"), "{said}");
    home.fails(&["configs", "diff", "@one", "topic/orders"], 2);
}

#[test]
fn a_protected_context_refuses_changes_until_it_is_unlocked() {
    let broker = Broker::start();
    let home = Home::new();
    home.ok(&["context", "add", "prod", "-b", &broker.address(), "--protected"]);
    let create = ["topics", "create", "orders", "--context", "prod"];
    let said = home.fails(&create, 1);
    assert!(said.contains("context \"prod\" is protected"), "{said}");
    home.fails(&[&create[..], &["--unlock", "dev"]].concat(), 1);
    home.ok(&[&create[..], &["--dry-run"]].concat());
    home.ok(&[&create[..], &["--unlock", "prod"]].concat());
    home.fails(&["produce", "orders", "--context", "prod"], 1);
    home.fails(&["topics", "delete", "orders", "-y", "--context", "prod"], 1);
    assert_eq!(home.ok(&["topics", "-o", "name", "--context", "prod"]), "orders\n");
    // By its address it is no context.
    home.ok(&["topics", "delete", "orders", "-y", "-b", &broker.address()]);
}

#[test]
fn another_cluster_behind_the_address_is_refused() {
    let broker = Broker::start();
    let home = Home::new();
    let id = "MkU3OEVBNTcwNTJENDM2Qk";
    home.ok(&["context", "add", "prod", "-b", &broker.address(), "--cluster-id", id]);
    for command in [
        &["topics"][..],
        &["topics", "create", "orders"],
        &["consume", "orders"],
        &["produce", "orders"],
    ] {
        let said = home.fails(&[command, &["--context", "prod"]].concat(), 1);
        assert!(said.contains(&format!("expected {id}")), "{said}");
    }
    let found = home.ok(&["topics", "--json", "-b", &broker.address()]);
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(found["items"].as_array().map(Vec::len), Some(0));
    let own = found["cluster_id"].as_str().expect("an id");
    home.ok(&["context", "add", "own", "-b", &broker.address(), "--cluster-id", own]);
    home.ok(&["topics", "--context", "own"]);
}

#[test]
fn files_of_other_tools_become_contexts() {
    let home = Home::new();
    let file = home.path().join("config.yml");
    std::fs::write(&file, "contexts:\n  lab:\n    brokers: [lab:9092]\n").expect("a file");
    home.ok(&["context", "import", "config.yml"]);
    assert_eq!(home.ok(&["context", "list", "-o", "name"]), "lab\n");
    home.fails(&["context", "import", "config.yml"], 1);
    let secret = home.path().join("client.properties");
    let text = "bootstrap.servers=a:1\nsecurity.protocol=SASL_SSL\n";
    std::fs::write(secret, text).expect("a file");
    let said = home.fails(&["context", "import", "client.properties"], 2);
    assert!(said.contains("PLAINTEXT"), "{said}");
}
