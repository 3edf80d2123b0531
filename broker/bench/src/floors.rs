//! What the machine itself allows, in the same run: loopback, page cache, flush, checksum.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const CHUNK: usize = 64 << 10;
const TOTAL: usize = 1 << 30;
const FLUSHES: usize = 101;

/// Measures and prints each floor once.
pub(crate) fn print() -> Result<(), String> {
    crate::memory::touch_and_free();
    let as_text = |it: std::io::Error| it.to_string();
    println!(
        "floor: loopback, one stream       {:>8.2} GB/s",
        gb_per_s(loopback().map_err(as_text)?)
    );
    println!(
        "floor: page-cache write           {:>8.2} GB/s",
        gb_per_s(page_cache().map_err(as_text)?)
    );
    println!("floor: CRC-32C                    {:>8.2} GB/s", gb_per_s(checksum()));
    let flush = flush().map_err(as_text)?;
    println!("floor: write and fdatasync, p50   {:>8.2} ms", flush.as_secs_f64() * 1e3);
    Ok(())
}

fn gb_per_s(elapsed: Duration) -> f64 {
    TOTAL as f64 / 1e9 / elapsed.as_secs_f64()
}

fn loopback() -> std::io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sender = std::thread::spawn(move || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        let chunk = vec![7; CHUNK];
        for _ in 0..TOTAL / CHUNK {
            stream.write_all(&chunk)?;
        }
        Ok(())
    });
    let (mut stream, _) = listener.accept()?;
    let started = Instant::now();
    let mut buffer = vec![0; CHUNK];
    while 0 < stream.read(&mut buffer)? {}
    let elapsed = started.elapsed();
    sender.join().expect("the sender does not panic")?;
    Ok(elapsed)
}

fn page_cache() -> std::io::Result<Duration> {
    let mut file = tempfile::tempfile()?;
    let chunk = vec![7; CHUNK];
    let started = Instant::now();
    for _ in 0..TOTAL / CHUNK {
        file.write_all(&chunk)?;
    }
    Ok(started.elapsed())
}

fn checksum() -> Duration {
    let chunk = vec![7; CHUNK];
    let started = Instant::now();
    for _ in 0..TOTAL / CHUNK {
        let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &chunk);
        std::hint::black_box(sum);
    }
    started.elapsed()
}

fn flush() -> std::io::Result<Duration> {
    let mut file: File = tempfile::tempfile()?;
    let chunk = vec![7; 4096];
    let mut elapsed = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let started = Instant::now();
        file.write_all(&chunk)?;
        file.sync_data()?;
        elapsed.push(started.elapsed());
    }
    elapsed.sort();
    Ok(elapsed[FLUSHES / 2])
}
