//! Produces one record, and says where it went.

use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
use kt_client::{Admin, Error};

use crate::tui::model::produce::NewRecord;

/// Where it is, or why it is not.
pub(super) async fn produce(admin: &Admin, record: NewRecord) -> Result<String, String> {
    let topic = record.topic.clone();
    match written(admin, record).await {
        Ok((partition, Some(offset))) => Ok(format!("produced {topic}-{partition}@{offset}")),
        Ok((partition, None)) => Ok(format!("produced {topic}-{partition}")),
        Err(error) => Err(format!("{topic}: not produced: {error}")),
    }
}

async fn written(admin: &Admin, record: NewRecord) -> Result<(i32, Option<i64>), Error> {
    let config = ProducerConfig::default();
    let producer = Producer::new(admin.client().clone(), config, AsBytes, AsBytes);
    let producer = producer.map_err(|error| Error::Refused(error.to_string()))?;
    let mut new: Record<String, String> = Record::new(record.topic, record.value);
    (new.key, new.partition) = (record.key, record.partition);
    for (name, value) in &record.headers {
        new = new.header(name.as_str(), value.as_bytes());
    }
    let written = producer.send(new).await?.await?;
    Ok((written.partition, written.offset.map(|it| it.0)))
}
