//! End to end: real processes, real sockets, real clients.

mod admin;
mod apache_kafka;
mod command_line;
mod compression;
mod confluent;
mod dump_log;
mod fetch;
mod hostile;
mod idempotence;
mod kcat;
mod kill;
mod listeners;
mod other_brokers;
mod serving;
mod support;
