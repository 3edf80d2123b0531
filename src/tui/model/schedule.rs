//! What is asked of brokers, and when.
