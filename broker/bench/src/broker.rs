//! A broker under measurement: its process, its address, the CPU and memory it has used.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) enum Product {
    /// The kt binary at this path.
    Kt(PathBuf),
    /// Apache Kafka, by `tests/interop/apache-kafka`.
    ApacheKafka,
}

impl Product {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Product::Kt(_) => "kt",
            Product::ApacheKafka => "apache-kafka",
        }
    }
}

/// When an acknowledged record is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Before the acknowledgement: kt's default, Apache Kafka's `flush.messages=1`.
    Flushed,
    /// Some time after: Apache Kafka's default.
    PageCache,
}

impl Durability {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Durability::Flushed => "flushed",
            Durability::PageCache => "page-cache",
        }
    }
}

/// A running broker on an empty directory. Dropping it kills it and removes the directory.
pub(crate) struct Broker {
    process: Option<Child>,
    pid: u32,
    pub(crate) address: String,
    /// From the start of the process to the first answered Metadata request.
    pub(crate) first_metadata_after: Duration,
    directory: tempfile::TempDir,
    product: Product,
    durability: Durability,
    settings: &'static [&'static str],
}

impl Broker {
    /// With these settings (`key=value`) besides.
    pub(crate) fn start(
        product: &Product,
        durability: Durability,
        settings: &'static [&'static str],
    ) -> Result<Broker, String> {
        let directory = tempfile::tempdir().map_err(|it| it.to_string())?;
        let running = Running::start(product, durability, settings, directory.path())?;
        let Running { process, pid, address, first_metadata_after } = running;
        let product = product.clone();
        Ok(Broker {
            process,
            pid,
            address,
            first_metadata_after,
            directory,
            product,
            durability,
            settings,
        })
    }

    /// `kill -9`, and starts it again on what it left.
    pub(crate) fn kill_and_restart(&mut self) -> Result<(), String> {
        self.kill();
        let directory = self.directory.path();
        let running = Running::start(&self.product, self.durability, self.settings, directory)?;
        let Running { process, pid, address, first_metadata_after } = running;
        self.process = process;
        self.pid = pid;
        self.address = address;
        self.first_metadata_after = first_metadata_after;
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
            return;
        }
        let path = self.directory.path().join("node");
        let _ = script().env("KILL", "1").arg("stop").arg(path).status();
    }

    /// The log directory.
    pub(crate) fn data(&self) -> PathBuf {
        match self.product {
            Product::Kt(_) => self.directory.path().join("data"),
            Product::ApacheKafka => self.directory.path().join("node").join("data"),
        }
    }

    /// User and system CPU time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(&self.pid.to_string())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * 1024
    }
}

/// User and system CPU time that a process has used so far; `self` is this one.
pub(crate) fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Fields after the command's closing parenthesis: utime and stime are the 12th and 13th.
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64((ticks(11) + ticks(12)) as f64 / per_second as f64)
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that answers.
struct Running {
    process: Option<Child>,
    pid: u32,
    address: String,
    first_metadata_after: Duration,
}

impl Running {
    fn start(
        product: &Product,
        durability: Durability,
        settings: &[&str],
        directory: &Path,
    ) -> Result<Running, String> {
        match product {
            Product::Kt(path) => start_kt(path, durability, settings, directory),
            Product::ApacheKafka => start_apache_kafka(durability, settings, directory),
        }
    }
}

fn start_kt(
    path: &Path,
    durability: Durability,
    own: &[&str],
    directory: &Path,
) -> Result<Running, String> {
    let flush = durability == Durability::Flushed;
    let started = Instant::now();
    let mut process = Command::new(path)
        .args(["serve", "--listen", "127.0.0.1:0", "--set", &format!("log.flush.on.ack={flush}")])
        .args(own.iter().flat_map(|it| ["--set", *it]))
        .arg("--data")
        .arg(directory.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|it| format!("{}: {it}", path.display()))?;
    let stdout = process.stdout.take().expect("stdout is piped");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).map_err(|it| it.to_string())?;
    let address = line.trim().strip_prefix("ready ").and_then(|it| it.split(',').next());
    let Some(address) = address.map(str::to_owned) else {
        return Err(format!("kt serve printed {line:?} instead of a ready line"));
    };
    ask_metadata(&address)?;
    let first_metadata_after = started.elapsed();
    let pid = process.id();
    Ok(Running { process: Some(process), pid, address, first_metadata_after })
}

fn script() -> Command {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/apache-kafka"))
}

fn start_apache_kafka(
    durability: Durability,
    own: &[&str],
    directory: &Path,
) -> Result<Running, String> {
    let port = "29092";
    let node = directory.join("node");
    let node_text = node.to_str().ok_or("the path is not text")?;
    let mut settings = vec!["log.retention.ms=-1"];
    settings.extend(own);
    if durability == Durability::Flushed {
        settings.push("log.flush.interval.messages=1");
    }
    let configured = script().args(["config", node_text, port]).args(&settings).output();
    configured.map_err(|it| it.to_string())?;
    let started = Instant::now();
    let output = script()
        .args(["start", node_text, port])
        .args(&settings)
        .output()
        .map_err(|it| it.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let address = format!("127.0.0.1:{port}");
    ask_metadata(&address)?;
    let first_metadata_after = started.elapsed();
    let pid = std::fs::read_to_string(node.join("pid")).map_err(|it| it.to_string())?;
    let pid = pid.trim().parse().map_err(|_| "the script wrote no process number".to_owned())?;
    Ok(Running { process: None, pid, address, first_metadata_after })
}

/// A Metadata request (version 1, no topics) and its answer, by hand.
fn ask_metadata(address: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).map_err(|it| format!("{address}: {it}"))?;
    let request: &[u8] = &[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
    stream.write_all(request).map_err(|it| it.to_string())?;
    let mut size = [0; 4];
    stream.read_exact(&mut size).map_err(|it| format!("{address} did not answer: {it}"))?;
    Ok(())
}
