//! Who belongs to the cluster, whether it is up or not (DescribeCluster, KIP-1073).

use kt_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kt_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};
use crate::metadata::Broker;
use crate::pool::Lane;

/// From here on an answer tells brokers that are fenced too.
const FIRST_VERSION_OF_FENCED: i16 = 2;

/// The endpoints of brokers, not of controllers.
const BROKERS: i8 = 1;

/// The brokers of a cluster.
///
/// Shown at [`Admin::registered_brokers`](crate::Admin::registered_brokers).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RegisteredBrokers {
    /// The cluster's id.
    pub cluster_id: String,
    /// In the order of their numbers.
    pub brokers: Vec<RegisteredBroker>,
    /// What the answer covers.
    pub scope: BrokerScope,
}

/// A broker that belongs to the cluster.
///
/// Shown at [`Admin::registered_brokers`](crate::Admin::registered_brokers).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RegisteredBroker {
    /// Its number, and where it listens or did.
    pub broker: Broker,
    /// What the controller thinks of it.
    pub standing: BrokerStanding,
}

/// Whether a broker takes part.
///
/// Shown at [`Admin::registered_brokers`](crate::Admin::registered_brokers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum BrokerStanding {
    /// It leads and follows.
    Up,
    /// It has registered, and is down, starting or stopping.
    Fenced,
}

/// Which brokers an answer tells.
///
/// Shown at [`Admin::registered_brokers`](crate::Admin::registered_brokers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum BrokerScope {
    /// All that have registered.
    Registered,
    /// Those that are up: brokers before 4.0 do not tell the others.
    Up,
}

impl Admin {
    /// Asks any broker who belongs to the cluster, in one request if the first broker answers.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::BrokerStanding;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let registered = admin.registered_brokers().await?;
    /// for it in &registered.brokers {
    ///     println!("{} {}: {:?}", it.broker.id, it.broker.address(), it.standing);
    /// }
    /// assert_eq!(registered.brokers[0].standing, BrokerStanding::Up);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if no broker answers, or the one asked refuses; brokers before 2.8 cannot tell.
    pub async fn registered_brokers(&self) -> Result<RegisteredBrokers, Error> {
        let limit = self.client.limit("DescribeCluster");
        let wanted = Wanted::any::<DescribeClusterRequest>();
        let build = |version: i16| DescribeClusterRequest {
            endpoint_type: BROKERS,
            include_fenced_brokers: FIRST_VERSION_OF_FENCED <= version,
            ..Default::default()
        };
        self.client.know_brokers().await?;
        let once = || async {
            let connection = self.client.connection(Target::Any, Lane::Calls, limit).await?;
            let version = connection.version::<DescribeClusterRequest>(wanted)?;
            let response = self.client.call_on(&connection, wanted, limit, build).await?;
            Ok((version, response))
        };
        let (version, response) = self.client.retrying(limit, once).await?;
        let scope = match FIRST_VERSION_OF_FENCED <= version {
            true => BrokerScope::Registered,
            false => BrokerScope::Up,
        };
        registered(response, scope)
    }
}

fn registered(
    response: DescribeClusterResponse,
    scope: BrokerScope,
) -> Result<RegisteredBrokers, Error> {
    let code = ErrorCode::from_code(response.error_code);
    if !code.is_none() {
        let (subject, message) = (Subject::Request, response.error_message);
        return Err(Error::Broker { api: ApiKey::DescribeCluster, code, subject, message });
    }
    let mut brokers: Vec<RegisteredBroker> = response.brokers.into_iter().map(broker).collect();
    brokers.sort_by_key(|it| it.broker.id);
    Ok(RegisteredBrokers { cluster_id: response.cluster_id, brokers, scope })
}

fn broker(it: DescribeClusterBroker) -> RegisteredBroker {
    let DescribeClusterBroker { broker_id, host, port, rack, is_fenced, .. } = it;
    RegisteredBroker {
        broker: Broker { id: NodeId(broker_id), host, port, rack },
        standing: if is_fenced { BrokerStanding::Fenced } else { BrokerStanding::Up },
    }
}
