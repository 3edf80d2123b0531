//! A random walk of clients, operators, time and failovers over one shard.

use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::messages::{
    LeaveGroupRequest, OffsetCommitKey, OffsetCommitValue, OffsetDeleteRequest,
    leave_group_request, offset_delete_request,
};
use kt_protocol::types::PartitionIndex;

use super::checks::{Promises, all_empty, same_after_load};
use super::client::{Client, PARTITIONS, Stage};
use crate::group::owner::Owner;
use crate::group::{Answer, Caller, GroupConfig, Outcome, TransactionResult};
use crate::random::Random;

const CLIENTS: usize = 8;

/// Longer than any session or rebalance of the walk.
const SILENCE_MS: u64 = 30 * 60 * 1000;

/// More calls than that in one moment are a loop.
const DEADLINE_CALLS_MAX: usize = 1_000;

struct Walk {
    owner: Owner<u64>,
    random: Random,
    clients: Vec<Client>,
    promises: Promises,
    /// What open transactions would commit, by producer.
    pending: Vec<(i64, String, i32, i64)>,
    next_token: u64,
    next_offset: i64,
}

/// Walks so many steps, and checks all the way.
pub(super) fn walk(seed: u64, steps: usize) -> Result<(), String> {
    let mut random = Random::new(seed);
    let config = GroupConfig {
        initial_rebalance_delay_ms: 1_000 * random.below(3) as u64,
        max_size: 2 + random.below(6),
        // Offsets do not expire in a walk; the scan runs all the same.
        offsets_retention_ms: i64::MAX,
        offsets_retention_check_interval_ms: 7_000_000,
        ..GroupConfig::default()
    };
    let mut walk = Walk {
        owner: Owner::new(config, seed),
        random,
        clients: (0..CLIENTS).map(Client::new).collect(),
        promises: Promises::default(),
        pending: Vec::new(),
        next_token: 0,
        next_offset: 0,
    };
    for _ in 0..steps {
        walk.step()?;
    }
    walk.end()
}

impl Walk {
    fn step(&mut self) -> Result<(), String> {
        match self.random.below(100) {
            0..15 => {
                let ms = self.random.below(4_000) as u64;
                self.pass(ms)
            }
            15..85 => {
                let number = self.random.below(CLIENTS);
                self.act(number)
            }
            85..88 => self.operate(),
            88..92 => self.transact(),
            92..93 => {
                self.owner.reload();
                self.promises.reload();
                self.clients.iter_mut().for_each(|it| it.waits_for = None);
                Ok(())
            }
            93..96 => {
                let number = self.random.below(CLIENTS);
                self.clients[number].crash();
                Ok(())
            }
            _ => {
                self.promises.offsets(&self.owner.shard)?;
                same_after_load(&self.owner)
            }
        }
    }

    /// Lets time pass from deadline to deadline.
    fn pass(&mut self, ms: u64) -> Result<(), String> {
        let end = self.owner.now.monotonic + ms;
        let mut calls = 0;
        while let Some(due) = self.owner.shard.next_deadline().filter(|it| *it <= end) {
            if due <= self.owner.now.monotonic {
                calls += 1;
            } else {
                calls = 0;
                self.owner.advance(due - self.owner.now.monotonic);
            }
            if DEADLINE_CALLS_MAX < calls {
                return Err(format!("the deadline {due:?} is never over"));
            }
            let outcome = self.owner.shard.on_deadline(self.owner.now);
            self.take(outcome)?;
        }
        self.owner.advance(end - self.owner.now.monotonic);
        Ok(())
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.promises.open.insert(self.next_token);
        self.next_token
    }

    fn act(&mut self, number: usize) -> Result<(), String> {
        let chance = self.random.below(10);
        let stage = self.clients[number].stage;
        match (self.clients[number].waits_for.is_some(), stage, chance) {
            // It lost its patience, or its connection, and asks again; mostly it waits.
            (true, Stage::Joining, 0) | (false, Stage::Joining, _) => self.join(number),
            (true, Stage::Syncing, 0) | (false, Stage::Syncing, _) => self.sync(number),
            (true, _, _) => Ok(()),
            (false, Stage::Reading, 0) => self.join(number),
            (false, Stage::Reading, 1) => self.leave(number),
            (false, Stage::Reading, 2..5) => self.commit(number),
            (false, Stage::Reading, _) => self.heartbeat(number),
        }
    }

    fn join(&mut self, number: usize) -> Result<(), String> {
        let token = self.token();
        let client = &mut self.clients[number];
        client.waits_for = Some(token);
        client.stage = Stage::Joining;
        let request = client.join_request(&mut self.random);
        let caller = Caller { client_id: &client.name, client_host: "/10.0.0.1" };
        let (now, version) = (self.owner.now, client.version);
        let outcome = self.owner.shard.join_group(now, token, version, caller, &request);
        self.take(outcome)
    }

    fn sync(&mut self, number: usize) -> Result<(), String> {
        let token = self.token();
        let client = &mut self.clients[number];
        client.waits_for = Some(token);
        let request = client.sync_request(&mut self.random);
        let (now, version) = (self.owner.now, client.version.min(5));
        let outcome = self.owner.shard.sync_group(now, token, version, &request);
        self.take(outcome)
    }

    fn heartbeat(&mut self, number: usize) -> Result<(), String> {
        let token = self.token();
        self.clients[number].waits_for = Some(token);
        let request = self.clients[number].heartbeat_request();
        let outcome = self.owner.shard.heartbeat(self.owner.now, token, &request);
        self.take(outcome)
    }

    /// Commits, sometimes as somebody who has slept for a generation.
    fn commit(&mut self, number: usize) -> Result<(), String> {
        self.next_offset += 1;
        let (partition, offset) = (self.random.below(PARTITIONS) as i32, self.next_offset);
        let mut client = self.clients[number].clone();
        match self.random.below(6) {
            0 => client.generation -= 1,
            1 => {
                client.crash();
                client.instance_id = None;
            }
            _ => {}
        }
        let request = client.commit_request(partition, offset);
        let token = self.token();
        let outcome = self.owner.shard.commit_offsets(self.owner.now, token, 9, &request);
        if !outcome.records.is_empty() {
            self.promises.commit(&client.group_id, client.generation)?;
            let key = (client.group_id.clone(), PartitionIndex(partition));
            self.promises.committed.insert(key, offset);
        }
        self.take(outcome)
    }

    fn leave(&mut self, number: usize) -> Result<(), String> {
        let token = self.token();
        let client = &self.clients[number];
        let members = vec![leave_group_request::MemberIdentity {
            member_id: client.member_id.clone(),
            group_instance_id: client.instance_id.clone(),
            reason: None,
        }];
        let group_id = client.group_id.clone();
        let request = LeaveGroupRequest { group_id, members, ..Default::default() };
        self.clients[number].crash();
        let outcome = self.owner.shard.leave_group(self.owner.now, token, 5, &request);
        self.take(outcome)
    }

    /// Deletes a group, or an offset.
    fn operate(&mut self) -> Result<(), String> {
        let group_id = format!("g{}", self.random.below(2));
        let token = self.token();
        if self.random.below(2) == 0 {
            let outcome = self.owner.shard.delete_groups(token, std::slice::from_ref(&group_id));
            let is_deleted = outcome.answers.iter().any(|(_, answer)| {
                matches!(answer, Answer::DeleteGroups(results) if results[0].error_code == 0)
            });
            if is_deleted {
                self.promises.forget(&group_id);
                self.pending.retain(|(_, of, _, _)| *of != group_id);
            }
            return self.take(outcome);
        }
        let partition_index = self.random.below(PARTITIONS) as i32;
        let partitions =
            vec![offset_delete_request::OffsetDeleteRequestPartition { partition_index }];
        let name = "t0".to_owned();
        let topics = vec![offset_delete_request::OffsetDeleteRequestTopic { name, partitions }];
        let request = OffsetDeleteRequest { group_id: group_id.clone(), topics };
        let outcome = self.owner.shard.delete_offsets(token, &request);
        if !outcome.records.is_empty() {
            self.promises.committed.remove(&(group_id.clone(), PartitionIndex(partition_index)));
            self.pending.retain(|(_, of, at, _)| (of, *at) != (&group_id, partition_index));
        }
        self.take(outcome)
    }

    /// A log with transactions in it: an offset more in one, or the end of one.
    fn transact(&mut self) -> Result<(), String> {
        let producer_id = 1 + self.random.below(2) as i64;
        if self.random.below(2) == 0 {
            let group_id = format!("g{}", self.random.below(2));
            // Nothing else is committed there: which of two counts is what the transcripts show.
            let partition = (PARTITIONS + producer_id as usize) as i32;
            self.next_offset += 1;
            let offset = self.next_offset;
            let key =
                OffsetCommitKey { group: group_id.clone(), topic: "t0".to_owned(), partition };
            let value = Some(OffsetCommitValue { offset, ..Default::default() });
            let record = GroupCoordinatorRecord::OffsetCommit { key, value };
            self.owner.append_record(&record, producer_id);
            self.pending
                .retain(|(by, of, at, _)| (*by, of, *at) != (producer_id, &group_id, partition));
            self.pending.push((producer_id, group_id, partition, offset));
            return Ok(());
        }
        let result = match self.random.below(2) {
            0 => TransactionResult::Commit,
            _ => TransactionResult::Abort,
        };
        self.owner.end_transaction(producer_id, result);
        for (by, group_id, partition, offset) in std::mem::take(&mut self.pending) {
            if by != producer_id {
                self.pending.push((by, group_id, partition, offset));
            } else if result == TransactionResult::Commit {
                self.promises.committed.insert((group_id, PartitionIndex(partition)), offset);
            }
        }
        self.has_pending_as_told()
    }

    fn has_pending_as_told(&self) -> Result<(), String> {
        let held = self.owner.shard.transactions();
        let of_groups: usize = ["g0", "g1"].iter().map(|it| held.of_group(it).count()).sum();
        if held.iter().count() == self.pending.len() && of_groups == self.pending.len() {
            return Ok(());
        }
        Err(format!("pending are {:?}, not {held:?}", self.pending))
    }

    /// Appends, replays, and lets clients hear.
    fn take(&mut self, outcome: Outcome<u64>) -> Result<(), String> {
        let (_, answers) = self.owner.take(outcome);
        for (token, answer) in answers {
            self.promises.answered(token)?;
            let waiting = self.clients.iter().position(|it| it.waits_for == Some(token));
            if let Some(number) = waiting {
                self.clients[number].waits_for = None;
                self.hear(number, &answer)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, answer: &Answer) -> Result<(), String> {
        let client = &mut self.clients[number];
        match answer {
            Answer::JoinGroup(response) => {
                client.on_join(response);
                if response.error_code == 0 {
                    self.promises.enter(&client.group_id, response.generation_id)?;
                }
            }
            Answer::SyncGroup(response) => {
                let generation = client.generation;
                let partitions = client.on_sync(response);
                self.promises.own(&client.group_id, generation, &client.name, &partitions)?;
            }
            Answer::Heartbeat(response) => client.on_error(response.error_code, ""),
            other => {
                return Err(format!("{} asked for something else than {other:?}", client.name));
            }
        }
        Ok(())
    }

    /// Everybody falls silent.
    fn end(mut self) -> Result<(), String> {
        self.clients.iter_mut().for_each(|it| it.waits_for = None);
        self.pass(SILENCE_MS)?;
        if !self.promises.open.is_empty() {
            return Err(format!("never answered: {:?}", self.promises.open));
        }
        all_empty(&self.owner.shard)?;
        self.promises.offsets(&self.owner.shard)?;
        same_after_load(&self.owner)
    }
}
