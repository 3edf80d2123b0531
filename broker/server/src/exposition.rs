//! What is counted, as Prometheus reads it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kt_node::{NodeMetrics, PartitionMetrics};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::host::Host;

/// The text of one scrape.
pub(crate) fn text_of(host: &Arc<Host>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("kt");
    registry.register_collector(Box::new(Everything(host.clone())));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

struct Everything(Arc<Host>);

impl fmt::Debug for Everything {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Everything")
    }
}

impl Collector for Everything {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode_edge(&self.0, &mut encoder)?;
        let node = self.0.engine.metrics();
        encode_node(&node, &mut encoder)?;
        encode_partitions(&node.partitions, &mut encoder)
    }
}

/// Connections, bytes, memory.
fn encode_edge(host: &Host, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let metrics = &host.metrics;
    let counters: [(&str, &str, &AtomicU64); 7] = [
        ("requests", "Requests received", &metrics.requests),
        ("request_bytes", "Bytes of requests received", &metrics.request_bytes),
        ("received_bytes", "Bytes received on all listeners", &metrics.received_bytes),
        ("sent_bytes", "Bytes sent on all listeners", &metrics.sent_bytes),
        ("memory_waits", "Requests that waited for memory", &metrics.memory_waits),
        (
            "refused_connections",
            "Connections refused, or closed for what the peer did",
            &metrics.refused_connections,
        ),
        (
            "delayed_connections",
            "Connections delayed by max.connection.creation.rate",
            &metrics.delayed_connections,
        ),
    ];
    for (name, help, value) in counters {
        counter(encoder, name, help, value.load(Ordering::Relaxed))?;
    }
    let gauges: [(&str, &str, u64); 4] = [
        ("connections", "Connections that are open", host.connections.count() as u64),
        ("request_memory_bytes", "Bytes of requests being read or served", host.budget.used()),
        ("jobs_queued", "Jobs that wait for a thread", host.jobs.queued() as u64),
        ("ready", "1 once requests are served", u64::from(host.lifecycle.is_ready())),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, i64::try_from(value).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

/// What the broker holds and does.
fn encode_node(node: &NodeMetrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    counter(encoder, "appended_bytes", "Bytes of record batches appended", node.bytes_in)?;
    counter(encoder, "appended_batches", "Record batches appended", node.batches_in)?;
    counter(encoder, "fetched_bytes", "Bytes of record batches fetched", node.bytes_out)?;
    let count = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    let gauges: [(&str, &str, i64); 7] = [
        ("partitions", "Partitions of this broker", count(node.partitions.len())),
        ("partitions_opening", "Partitions being opened", count(node.partitions_opening)),
        ("partitions_offline", "Partitions lost or damaged", count(node.partitions_offline.len())),
        ("log_directories_offline", "Log directories lost", count(node.offline_log_directories)),
        ("purgatory_size", "Requests that wait for an offset", count(node.purgatory_size)),
        ("fetch_sessions", "Fetch sessions kept", count(node.fetch_sessions)),
        (
            "metadata_high_watermark",
            "Committed end of the metadata log",
            node.metadata_high_watermark,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    let help = "Requests by API";
    let mut family = encoder.encode_descriptor("api_requests", help, None, MetricType::Counter)?;
    for (api, requests) in &node.requests {
        ConstCounter::new(*requests).encode(family.encode_family(&[("api", *api)])?)?;
    }
    Ok(())
}

/// One line of each kind for each partition: what has been written and is not yet safe, first of all.
fn encode_partitions(
    partitions: &[PartitionMetrics],
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    type Value = fn(&PartitionMetrics) -> i64;
    let families: [(&str, &str, Value); 4] = [
        ("unflushed_records", "Records appended and not yet on disk", |it| it.unflushed_records),
        ("uncommitted_records", "Records above the high watermark", |it| it.uncommitted_records),
        ("log_end_offset", "The offset of the next record", |it| it.log_end_offset),
        ("log_start_offset", "The first offset", |it| it.log_start_offset),
    ];
    for (name, help, value) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for it in partitions {
            let partition = it.partition.partition.to_string();
            let labels = [("topic", it.partition.topic.as_str()), ("partition", &partition)];
            ConstGauge::new(value(it)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(descriptor)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(descriptor)
}
