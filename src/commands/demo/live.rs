//! Records that come in while the demo runs.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kt_client::Error;
use tokio::time::{Instant, MissedTickBehavior};

use super::pipeline::Writer;
use super::rate::Pace;
use super::seeding::record;
use super::topics::TOPICS;
use super::values::Values;

/// How often records are written: seldom enough to be cheap.
const TICK: Duration = Duration::from_millis(250);

/// A topic that is written to.
struct Stream {
    topic: Arc<str>,
    values: Box<dyn Values>,
    pace: Pace,
}

/// Writes to each topic at its rate, for ever. `tell` is called when the first records are in.
/// `values` has one of each topic.
pub(super) async fn write(
    writer: &Writer,
    values: Vec<Box<dyn Values>>,
    tell: impl FnOnce(),
) -> Result<(), Error> {
    let written = TOPICS.iter().zip(values);
    let mut streams: Vec<Stream> = written
        .filter_map(|(topic, values)| {
            let pace = Pace::new(topic.rate?);
            Some(Stream { topic: topic.name.into(), values, pace })
        })
        .collect();
    let start = Instant::now();
    let mut tell = Some(tell);
    let mut ticks = tokio::time::interval_at(start + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Timestamp::now();
        for stream in &mut streams {
            stream.write_due(writer, start.elapsed(), now).await?;
        }
        if let Some(tell) = tell.take() {
            writer.flush().await;
            tell();
        }
    }
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
