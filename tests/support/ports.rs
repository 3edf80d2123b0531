//! Ports for processes that must be told theirs before they listen. A port that the kernel gave and
//! took back would go to whoever connects or listens next, so these lie below those it gives.

use std::net::TcpListener;
use std::process;
use std::sync::{Mutex, PoisonError};

/// Where Linux keeps the first and the last port that it gives of itself.
const GIVEN_BY_THE_KERNEL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Above the ports that well-known services take.
const FIRST: u16 = 12_000;

/// The next port to try; none before the first call.
static NEXT: Mutex<Option<u16>> = Mutex::new(None);

/// The first of `count` ports in a row that nobody listens on, and that nobody else who asks here
/// is given in this process.
pub(crate) fn in_a_row(count: u16) -> u16 {
    let end = first_given_by_the_kernel();
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let start = next.unwrap_or_else(|| of_this_process(end));
    // Round once through all of them.
    let mut port = start;
    for _ in 0..(end - FIRST) / count {
        if end - count < port {
            port = FIRST;
        }
        if (port..port + count).all(is_free) {
            *next = Some(port + count);
            return port;
        }
        port += count;
    }
    panic!("no {count} ports in a row are free between {FIRST} and {end}");
}

/// Processes that run side by side begin far from each other.
fn of_this_process(end: u16) -> u16 {
    let apart = process::id().wrapping_mul(2_654_435_761) >> 16;
    FIRST + u16::try_from(apart).expect("16 bits are left") % (end - FIRST)
}

fn first_given_by_the_kernel() -> u16 {
    let range = std::fs::read_to_string(GIVEN_BY_THE_KERNEL).unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|it| it.parse().ok());
    first.filter(|&it| FIRST + 1_000 < it).unwrap_or(32_768)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
