//! Tests of all messages at once: against Apache Kafka's bytes, against another codec, against
//! random and hostile bytes.

mod internal_records;
mod vectors;
