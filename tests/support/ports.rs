//! Ports for processes that must be told theirs before they listen. A port that the kernel gave and
//! took back would go to whoever connects or listens next, so these lie below those it gives.
//!
//! Each process that runs tests has blocks of them to itself: between the look at a port and the
//! start of who is to listen on it, nobody else may choose it.

use std::fs::File;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Where Linux keeps the first and the last port that it gives of itself.
const GIVEN_BY_THE_KERNEL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Above the ports that well-known services take.
const FIRST: u16 = 12_000;
/// Ports of a block.
const BLOCK: u16 = 64;

/// The blocks of this process.
static BLOCKS: Mutex<Blocks> = Mutex::new(Blocks { next: 0, end: 0, tried: 0, locks: Vec::new() });

struct Blocks {
    /// What is left of the last one.
    next: u16,
    end: u16,
    /// So many were looked at.
    tried: u16,
    /// Held to the end of the process.
    locks: Vec<File>,
}

/// The first of `count` ports in a row that nobody listens on, and that nobody else is given.
pub(crate) fn in_a_row(count: u16) -> u16 {
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while blocks.next + count <= blocks.end {
            let port = blocks.next;
            if (port..port + count).all(is_free) {
                blocks.next += count;
                return port;
            }
            blocks.next += 1;
        }
        blocks.take();
    }
}

impl Blocks {
    /// Takes the next block that no other process has.
    fn take(&mut self) {
        let count = (first_given_by_the_kernel() - FIRST) / BLOCK;
        let folder = std::env::temp_dir().join("kt-test-ports");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        while self.tried < count {
            let first = FIRST + self.tried * BLOCK;
            self.tried += 1;
            let lock =
                File::options().create(true).append(true).open(folder.join(first.to_string()));
            // Whose it is that may not be opened does not matter either.
            if let Ok(lock) = lock
                && lock.try_lock().is_ok()
            {
                (self.next, self.end) = (first, first + BLOCK);
                self.locks.push(lock);
                return;
            }
        }
        panic!("no ports are left between {FIRST} and {}", FIRST + count * BLOCK);
    }
}

fn first_given_by_the_kernel() -> u16 {
    let range = std::fs::read_to_string(GIVEN_BY_THE_KERNEL).unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|it| it.parse().ok());
    first.filter(|&it| FIRST + 1_000 < it).unwrap_or(32_768)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
