//! What members do: ask, leave, crash, stop, and go on as if nothing had happened.

use kt_node::{ConnectionId, Input, ReplyTo, Request};

use super::requests::{self, Committer, Sharing};
use super::{Asked, By, Member, Simulation, Stage, Waking, What};
use crate::group_history::GroupSeen;

/// How long a process is down, at most, in milliseconds.
const DOWN_MS_MAX: usize = 800;
/// How long a process is stopped, in milliseconds: longer than a session, or not.
const STOPPED_MS: std::ops::Range<usize> = 300..3_000;
/// How long after its end a former self commits, at most, in milliseconds.
const FORMER_MS_MAX: usize = 2_000;

impl Simulation {
    pub(super) fn act_as_member(&mut self, number: usize) -> Result<(), String> {
        let now = self.now();
        let chance = self.host.random.below(100);
        let member = &mut self.members[number];
        match member.stopped_until {
            Some(until) if now < until && !self.is_quiet => return Ok(()),
            _ => member.stopped_until = None,
        }
        if member.is_waiting {
            return match chance {
                0..3 if !self.is_quiet => self.lose_connection(number),
                _ => Ok(()),
            };
        }
        match member.stage {
            Stage::Down { until } if now < until => Ok(()),
            Stage::Down { .. } | Stage::Joining => {
                member.stage = Stage::Joining;
                let request = requests::join(member);
                self.ask_as_member(number, What::Join, request)
            }
            Stage::Syncing => self.sync(number),
            Stage::Reading if member.waking == Waking::Commits => {
                member.waking = Waking::Done;
                self.commit(number)
            }
            Stage::Reading => self.read(number, chance),
        }
    }

    fn sync(&mut self, number: usize) -> Result<(), String> {
        let sharing = match !self.is_quiet && self.one_in(6) {
            true => Sharing::AmongSome,
            false => Sharing::AmongAll,
        };
        let request = requests::sync(&self.members[number], sharing, &mut self.host.random);
        self.ask_as_member(number, What::Sync, request)
    }

    /// It has its partitions: mostly all goes well.
    fn read(&mut self, number: usize, chance: usize) -> Result<(), String> {
        let member = &self.members[number];
        match chance {
            0..5 if !self.is_quiet => {
                let ms = STOPPED_MS.start + self.host.random.below(STOPPED_MS.len());
                let until = self.now() + ms as u64;
                let member = &mut self.members[number];
                member.stopped_until = Some(until);
                member.waking = Waking::Commits;
                Ok(())
            }
            5..9 if !self.is_quiet => self.crash_member(number),
            9..13 if !self.is_quiet => {
                let request = requests::leave(member);
                self.ask_as_member(number, What::Leave, request)
            }
            13..15 if !self.is_quiet => self.lose_connection(number),
            15..40 => self.commit(number),
            40..50 => {
                let request = requests::fetch_offsets(&member.group);
                self.ask_as_member(number, What::Fetch, request)
            }
            _ => {
                let request = requests::heartbeat(member);
                self.ask_as_member(number, What::Heartbeat, request)
            }
        }
    }

    fn commit(&mut self, number: usize) -> Result<(), String> {
        let member = self.members[number].clone();
        let Some(partitions) = self.some_of(&member.partitions) else { return Ok(()) };
        let request = requests::commit(&by(&member), &partitions, self.next_request);
        self.note_commit(&by(&member), partitions);
        self.ask_as_member(number, What::Commit, request)
    }

    /// Somebody who is gone, or was never asked, commits what it had.
    pub(super) fn commit_as_former(&mut self, former: &Member) -> Result<(), String> {
        let Some(partitions) = self.some_of(&former.partitions) else { return Ok(()) };
        let request = requests::commit(&by(former), &partitions, self.next_request);
        self.note_commit(&by(former), partitions);
        let to = ReplyTo { connection: self.host.connect(), sequence: 0 };
        self.ask(to, By::Former, What::Commit, request)
    }

    /// Notes that the next request is this commit.
    pub(super) fn note_commit(&mut self, by: &Committer<'_>, partitions: Vec<i32>) {
        self.history.push(GroupSeen::CommitAsked {
            request: self.next_request,
            group: by.group.to_owned(),
            generation: by.generation,
            member_id: by.member_id.to_owned(),
            partitions,
        });
    }

    /// Some of these partitions, at least one; none if there are none.
    fn some_of(&mut self, partitions: &[i32]) -> Option<Vec<i32>> {
        let mut partitions = partitions.to_vec();
        self.host.random.shuffle(&mut partitions);
        let kept = 1 + self.host.random.below(partitions.len().max(1));
        partitions.truncate(kept);
        Some(partitions).filter(|it| !it.is_empty())
    }

    /// The process is killed. What it was may yet be on its way, or its machine only slept.
    fn crash_member(&mut self, number: usize) -> Result<(), String> {
        let now = self.now();
        let (down_ms, former_ms) =
            (self.host.random.below(DOWN_MS_MAX) as u64, self.host.random.below(FORMER_MS_MAX));
        if self.one_in(2) {
            self.formers.push((now + former_ms as u64, self.members[number].clone()));
        }
        self.lose_connection(number)?;
        self.members[number].go_down(now + down_ms);
        Ok(())
    }

    /// The node hears that the connection is gone, or does not: then it must still answer.
    fn lose_connection(&mut self, number: usize) -> Result<(), String> {
        let connection = self.members[number].connection;
        if self.one_in(2) {
            self.close(connection)?;
        } else {
            self.asked_on(connection).for_each(|(_, asked)| asked.by = By::Former);
        }
        let connection = self.host.connect();
        self.members[number].reconnect(connection);
        Ok(())
    }

    fn close(&mut self, connection: ConnectionId) -> Result<(), String> {
        let lost: Vec<ReplyTo> = self.asked_on(connection).map(|(to, _)| *to).collect();
        let at = self.now();
        for to in lost {
            if let Some(asked) = self.asked.remove(&to) {
                self.history.push(GroupSeen::ConnectionLost { request: asked.request, at });
            }
        }
        self.closed.insert(connection);
        self.host.trace.note(format_args!("close {connection:?}"));
        let news = self.host.call(Input::Closed(connection));
        self.take(news)
    }

    /// What was asked over a connection and not answered yet.
    fn asked_on(
        &mut self,
        connection: ConnectionId,
    ) -> impl Iterator<Item = (&ReplyTo, &mut Asked)> {
        let first = ReplyTo { connection, sequence: 0 };
        let last = ReplyTo { connection, sequence: u64::MAX };
        self.asked.range_mut(first..=last)
    }

    fn ask_as_member(&mut self, number: usize, what: What, request: Request) -> Result<(), String> {
        let member = &mut self.members[number];
        let to = ReplyTo { connection: member.connection, sequence: member.next_sequence };
        member.next_sequence += 1;
        member.is_waiting = true;
        if what == What::Fetch {
            let group = member.group.clone();
            self.history.push(GroupSeen::ReadAsked { request: self.next_request, group });
        }
        self.ask(to, By::Member(number), what, request)
    }

    pub(super) fn ask(
        &mut self,
        to: ReplyTo,
        by: By,
        what: What,
        request: Request,
    ) -> Result<(), String> {
        let number = self.next_request;
        self.next_request += 1;
        self.host.trace.note(format_args!("{by:?} asks {number} {what:?} on {}", to.connection.0));
        self.history.push(GroupSeen::Asked { request: number, at: self.now() });
        self.asked.insert(to, Asked { request: number, by, what });
        let news = self.host.call(Input::Request(to, request));
        self.take(news)
    }
}

fn by(member: &Member) -> Committer<'_> {
    Committer {
        group: &member.group,
        generation: member.generation,
        member_id: &member.member_id,
        instance_id: member.instance_id.as_deref(),
    }
}
