//! What is counted, as Prometheus reads it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        let host = &self.0;
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
            let counter = ConstCounter::new(value.load(Ordering::Relaxed));
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let gauges: [(&str, &str, u64); 4] = [
            ("connections", "Connections that are open", host.connections.count() as u64),
            ("request_memory_bytes", "Bytes of requests being read or served", host.budget.used()),
            ("jobs_queued", "Jobs that wait for a thread", host.jobs.queued() as u64),
            ("ready", "1 once requests are served", u64::from(host.lifecycle.is_ready())),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let help = "Bytes appended to a partition and not yet flushed";
        let mut tails =
            encoder.encode_descriptor("unflushed_bytes", help, None, MetricType::Gauge)?;
        for (partition, bytes) in host.engine.unflushed_bytes() {
            let labels =
                [("topic", partition.topic), ("partition", partition.partition.to_string())];
            let gauge = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
            gauge.encode(tails.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
