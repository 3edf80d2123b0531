//! What is to be done with files, beside the thread that draws: a disk may take its time.

use std::future::pending;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::tui::model::msg::Msg;

/// A disk that takes longer at the end is not waited for.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// All that is under way.
#[derive(Debug, Default)]
pub(super) struct Chores {
    under_way: JoinSet<Msg>,
}

impl Chores {
    /// Begins something, and what is to be said of it. Within a runtime.
    pub(super) fn start(&mut self, work: impl FnOnce() -> Msg + Send + 'static) {
        self.under_way.spawn_blocking(work);
    }

    /// Waits for the end of one of them, for ever while there is none. Nothing is lost if it is
    /// dropped meanwhile.
    pub(super) async fn next(&mut self) -> Msg {
        loop {
            match self.under_way.join_next().await {
                Some(Ok(said)) => return said,
                // Its panic has ended the dashboard.
                Some(Err(_)) => {}
                None => return pending().await,
            }
        }
    }

    /// Waits until all is done, as far as that is worth it.
    pub(super) async fn finish(mut self) {
        let all = async { while self.under_way.join_next().await.is_some() {} };
        // What is not written by then is not written.
        let _ = timeout(LAST_WAIT, all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_begun_is_said_and_done_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("saved");
        let mut chores = Chores::default();
        chores.start(|| Msg::Said { level: None, text: "read".to_owned() });
        assert!(matches!(chores.next().await, Msg::Said { text, .. } if text == "read"));
        let own = file.clone();
        chores.start(move || {
            std::fs::write(own, "orders").unwrap();
            Msg::Tick
        });
        chores.finish().await;
        assert_eq!(std::fs::read_to_string(file).unwrap(), "orders");
    }
}
