//! What topics there are: a pattern needs to know before it joins, a leader before it shares out;
//! and both watch for changes afterwards.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::Millis;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Event, Membership, Phase, Role};
use crate::consumer::assignor::GroupTopics;
use crate::consumer::group::coordinator::wait_ms;
use crate::consumer::group::request::{Effect, RequestId};
use crate::consumer::group::subscription::KnownTopics;
use crate::duration::millis;
use crate::error::{Error, Subject};

/// What is known of topics, and what for.
#[derive(Debug, Default)]
pub(super) struct Watch {
    asking: Option<RequestId>,
    known: KnownTopics,
    answered_at: Option<Millis>,
    /// True if the answer came after the last JoinGroup was sent.
    is_fresh: bool,
    retry_at: Option<Millis>,
    is_pattern: bool,
    /// The topics that may not be read, of which the caller has heard.
    refused: BTreeSet<String>,
    /// What members want, if this one leads.
    pub(super) members_want: BTreeSet<String>,
    /// What was shared out, if this one did.
    pub(super) shared: Option<GroupTopics>,
}

impl Watch {
    /// A new subscription.
    pub(super) fn begin(&mut self, is_pattern: bool) {
        self.is_pattern = is_pattern;
        self.is_fresh = false;
        self.refused.clear();
        // An answer that is under way may be to the former question.
        self.asking = None;
    }

    /// JoinGroup is sent: what is known is old from now on.
    pub(super) fn begin_round(&mut self) {
        self.is_fresh = false;
        self.asking = None;
        self.shared = None;
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// The topics that the group wants and that exist.
    pub(super) fn of_group(&self) -> GroupTopics {
        self.known.of(&self.members_want)
    }

    pub(super) fn share(&mut self, is_leader: bool) {
        self.shared = is_leader.then(|| self.of_group());
    }
}

impl Membership {
    /// The topics that are to be read now.
    pub(super) fn wanted_topics(&self) -> BTreeSet<String> {
        let internal = self.config.internal_topics;
        let subscription = self.subscription.as_ref();
        subscription.map(|it| it.topics(&self.topics.known, internal)).unwrap_or_default()
    }

    pub(super) fn has_topics_to_join(&self) -> bool {
        self.topics.is_fresh || !self.topics.is_pattern
    }

    fn needs_topics(&self) -> bool {
        let leads = matches!(self.phase, Phase::Joined(Role::Leader(_) | Role::ReturnedLeader));
        let has_pattern_to_join = self.topics.is_pattern && self.rejoin.is_some();
        !self.topics.is_fresh && (leads || has_pattern_to_join || self.has_names_to_check())
    }

    /// Once in each generation a member asks whether it may read what it names: a leader shares out
    /// what is there, and tells nobody what is not.
    fn has_names_to_check(&self) -> bool {
        let is_in_generation =
            matches!(self.phase, Phase::Joined(_) | Phase::Syncing(_) | Phase::Stable);
        is_in_generation && !self.topics.is_pattern
    }

    pub(super) fn topics_deadline(&self) -> Option<Millis> {
        let topics = &self.topics;
        if topics.asking.is_some() {
            return None;
        }
        if self.needs_topics() {
            return topics.retry_at;
        }
        let is_watching = topics.is_pattern || topics.shared.is_some();
        let age = millis(self.config.metadata_max_age);
        let due = topics.answered_at.map(|it| it + age);
        due.max(topics.retry_at).filter(|_| is_watching)
    }

    pub(super) fn ask_for_topics(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let is_urgent = self.needs_topics() && self.topics.retry_at.is_none_or(|at| at <= now);
        let is_due = self.topics_deadline().is_some_and(|at| at <= now);
        if self.topics.asking.is_some() || !(is_urgent || is_due) {
            return;
        }
        let id = self.ids.next();
        self.topics.asking = Some(id);
        let topics = (!self.topics.is_pattern).then(|| {
            let mut names = self.wanted_topics();
            names.extend(self.topics.members_want.iter().cloned());
            names
        });
        effects.push(Effect::Metadata { id, topics });
    }

    /// Takes which of the topics that were asked for the cluster does not tell of. What only someone
    /// else can change the caller hears once.
    pub fn on_refused_topics(&mut self, refused: &BTreeMap<String, ErrorCode>) {
        let told = std::mem::take(&mut self.topics.refused);
        for (topic, code) in refused {
            let is_hopeless = matches!(
                code,
                ErrorCode::TopicAuthorizationFailed | ErrorCode::InvalidTopicException
            );
            let is_ours = self.subscription.as_ref().is_some_and(|it| it.covers(topic));
            if !is_hopeless || !is_ours {
                continue;
            }
            if !told.contains(topic) {
                let subject = Subject::Topic(topic.clone());
                self.emit(Event::Failed(Error::broker(ApiKey::Metadata, *code, subject)));
            }
            self.topics.refused.insert(topic.clone());
        }
    }

    /// Takes what topics there are of those that were asked for.
    pub fn on_topics(
        &mut self,
        now: Millis,
        id: RequestId,
        answer: Result<KnownTopics, Error>,
        effects: &mut Vec<Effect>,
    ) {
        if self.topics.asking != Some(id) {
            return;
        }
        self.topics.asking = None;
        match answer {
            Ok(known) => {
                self.topics.known = known;
                self.topics.answered_at = Some(now);
                self.topics.is_fresh = true;
                self.topics.retry_at = None;
                self.note_changed_topics();
            }
            Err(error) if super::is_final(&error) => self.fail(error),
            Err(_) => {
                let wait = wait_ms(&mut self.backoff, &mut self.random);
                self.topics.retry_at = Some(now + wait);
            }
        }
        self.poll(now, effects);
    }

    /// Joins again if there is more to read, or to share out, than there was.
    pub(super) fn note_changed_topics(&mut self) {
        if self.rejoin.is_some() {
            return;
        }
        match self.phase {
            Phase::Outside => self.must_join("the consumer has subscribed"),
            Phase::Stable if self.wanted_topics() != self.joined_topics => {
                self.must_join("subscription has changed");
            }
            Phase::Stable
                if self.topics.shared.as_ref().is_some_and(|it| *it != self.topics.of_group()) =>
            {
                self.must_join("cached metadata has changed");
            }
            _ => {}
        }
    }
}
