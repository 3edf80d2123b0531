//! The APIs that are built: which versions each is advertised with, where, and who answers.
//!
//! One file per API key. The table is what ApiVersions tells; a request that it does not hold
//! closes the connection, as Kafka does.

mod alter_configs;
mod api_versions;
mod authorized_operations;
mod context;
mod controller_change;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod fetch;
mod find_coordinator;
mod group_call;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod partition_view;
mod produce;
mod sync_group;

use kt_protocol::ApiKey;
use kt_protocol::api_key::ListenerKind;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

pub(crate) use context::{Context, Incoming};
pub(crate) use fetch::{
    close_connection as close_fetch, expire as expire_fetch, wake as wake_fetch,
};
pub(crate) use metadata::Answering;

use crate::effect::Effect;
use crate::input::{ReplyTo, Request};
use crate::node::Node;

type Handler = fn(&Node, Now, Incoming, &mut Vec<Effect>);

/// Which listeners serve an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listeners {
    Broker,
    Both,
}

/// One API that is built.
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    /// What ApiVersions tells. Versions that are told and not valid are refused when sent.
    pub(crate) advertised: Versions,
    pub(crate) listeners: Listeners,
    pub(crate) handle: Handler,
}

/// Every API that is built, by key.
pub(crate) const APIS: &[Api] = &[
    produce::API,
    fetch::API,
    list_offsets::API,
    metadata::API,
    offset_commit::API,
    offset_fetch::API,
    find_coordinator::API,
    join_group::API,
    heartbeat::API,
    leave_group::API,
    sync_group::API,
    describe_groups::API,
    list_groups::API,
    api_versions::API,
    create_topics::API,
    delete_topics::API,
    delete_records::API,
    init_producer_id::API,
    offset_for_leader_epoch::API,
    describe_configs::API,
    alter_configs::API,
    describe_log_dirs::API,
    create_partitions::API,
    delete_groups::API,
    incremental_alter_configs::API,
    list_partition_reassignments::API,
    offset_delete::API,
    describe_quorum::API,
    describe_cluster::API,
    describe_producers::API,
    list_config_resources::API,
    describe_topic_partitions::API,
];

impl Api {
    /// Whether a listener of this kind serves it.
    pub(crate) fn is_served_on(&self, listener: ListenerKind) -> bool {
        match self.listeners {
            Listeners::Broker => listener == ListenerKind::Broker,
            Listeners::Both => true,
        }
    }
}

/// What a listener serves, by key.
pub(crate) fn served_on(listener: ListenerKind) -> impl Iterator<Item = &'static Api> {
    APIS.iter().filter(move |api| api.is_served_on(listener))
}

/// Hands a request to its API, or closes the connection of one that nobody answers.
pub(crate) fn dispatch(
    node: &Node,
    now: Now,
    reply_to: ReplyTo,
    request: Request,
    effects: &mut Vec<Effect>,
) {
    let listener = match request.session.is_controller_listener {
        true => ListenerKind::Controller,
        false => ListenerKind::Broker,
    };
    let api = served_on(listener).find(|api| api.key.code() == request.api_key);
    let Some(api) = api else {
        let host = request.session.client_host;
        let text = format!("{host} sent API key {}, which is not served here", request.api_key);
        effects.push(Effect::Close(reply_to.connection, text));
        return;
    };
    let Request { session, api_version, correlation_id, client_id, frame, body_at, .. } = request;
    let key = api.key;
    let context = Context {
        reply_to,
        session,
        api_key: key,
        version: api_version,
        correlation_id,
        client_id,
    };
    if !key.valid_versions().contains(api_version) || !api.advertised.contains(api_version) {
        match key {
            ApiKey::ApiVersions => api_versions::refuse_version(context, effects),
            _ => context.close("this version is not supported", effects),
        }
        return;
    }
    node.counters.request(key);
    (api.handle)(node, now, Incoming { context, frame, body_at }, effects);
}
