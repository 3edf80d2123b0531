//! What people and programs are being told of alerts, each beside all else.

use std::future::pending;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::deliver::{Delivered, deliver};
use super::leaving::say;
use super::signals::Signals;
use crate::tui::alerts::engine::Outgoing;

/// What became of telling somebody, by the id of that.
pub(super) type Outcome = (u64, Result<Delivered, String>);

/// What is under way at the end gets so long.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A wait of that length needs no words.
const SILENT_WAIT: Duration = Duration::from_millis(500);

/// All that is under way. Dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    under_way: JoinSet<Outcome>,
}

impl Deliveries {
    /// Begins to tell somebody; the bell is the caller's. Within a runtime.
    pub(super) fn start(&mut self, outgoing: Outgoing) {
        self.under_way.spawn(async move { (outgoing.id, deliver(&outgoing).await) });
    }

    /// Waits for the end of one of them, for ever while there is none. Nothing is lost if it is
    /// dropped meanwhile.
    pub(super) async fn next(&mut self) -> Outcome {
        loop {
            match self.under_way.join_next().await {
                Some(Ok(outcome)) => return outcome,
                // Its panic has ended the dashboard.
                Some(Err(_)) => {}
                None => return pending().await,
            }
        }
    }

    /// Waits a little for them, unless somebody wants to leave at once. Programs that have not
    /// ended by then are killed.
    pub(super) async fn finish(self, signals: &mut Signals) {
        let end_wanted = async {
            signals.ended().await;
        };
        self.finish_within(LAST_WORDS, end_wanted).await;
    }

    async fn finish_within(mut self, time: Duration, end_wanted: impl Future<Output = ()>) {
        if timeout(SILENT_WAIT, self.all()).await.is_err() {
            say("waiting for who is told of alerts; Ctrl-C ends at once");
            tokio::select! {
                () = self.all() => {}
                () = sleep(time) => {}
                () = end_wanted => {}
            }
        }
        self.under_way.shutdown().await;
    }

    async fn all(&mut self) {
        while self.under_way.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::duration::Span;
    use crate::tui::alerts::notice::Notice;
    use crate::tui::alerts::rules::Way;

    fn shell(id: u64, script: &str) -> Outgoing {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        Outgoing {
            id,
            target: "ops".to_owned(),
            way: Way::Command { argv, timeout: Span { milliseconds: 600_000 } },
            notice: Arc::new(Notice::test(Timestamp::UNIX_EPOCH, "ops")),
            cluster_id: None,
        }
    }

    #[tokio::test]
    async fn what_is_under_way_at_the_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let mut deliveries = Deliveries::default();
        deliveries.start(shell(7, "exit 1"));
        assert_eq!(deliveries.next().await.0, 7);
        deliveries.start(shell(8, &format!("cat > {}", told.display())));
        deliveries.finish_within(Duration::from_secs(60), pending()).await;
        assert!(std::fs::read_to_string(told).unwrap().contains("a test of target ops"));
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let held = folder.path().join("held");
        let made = std::process::Command::new("mkfifo").arg(&held).status();
        assert!(made.unwrap().success());
        let mut deliveries = Deliveries::default();
        deliveries.start(shell(1, &format!("exec 3> {}; sleep 600", held.display())));
        // Opened once the program is there, and read to the end once nobody holds it any more.
        let holder = tokio::task::spawn_blocking(move || std::fs::File::open(held));
        let mut file = holder.await.unwrap().unwrap();
        deliveries.finish_within(Duration::ZERO, pending()).await;
        let read = tokio::task::spawn_blocking(move || file.read_to_end(&mut Vec::new()));
        assert_eq!(timeout(Duration::from_secs(60), read).await.unwrap().unwrap().unwrap(), 0);
    }
}
