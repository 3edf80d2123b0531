//! What a member's caller does when partitions come and go, and with the outcome of commits.

use kt_client::Error;
use kt_client::consumer::group::LossCause;
use kt_client::consumer::group::membership::Event;
use kt_client::consumer::group::request::Effect;
use kt_protocol::types::Now;

use super::{Begins, COMMIT_TIMEOUT, Member, Waits};
use crate::client_history::ClientSeen;
use crate::clients::cluster;
use crate::clients::program::Desk;

impl Member {
    /// Does what the machine says, one thing after the other, until something has to be waited for.
    pub(super) fn look_at_events(
        &mut self,
        now: Now,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        while let Some(event) = self.machine.event() {
            desk.note(format_args!("{event:?}"));
            match event {
                Event::Revoke(gone) => {
                    // Until it has given them back they are its own, in this generation too.
                    self.note_owned(desk)?;
                    let (last, timeout) = (self.last_commit(), COMMIT_TIMEOUT);
                    let id = self.machine.commit_sync(now.monotonic, last, timeout, effects);
                    self.waits = Waits::GivesBack(gone, id);
                    return Ok(());
                }
                Event::Lost(gone) => {
                    gone.iter().for_each(|it| self.reading.unassign(it));
                    self.acknowledge(now, effects, desk)?;
                }
                Event::Assign(added) if added.is_empty() => {
                    self.acknowledge(now, effects, desk)?;
                }
                Event::Assign(added) => {
                    self.waits = Waits::Begins(added, Begins::Asks);
                    self.ask_for_offsets(desk);
                    return Ok(());
                }
                Event::Failed(_) => self.acknowledge(now, effects, desk)?,
            }
        }
        match self.machine.membership().fatal() {
            None => Ok(()),
            // A request of a former life came late: whoever runs it starts it again.
            Some(error) if is_fenced(error) && self.role.instance_id.is_some() => {
                self.is_over = true;
                Ok(())
            }
            Some(error) => Err(format!("{} can not be a member: {error}", self.life)),
        }
    }

    pub(super) fn acknowledge(
        &mut self,
        now: Now,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        self.machine.acknowledge(now.monotonic, effects);
        self.note_owned(desk)
    }

    fn note_owned(&self, desk: &mut Desk) -> Result<(), String> {
        let membership = self.machine.membership();
        let Some(generation) = membership.identity().generation else { return Ok(()) };
        let places: Result<Vec<_>, String> =
            membership.owned().iter().map(cluster::place).collect();
        let (group, life) = (self.role.group, self.life);
        let (generation, places) = (generation.0, places?);
        desk.see(ClientSeen::Owns { group, life, generation, places });
        Ok(())
    }

    /// Commits that have ended; one of them may be what the caller waits for.
    pub(super) fn look_at_commits(
        &mut self,
        now: Now,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        // What follows a commit may be another one, which ends at once.
        loop {
            let done = self.machine.take_done();
            if done.is_empty() {
                break;
            }
            for it in done {
                desk.note(format_args!("committed {:?}: {:?}", it.id, it.result.as_ref().err()));
                if it.result.is_ok() {
                    for (partition, offset) in &it.offsets {
                        let (group, place) = (self.role.group, cluster::place(partition)?);
                        desk.see(ClientSeen::Committed { group, place, offset: offset.offset.0 });
                    }
                }
                self.go_on_after(now, it.id, effects, desk)?;
            }
        }
        if matches!(self.waits, Waits::Left) && !self.machine.membership().is_leaving() {
            self.is_over = true;
        }
        Ok(())
    }

    fn go_on_after(
        &mut self,
        now: Now,
        done: kt_client::consumer::group::commits::CommitId,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        match std::mem::replace(&mut self.waits, Waits::No) {
            Waits::Commit(id) if id == done => {}
            Waits::GivesBack(gone, id) if id == done => {
                gone.iter().for_each(|it| self.reading.unassign(it));
                self.acknowledge(now, effects, desk)?;
                self.look_at_events(now, effects, desk)?;
            }
            Waits::Parts(id) if id == done => {
                let all: Vec<_> = self.reading.given.keys().cloned().collect();
                all.iter().for_each(|it| self.reading.unassign(it));
                self.machine.leave(now.monotonic, "the consumer is being closed", effects);
                self.waits = Waits::Left;
            }
            other => self.waits = other,
        }
        Ok(())
    }
}

fn is_fenced(error: &Error) -> bool {
    match error {
        Error::GroupLost { cause, .. } => *cause == LossCause::Fenced,
        Error::Broker { code, .. } => *code == kt_protocol::ErrorCode::FencedInstanceId,
        _ => false,
    }
}
