//! The demo's stream pipeline: reads page views, writes what it makes of them.

use std::sync::Arc;
use std::time::Duration;

use kt_client::consumer::FetchedRecords;
use kt_client::consumer::group::GroupConsumer;
use kt_client::producer::{Producer, Record};

use super::topics::ENRICHED;
use super::values::enrichment::enriched;

/// Longest wait of one poll.
const POLL: Duration = Duration::from_secs(5);

/// A pipeline that cannot go on waits so long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What writes the demo's records.
pub(super) type Writer = Producer<String, String>;

/// Runs for ever.
pub(super) async fn run(member: GroupConsumer, writer: Arc<Writer>) {
    loop {
        let Ok(polled) = member.poll(POLL).await else {
            tokio::time::sleep(AFTER_FAILURE).await;
            continue;
        };
        for views in &polled.records {
            for record in made_of(views) {
                // What is lost here is the demo's own.
                let _ = writer.send_and_forget(record).await;
            }
        }
    }
}

/// What is no page view is left out.
fn made_of(views: &FetchedRecords) -> Vec<Record<String, String>> {
    let topic: Arc<str> = ENRICHED.into();
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let mut made = Vec::new();
    let mut cursor = views.cursor();
    while let Ok(Some(view)) = cursor.next() {
        let Some(value) = view.value.and_then(text).as_deref().and_then(enriched) else { continue };
        let record = Record::new(Arc::clone(&topic), value);
        let timestamp = view.timestamp;
        made.push(Record { key: view.key.and_then(text), timestamp, ..record });
    }
    made
}
