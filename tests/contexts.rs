//! Contexts: which cluster a command goes to, and what protects it from a slip.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use std::path::Path;
use std::process::Output;

use crate::support::broker::kt;
use crate::support::{Broker, Operator};

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
    assert!(said.contains("sasl.mechanism is needed"), "{said}");
    let jaas = "sasl.jaas.config=PlainLoginModule required username=a password=geheim;\n";
    let text = format!("{text}sasl.mechanism=PLAIN\n{jaas}");
    std::fs::write(home.path().join("client.properties"), text).expect("a file");
    home.ok(&["context", "import", "client.properties"]);
    let shown = home.ok(&["context", "explain", "--context", "client"]);
    assert!(shown.contains("client.properties") && !shown.contains("geheim"), "{shown}");
}

#[test]
fn lists_in_every_format() {
    insta::assert_snapshot!(with_contexts().every_format("context list --context lab"), @r#"
    $ kt context list --context lab -o table
    NAME  IN USE  BOOTSTRAP            PROTECTED
    lab   yes     lab:9092             -
    prod  -       prod:9092,prod:9093  yes
    $ kt context list --context lab -o wide
    NAME  IN USE  BOOTSTRAP            PROTECTED  COLOR       CLUSTER ID              FILE
    lab   yes     lab:9092             -          -           -                       HOME/kt/config.toml
    prod  -       prod:9092,prod:9093  yes        bright-red  ID  HOME/kt/config.toml
    $ kt context list --context lab -o json
    {"kind":"context.list","version":1,"cluster_id":null,"time":"TIME","items":[{"name":"lab","in_use":true,"bootstrap":"lab:9092","protected":false,"color":null,"cluster_id":null,"file":"HOME/kt/config.toml"},{"name":"prod","in_use":false,"bootstrap":"prod:9092,prod:9093","protected":true,"color":"bright-red","cluster_id":"ID","file":"HOME/kt/config.toml"}],"errors":[]}
    $ kt context list --context lab -o jsonl
    {"name":"lab","in_use":true,"bootstrap":"lab:9092","protected":false,"color":null,"cluster_id":null,"file":"HOME/kt/config.toml"}
    {"name":"prod","in_use":false,"bootstrap":"prod:9092,prod:9093","protected":true,"color":"bright-red","cluster_id":"ID","file":"HOME/kt/config.toml"}
    $ kt context list --context lab -o yaml
    kind: context.list
    version: 1
    cluster_id: null
    time: "TIME"
    items:
    - name: lab
      in_use: true
      bootstrap: lab:9092
      protected: false
      color: null
      cluster_id: null
      file: HOME/kt/config.toml
    - name: prod
      in_use: false
      bootstrap: prod:9092,prod:9093
      protected: true
      color: bright-red
      cluster_id: ID
      file: HOME/kt/config.toml
    errors: []
    $ kt context list --context lab -o csv
    name,in_use,bootstrap,protected,color,cluster_id,file
    lab,true,lab:9092,false,,,HOME/kt/config.toml
    prod,false,"prod:9092,prod:9093",true,bright-red,ID,HOME/kt/config.toml
    $ kt context list --context lab -o tsv
    name	in_use	bootstrap	protected	color	cluster_id	file
    lab	true	lab:9092	false			HOME/kt/config.toml
    prod	false	prod:9092,prod:9093	true	bright-red	ID	HOME/kt/config.toml
    $ kt context list --context lab -o name
    lab
    prod
    $ kt context list --context lab -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

#[test]
fn contexts_in_every_format() {
    insta::assert_snapshot!(with_contexts().every_format("context show prod"), @r#"
    $ kt context show prod -o table
    SETTING         VALUE
    name            prod
    bootstrap       prod:9092,prod:9093
    protected       yes
    color           bright-red
    cluster_id      ID
    command_config  -
    file            HOME/kt/config.toml
    $ kt context show prod -o wide
    SETTING         VALUE
    name            prod
    bootstrap       prod:9092,prod:9093
    protected       yes
    color           bright-red
    cluster_id      ID
    command_config  -
    file            HOME/kt/config.toml
    $ kt context show prod -o json
    {"kind":"context.show","version":1,"cluster_id":null,"time":"TIME","items":[{"name":"prod","bootstrap":"prod:9092,prod:9093","protected":true,"color":"bright-red","cluster_id":"ID","command_config":null,"client":{},"file":"HOME/kt/config.toml"}],"errors":[]}
    $ kt context show prod -o jsonl
    {"name":"prod","bootstrap":"prod:9092,prod:9093","protected":true,"color":"bright-red","cluster_id":"ID","command_config":null,"client":{},"file":"HOME/kt/config.toml"}
    $ kt context show prod -o yaml
    kind: context.show
    version: 1
    cluster_id: null
    time: "TIME"
    items:
    - name: prod
      bootstrap: prod:9092,prod:9093
      protected: true
      color: bright-red
      cluster_id: ID
      command_config: null
      client: {}
      file: HOME/kt/config.toml
    errors: []
    $ kt context show prod -o csv
    setting,value
    name,prod
    bootstrap,"prod:9092,prod:9093"
    protected,true
    color,bright-red
    cluster_id,ID
    command_config,
    file,HOME/kt/config.toml
    $ kt context show prod -o tsv
    setting	value
    name	prod
    bootstrap	prod:9092,prod:9093
    protected	true
    color	bright-red
    cluster_id	ID
    command_config	
    file	HOME/kt/config.toml
    $ kt context show prod -o name
    prod
    $ kt context show prod -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

#[test]
fn explanations_in_every_format() {
    insta::assert_snapshot!(with_contexts().every_format("context explain --context prod"), @r#"
    $ kt context explain --context prod -o table
    SETTING     VALUE                   FROM
    context     prod                    --context
    bootstrap   prod:9092,prod:9093     HOME/kt/config.toml
    protected   true                    HOME/kt/config.toml
    color       bright-red              HOME/kt/config.toml
    cluster_id  ID  HOME/kt/config.toml
    output      table                   --output
    timeout     15s                     built in
    $ kt context explain --context prod -o wide
    SETTING     VALUE                   FROM
    context     prod                    --context
    bootstrap   prod:9092,prod:9093     HOME/kt/config.toml
    protected   true                    HOME/kt/config.toml
    color       bright-red              HOME/kt/config.toml
    cluster_id  ID  HOME/kt/config.toml
    output      wide                    --output
    timeout     15s                     built in
    $ kt context explain --context prod -o json
    {"kind":"context.explain","version":1,"cluster_id":null,"time":"TIME","items":[{"setting":"context","value":"prod","from":"--context"},{"setting":"bootstrap","value":"prod:9092,prod:9093","from":"HOME/kt/config.toml"},{"setting":"protected","value":"true","from":"HOME/kt/config.toml"},{"setting":"color","value":"bright-red","from":"HOME/kt/config.toml"},{"setting":"cluster_id","value":"ID","from":"HOME/kt/config.toml"},{"setting":"output","value":"json","from":"--output"},{"setting":"timeout","value":"15s","from":"built in"}],"errors":[]}
    $ kt context explain --context prod -o jsonl
    {"setting":"context","value":"prod","from":"--context"}
    {"setting":"bootstrap","value":"prod:9092,prod:9093","from":"HOME/kt/config.toml"}
    {"setting":"protected","value":"true","from":"HOME/kt/config.toml"}
    {"setting":"color","value":"bright-red","from":"HOME/kt/config.toml"}
    {"setting":"cluster_id","value":"ID","from":"HOME/kt/config.toml"}
    {"setting":"output","value":"jsonl","from":"--output"}
    {"setting":"timeout","value":"15s","from":"built in"}
    $ kt context explain --context prod -o yaml
    kind: context.explain
    version: 1
    cluster_id: null
    time: "TIME"
    items:
    - setting: context
      value: prod
      from: --context
    - setting: bootstrap
      value: prod:9092,prod:9093
      from: HOME/kt/config.toml
    - setting: protected
      value: "true"
      from: HOME/kt/config.toml
    - setting: color
      value: bright-red
      from: HOME/kt/config.toml
    - setting: cluster_id
      value: ID
      from: HOME/kt/config.toml
    - setting: output
      value: yaml
      from: --output
    - setting: timeout
      value: 15s
      from: built in
    errors: []
    $ kt context explain --context prod -o csv
    setting,value,from
    context,prod,--context
    bootstrap,"prod:9092,prod:9093",HOME/kt/config.toml
    protected,true,HOME/kt/config.toml
    color,bright-red,HOME/kt/config.toml
    cluster_id,ID,HOME/kt/config.toml
    output,csv,--output
    timeout,15s,built in
    $ kt context explain --context prod -o tsv
    setting	value	from
    context	prod	--context
    bootstrap	prod:9092,prod:9093	HOME/kt/config.toml
    protected	true	HOME/kt/config.toml
    color	bright-red	HOME/kt/config.toml
    cluster_id	ID	HOME/kt/config.toml
    output	tsv	--output
    timeout	15s	built in
    $ kt context explain --context prod -o name
    context
    bootstrap
    protected
    color
    cluster_id
    output
    timeout
    $ kt context explain --context prod -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
}

#[test]
fn templates_choose_from_an_item() {
    let operator = with_contexts();
    insta::assert_snapshot!(operator.run_all(&[
        "context list --context lab -o template={name}:{in_use}\\n",
        "context show prod -o template={name}:{protected}\\n",
        "context explain -o template={setting}={value}\\n",
    ]), @r"
    $ kt context list --context lab -o template={name}:{in_use}\n
    lab:true
    prod:false
    $ kt context show prod -o template={name}:{protected}\n
    prod:true
    $ kt context explain -o template={setting}={value}\n
    context=
    bootstrap=HOST:PORT
    output=template
    timeout=15s
    ");
}

/// Two contexts, one of them in use; nobody is asked, so there is no broker.
fn with_contexts() -> Operator {
    let operator = Operator::at("nobody:9092");
    operator.ok("context add lab -b lab:9092");
    let id = "MkU3OEVBNTcwNTJENDM2Qk";
    operator.ok(&format!(
        "context add prod -b prod:9092,prod:9093 --protected --paint bright-red --cluster-id {id}"
    ));
    operator.ok("context use lab");
    operator
}
