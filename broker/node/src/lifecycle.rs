//! How this node joins its cluster: it takes over as controller, registers itself as controller and
//! as broker, reads its own registration, and asks to be unfenced.
//!
//! Each step is an ordinary decision of the controller in the same process, and follows the commit
//! of the one before. No request is answered before the last of them ([`Effect::Ready`]).

use kt_core::metadata::{SUPPORTED_FEATURES, VersionRange, VersionedRecord};
use kt_protocol::ErrorCode;
use kt_protocol::messages::broker_registration_request::{Feature, Listener as BrokerListener};
use kt_protocol::messages::controller_registration_request::{
    Feature as ControllerFeature, Listener as ControllerListener,
};
use kt_protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, ControllerRegistrationRequest,
};
use kt_protocol::types::{NodeId, Now, Uuid};

use crate::config::{BrokerConfig, Listener};
use crate::effect::Effect;
use crate::format::{Directories, reachable_host};
use crate::lock_rank::{Rank, RankedMutex};
use crate::machine::Machine;
use crate::metadata_log::Deciding;
use crate::node::Node;

/// What this process is to the cluster.
pub(crate) struct Lifecycle {
    node_id: NodeId,
    cluster_id: String,
    heartbeat_interval_ms: u64,
    registration: BrokerRegistrationRequest,
    controller: ControllerRegistrationRequest,
    /// -1 until the broker is registered.
    broker_epoch: RankedMutex<i64>,
}

impl Lifecycle {
    /// `incarnation_id` tells this process from the one before it; `previous_broker_epoch` is what
    /// the clean-shutdown marker says, -1 after a crash.
    pub(crate) fn new(
        config: &BrokerConfig,
        directories: &Directories,
        incarnation_id: Uuid,
        previous_broker_epoch: i64,
    ) -> Lifecycle {
        Lifecycle {
            node_id: config.node_id,
            cluster_id: directories.cluster_id.clone(),
            heartbeat_interval_ms: config.broker_heartbeat_interval_ms,
            registration: broker_registration(
                config,
                directories,
                incarnation_id,
                previous_broker_epoch,
            ),
            controller: controller_registration(config, incarnation_id),
            broker_epoch: RankedMutex::new(Rank::Waiter, -1),
        }
    }

    /// The cluster.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The broker's epoch, -1 until it is registered.
    pub(crate) fn broker_epoch(&self) -> i64 {
        *self.broker_epoch.lock()
    }

    /// Whether the controller knows this process.
    pub(crate) fn is_registered(&self) -> bool {
        0 <= self.broker_epoch()
    }

    /// What a broker says that wants to stop.
    pub(crate) fn last_heartbeat(&self) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest { want_shut_down: true, ..self.heartbeat(Vec::new()) }
    }

    fn heartbeat(&self, offline_log_dirs: Vec<Uuid>) -> BrokerHeartbeatRequest {
        let broker_epoch = self.broker_epoch();
        BrokerHeartbeatRequest {
            broker_id: self.node_id.0,
            broker_epoch,
            // A step follows the commit of the one before, so the registration has been read.
            current_metadata_offset: broker_epoch,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs,
            ..BrokerHeartbeatRequest::default()
        }
    }
}

impl Node {
    /// Begins to take part, after the metadata log was opened.
    pub(crate) fn join(&self, now: Now, bootstrap: &[VersionedRecord], effects: &mut Vec<Effect>) {
        let metadata = &self.metadata;
        let took_over = metadata.submit(
            now,
            |it| it.controller.activate(now, bootstrap),
            |_, _, (), _| {},
            effects,
        );
        let controller = &self.lifecycle.controller;
        let registered = metadata.submit(
            now,
            |it| it.controller.register_controller(controller),
            |_, _, _, _| {},
            effects,
        );
        let registration = &self.lifecycle.registration;
        let broker = metadata.submit(
            now,
            |it| it.controller.register_broker(now, registration, it.next_offset),
            |node, now, response, effects| node.on_registered(now, &response, effects),
            effects,
        );
        // A failed append has said so itself.
        let _ = (took_over, registered, broker);
    }

    fn on_registered(
        &self,
        now: Now,
        response: &BrokerRegistrationResponse,
        effects: &mut Vec<Effect>,
    ) {
        let error = ErrorCode::from_code(response.error_code);
        if !error.is_none() {
            effects.push(refused(error));
            return;
        }
        *self.lifecycle.broker_epoch.lock() = response.broker_epoch;
        let request = self.lifecycle.heartbeat(Vec::new());
        let beat = self.metadata.submit(
            now,
            |it| it.controller.broker_heartbeat(now, &request),
            |node, now, response, effects| node.on_first_heartbeat(now, &response, effects),
            effects,
        );
        let _ = beat;
    }

    fn on_first_heartbeat(
        &self,
        now: Now,
        response: &BrokerHeartbeatResponse,
        effects: &mut Vec<Effect>,
    ) {
        let error = ErrorCode::from_code(response.error_code);
        if !error.is_none() || response.is_fenced {
            effects.push(refused(error));
            return;
        }
        self.assign_unsaid(now, effects);
        effects.push(Effect::Ready);
        self.await_heartbeat(now, effects);
    }

    /// Keeps the broker's session alive; says nothing to the log while nothing changes.
    pub(crate) fn on_heartbeat_due(&self, now: Now, effects: &mut Vec<Effect>) {
        if self.stopping.has_begun() {
            return self.leave(now, effects);
        }
        let lost = self.replicas.lost_directories();
        let request = self.lifecycle.heartbeat(lost.map(|directory| directory.id).collect());
        let decide = |it: Deciding<'_>| it.controller.broker_heartbeat(now, &request);
        let beat = self.metadata.submit(now, decide, |_, _, _, _| {}, effects);
        if beat.is_ok() {
            self.await_heartbeat(now, effects);
        }
    }

    pub(crate) fn await_heartbeat(&self, now: Now, effects: &mut Vec<Effect>) {
        let due = now.monotonic + self.lifecycle.heartbeat_interval_ms;
        effects.push(Effect::WakeAt(Machine::Heartbeat.id(), due));
    }
}

fn refused(error: ErrorCode) -> Effect {
    Effect::Fatal {
        exit_code: 1,
        message: format!("the controller refused this broker's registration: {error}"),
    }
}

fn supported_features() -> impl Iterator<Item = (String, VersionRange)> {
    let ranges = SUPPORTED_FEATURES.iter();
    ranges.map(|(name, range)| ((*name).to_owned(), *range)).filter(|(_, range)| 0 < range.max)
}

fn advertised(config: &BrokerConfig) -> impl Iterator<Item = &Listener> {
    let is_brokers = |it: &&Listener| !config.is_controller_listener(&it.name);
    config.advertised_listeners.iter().filter(is_brokers)
}

fn broker_registration(
    config: &BrokerConfig,
    directories: &Directories,
    incarnation_id: Uuid,
    previous_broker_epoch: i64,
) -> BrokerRegistrationRequest {
    let listener = |it: &Listener| BrokerListener {
        name: it.name.clone(),
        host: reachable_host(&it.host),
        port: it.port,
        security_protocol: it.protocol.id(),
    };
    let feature = |(name, range): (String, VersionRange)| Feature {
        name,
        min_supported_version: range.min,
        max_supported_version: range.max,
    };
    BrokerRegistrationRequest {
        broker_id: config.node_id.0,
        cluster_id: directories.cluster_id.clone(),
        incarnation_id,
        listeners: advertised(config).map(listener).collect(),
        features: supported_features().map(feature).collect(),
        rack: config.broker_rack.clone(),
        is_migrating_zk_broker: false,
        log_dirs: directories.log_dirs.iter().map(|(_, id)| *id).collect(),
        previous_broker_epoch,
    }
}

fn controller_registration(
    config: &BrokerConfig,
    incarnation_id: Uuid,
) -> ControllerRegistrationRequest {
    let listener = |it: &Listener| ControllerListener {
        name: it.name.clone(),
        host: reachable_host(&it.host),
        port: it.port,
        security_protocol: it.protocol.id(),
    };
    let controllers = config.listeners.iter().filter(|it| config.is_controller_listener(&it.name));
    let feature = |(name, range): (String, VersionRange)| ControllerFeature {
        name,
        min_supported_version: range.min,
        max_supported_version: range.max,
    };
    ControllerRegistrationRequest {
        controller_id: config.node_id.0,
        incarnation_id,
        zk_migration_ready: false,
        listeners: controllers.map(listener).collect(),
        features: supported_features().map(feature).collect(),
    }
}
