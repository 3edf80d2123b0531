//! Records that come in while the demo runs.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kt_client::Error;
use tokio::time::{Instant, MissedTickBehavior};

use super::pipeline::Writer;
use super::rate::Pace;
use super::seeding::record;
use super::topics::{DemoTopic, TOPICS};
use super::values::Values;

/// How often records are written: seldom enough to be cheap.
const TICK: Duration = Duration::from_millis(250);

/// Who cannot write waits so long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A topic that is written to.
struct Stream {
    topic: Arc<str>,
    values: Box<dyn Values>,
    pace: Pace,
}

/// Writes to each topic at its rate, for ever. `tell` is called when the first records are in; what
/// fails after that is tried again. `values` has one of each topic.
pub(super) async fn write(
    writer: &Writer,
    values: Vec<Box<dyn Values>>,
    tell: impl FnOnce(),
) -> Result<(), Error> {
    let mut streams = streams(values);
    let start = Instant::now();
    let mut ticks = tokio::time::interval_at(start + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    write_due(&mut streams, writer, start.elapsed()).await?;
    writer.flush().await;
    tell();
    loop {
        ticks.tick().await;
        if write_due(&mut streams, writer, start.elapsed()).await.is_err() {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// Of those topics that are written to from here.
fn streams(values: Vec<Box<dyn Values>>) -> Vec<Stream> {
    let stream = |(topic, values): (&DemoTopic, _)| {
        let pace = Pace::new(topic.rate?);
        Some(Stream { topic: topic.name.into(), values, pace })
    };
    TOPICS.iter().zip(values).filter_map(stream).collect()
}

async fn write_due(
    streams: &mut [Stream],
    writer: &Writer,
    elapsed: Duration,
) -> Result<(), Error> {
    let now = Timestamp::now();
    for stream in streams {
        stream.write_due(writer, elapsed, now).await?;
    }
    Ok(())
}

impl Stream {
    /// What is due, spread over the tick that ends now.
    async fn write_due(
        &mut self,
        writer: &Writer,
        elapsed: Duration,
        now: Timestamp,
    ) -> Result<(), Error> {
        let count = self.pace.take(elapsed);
        for number in 1..=count {
            let before = TICK.as_secs_f64() * (1.0 - number as f64 / count as f64);
            let at = now.checked_sub(SignedDuration::from_secs_f64(before)).unwrap_or(now);
            let event = self.values.next(at);
            writer.send_and_forget(record(Arc::clone(&self.topic), event, at)).await?;
        }
        Ok(())
    }
}
