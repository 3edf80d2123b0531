//! Hides what people chose: each name has a stand-in, the same wherever it is met in a recording.
//!
//! Numbers stay, and so do words that are Kafka's. Of what failed the kind and the code stay. Which
//! name a stand-in is for is known to the recording dashboard alone, and forgotten with it. A topic
//! that is really called `topic-3` may have another stand-in; its name is not hidden by that.

mod config;
mod names;

use std::collections::BTreeMap;

use kt_client::admin::{ConfigEntry, DocumentedConfig, GroupDescription, GroupMember};
use kt_client::{Broker, Topic};
use kt_protocol::types::{TopicPartition, Uuid};

use self::config::Of;
use self::names::{Ids, Names};
use super::line::Header;
use crate::config_entity::ConfigEntity;
use crate::tui::model::cluster::{Failure, LogDir, PerName, PerPartition, Said};

/// What was met so far.
#[derive(Debug)]
pub(super) struct Redactor {
    topics: Names,
    groups: Names,
    members: Names,
    instances: Names,
    clients: Names,
    hosts: Names,
    racks: Names,
    dirs: Names,
    clusters: Names,
    contexts: Names,
    listeners: Names,
    metrics: Names,
    /// Config keys that are not Kafka's.
    configs: Names,
    /// Kinds of members and ways to assign that are not Kafka's.
    words: Names,
    ids: Ids,
}

/// Kafka's own topics keep their names.
const INTERNAL: [&str; 4] =
    ["__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"];

/// Kinds of members, and assignors, that come with Kafka.
const WORDS: [&str; 11] = [
    "",
    "consumer",
    "connect",
    "share",
    "streams",
    "range",
    "roundrobin",
    "sticky",
    "cooperative-sticky",
    "uniform",
    "simple",
];

impl Redactor {
    pub(super) fn new() -> Redactor {
        Redactor {
            topics: Names::new("topic-", &INTERNAL),
            groups: Names::new("group-", &[]),
            members: Names::new("member-", &[""]),
            instances: Names::new("instance-", &[]),
            clients: Names::new("client-", &[""]),
            hosts: Names::new("host-", &[""]),
            racks: Names::new("rack-", &[""]),
            dirs: Names::new("/dir-", &[""]),
            clusters: Names::new("cluster-", &[]),
            contexts: Names::new("context-", &[]),
            listeners: Names::new("listener-", &[]),
            metrics: Names::new("metrics-", &[]),
            configs: Names::new("config-", &[]),
            words: Names::new("word-", &WORDS),
            ids: Ids::default(),
        }
    }

    pub(super) fn header(&mut self, header: &mut Header) {
        self.contexts.hide(&mut header.context);
        header.reach = None;
        header.redacted = true;
    }

    /// Hides what is in an answer.
    pub(super) fn answer(&mut self, said: &mut Result<Said, Failure>) {
        match said {
            Ok(said) => self.said(said),
            Err(failure) => hide_words(failure),
        }
    }

    fn said(&mut self, said: &mut Said) {
        match said {
            Said::Brokers(told) => {
                self.clusters.hide(&mut told.cluster_id);
                told.brokers.iter_mut().for_each(|it| self.broker(&mut it.broker));
            }
            Said::Metadata { brokers, topics } => {
                brokers.iter_mut().for_each(|it| self.broker(it));
                topics.iter_mut().for_each(|it| self.topic(it));
            }
            Said::Topic(topic) => self.topic(topic),
            Said::Offsets(_, found) => self.partitions(found, |_, _| {}),
            Said::Commits(found) => self.groups(found, |this, commits| {
                // What a committer wrote beside it can be anything.
                this.partitions(commits, |_, it| it.metadata.clear());
            }),
            Said::ShareCommits(found) => {
                self.groups(found, |this, shares| this.partitions(shares, |_, _| {}));
            }
            Said::Groups(listed) => {
                for it in listed {
                    self.groups.hide(&mut it.name);
                    self.words.hide(&mut it.protocol_type);
                }
            }
            Said::Members(found) => self.groups(found, Redactor::group),
            Said::Quorum(quorum) => {
                let all = quorum.voters.iter_mut().chain(&mut quorum.observers);
                all.for_each(|it| self.id(&mut it.directory));
            }
            Said::Moves(moves) => {
                *moves = std::mem::take(moves)
                    .into_iter()
                    .map(|(mut partition, it)| {
                        self.partition(&mut partition);
                        (partition, it)
                    })
                    .collect();
            }
            Said::LogDirs(dirs) => dirs.iter_mut().for_each(|it| self.log_dir(it)),
            Said::TopicConfigs(told) => {
                let entries: PerName<_> = std::mem::take(told)
                    .into_iter()
                    .map(|(mut topic, mut it)| {
                        self.topics.hide(&mut topic);
                        self.result(&mut it, |this, all| this.entries(all));
                        (topic, it)
                    })
                    .collect();
                *told = entries;
            }
            Said::BrokerConfigs(entries) => self.entries(entries),
            Said::Ages(found) => {
                for (partition, _, time) in found {
                    self.partition(partition);
                    self.result(time, |_, _| {});
                }
            }
            Said::EntityConfigs(entity, told) => {
                let of = match entity {
                    ConfigEntity::Logger(_) => Of::Loggers,
                    _ => Of::Others,
                };
                self.entity(entity);
                self.result(told, |this, all| {
                    all.iter_mut().for_each(|it| this.documented(of, it));
                });
            }
        }
    }

    fn broker(&mut self, it: &mut Broker) {
        self.hosts.hide(&mut it.host);
        if let Some(rack) = &mut it.rack {
            self.racks.hide(rack);
        }
    }

    fn topic(&mut self, it: &mut Topic) {
        self.topics.hide(&mut it.name);
        self.id(&mut it.id);
    }

    fn id(&mut self, id: &mut Uuid) {
        *id = self.ids.of(*id);
    }

    fn partition(&mut self, it: &mut TopicPartition) {
        self.topics.hide(&mut it.topic);
    }

    fn group(&mut self, it: &mut GroupDescription) {
        self.groups.hide(&mut it.name);
        self.words.hide(&mut it.protocol_type);
        if let Some(assignor) = &mut it.assignor {
            self.words.hide(assignor);
        }
        it.members.iter_mut().for_each(|member| self.member(member));
    }

    fn member(&mut self, it: &mut GroupMember) {
        self.members.hide(&mut it.member_id);
        if let Some(instance) = &mut it.instance_id {
            self.instances.hide(instance);
        }
        self.clients.hide(&mut it.client_id);
        self.hosts.hide(&mut it.host);
        it.assignment.iter_mut().for_each(|at| self.partition(at));
    }

    fn log_dir(&mut self, it: &mut LogDir) {
        self.dirs.hide(&mut it.path);
        self.result(&mut it.replicas, |this, replicas| {
            replicas.iter_mut().for_each(|it| this.partition(&mut it.partition));
        });
    }

    fn entries(&mut self, entries: &mut [ConfigEntry]) {
        entries.iter_mut().for_each(|it| self.entry(Of::Others, it));
    }

    fn entry(&mut self, of: Of, it: &mut ConfigEntry) {
        let Redactor { listeners, configs, .. } = self;
        config::hide(of, (&mut it.name, &mut it.value), listeners, configs);
        for weaker in &mut it.synonyms {
            config::hide(of, (&mut weaker.name, &mut weaker.value), listeners, configs);
        }
    }

    /// A text of a plugin could name anything; our own words for Kafka's keys are not in it.
    fn documented(&mut self, of: Of, it: &mut DocumentedConfig) {
        self.entry(of, &mut it.entry);
        it.documentation = None;
    }

    fn entity(&mut self, entity: &mut ConfigEntity) {
        match entity {
            ConfigEntity::Topic(name) => self.topics.hide(name),
            ConfigEntity::Group(name) => self.groups.hide(name),
            ConfigEntity::ClientMetrics(name) => self.metrics.hide(name),
            ConfigEntity::Broker(_) | ConfigEntity::BrokerDefault | ConfigEntity::Logger(_) => {}
        }
    }

    fn result<T>(&mut self, it: &mut Result<T, Failure>, hide: impl FnOnce(&mut Redactor, &mut T)) {
        match it {
            Ok(it) => hide(self, it),
            Err(failure) => hide_words(failure),
        }
    }

    fn partitions<T>(
        &mut self,
        found: &mut PerPartition<T>,
        mut hide: impl FnMut(&mut Redactor, &mut T),
    ) {
        let mut hidden = BTreeMap::new();
        for (mut partition, mut it) in std::mem::take(found) {
            self.partition(&mut partition);
            self.result(&mut it, &mut hide);
            hidden.insert(partition, it);
        }
        *found = hidden;
    }

    fn groups<T>(&mut self, found: &mut PerName<T>, mut hide: impl FnMut(&mut Redactor, &mut T)) {
        let mut hidden = BTreeMap::new();
        for (mut group, mut it) in std::mem::take(found) {
            self.groups.hide(&mut group);
            self.result(&mut it, &mut hide);
            hidden.insert(group, it);
        }
        *found = hidden;
    }
}

/// Words of brokers and of the system name what they are about.
fn hide_words(failure: &mut Failure) {
    failure.words = match failure.code {
        Some(code) => format!("{} (words are hidden)", code.name()),
        None => "words are hidden".to_owned(),
    };
}
