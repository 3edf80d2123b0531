//! Foreign tools: found or installed by scripts, or the test says what it left out.

use std::path::PathBuf;
use std::process::{Command, Output};

/// True when this run must not leave anything out (`KT_REQUIRE_TOOLS=1`, as the gate sets it).
fn must_have_all() -> bool {
    std::env::var_os("KT_REQUIRE_TOOLS").is_some_and(|it| it == "1")
}

/// True if `program` can be started; else says what is left out, or fails where all is required.
pub(crate) fn is_here(program: &str, arguments: &[&str], left_out: &str) -> bool {
    let runs = Command::new(program).args(arguments).output().is_ok_and(|it| it.status.success());
    if !runs {
        assert!(!must_have_all(), "{program} is not here, and this run may leave nothing out");
        eprintln!("left out, as {program} is not here: {left_out}");
    }
    runs
}

/// Runs a script that holds a broker against what it knows: it says `ok` last.
pub(crate) fn says_ok(script: &mut Command) {
    let output = script.output().expect("the script runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.trim_end().ends_with("ok"), "{stdout}");
}

/// Lets Java clients say only what went wrong.
pub(crate) const QUIET_JAVA: &str = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";

/// Apache Kafka's own tools, installed from Maven at their first use.
pub(crate) struct ApacheKafka {
    script: PathBuf,
}

impl ApacheKafka {
    /// The tools, or none where there is no Java or no Maven.
    pub(crate) fn find(left_out: &str) -> Option<ApacheKafka> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/apache-kafka");
        let is_installed = is_here("java", &["-version"], left_out)
            && is_here(script.to_str().expect("the path is text"), &["install"], left_out);
        is_installed.then_some(ApacheKafka { script })
    }

    /// Runs a tool by its script's name.
    pub(crate) fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        Command::new(&self.script).arg(tool).args(arguments).output().expect("the script runs")
    }

    /// Runs a tool that must succeed; its stdout.
    pub(crate) fn output(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.run(tool, arguments);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool} {arguments:?}\n{stdout}\n{stderr}");
        stdout
    }

    /// Runs a Java program with its classes at hand.
    pub(crate) fn java(&self, arguments: &[&str]) -> Output {
        self.java_command(arguments).output().expect("java runs")
    }

    /// The same, to be run.
    pub(crate) fn java_command(&self, arguments: &[&str]) -> Command {
        let classes = Command::new(&self.script).arg("classpath").output().expect("it runs");
        let classes = String::from_utf8(classes.stdout).expect("the path is text");
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classes.trim()]).args(arguments);
        java
    }

    /// The script's path, for a pipe of one's own.
    pub(crate) fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(&self.script);
        command.arg(tool);
        command
    }
}
