//! Brokers and controllers make themselves known (`ClusterControlManager`).

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use kt_protocol::messages::register_controller_record::{ControllerEndpoint, ControllerFeature};
use kt_protocol::messages::{
    BrokerRegistrationRequest, BrokerRegistrationResponse, ControllerRegistrationRequest,
    ControllerRegistrationResponse, RegisterBrokerRecord, RegisterControllerRecord,
    UnregisterBrokerRecord, UnregisterBrokerRequest, UnregisterBrokerResponse,
};
use kt_protocol::types::{NodeId, Now, Offset};

use super::leadership::BrokerTurn;
use super::{ApiError, Controller, Decision};
use crate::metadata::{
    BrokerRegistration, MetadataVersion, VersionRange, VersionedRecord, directory,
};

impl Controller {
    /// Registers a broker, or amends the registration of the same incarnation. `next_offset` is
    /// where the batch will be appended; it is the new broker epoch.
    ///
    /// A new incarnation starts fenced, and what the earlier one led has nobody to lead it until
    /// the new one is unfenced: a restart is a new leader epoch.
    pub fn register_broker(
        &mut self,
        now: Now,
        request: &BrokerRegistrationRequest,
        next_offset: Offset,
    ) -> Decision<BrokerRegistrationResponse> {
        match self.decide_registration(now, request, next_offset) {
            Ok((records, broker_epoch)) => {
                self.sessions.contact(NodeId(request.broker_id), now.monotonic);
                let response = BrokerRegistrationResponse { broker_epoch, ..Default::default() };
                Decision { records, response }
            }
            Err(error) => Decision::only(BrokerRegistrationResponse {
                error_code: error.code as i16,
                broker_epoch: -1,
                ..Default::default()
            }),
        }
    }

    /// Why [`Controller::register_broker`] would refuse: the response has a code only, and whoever
    /// runs the broker wants the sentence.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn check_registration(
        &self,
        now: Now,
        request: &BrokerRegistrationRequest,
    ) -> Result<(), ApiError> {
        self.decide_registration(now, request, Offset(0)).map(drop)
    }

    fn decide_registration(
        &self,
        now: Now,
        request: &BrokerRegistrationRequest,
        next_offset: Offset,
    ) -> Result<(Vec<VersionedRecord>, i64), ApiError> {
        if request.cluster_id != self.config.cluster_id {
            let (own, theirs) = (&self.config.cluster_id, &request.cluster_id);
            return Err(ApiError::new(
                ErrorCode::InconsistentClusterId,
                format!("Expected cluster ID {own}, but got cluster ID {theirs}"),
            ));
        }
        let id = NodeId(request.broker_id);
        let existing = self.image().brokers().get(id);
        let same = existing.filter(|it| it.incarnation_id == request.incarnation_id);
        let holds_session = existing.is_some_and(|it| self.has_valid_session(it, now.monotonic));
        if same.is_none() && holds_session {
            return Err(ApiError::new(
                ErrorCode::DuplicateBrokerRegistration,
                "Another broker is registered with that broker id.",
            ));
        }
        if request.is_migrating_zk_broker {
            return Err(ApiError::new(
                ErrorCode::BrokerIdNotRegistered,
                "Controller does not support registering ZK brokers.",
            ));
        }
        self.check_log_dirs(request)?;
        let version = self.image().features().metadata_version();
        let mut record = RegisterBrokerRecord {
            broker_id: request.broker_id,
            incarnation_id: request.incarnation_id,
            broker_epoch: next_offset.0,
            end_points: endpoints(request),
            features: self.broker_features(request)?,
            rack: request.rack.clone(),
            fenced: true,
            log_dirs: request.log_dirs.clone(),
            ..Default::default()
        };
        let mut records = Vec::new();
        match same {
            None => records.extend(self.partition_changes(BrokerTurn::Leaves(id))),
            Some(same) => keep(&mut record, same),
        }
        let epoch = record.broker_epoch;
        records.push(VersionedRecord::new(record, version.register_broker_record_version()));
        Ok((records, epoch))
    }

    fn check_log_dirs(&self, request: &BrokerRegistrationRequest) -> Result<(), ApiError> {
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidRegistration, message);
        if request.log_dirs.is_empty() {
            return Err(invalid("No directories specified in request".to_owned()));
        }
        if request.log_dirs.iter().any(|it| directory::is_reserved(*it)) {
            return Err(invalid("Reserved directory ID in request".to_owned()));
        }
        let distinct: BTreeSet<_> = request.log_dirs.iter().collect();
        if distinct.len() != request.log_dirs.len() {
            return Err(invalid("Duplicate directory ID in request".to_owned()));
        }
        for other in self.image().brokers().iter() {
            let shared = other.log_dirs.iter().find(|it| distinct.contains(it));
            if let Some(shared) = shared.filter(|_| other.id.0 != request.broker_id) {
                return Err(invalid(format!(
                    "Broker {} is already registered with directory {shared}",
                    other.id
                )));
            }
        }
        Ok(())
    }

    /// Every finalized level must lie in what the broker supports; of a feature that it does not
    /// name it supports only level 0.
    fn broker_features(
        &self,
        request: &BrokerRegistrationRequest,
    ) -> Result<Vec<BrokerFeature>, ApiError> {
        let mut ranges: BTreeMap<&str, VersionRange> = BTreeMap::new();
        for it in &request.features {
            let range =
                VersionRange { min: it.min_supported_version, max: it.max_supported_version };
            ranges.insert(&it.name, range);
        }
        let oldest = MetadataVersion::OLDEST.level();
        ranges.entry(MetadataVersion::FEATURE).or_insert(VersionRange { min: oldest, max: oldest });
        let features = self.image().features();
        for (name, level) in features.finalized() {
            let range = ranges.get(name).copied().unwrap_or(VersionRange { min: 0, max: 0 });
            check_level(name, level, range)?;
        }
        for (name, range) in &ranges {
            check_level(name, features.level(name), *range)?;
        }
        let feature = |(name, range): (&str, VersionRange)| BrokerFeature {
            name: name.to_owned(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        Ok(ranges.into_iter().map(feature).collect())
    }

    /// Makes a controller known.
    pub fn register_controller(
        &self,
        request: &ControllerRegistrationRequest,
    ) -> Decision<ControllerRegistrationResponse> {
        let endpoints = request.listeners.iter().map(|it| ControllerEndpoint {
            name: it.name.clone(),
            host: it.host.clone(),
            port: it.port,
            security_protocol: it.security_protocol,
        });
        let features = request.features.iter().map(|it| ControllerFeature {
            name: it.name.clone(),
            min_supported_version: it.min_supported_version,
            max_supported_version: it.max_supported_version,
        });
        let record = RegisterControllerRecord {
            controller_id: request.controller_id,
            incarnation_id: request.incarnation_id,
            zk_migration_ready: false,
            end_points: endpoints.collect(),
            features: features.collect(),
        };
        let response = ControllerRegistrationResponse::default();
        Decision { records: vec![VersionedRecord::v0(record)], response }
    }

    /// Forgets a broker that will not come back.
    pub fn unregister_broker(
        &self,
        request: &UnregisterBrokerRequest,
    ) -> Decision<UnregisterBrokerResponse> {
        let id = NodeId(request.broker_id);
        let Some(broker) = self.image().brokers().get(id) else {
            let message = format!("Broker ID {id} is not currently registered");
            return Decision::only(UnregisterBrokerResponse {
                error_code: ErrorCode::BrokerIdNotRegistered as i16,
                error_message: Some(message),
                ..Default::default()
            });
        };
        let mut records = self.partition_changes(BrokerTurn::Leaves(id));
        let record = UnregisterBrokerRecord { broker_id: id.0, broker_epoch: broker.epoch };
        records.push(VersionedRecord::v0(record));
        Decision { records, response: UnregisterBrokerResponse::default() }
    }

    /// Checks that a broker speaks as its newest registration.
    pub(super) fn check_broker_epoch(
        &self,
        broker_id: i32,
        epoch: i64,
    ) -> Result<&BrokerRegistration, ApiError> {
        let broker = self.image().brokers().get(NodeId(broker_id)).ok_or_else(|| {
            ApiError::new(
                ErrorCode::StaleBrokerEpoch,
                format!("No broker registration found for broker id {broker_id}"),
            )
        })?;
        if broker.epoch != epoch {
            let expected = broker.epoch;
            return Err(ApiError::new(
                ErrorCode::StaleBrokerEpoch,
                format!("Expected broker epoch {expected}, but got broker epoch {epoch}"),
            ));
        }
        Ok(broker)
    }
}

/// The same incarnation keeps its epoch and what it is.
fn keep(record: &mut RegisterBrokerRecord, same: &BrokerRegistration) {
    record.broker_epoch = same.epoch;
    record.fenced = same.fenced;
    record.in_controlled_shutdown = same.in_controlled_shutdown;
    record.cordoned_log_dirs.clone_from(&same.cordoned_log_dirs);
}

fn check_level(name: &str, level: i16, range: VersionRange) -> Result<(), ApiError> {
    if range.contains(level) {
        return Ok(());
    }
    let VersionRange { min, max } = range;
    Err(ApiError::new(
        ErrorCode::UnsupportedVersion,
        format!(
            "Unable to register because the broker does not support finalized version {level} of {name}. The broker wants a version between {min} and {max}, inclusive."
        ),
    ))
}

fn endpoints(request: &BrokerRegistrationRequest) -> Vec<BrokerEndpoint> {
    let endpoint =
        |it: &kt_protocol::messages::broker_registration_request::Listener| BrokerEndpoint {
            name: it.name.clone(),
            host: it.host.clone(),
            port: it.port,
            security_protocol: it.security_protocol,
        };
    request.listeners.iter().map(endpoint).collect()
}
