//! Configs that change (IncrementalAlterConfigs).

use kt_protocol::messages::IncrementalAlterConfigsRequest;
use kt_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Admin, Apply, Resource};
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// One key of a resource, and what becomes of it.
///
/// Shown at [`Admin::alter_configs`](crate::Admin::alter_configs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The key.
    pub name: String,
    /// The value; `None` takes the resource's own value away, and what it inherits counts again.
    pub value: Option<String>,
}

impl Admin {
    /// Changes configs of one resource, all or none of them, or checks whether they could be
    /// changed.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::{Apply, ConfigChange, ConfigSource, Resource};
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let orders = Resource::topic("orders");
    /// let value = Some("3600000".to_owned());
    /// let changes = [ConfigChange { name: "retention.ms".to_owned(), value }];
    /// admin.alter_configs(&orders, &changes, Apply::Change).await?;
    /// admin.wait_until_configured(&orders, ConfigSource::DYNAMIC_TOPIC, &changes).await?;
    /// let found = admin.describe_configs(&[orders], Some(&["retention.ms"])).await?;
    /// assert_eq!(found[0].1.as_ref().unwrap()[0].value.as_deref(), Some("3600000"));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the broker that decides does not answer in time or refuses.
    pub async fn alter_configs(
        &self,
        resource: &Resource,
        changes: &[ConfigChange],
        apply: Apply,
    ) -> Result<(), Error> {
        let config = |it: &ConfigChange| AlterableConfig {
            name: it.name.clone(),
            config_operation: if it.value.is_some() { SET } else { DELETE },
            value: it.value.clone(),
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: resource.kind as i8,
                resource_name: resource.name.clone(),
                configs: changes.iter().map(config).collect(),
            }],
            validate_only: apply == Apply::ValidateOnly,
        };
        let limit = self.client.limit("IncrementalAlterConfigs");
        let wanted = Wanted::any::<IncrementalAlterConfigsRequest>();
        let target = match resource.target() {
            // Brokers pass it on; a cluster from before KRaft has one that takes changes.
            Target::Any => Target::Controller,
            target => target,
        };
        if let Target::Node(_) = target {
            self.client.know_brokers().await?;
        }
        let response = self
            .ask(
                target,
                wanted,
                limit,
                |_| request.clone(),
                |it| it.responses.iter().map(|it| it.error_code).collect(),
            )
            .await?;
        let api = ApiKey::IncrementalAlterConfigs;
        let Some(answer) = response.responses.into_iter().next() else {
            return Err(Error::protocol(api, format!("the answer lacks {}", resource.subject())));
        };
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => Ok(()),
            code => {
                let subject = resource.subject();
                Err(Error::Broker { api, code, subject, message: answer.error_message })
            }
        }
    }
}

/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;

impl Resource {
    /// What errors call it.
    pub(super) fn subject(&self) -> Subject {
        use super::ResourceKind::{Broker, BrokerLogger, ClientMetrics, Group, Topic};
        let name = &self.name;
        match self.kind {
            Topic => Subject::Topic(name.clone()),
            Broker if name.is_empty() => Subject::Other("the default of all brokers".to_owned()),
            Broker => Subject::Other(format!("broker {name}")),
            BrokerLogger => Subject::Other(format!("the loggers of broker {name}")),
            ClientMetrics => Subject::Other(format!("client metrics \"{name}\"")),
            Group => Subject::Other(format!("group \"{name}\"")),
        }
    }
}
