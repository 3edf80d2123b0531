//! Topics that go (DeleteTopics).

use std::collections::BTreeMap;

use kt_protocol::messages::delete_topics_request::DeleteTopicState;
use kt_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Admin, PerItem};
use crate::connection::Wanted;
use crate::duration::request_millis;
use crate::error::{Error, Subject};

impl Admin {
    /// Deletes topics by name.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// for (name, deleted) in admin.delete_topics(&["orders".to_owned()]).await? {
    ///     deleted?;
    ///     println!("{name} is gone");
    /// }
    /// # admin.wait_until_known(&[("orders".to_owned(), kt_client::admin::Expected::Gone)]).await?;
    /// # assert!(admin.list_topics().await?.is_empty());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the controller does not answer in time; each topic has its own result.
    pub async fn delete_topics(&self, names: &[String]) -> Result<PerItem<()>, Error> {
        let limit = self.client.limit("DeleteTopics");
        let wanted = Wanted::any::<DeleteTopicsRequest>();
        let request = |version: i16| {
            let by_state = names
                .iter()
                .map(|name| DeleteTopicState { name: Some(name.clone()), ..Default::default() });
            DeleteTopicsRequest {
                topics: if 6 <= version { by_state.collect() } else { Vec::new() },
                topic_names: if version < 6 { names.to_vec() } else { Vec::new() },
                timeout_ms: request_millis(limit.timeout),
            }
        };
        let codes =
            |it: &DeleteTopicsResponse| it.responses.iter().map(|it| it.error_code).collect();
        let response = self.ask_controller(wanted, limit, request, codes).await?;
        let mut results: BTreeMap<String, Result<(), Error>> = BTreeMap::new();
        for it in response.responses {
            let Some(name) = it.name else { continue };
            let code = ErrorCode::from_code(it.error_code);
            let subject = Subject::Topic(name.clone());
            let api = ApiKey::DeleteTopics;
            let result = match code {
                ErrorCode::None => Ok(()),
                code => Err(Error::Broker { api, code, subject, message: it.error_message }),
            };
            results.insert(name, result);
        }
        let result = names.iter().map(|name| {
            self.client.forget(name);
            let result = results.remove(name).unwrap_or_else(|| {
                let reason = format!("the answer lacks topic \"{name}\"");
                Err(Error::protocol(ApiKey::DeleteTopics, reason))
            });
            (name.clone(), result)
        });
        Ok(result.collect())
    }
}
