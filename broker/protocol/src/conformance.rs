//! Tests of all messages at once: against Apache Kafka's bytes, against another codec, against
//! random and hostile bytes.

mod differential;
mod hostile;
mod internal_records;
mod random;
mod vectors;
mod views;
