//! The topics that lines name, looked for before a line is taken: it can still be refused by its
//! number then.

use std::collections::BTreeMap;
use std::time::Duration;

use kt_client::Client;

use super::Reach;
use super::refusal::is_final;
use crate::error::CliError;

/// The input waits no longer for a cluster that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Topics that were found, with the number of their partitions.
#[derive(Debug)]
pub(super) struct Destinations {
    client: Client,
    found: BTreeMap<String, usize>,
    reach: Reach,
}

impl Destinations {
    pub(super) fn new(client: Client, reach: Reach) -> Destinations {
        Destinations { client, found: BTreeMap::new(), reach }
    }

    /// Fails if the cluster has no such place. While it does not answer every place will do.
    pub(super) async fn check(
        &mut self,
        topic: &str,
        partition: Option<i32>,
    ) -> Result<(), CliError> {
        let count = match self.found.get(topic) {
            Some(count) => *count,
            None => match self.find(topic).await? {
                Some(count) => count,
                None => return Ok(()),
            },
        };
        match partition {
            Some(outside) if !usize::try_from(outside).is_ok_and(|it| it < count) => {
                let message =
                    format!("topic \"{topic}\" has no partition {outside}: it has {count}");
                Err(CliError::other(message))
            }
            _ => Ok(()),
        }
    }

    async fn find(&mut self, topic: &str) -> Result<Option<usize>, CliError> {
        if self.reach == Reach::Gone {
            return Ok(None);
        }
        let names = [topic.to_owned()];
        let answer = tokio::time::timeout(PATIENCE, self.client.topics(&names)).await;
        let Ok(Ok(mut found)) = answer else {
            // Delivery says why. The spool is there for this: nobody is asked again.
            self.reach = Reach::Gone;
            return Ok(None);
        };
        match found.remove(topic) {
            Some(Ok(it)) => {
                let count = it.partitions.len();
                self.found.insert(topic.to_owned(), count);
                Ok(Some(count))
            }
            Some(Err(error)) if is_final(&error) => Err(error.into()),
            Some(Err(_)) | None => Ok(None),
        }
    }
}
