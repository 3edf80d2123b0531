//! Threads that sync files side by side: the file system commits them together.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use kt_storage::{DiskError, File};

/// Syncs at once, the flusher's own among them. More only queue up in the device.
const SYNCS_MAX: usize = 4;

const STACK_BYTES: usize = 128 * 1024;

type Synced = (usize, Result<(), DiskError>);

/// The flusher's helpers, started when first needed.
#[derive(Default)]
pub(super) struct Crew {
    members: Vec<Member>,
}

struct Member {
    work: Sender<(usize, Arc<dyn File>)>,
    done: Receiver<Synced>,
}

impl Crew {
    /// Syncs each file once; results are in the order of the files.
    pub(super) fn sync_all(&mut self, files: &[Arc<dyn File>]) -> Vec<Result<(), DiskError>> {
        let shares = files.len().min(SYNCS_MAX);
        while self.members.len() + 1 < shares {
            // Without a thread the flusher does that share itself.
            let Ok(member) = Member::start() else { break };
            self.members.push(member);
        }
        let shares = shares.min(self.members.len() + 1);
        let mut results: Vec<Option<Result<(), DiskError>>> = vec![None; files.len()];
        let mut handed_out = vec![0; self.members.len()];
        for (index, file) in files.iter().enumerate() {
            let share = index % shares;
            if let Some(count) = share.checked_sub(1).and_then(|it| handed_out.get_mut(it)) {
                let member = &self.members[share - 1];
                let sent = member.work.send((index, file.clone()));
                sent.expect("a member works until the crew is dropped");
                *count += 1;
            }
        }
        for (index, file) in files.iter().enumerate().step_by(shares.max(1)) {
            results[index] = Some(file.sync());
        }
        for (member, count) in self.members.iter().zip(handed_out) {
            for _ in 0..count {
                let (index, result) =
                    member.done.recv().expect("a member works until the crew is dropped");
                results[index] = Some(result);
            }
        }
        let all = results.into_iter().map(|it| it.expect("each file is in one share"));
        all.collect()
    }
}

impl Member {
    fn start() -> std::io::Result<Member> {
        let (work, todo) = mpsc::channel::<(usize, Arc<dyn File>)>();
        let (report, done) = mpsc::channel();
        let thread = std::thread::Builder::new().name("flusher".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(move || {
            for (index, file) in todo {
                let result = file.sync();
                drop(file);
                if report.send((index, result)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Member { work, done })
    }
}
