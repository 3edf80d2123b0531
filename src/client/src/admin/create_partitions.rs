//! More partitions for topics (CreatePartitions).

use std::collections::BTreeMap;

use kt_protocol::messages::CreatePartitionsRequest;
use kt_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Admin, Apply, PerItem};
use crate::connection::Wanted;
use crate::duration::request_millis;
use crate::error::{Error, Subject};

impl Admin {
    /// Grows topics to so many partitions each, or checks whether they could be grown. The
    /// controller places the new ones.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::{Apply, Expected};
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let counts = [("orders".to_owned(), 3)];
    /// for (_, grown) in admin.create_partitions(&counts, Apply::Change).await? {
    ///     grown?;
    /// }
    /// admin.wait_until_known(&[("orders".to_owned(), Expected::Partitions(3))]).await?;
    /// assert_eq!(admin.list_topics().await?[0].partitions.len(), 3);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the controller does not answer in time; each topic has its own result.
    pub async fn create_partitions(
        &self,
        counts: &[(String, i32)],
        apply: Apply,
    ) -> Result<PerItem<()>, Error> {
        let limit = self.client.limit("CreatePartitions");
        let topic = |(name, count): &(String, i32)| CreatePartitionsTopic {
            name: name.clone(),
            count: *count,
            assignments: None,
        };
        let request = CreatePartitionsRequest {
            topics: counts.iter().map(topic).collect(),
            timeout_ms: request_millis(limit.timeout),
            validate_only: apply == Apply::ValidateOnly,
        };
        let wanted = Wanted::any::<CreatePartitionsRequest>();
        let response = self
            .ask_controller(
                wanted,
                limit,
                |_| request.clone(),
                |it| it.results.iter().map(|it| it.error_code).collect(),
            )
            .await?;
        let mut results: BTreeMap<String, Result<(), Error>> = BTreeMap::new();
        for it in response.results {
            let code = ErrorCode::from_code(it.error_code);
            let subject = Subject::Topic(it.name.clone());
            let api = ApiKey::CreatePartitions;
            let result = match code {
                ErrorCode::None => Ok(()),
                code => Err(Error::Broker { api, code, subject, message: it.error_message }),
            };
            results.insert(it.name, result);
        }
        let result = counts.iter().map(|(name, _)| {
            self.client.forget(name);
            let result = results.remove(name).unwrap_or_else(|| {
                let reason = format!("the answer lacks topic \"{name}\"");
                Err(Error::protocol(ApiKey::CreatePartitions, reason))
            });
            (name.clone(), result)
        });
        Ok(result.collect())
    }
}
