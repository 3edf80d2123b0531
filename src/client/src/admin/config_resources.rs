//! What has configs of its own (ListConfigResources).

use kt_protocol::messages::ListConfigResourcesRequest;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Admin, ResourceKind};
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

impl Admin {
    /// The names of all resources of a kind; of groups and client metrics those with a config set.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::ResourceKind;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let topics = admin.list_config_resources(ResourceKind::Topic).await?;
    /// assert_eq!(topics, ["orders"]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time or it refuses, and with [`Error::Version`] from brokers
    /// before 4.1, which list client metrics only.
    pub async fn list_config_resources(&self, kind: ResourceKind) -> Result<Vec<String>, Error> {
        let limit = self.client.limit("ListConfigResources");
        let min_version = if kind == ResourceKind::ClientMetrics { 0 } else { 1 };
        let wanted = Wanted::since::<ListConfigResourcesRequest>(min_version);
        let request = |version: i16| ListConfigResourcesRequest {
            resource_types: if version == 0 { Vec::new() } else { vec![kind as i8] },
        };
        let response = self.client.call(Target::Any, wanted, limit, request).await?;
        let code = ErrorCode::from_code(response.error_code);
        if !code.is_none() {
            return Err(Error::broker(ApiKey::ListConfigResources, code, Subject::Request));
        }
        Ok(response.config_resources.into_iter().map(|it| it.resource_name).collect())
    }
}
