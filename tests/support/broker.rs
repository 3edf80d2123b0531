//! A `kt serve` process on a free port, with a data directory that outlives its restarts.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than any start takes on a busy machine; a start that takes longer is a failure.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The binary under test.
pub(crate) fn kt() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kt"));
    // Changes that tests make are not for the journal of whoever runs them.
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A running broker. Dropping it kills it.
pub(crate) struct Broker {
    process: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
    settings: Vec<(String, String)>,
    /// From the start of the process to its `ready` line.
    pub(crate) ready_after: Duration,
}

impl Broker {
    /// Starts one on an empty directory.
    pub(crate) fn start() -> Broker {
        Broker::start_with(&[])
    }

    /// Starts one on an empty directory with `--set key=value` for each pair.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Broker {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let settings =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let (process, address, ready_after) = spawn(directory.path(), "127.0.0.1:0", &settings);
        Broker { process, address, directory, settings, ready_after }
    }

    /// `HOST:PORT` for clients.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The log directory.
    pub(crate) fn data(&self) -> PathBuf {
        data_in(self.directory.path())
    }

    /// What it has said on stderr so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("stderr.log")).unwrap_or_default()
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that it ever was since [`Broker::forget_peak`].
    pub(crate) fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// From now on counts the peak of resident memory (`man proc_pid_clear_refs`).
    pub(crate) fn forget_peak(&self) {
        let path = format!("/proc/{}/clear_refs", self.pid());
        std::fs::write(path, "5").expect("the process lives and is ours");
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the process lives");
        let line = status.lines().find(|line| line.starts_with(field)).expect("the field is there");
        let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib * 1024
    }

    /// A plain connection to it.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the broker accepts");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out can be set");
        stream
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the process lives");
        self.process.wait().expect("the process can be waited for");
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success(), "SIGTERM reaches the broker");
        self.process.wait().expect("the process can be waited for")
    }

    /// Starts it again on the same directory, on another port: the old one may be anybody's by now.
    pub(crate) fn restart(&mut self) {
        let (process, address, ready_after) =
            spawn(self.directory.path(), "127.0.0.1:0", &self.settings);
        self.process = process;
        self.address = address;
        self.ready_after = ready_after;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- broker's stderr\n{}---", self.log());
        }
    }
}

fn data_in(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn spawn(
    directory: &Path,
    listen: &str,
    settings: &[(String, String)],
) -> (Child, SocketAddr, Duration) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(directory.join("stderr.log"))
        .expect("the log file can be opened");
    let mut command = kt();
    command.arg("serve").arg("--data").arg(data_in(directory)).args(["--listen", listen]);
    for (key, value) in settings {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    let started = Instant::now();
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("kt can be started");
    let stdout = process.stdout.take().expect("stdout is piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let _ = sender.send(line);
    });
    let line = receiver.recv_timeout(READY_WITHIN).unwrap_or_default();
    let address = line
        .trim_end()
        .strip_prefix("ready ")
        .and_then(|addresses| addresses.split(',').next())
        .and_then(|address| address.parse().ok());
    let Some(address) = address else {
        let _ = process.kill();
        let _ = process.wait();
        let log = std::fs::read_to_string(directory.join("stderr.log")).unwrap_or_default();
        panic!("kt serve printed {line:?} instead of a ready line; stderr:\n{log}");
    };
    (process, address, started.elapsed())
}
