//! A JSON view of messages, in the shape of Kafka's own converters.
