//! Configs of topics, brokers and other resources (DescribeConfigs).

use std::collections::BTreeMap;

use kt_protocol::messages::DescribeConfigsRequest;
use kt_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kt_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Admin, PerItem};
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::Error;

/// What has configs.
///
/// ```
/// use kt_client::admin::{Resource, ResourceKind};
///
/// let topic = Resource::topic("orders");
/// let broker = Resource { kind: ResourceKind::Broker, name: "1".to_owned() };
/// let all_brokers = Resource { kind: ResourceKind::Broker, name: String::new() };
/// # assert_ne!(broker, all_brokers);
/// # assert_eq!(topic.kind, ResourceKind::Topic);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its name; of a broker its number, of the cluster's defaults nothing.
    pub name: String,
}

/// Kinds of resources, with Kafka's numbers (`ConfigResource.Type`).
///
/// Shown at [`Resource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum ResourceKind {
    /// A topic.
    Topic = 2,
    /// A broker, or the default of all.
    Broker = 4,
    /// The log levels of a broker.
    BrokerLogger = 8,
    /// A subscription to clients' metrics.
    ClientMetrics = 16,
    /// A group.
    Group = 32,
}

/// One config as it acts now.
///
/// Shown at [`Admin::describe_configs`](crate::Admin::describe_configs).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConfigEntry {
    /// Its key.
    pub name: String,
    /// Its value; `None` if it has none or is secret.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// True if it cannot be changed while the broker runs.
    pub is_read_only: bool,
    /// True if its value is never shown.
    pub is_sensitive: bool,
    /// All settings of the same thing, the one that acts first.
    pub synonyms: Vec<ConfigSynonym>,
}

/// A weaker or equal setting of the same thing.
///
/// Shown at [`Admin::describe_configs`](crate::Admin::describe_configs).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConfigSynonym {
    /// Its key.
    pub name: String,
    /// Its value; `None` if it has none or is secret.
    pub value: Option<String>,
    /// Where it stands.
    pub source: ConfigSource,
}

/// One config, and what its broker says of it.
///
/// Shown at [`Admin::documented_configs`](crate::Admin::documented_configs).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DocumentedConfig {
    /// How it acts now.
    pub entry: ConfigEntry,
    /// What its value is, in Kafka's words: `LONG`, `LIST`; `None` where the broker does not tell.
    pub config_type: Option<&'static str>,
    /// What it is for, as its authors say it, with their markup; `None` where the broker does not
    /// tell.
    pub documentation: Option<String>,
}

/// Where a value comes from (`DescribeConfigsResponse.ConfigSource`).
///
/// Shown at [`Admin::describe_configs`](crate::Admin::describe_configs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct ConfigSource(pub i8);

impl ConfigSource {
    /// Set on the topic.
    pub const DYNAMIC_TOPIC: ConfigSource = ConfigSource(1);
    /// Set on the broker, while it runs.
    pub const DYNAMIC_BROKER: ConfigSource = ConfigSource(2);
    /// Set for all brokers, while they run.
    pub const DYNAMIC_DEFAULT_BROKER: ConfigSource = ConfigSource(3);
    /// A level that a logger has.
    pub const DYNAMIC_BROKER_LOGGER: ConfigSource = ConfigSource(6);
    /// Set on the subscription to clients' metrics.
    pub const DYNAMIC_CLIENT_METRICS: ConfigSource = ConfigSource(7);
    /// Set on the group.
    pub const DYNAMIC_GROUP: ConfigSource = ConfigSource(8);
    /// Nobody set it.
    pub const DEFAULT: ConfigSource = ConfigSource(5);

    /// Kafka's word.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "DYNAMIC_TOPIC_CONFIG",
            2 => "DYNAMIC_BROKER_CONFIG",
            3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
            4 => "STATIC_BROKER_CONFIG",
            5 => "DEFAULT_CONFIG",
            6 => "DYNAMIC_BROKER_LOGGER_CONFIG",
            7 => "DYNAMIC_CLIENT_METRICS_CONFIG",
            8 => "DYNAMIC_GROUP_CONFIG",
            _ => "UNKNOWN",
        }
    }
}

impl Resource {
    /// The configs of a topic.
    pub fn topic(name: impl Into<String>) -> Resource {
        Resource { kind: ResourceKind::Topic, name: name.into() }
    }

    /// A broker answers only for itself.
    pub(super) fn target(&self) -> Target {
        match self.kind {
            ResourceKind::Broker | ResourceKind::BrokerLogger => {
                self.name.parse().map_or(Target::Any, |id| Target::Node(NodeId(id)))
            }
            ResourceKind::Topic | ResourceKind::ClientMetrics | ResourceKind::Group => Target::Any,
        }
    }
}

/// What comes along with the values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Values,
    /// And the settings that do not act.
    Synonyms,
    /// And what each config is for.
    Documentation,
}

impl Admin {
    /// The configs of resources, in the broker's order: of all keys, or of these.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::{ConfigSource, Resource};
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let resources = [Resource::topic("orders")];
    /// for (topic, entries) in admin.describe_configs(&resources, Some(&["retention.ms"])).await? {
    ///     for it in entries? {
    ///         println!("{topic}: {}={:?} ({})", it.name, it.value, it.source.name());
    ///         for weaker in it.synonyms {
    ///             println!("    or else {:?} ({})", weaker.value, weaker.source.name());
    ///         }
    ///         assert_eq!(it.source, ConfigSource::DEFAULT);
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if a broker does not answer in time; each resource has its own result.
    pub async fn describe_configs(
        &self,
        resources: &[Resource],
        keys: Option<&[&str]>,
    ) -> Result<PerItem<Vec<ConfigEntry>>, Error> {
        Ok(bare(self.describe_configs_with(resources, keys, Detail::Synonyms).await?))
    }

    /// The same without the settings that do not act: half the bytes, for who asks of a thousand
    /// topics. Resources that one broker can answer for are one request if they stand together.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::Resource;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let resources = [Resource::topic("orders")];
    /// for (topic, entries) in admin.config_values(&resources, Some(&["cleanup.policy"])).await? {
    ///     let entries = entries?;
    ///     println!("{topic}: {:?}", entries[0].value);
    ///     assert!(entries[0].synonyms.is_empty());
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if a broker does not answer in time; each resource has its own result.
    pub async fn config_values(
        &self,
        resources: &[Resource],
        keys: Option<&[&str]>,
    ) -> Result<PerItem<Vec<ConfigEntry>>, Error> {
        Ok(bare(self.describe_configs_with(resources, keys, Detail::Values).await?))
    }

    /// All configs of one resource, each with what it is for. Brokers before 2.6 tell no types and
    /// no documentation.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::Resource;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// for it in admin.documented_configs(&Resource::topic("orders")).await? {
    ///     let (name, kind) = (&it.entry.name, it.config_type.unwrap_or("?"));
    ///     println!("{name} ({kind}): {}", it.documentation.unwrap_or_default());
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The broker does not answer in time; there is no such resource.
    pub async fn documented_configs(
        &self,
        resource: &Resource,
    ) -> Result<Vec<DocumentedConfig>, Error> {
        let resources = std::slice::from_ref(resource);
        let found = self.describe_configs_with(resources, None, Detail::Documentation).await?;
        let lacks = || Error::protocol(ApiKey::DescribeConfigs, "the answer is empty");
        found.into_iter().next().ok_or_else(lacks)?.1
    }

    async fn describe_configs_with(
        &self,
        resources: &[Resource],
        keys: Option<&[&str]>,
        detail: Detail,
    ) -> Result<PerItem<Vec<DocumentedConfig>>, Error> {
        let mut results: PerItem<Vec<DocumentedConfig>> = Vec::with_capacity(resources.len());
        let mut rest = resources;
        while let Some(first) = rest.first() {
            let target = first.target();
            let alike = rest.iter().take_while(|it| it.target() == target).count();
            let (together, others) = rest.split_at(alike);
            results.extend(self.describe_configs_at(target, together, keys, detail).await?);
            rest = others;
        }
        // The cluster's id comes with Metadata only.
        self.client.know_brokers().await?;
        Ok(results)
    }

    async fn describe_configs_at(
        &self,
        target: Target,
        resources: &[Resource],
        keys: Option<&[&str]>,
        detail: Detail,
    ) -> Result<PerItem<Vec<DocumentedConfig>>, Error> {
        let keys: Option<Vec<String>> =
            keys.map(|it| it.iter().map(|key| (*key).to_owned()).collect());
        let request = DescribeConfigsRequest {
            resources: resources
                .iter()
                .map(|it| DescribeConfigsResource {
                    resource_type: it.kind as i8,
                    resource_name: it.name.clone(),
                    configuration_keys: keys.clone(),
                })
                .collect(),
            include_synonyms: Detail::Synonyms <= detail,
            include_documentation: detail == Detail::Documentation,
        };
        let limit = self.client.limit("DescribeConfigs");
        if let Target::Node(_) = target {
            self.client.know_brokers().await?;
        }
        let wanted = Wanted::any::<DescribeConfigsRequest>();
        let response = self.client.call(target, wanted, limit, |_| request.clone()).await?;
        let named = |it: &DescribeConfigsResult| (it.resource_type, it.resource_name.clone());
        let answers: BTreeMap<(i8, String), &DescribeConfigsResult> =
            response.results.iter().map(|it| (named(it), it)).collect();
        let found = resources.iter().map(|resource| {
            let result = match answers.get(&(resource.kind as i8, resource.name.clone())) {
                Some(result) => entries(resource, result),
                None => {
                    let reason = format!("the answer lacks {}", resource.name);
                    Err(Error::protocol(ApiKey::DescribeConfigs, reason))
                }
            };
            (resource.name.clone(), result)
        });
        Ok(found.collect())
    }
}

/// The same without what each is for.
fn bare(found: PerItem<Vec<DocumentedConfig>>) -> PerItem<Vec<ConfigEntry>> {
    let entries = |it: Vec<DocumentedConfig>| it.into_iter().map(|it| it.entry).collect();
    found.into_iter().map(|(name, found)| (name, found.map(entries))).collect()
}

fn entries(
    resource: &Resource,
    it: &DescribeConfigsResult,
) -> Result<Vec<DocumentedConfig>, Error> {
    let code = ErrorCode::from_code(it.error_code);
    if !code.is_none() {
        let (subject, message) = (resource.subject(), it.error_message.clone());
        return Err(Error::Broker { api: ApiKey::DescribeConfigs, code, subject, message });
    }
    Ok(it.configs.iter().map(documented).collect())
}

fn documented(it: &DescribeConfigsResourceResult) -> DocumentedConfig {
    let documentation = it.documentation.clone().filter(|it| !it.is_empty());
    DocumentedConfig { entry: entry(it), config_type: type_name(it.config_type), documentation }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for DocumentedConfig {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<DocumentedConfig, D::Error> {
        /// The same with a word of its own.
        #[derive(serde::Deserialize)]
        struct Read {
            entry: ConfigEntry,
            config_type: Option<String>,
            documentation: Option<String>,
        }
        let Read { entry, config_type, documentation } = Read::deserialize(from)?;
        // A type that Kafka does not have is none.
        let known = |word: String| (1..=9).filter_map(type_name).find(|it| *it == word);
        Ok(DocumentedConfig { entry, config_type: config_type.and_then(known), documentation })
    }
}

/// Kafka's numbers (`DescribeConfigsResponse.ConfigType`).
fn type_name(number: i8) -> Option<&'static str> {
    Some(match number {
        1 => "BOOLEAN",
        2 => "STRING",
        3 => "INT",
        4 => "SHORT",
        5 => "LONG",
        6 => "DOUBLE",
        7 => "LIST",
        8 => "CLASS",
        9 => "PASSWORD",
        _ => return None,
    })
}

fn entry(it: &DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        name: it.name.clone(),
        value: it.value.clone(),
        source: ConfigSource(it.config_source),
        is_read_only: it.read_only,
        is_sensitive: it.is_sensitive,
        synonyms: it.synonyms.iter().map(synonym).collect(),
    }
}

fn synonym(it: &DescribeConfigsSynonym) -> ConfigSynonym {
    ConfigSynonym {
        name: it.name.clone(),
        value: it.value.clone(),
        source: ConfigSource(it.source),
    }
}
