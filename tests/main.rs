//! End to end: real processes, real sockets, real clients.

mod admin;
mod apache_kafka;
mod command_line;
mod compression;
mod configs;
mod confluent;
mod consume;
mod contexts;
mod dump_log;
mod fetch;
mod groups;
mod hostile;
mod idempotence;
mod journal;
mod kafka_forms;
mod kcat;
mod kill;
mod listeners;
mod other_brokers;
mod pipelines;
mod produce;
mod readme;
mod round_trip;
mod serving;
mod support;
mod topics;
